//! How PostgreSQL's own programs reach a server, by themselves and without a proxy (manual, 34.15 and 34.16).

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use dbdyno_core::{Error, Result};
use tokio_postgres::config::SslMode;

use crate::postgres::endpoint::Endpoint;
use crate::postgres::passfile;
use crate::postgres::server;
use crate::throwaway::Place;
use crate::tls::Check;

/// What the programs are told.
pub(super) struct Connection {
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
}

impl Connection {
    /// To a server. What the programs have to read is put into `place`: a password has no place on a command line.
    ///
    /// # Errors
    /// A file cannot be written, or they cannot be told (unsupported).
    pub(super) fn of(endpoint: &Endpoint, place: &Place) -> Result<Self> {
        let config = endpoint.config();
        let mut args: Vec<OsString> = vec![
            "--no-password".into(),
            format!("--port={}", endpoint.port()).into(),
            format!("--host={}", endpoint.host()).into(),
        ];
        args.extend(config.get_user().map(|user| format!("--username={user}").into()));
        let mut env: Vec<(&str, OsString)> = vec![("PGSSLMODE", ssl_mode(endpoint).into())];
        if let Some(password) = config.get_password() {
            let file = place.write_private("passfile", &passfile::for_any(password)?)?;
            env.push(("PGPASSFILE", file.into()));
        }
        let trust = endpoint.trust();
        if trust.check != Check::Nothing {
            let roots = trust.roots.as_deref().ok_or_else(|| {
                let why =
                    "PostgreSQL's programs take the system's certificates since version 16 alone";
                Error::unsupported("have a tool check the server's certificate", why)
                    .next("Name a PEM file with sslrootcert")
            })?;
            env.push(("PGSSLROOTCERT", place.copy_private("root.crt", roots)?.into()));
        }
        Ok(Self { args, env })
    }

    /// A command that goes there.
    pub(super) fn command(&self, place: &Place, program: &Path) -> Command {
        let mut command = server::command(place, program);
        command.args(&self.args).envs(self.env.iter().cloned());
        command
    }
}

/// How the programs use TLS, in the words of `sslmode`: no less than dbdyno does.
fn ssl_mode(endpoint: &Endpoint) -> &'static str {
    match (endpoint.config().get_ssl_mode(), endpoint.trust().check) {
        (SslMode::Disable, _) => "disable",
        (SslMode::Prefer, _) => "prefer",
        // What else there is encrypts for sure.
        (_, Check::Nothing) => "require",
        (_, Check::Authority) => "verify-ca",
        (_, Check::AuthorityAndName) => "verify-full",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::target::{Location, Target};
    use crate::throwaway::Folder;

    /// An authority, which signed itself.
    const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUPOTpZTTtXNYODpmj4WWiJKeSITowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyNzIyMzA0MloYDzIxMjYxMTAz
MjIzMDQyWjAUMRIwEAYDVQQDDAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATewlLiENQh4WY/JBSDEJ69Z4w+RX7OjIVgW3CFwHwR9IJiFo6F/ZrW
vLlHgHzf92wVKYEmLrEsZiqfsO3DdoQZo1MwUTAdBgNVHQ4EFgQUIlrmjpkKjA/n
n2ovuxT9s6GztAgwHwYDVR0jBBgwFoAUIlrmjpkKjA/nn2ovuxT9s6GztAgwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA9OaAkkave26rtbwDrsMx
y6UuxKYwLCw64qEd3J8CUA8CICSKsK68ZXMbG4TBZXaUWW8PA0EckJ7oyIxV7bxw
NiOy
-----END CERTIFICATE-----
";

    fn endpoint(text: &str) -> Endpoint {
        let target = Target::parse(text).unwrap();
        let Location::Url(url) = &target.location else { panic!("{text} is no URL") };
        Endpoint::url(&target, url).unwrap()
    }

    #[test]
    fn tools_use_tls_as_dbdyno_does() {
        for (mode, told) in [("disable", "disable"), ("prefer", "prefer"), ("require", "require")] {
            let endpoint = endpoint(&format!("postgres://a@127.0.0.1:5432/d?sslmode={mode}"));
            assert_eq!(ssl_mode(&endpoint), told);
        }
        assert_eq!(ssl_mode(&endpoint("postgres://a@%2Ftmp/d")), "disable");
    }

    #[test]
    fn tools_are_told_the_password_and_the_authority_by_files() {
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("ca.pem");
        std::fs::write(&roots, CERTIFICATE).unwrap();
        let url = "postgres://a:s3cret@h:5432/d?sslmode";
        let of = |mode: &str| endpoint(&format!("{url}={mode}&sslrootcert={}", roots.display()));
        for mode in ["verify-ca", "verify-full"] {
            let place = Folder::create().unwrap();
            let told = Connection::of(&of(mode), place.place()).unwrap();
            assert!(!format!("{:?}", told.args).contains("s3cret"));
            let value = |name: &str| {
                let found = told.env.iter().find(|(told, _)| *told == name);
                found.map(|(_, value)| PathBuf::from(value)).unwrap()
            };
            assert_eq!(value("PGSSLMODE"), Path::new(mode));
            let text = |name: &str| std::fs::read_to_string(value(name)).unwrap();
            assert_eq!(text("PGPASSFILE"), "*:*:*:*:s3cret\n");
            assert_eq!(text("PGSSLROOTCERT"), CERTIFICATE);
            let mode = std::fs::metadata(value("PGPASSFILE")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
