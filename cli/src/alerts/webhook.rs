//! Alerts to a URL: JSON by POST.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::{Error, Result};
use rustls::CertificateError;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::outlet::Deliverer;

/// How long a delivery may take, name and connection included.
const PATIENCE: Duration = Duration::from_secs(3);

/// Delivers to a URL. Of `https` the certificate must be signed by an authority of the file, or one that the system trusts.
///
/// # Errors
/// It is no URL of a web server, or there are no certificates to trust.
pub(super) fn deliverer(url: &str, ca_file: Option<&Path>) -> Result<Deliverer> {
    // Not the URL: what lets one tell a chat room is in it.
    let wrong = |why: &str| {
        Error::new("use `notify.webhook` of the configuration file", why)
            .next("give a URL such as `http://127.0.0.1:8080/alerts`")
    };
    let uri: Uri = url.parse().map_err(|_| wrong("it is not a URL"))?;
    let host = uri.host().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| wrong("it names no host"))?;
    let config = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .user_agent(concat!("dbdyno/", env!("CARGO_PKG_VERSION")));
    let config = match uri.scheme_str() {
        Some("http") => config,
        Some("https") => config.tls_config(tls(ca_file)?),
        _ => return Err(wrong("it is neither http nor https")),
    };
    let agent = config.build().new_agent();
    let name = format!("the webhook at {host}");
    let deliver = move |text: &str| {
        let request = agent.post(uri.clone()).content_type("application/json");
        let status = request.send(text).map_err(in_words)?.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
    };
    Ok(Deliverer { name, deliver: Box::new(deliver) })
}

/// Why it could not be delivered; of a certificate that is refused also what to do.
fn in_words(why: ureq::Error) -> String {
    let of_tls = match &why {
        ureq::Error::Rustls(why) => Some(why),
        ureq::Error::Io(why) => why.get_ref().and_then(|why| why.downcast_ref()),
        _ => None,
    };
    match of_tls {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "no authority that is trusted has signed its certificate; name the PEM file of one that has as `ca_file` in \
             `[notify]`"
                .to_owned()
        }
        Some(rustls::Error::InvalidCertificate(why)) => format!("its certificate is refused: {why}"),
        _ => why.to_string(),
    }
}

/// TLS as to servers: ring, and the certificates of the file, or those that the system trusts.
fn tls(ca_file: Option<&Path>) -> Result<TlsConfig> {
    let trusted = match ca_file {
        Some(file) => dbdyno_adapters::tls::certificates_of(file)?,
        None => dbdyno_adapters::tls::system_certificates()?,
    };
    let trusted = trusted.iter().map(|trusted| Certificate::from_der(trusted).to_owned());
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::from(trusted))
        .build())
}
