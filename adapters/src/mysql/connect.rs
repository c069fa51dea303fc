//! How a server is reached: socket or TCP, TLS, the time it may take.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::connecting::connect_step;
use dbdyno_core::{ConnectStep, DbError, Error, ErrorClass, Result};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use super::connection::Connection;
use super::errors::{code, disconnected};
use super::login::{self, Account, NO_TLS, log_in};
use super::server;
use crate::proxy::{self, Proxies, Upstream};
use crate::socket::Socket;
use crate::target::{Secret, ServerUrl, Target};
use crate::tls::{Check, Roots, client_config};
use crate::transport::Stream;

/// The port of MySQL and MariaDB.
const PORT: u16 = 3306;
/// The name of the server's socket in a folder, by distribution.
const SOCKET_NAMES: [&str; 2] = ["mysqld.sock", "mysql.sock"];
/// How long a session may take to open.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Opens connections to one server.
#[derive(Clone)]
pub struct Connector {
    address: Address,
    user: String,
    password: Secret,
    database: Option<String>,
    timeout: Duration,
    proxies: Arc<Proxies>,
}

/// Where a server is.
#[derive(Clone)]
enum Address {
    Socket(PathBuf),
    Tcp { host: String, port: u16, tls: Option<Tls> },
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(socket) => write!(f, "socket {}", socket.display()),
            Self::Tcp { host, port, .. } => write!(f, "{host} port {port}"),
        }
    }
}

/// `ssl-mode`, with the meanings of the mysql client
/// (<https://dev.mysql.com/doc/refman/8.0/en/connection-options.html#option_general_ssl-mode>).
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    /// Whether a server without TLS is refused.
    pub required: bool,
    /// What is checked of the server's certificate.
    pub check: Check,
    /// A file of trusted certificates; the system's where `None`.
    pub roots: Option<PathBuf>,
}

/// Where client libraries connect to by themselves, and as whom.
pub struct Place<'c> {
    /// The server's Unix socket, or a proxy's.
    pub socket: Option<PathBuf>,
    /// The host, also where a proxy stands in front of it; empty where the server has a socket.
    pub host: &'c str,
    /// The port.
    pub port: u16,
    /// How TLS is used; not at all where `None`.
    pub tls: Option<&'c Tls>,
    /// The user.
    pub user: &'c str,
    /// The password.
    pub password: &'c Secret,
    /// The default database.
    pub database: Option<&'c str>,
}

/// How programs are told to use TLS, each by the option that its maker gave it; an option that begins with `loose` is
/// passed over by the other's (<https://mariadb.com/kb/en/mariadb-command-line-client/>, `--ssl`;
/// <https://dev.mysql.com/doc/refman/8.0/en/option-modifiers.html>). MariaDB's check the name together with the
/// authority.
fn tls_options(tls: Option<&Tls>) -> &'static str {
    match tls.map(|tls| (tls.required, tls.check)) {
        None => "loose-ssl-mode=DISABLED\nloose-ssl=0\n",
        Some((false, _)) => "",
        Some((true, Check::Nothing)) => {
            "loose-ssl-mode=REQUIRED\nloose-ssl=1\nloose-ssl-verify-server-cert=0\n"
        }
        Some((true, Check::Authority)) => {
            "loose-ssl-mode=VERIFY_CA\nloose-ssl=1\nloose-ssl-verify-server-cert=1\n"
        }
        Some((true, Check::AuthorityAndName)) => {
            "loose-ssl-mode=VERIFY_IDENTITY\nloose-ssl=1\nloose-ssl-verify-server-cert=1\n"
        }
    }
}

/// A value in a file of options (<https://dev.mysql.com/doc/refman/8.0/en/option-files.html>).
fn quoted(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n").replace('\r', "\\r"))
}

impl Connector {
    /// To a throwaway server, through its socket, at a distance of so long a round trip.
    pub fn to_socket(socket: &Path, password: &Secret, round_trip: Duration) -> Self {
        let address = Address::Socket(socket.to_owned());
        let proxies = Arc::new(Proxies::new(address.upstream(), round_trip));
        Self {
            address,
            user: server::USER.to_owned(),
            password: password.clone(),
            database: Some(server::DATABASE.to_owned()),
            timeout: TIMEOUT,
            proxies,
        }
    }

