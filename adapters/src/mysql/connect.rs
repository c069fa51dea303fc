//! How a server is reached: socket or TCP, TLS, the time it may take.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dbdyno_core::{DbError, Error, ErrorClass, Result};
use mysql_async::{Conn, DriverError, OptsBuilder, SslOpts};

use super::errors::{code, translate};
use super::server;
use crate::target::{Secret, ServerUrl, Target};

/// The port of MySQL and MariaDB.
const PORT: u16 = 3306;
/// The name of the server's socket in a folder, by distribution.
const SOCKET_NAMES: [&str; 2] = ["mysqld.sock", "mysql.sock"];
/// How long a session may take to open.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Opens connections to one server.
#[derive(Clone)]
pub struct Connector {
    options: OptsBuilder,
    database: Option<String>,
    /// Where it connects to, for messages.
    place: String,
    timeout: Duration,
    tls: Tls,
}

/// `ssl-mode`, with the meanings of the mysql client
/// (<https://dev.mysql.com/doc/refman/8.0/en/connection-options.html#option_general_ssl-mode>).
#[derive(Clone)]
enum Tls {
    Off,
    Preferred(SslOpts),
    Required(SslOpts),
}

impl Connector {
    /// To a throwaway server, through its socket.
    pub fn to_socket(socket: &Path, password: &Secret) -> Self {
        let options = common()
            .socket(Some(socket.to_string_lossy()))
            .user(Some(server::USER))
            .pass(Some(password.expose()));
        Self {
            options,
            database: Some(server::DATABASE.to_owned()),
            place: format!("socket {}", socket.display()),
            timeout: TIMEOUT,
            tls: Tls::Off,
        }
    }

    /// To the server of a URL.
    ///
    /// # Errors
    /// An option is not valid, the password's variable is not set, or `ssl-ca` cannot be read.
    pub fn to_url(target: &Target, url: &ServerUrl) -> Result<Self> {
        let mut options = common();
        let user = url.user.clone().or_else(|| std::env::var("USER").ok());
        options = options.user(user);
        if let Some(password) = target.password("MYSQL_PWD")? {
            options = options.pass(Some(password.expose()));
        }
        let socket = target.option("socket").map(PathBuf::from).or_else(|| {
            url.host.as_deref().filter(|host| host.starts_with('/')).map(PathBuf::from)
        });
        let (options, place, tls) = match socket {
            Some(socket) => {
                let socket = in_folder(socket);
                let place = format!("socket {}", socket.display());
                (options.socket(Some(socket.to_string_lossy())), place, Tls::Off)
            }
            None => {
                let host = url.host.as_deref().unwrap_or("127.0.0.1");
                let port = url.port.unwrap_or(PORT);
                let options = options.ip_or_hostname(host).tcp_port(port);
                (options, format!("{host} port {port}"), tls(target)?)
            }
        };
        let timeout = timeout(target)?;
        Ok(Self { options, database: url.database.clone(), place, timeout, tls })
    }

    /// Opens a connection with `database` as its default, or the target's own.
    pub async fn connect(&self, database: Option<&str>) -> Result<Conn, DbError> {
        match &self.tls {
            Tls::Off => self.attempt(database, None).await,
            Tls::Required(tls) => self.attempt(database, Some(tls)).await,
            Tls::Preferred(tls) => match self.attempt(database, Some(tls)).await {
                Err(error) if error.code.as_deref() == Some(NO_TLS) => {
                    self.attempt(database, None).await
                }
                result => result,
            },
        }
    }

    /// The same connector, without trying TLS on a server that was seen not to have it.
    pub async fn settled(mut self) -> Result<Self, DbError> {
        if let Tls::Preferred(tls) = &self.tls {
            match self.attempt(None, Some(tls)).await {
                Ok(connection) => {
                    self.tls = Tls::Required(tls.clone());
                    // Only whether it opened is of interest.
                    let _ = connection.disconnect().await;
                }
                Err(error) if error.code.as_deref() == Some(NO_TLS) => self.tls = Tls::Off,
                Err(error) => return Err(error),
            }
        }
        Ok(self)
    }

