//! Alerts to a URL: JSON by POST.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::{Error, Result};
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::outlet::Deliverer;

/// How long a delivery may take, name and connection included.
const PATIENCE: Duration = Duration::from_secs(3);

/// Delivers to a URL.
///
/// # Errors
/// It is no URL of a web server, or the system has no certificates to trust.
pub(super) fn deliverer(url: &str) -> Result<Deliverer> {
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
        Some("https") => config.tls_config(tls()?),
        _ => return Err(wrong("it is neither http nor https")),
    };
    let agent = config.build().new_agent();
    let name = format!("the webhook at {host}");
    let deliver = move |text: &str| {
        let request = agent.post(uri.clone()).content_type("application/json");
        let status = request.send(text).map_err(|why| why.to_string())?.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
    };
    Ok(Deliverer { name, deliver: Box::new(deliver) })
}

/// TLS as to servers: ring, and the certificates that the system trusts.
fn tls() -> Result<TlsConfig> {
    let trusted = dbdyno_adapters::tls::system_certificates()?;
    let trusted = trusted.iter().map(|trusted| Certificate::from_der(trusted).to_owned());
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::from(trusted))
        .build())
}