    /// To the server of a URL.
    ///
    /// # Errors
    /// An option is not valid, the password's variable is not set, or `ssl-ca` cannot be read.
    pub fn to_url(target: &Target, url: &ServerUrl) -> Result<Self> {
        let user = url.user.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_default();
        let password = target.password("MYSQL_PWD")?.unwrap_or_else(|| Secret::new(""));
        let socket = target.option("socket").map(PathBuf::from).or_else(|| {
            url.host.as_deref().filter(|host| host.starts_with('/')).map(PathBuf::from)
        });
        let address = match socket {
            Some(socket) => Address::Socket(in_folder(socket)),
            None => Address::Tcp {
                host: url.host.clone().unwrap_or_else(|| "127.0.0.1".to_owned()),
                port: url.port.unwrap_or(PORT),
                tls: tls(target)?,
            },
        };
        let timeout = timeout(target)?;
        let proxies = Arc::new(Proxies::new(address.upstream(), proxy::round_trip_of(target)?));
        Ok(Self { address, user, password, database: url.database.clone(), timeout, proxies })
    }

    /// The password.
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// The text of a file of options by which the maker's own programs reach the server, without a proxy; it may hold
    /// the password. `copy` puts a file of trusted certificates to where they may read it.
    ///
    /// # Errors
    /// `copy` fails, or they cannot be told how the server's certificate is checked: unsupported.
    pub fn option_file(&self, copy: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<String> {
        let password = self.password.expose();
        let mut text = format!("[client]\nuser={}\n", quoted(&self.user));
        if !password.is_empty() {
            text.push_str(&format!("password={}\n", quoted(password)));
        }
        match &self.address {
            Address::Socket(socket) => {
                text.push_str(&format!("socket={}\n", quoted(&socket.to_string_lossy())));
            }
            Address::Tcp { host, port, tls } => {
                text.push_str(&format!("host={}\nport={port}\nprotocol=tcp\n", quoted(host)));
                text.push_str(tls_options(tls.as_ref()));
                if let Some(tls) = tls.as_ref().filter(|tls| tls.check != Check::Nothing) {
                    let roots = tls.roots.as_deref().ok_or_else(|| {
                        let why =
                            "the tools of some versions do not take the system's certificates";
                        Error::unsupported("have a tool check the server's certificate", why)
                            .next("Name a PEM file with ssl-ca")
                    })?;
                    let roots = copy(roots)?;
                    text.push_str(&format!("ssl-ca={}\n", quoted(&roots.to_string_lossy())));
                }
            }
        }
        Ok(text)
    }

    /// What a proxy adds to each round trip of connections for which nothing else is said.
    pub fn round_trip(&self) -> Duration {
        self.proxies.own()
    }

    /// Opens a connection with `database` as its default, or the target's own; a proxy adds a round
    /// trip, or the target's own.
    pub async fn connect(
        &self,
        database: Option<&str>,
        round_trip: Option<Duration>,
    ) -> Result<Connection, DbError> {
        self.in_time(self.attempt(database, round_trip)).await
    }

    /// Opens a connection in the time that it may take.
    pub async fn in_time<C>(
        &self,
        opening: impl Future<Output = Result<C, DbError>>,
    ) -> Result<C, DbError> {
        match tokio::time::timeout(self.timeout, opening).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.refused(error)),
            Err(_) => Err(DbError::new(
                ErrorClass::Disconnected,
                None,
                format!("{} did not answer within {} s", self.address, self.timeout.as_secs()),
            )),
        }
    }

    /// Where client libraries connect to with `database` as their default, or the target's own; a proxy
    /// adds a round trip, or the target's own.
    pub fn place<'c>(
        &'c self,
        database: Option<&'c str>,
        round_trip: Option<Duration>,
    ) -> Result<Place<'c>, DbError> {
        let proxied = self.proxies.socket(round_trip, "mysql.sock");
        let proxied = proxied.map_err(|why| disconnected(&why.to_string()))?;
        let (socket, host, port, tls) = match &self.address {
            Address::Socket(socket) => (Some(socket), "", PORT, None),
            Address::Tcp { host, port, tls } => (None, host.as_str(), *port, tls.as_ref()),
        };
        Ok(Place {
            socket: proxied.or_else(|| socket.cloned()),
            host,
            port,
            tls,
            user: &self.user,
            password: &self.password,
            database: database.or(self.database.as_deref()),
        })
    }

    fn refused(&self, mut error: DbError) -> DbError {
        error.message = match error.code.as_deref() {
            Some(NO_TLS) => {
                format!("the server at {} has no TLS, which ssl-mode asks for", self.address)
            }
            _ => format!("{}: {}", self.address, error.message),
        };
        error
    }

    async fn attempt(
        &self,
        database: Option<&str>,
        round_trip: Option<Duration>,
    ) -> Result<Connection, DbError> {
        let account = Account {
            user: &self.user,
            password: &self.password,
            database: database.or(self.database.as_deref()),
        };
        let unreached = |why: io::Error| disconnected(&why.to_string());
        let stream =
            match (self.proxies.connect(round_trip).await.map_err(unreached)?, &self.address) {
                (Some(proxied), _) => Ok(proxied),
                (None, Address::Socket(socket)) => Err(socket),
                (None, Address::Tcp { host, port, .. }) => {
                    let stream = TcpStream::connect((&**host, *port)).await.map_err(unreached)?;
                    stream.set_nodelay(true).map_err(unreached)?;
                    Ok(stream)
                }
            };
        match stream {
            Err(socket) => {
                let stream = Socket::connect(socket).await.map_err(unreached)?;
                connect_step(ConnectStep::Socket);
                log_in(Stream::Unix(stream), &account, None).await
            }
            Ok(stream) => {
                connect_step(ConnectStep::Socket);
                let tls = self.address.tls()?;
                let stream = Socket::of_tcp(stream).map_err(unreached)?;
                log_in(Stream::Tcp(stream), &account, tls).await
            }
        }
    }
}