    async fn attempt(
        &self,
        database: Option<&str>,
        tls: Option<&SslOpts>,
    ) -> Result<Conn, DbError> {
        let database = database.or(self.database.as_deref());
        let options = self.options.clone().db_name(database).ssl_opts(tls.cloned());
        let opened = tokio::time::timeout(self.timeout, Conn::new(options)).await;
        match opened {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.refused(error)),
            Err(_) => Err(DbError::new(
                ErrorClass::Disconnected,
                None,
                format!("{} did not answer within {} s", self.place, self.timeout.as_secs()),
            )),
        }
    }

    fn refused(&self, error: mysql_async::Error) -> DbError {
        if let mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer) = error {
            return DbError::new(
                ErrorClass::Other,
                Some(NO_TLS.to_owned()),
                format!("the server at {} has no TLS, which ssl-mode asks for", self.place),
            );
        }
        let mut error = translate(error);
        error.message = format!("{}: {}", self.place, error.message);
        error
    }
}

/// Marks that a server has no TLS; not an error number of the server's.
const NO_TLS: &str = "no-tls";

/// What to do about a server that cannot be reached or refuses the user.
pub fn next_step(error: &DbError) -> String {
    let number = error.code.as_deref().and_then(|number| number.parse::<u16>().ok());
    match number {
        Some(code::ACCESS_DENIED | code::DATABASE_DENIED) => {
            "Check the user and the password: the URL's, MYSQL_PWD, or password_env=NAME"
        }
        Some(code::UNKNOWN_DATABASE) => "Create the database, or leave it out of the URL",
        Some(code::TOO_MANY_CONNECTIONS) => "Raise max_connections, or use fewer --clients",
        _ if error.is_disconnected() => {
            "Check that the server runs and that host and port are right"
        }
        _ => "Look for the cause in the server's own words above",
    }
    .to_owned()
}

/// Rows matched are counted, not rows changed, so that `execute` means the same on every engine.
/// Statements are kept by dbdyno, not by the library's cache, and TCP stays TCP.
fn common() -> OptsBuilder {
    OptsBuilder::default().client_found_rows(true).stmt_cache_size(0).prefer_socket(false)
}

fn in_folder(socket: PathBuf) -> PathBuf {
    if !socket.is_dir() {
        return socket;
    }
    let candidates = SOCKET_NAMES.map(|name| socket.join(name));
    candidates.into_iter().find(|path| path.exists()).unwrap_or(socket)
}

fn timeout(target: &Target) -> Result<Duration> {
    let Some(text) = target.option("connect_timeout") else { return Ok(TIMEOUT) };
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err(Error::new(
            format!("use the target `{}`", target.label),
            format!("connect_timeout={text} is not a number of seconds"),
        )
        .next("Give a whole number above 0")),
    }
}

fn tls(target: &Target) -> Result<Tls> {
    let mode = target.option("ssl-mode").unwrap_or("preferred");
    let roots = root_certificates(target)?.into_iter().map(Into::into).collect();
    let trusted = SslOpts::default().with_root_certs(roots);
    // Sessions are opened by rustls with the provider that is installed; a second one is no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let unchecked = || {
        SslOpts::default()
            .with_danger_accept_invalid_certs(true)
            .with_danger_skip_domain_validation(true)
    };
    Ok(match mode {
        "disabled" => Tls::Off,
        "preferred" => Tls::Preferred(unchecked()),
        "required" => Tls::Required(unchecked()),
        "verify-ca" => Tls::Required(trusted.with_danger_skip_domain_validation(true)),
        _ => Tls::Required(trusted),
    })
}

/// The certificates of `ssl-ca`, in PEM; the system's, in DER, where the option is not given.
fn root_certificates(target: &Target) -> Result<Vec<Vec<u8>>> {
    if let Some(file) = target.option("ssl-ca") {
        let pem = std::fs::read(file).map_err(|why| {
            Error::new(format!("read the certificates in {file}"), why)
                .next("Give the path of a PEM file with ssl-ca=FILE")
        })?;
        return Ok(vec![pem]);
    }
    if !target.option("ssl-mode").is_some_and(|mode| mode.starts_with("verify")) {
        return Ok(Vec::new());
    }
    let found = rustls_native_certs::load_native_certs();
    Ok(found.certs.into_iter().map(|certificate| certificate.to_vec()).collect())
}
