//! TLS to a server, by rustls, with as much checking as the target asks for.

use std::path::Path;
use std::sync::Arc;

use dbdyno_core::{Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

/// What is checked of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing: the connection is encrypted, to whoever answers.
    Nothing,
    /// That a trusted authority signed it.
    Authority,
    /// That, and that it names the host.
    AuthorityAndName,
}

/// Which certificates are trusted.
#[derive(Clone, Copy, Debug)]
pub enum Roots<'a> {
    /// The system's.
    System,
    /// Those of a PEM file.
    File(&'a Path),
}

/// The client's side of TLS.
///
/// A certificate that is itself in the given file is trusted as it is, also where it is its own
/// authority, as OpenSSL does; the dates of such a one are not looked at.
///
/// # Errors
/// The trusted certificates cannot be read, or there are none.
pub fn client_config(check: Check, roots: Roots<'_>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let trusted = match (check, roots) {
        (Check::Nothing, _) => Vec::new(),
        (_, Roots::System) => system_certificates()?,
        (_, Roots::File(file)) => certificates_of(file)?,
    };
    let chain = match check {
        Check::Nothing => None,
        Check::Authority | Check::AuthorityAndName => Some(chain_verifier(&trusted, &provider)?),
    };
    let pinned = match roots {
        Roots::File(_) => trusted,
        Roots::System => Vec::new(),
    };
    let verifier = Verifier { check, chain, pinned, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| Error::new("set up TLS", why))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// The certificates that the system trusts.
///
/// # Errors
/// There are none.
pub fn system_certificates() -> Result<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = match found.errors.first() {
            Some(why) => why.to_string(),
            None => "there are none".into(),
        };
        return Err(Error::new("read the system's trusted certificates", why)
            .next("Install the package ca-certificates, or name a PEM file with sslrootcert"));
    }
    Ok(found.certs)
}

/// The certificates of a PEM file.
///
/// # Errors
/// It cannot be read, or there are none.
pub fn certificates_of(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let doing = || format!("read trusted certificates from {}", file.display());
    let found: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|why| Error::new(doing(), why))?;
    if found.is_empty() {
        return Err(Error::new(doing(), "there is none in it").next("Name a PEM file"));
    }
    Ok(found)
}

fn chain_verifier(
    trusted: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(trusted.iter().cloned());
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map_err(|why| Error::new("use the trusted certificates for TLS", why))
}

#[derive(Debug)]
struct Verifier {
    check: Check,
    chain: Option<Arc<WebPkiServerVerifier>>,
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        if self.pinned.contains(end_entity) {
            if self.check == Check::AuthorityAndName {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        let verified =
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is the last thing that webpki looks at: all else was right.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Authority => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roots.pem");
        let refused = |file: &Path| {
            client_config(Check::Authority, Roots::File(file)).unwrap_err().to_string()
        };
        assert!(refused(&file).contains("roots.pem"));
        std::fs::write(&file, "no certificate\n").unwrap();
        assert!(refused(&file).contains("there is none"));
        assert!(client_config(Check::Nothing, Roots::File(&file)).is_ok());
    }
}