impl Address {
    /// Where a proxy finds the server.
    fn upstream(&self) -> Upstream {
        match self {
            Self::Socket(socket) => Upstream::Unix(socket.clone()),
            Self::Tcp { host, port, .. } => Upstream::Tcp(host.clone(), *port),
        }
    }

    /// TLS, as far as it is wanted; a socket has none.
    fn tls(&self) -> Result<Option<login::Tls<'_>>, DbError> {
        match self {
            Self::Tcp { host, tls: Some(tls), .. } => tls.for_host(host).map(Some),
            Self::Tcp { .. } | Self::Socket(_) => Ok(None),
        }
    }
}

impl Tls {
    fn for_host(&self, host: &str) -> Result<login::Tls<'_>, DbError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|why| DbError::unexpected(format!("TLS to `{host}`: {why}")))?;
        Ok(login::Tls { config: &self.config, name, required: self.required })
    }
}

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

fn tls(target: &Target) -> Result<Option<Tls>> {
    let mode = target.option("ssl-mode").unwrap_or("preferred");
    let check = match mode {
        "disabled" => return Ok(None),
        "preferred" | "required" => Check::Nothing,
        "verify-ca" => Check::Authority,
        _ => Check::AuthorityAndName,
    };
    let file = target.option("ssl-ca").map(PathBuf::from);
    let roots = file.as_deref().map_or(Roots::System, Roots::File);
    let config = client_config(check, roots).map_err(|why| {
        why.next("Give the path of a PEM file of trusted certificates with ssl-ca=FILE")
    })?;
    let (config, required) = (Arc::new(config), mode != "preferred");
    Ok(Some(Tls { config, required, check, roots: file }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use super::*;
    use crate::target::Location;

    #[test]
    fn tools_use_tls_as_dbdyno_does() {
        for (mode, told) in [
            ("disabled", "loose-ssl-mode=DISABLED\nloose-ssl=0\n"),
            ("preferred", ""),
            ("required", "loose-ssl-mode=REQUIRED\nloose-ssl=1\nloose-ssl-verify-server-cert=0\n"),
        ] {
            let text = format!("mysql://a@127.0.0.1:3306/d?ssl-mode={mode}");
            let target = Target::parse(&text).unwrap();
            let Location::Url(url) = &target.location else { panic!("{text} is no URL") };
            let options = Connector::to_url(&target, url).unwrap();
            let options = options.option_file(|file| Ok(file.to_owned())).unwrap();
            let begin = "[client]\nuser=\"a\"\nhost=\"127.0.0.1\"\nport=3306\nprotocol=tcp\n";
            assert_eq!(options, format!("{begin}{told}"), "{mode}");
        }
    }

    #[test]
    fn what_means_something_in_a_file_of_options_is_quoted() {
        assert_eq!(quoted("plain"), "\"plain\"");
        assert_eq!(quoted("a\"#b\\c\nd"), r##""a\"#b\\c\nd""##);
    }
}
