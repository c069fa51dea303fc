//! How sessions of one target are reached, and opening them.

use std::borrow::Cow;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::connecting::connect_step;
use dbdyno_core::{ConnectStep, DbError, Error, ErrorClass, Result};
use tokio::net::{TcpSocket, TcpStream, UnixStream, lookup_host};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::errors::connection_error;
use super::wire::Wire;
use super::{handshake, passfile};
use crate::proxy::{self, Proxies, Upstream};
use crate::target::{ServerUrl, Target};
use crate::tls::{Check, Roots, client_config};

/// How long opening a session may take where the target does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_PORT: u16 = 5432;

/// Where sessions of a target connect to, as whom and how.
pub(super) struct Endpoint {
    /// A name, or the folder of a Unix socket.
    host: String,
    port: u16,
    config: Config,
    tls: MakeRustlsConnect,
    trust: Trust,
    timeout: Duration,
    /// What to try where TLS fails: `sslmode=prefer` does without.
    without_tls: Option<Config>,
    proxies: Proxies,
}

/// What is checked of the server's certificate, and against what.
pub(super) struct Trust {
    pub(super) check: Check,
    /// A file of trusted certificates; the system's where `None`.
    pub(super) roots: Option<PathBuf>,
}

/// With what a session logs in.
#[derive(Clone, Copy)]
pub(super) struct With<'w> {
    pub(super) config: &'w Config,
    pub(super) tls: &'w MakeRustlsConnect,
    /// Whom the server's certificate is to name.
    pub(super) host: &'w str,
}

/// Logging in over a connection.
#[async_trait]
pub(super) trait LogIn: Sync {
    /// What comes of it.
    type Session: Send;

    /// Logs in over a Unix socket.
    async fn over_socket(
        &self,
        stream: UnixStream,
        with: With<'_>,
    ) -> Result<Self::Session, DbError>;

    /// Logs in over TCP, with TLS as far as the configuration wants it.
    async fn over_tcp(&self, stream: TcpStream, with: With<'_>) -> Result<Self::Session, DbError>;
}

/// A session whose connection is taken back from the library that opened it.
struct Taken {
    /// Its `application_name`, where it has one of its own.
    name: Option<&'static str>,
}

impl Taken {
    fn config<'c>(&self, config: &'c Config) -> Cow<'c, Config> {
        let Some(name) = self.name else { return Cow::Borrowed(config) };
        let mut named = config.clone();
        named.application_name(name);
        Cow::Owned(named)
    }
}

#[async_trait]
impl LogIn for Taken {
    type Session = Wire;

    async fn over_socket(&self, stream: UnixStream, with: With<'_>) -> Result<Wire, DbError> {
        handshake::over_socket(stream, &self.config(with.config)).await
    }

    async fn over_tcp(&self, stream: TcpStream, with: With<'_>) -> Result<Wire, DbError> {
        handshake::over_tcp(stream, &self.config(with.config), with.tls, with.host).await
    }
}

impl Endpoint {
    /// The socket of a throwaway server, at a distance of so long a round trip.
    pub(super) fn throwaway(
        socket_folder: &Path,
        port: u16,
        user: &str,
        round_trip: Duration,
    ) -> Result<Self> {
        let mut config = Config::new();
        config.user(user).dbname("postgres").application_name("dbdyno").ssl_mode(SslMode::Disable);
        let host = socket_folder.to_string_lossy().into_owned();
        let trust = Trust { check: Check::Nothing, roots: None };
        let (tls, timeout) = (trust.connector()?, CONNECT_TIMEOUT);
        let proxies = Proxies::new(upstream(&host, port), round_trip);
        Ok(Self { host, port, config, tls, trust, timeout, without_tls: None, proxies })
    }

    /// The same with another database.
    pub(super) fn with_database(mut self, name: &str) -> Self {
        self.config.dbname(name);
        self
    }

    /// The server of a URL.
    pub(super) fn url(target: &Target, url: &ServerUrl) -> Result<Self> {
        let doing = || format!("use the target `{}`", target.label);
        let number = |name: &str| -> Result<Option<u16>> {
            target
                .option(name)
                .map(|text| text.parse().ok().filter(|number| *number > 0))
                .map(|number: Option<u16>| {
                    number.ok_or_else(|| {
                        Error::new(doing(), format!("the option `{name}` is not a whole number"))
                            .next(format!("Set {name} to a number from 1 to 65535"))
                    })
                })
                .transpose()
        };
        let port = number("port")?.or(url.port).unwrap_or(DEFAULT_PORT);
        let host = match target.option("host").map(str::to_owned).or_else(|| url.host.clone()) {
            Some(host) => host,
            None => usual_host(port),
        };
        let user = url.user.clone().unwrap_or_else(usual_user);
        let database = url.database.clone().unwrap_or_else(|| user.clone());
        let mut config = Config::new();
        config.user(&user).dbname(&database).application_name("dbdyno");
        let wanted = passfile::Wanted { host: &host, port, database: &database, user: &user };
        let password = match (target.password("PGPASSWORD")?, target.option("passfile")) {
            (Some(password), _) => Some(password),
            (None, given) => passfile::look_up(given, &wanted)?,
        };
        if let Some(password) = password {
            config.password(password.expose());
        }
        let trust = set_tls(target, &mut config, is_socket(&host))?;
        let tls = trust.connector()?;
        let timeout = number("connect_timeout")?
            .map_or(CONNECT_TIMEOUT, |seconds| Duration::from_secs(seconds.into()));
        let without_tls = (config.get_ssl_mode() == SslMode::Prefer).then(|| {
            let mut config = config.clone();
            config.ssl_mode(SslMode::Disable);
            config
        });
        let proxies = Proxies::new(upstream(&host, port), proxy::round_trip_of(target)?);
        Ok(Self { host, port, config, tls, trust, timeout, without_tls, proxies })
    }

    /// What a proxy adds to each round trip of connections for which nothing else is said.
    pub(super) fn round_trip(&self) -> Duration {
        self.proxies.own()
    }

    /// Opens a connection on the current runtime, at the target's own distance from the server.
    pub(super) async fn connect(&self) -> Result<Wire, DbError> {
        self.connect_at(None).await
    }

    /// Opens a connection on the current runtime, to which a proxy adds a round trip.
    pub(super) async fn connect_at(&self, round_trip: Option<Duration>) -> Result<Wire, DbError> {
        self.open(|config| self.log_in(&Taken { name: None }, config, round_trip)).await
    }

    /// Opens a connection on the current runtime that the server lists by this `application_name`.
    pub(super) async fn connect_named(&self, name: &'static str) -> Result<Wire, DbError> {
        let taken = Taken { name: Some(name) };
        self.open(|config| self.log_in(&taken, config, None)).await
    }

    /// Opens a connection by `open_with`, which is given as whom and with which `sslmode`, in the time that
    /// it may take.
    pub(super) async fn open<'e, C, F>(
        &'e self,
        open_with: impl Fn(&'e Config) -> F,
    ) -> Result<C, DbError>
    where
        F: Future<Output = Result<C, DbError>>,
    {
        match tokio::time::timeout(self.timeout, self.try_each(open_with)).await {
            Ok(opened) => opened,
            Err(_) => {
                let why = format!("no answer within {} s", self.timeout.as_secs());
                Err(DbError::new(ErrorClass::Disconnected, None, why))
            }
        }
    }

    async fn try_each<'e, C, F>(&'e self, open_with: impl Fn(&'e Config) -> F) -> Result<C, DbError>
    where
        F: Future<Output = Result<C, DbError>>,
    {
        let why = match open_with(&self.config).await {
            Ok(opened) => return Ok(opened),
            Err(why) => why,
        };
        // As libpq does: a failed handshake, or a pg_hba.conf that has no line for TLS.
        let plain = match why.code.as_deref() {
            Some("28000") | None if !why.is_disconnected() => self.without_tls.as_ref(),
            _ => None,
        };
        match plain {
            Some(config) => open_with(config).await,
            None => Err(why),
        }
    }

    /// The host, or the folder of a Unix socket.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// As whom sessions log in, and with which `sslmode`.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The database.
    pub(super) fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or("postgres")
    }

    /// What is checked of the server's certificate where there is TLS.
    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The folder of a proxy's socket for this port, for client libraries that connect by themselves; `None`
    /// where the server is reached directly.
    ///
    /// # Errors
    /// There is no place for the socket, or there are no more files or threads.
    pub(super) fn proxy_folder(
        &self,
        round_trip: Option<Duration>,
    ) -> Result<Option<PathBuf>, DbError> {
        let socket = self.proxies.socket(round_trip, &socket_name(self.port));
        let socket = socket.map_err(|why| connection_error("error starting the proxy", &why))?;
        Ok(socket.map(|socket| socket.parent().unwrap_or(Path::new("/")).to_owned()))
    }

    /// Reaches the server, and logs in by `login` as `config` says.
    pub(super) async fn log_in<L: LogIn>(
        &self,
        login: &L,
        config: &Config,
        round_trip: Option<Duration>,
    ) -> Result<L::Session, DbError> {
        let failed = |why| connection_error("error connecting to server", &why);
        let with = With { config, tls: &self.tls, host: &self.host };
        if let Some(stream) = self.proxies.connect(round_trip).await.map_err(failed)? {
            connect_step(ConnectStep::Socket);
            return login.over_tcp(stream, with).await;
        }
        if is_socket(&self.host) {
            let socket = socket(&self.host, self.port);
            let stream = UnixStream::connect(socket).await.map_err(failed)?;
            connect_step(ConnectStep::Socket);
            return login.over_socket(stream, with).await;
        }
        let places = lookup_host((self.host.clone(), self.port)).await.map_err(failed)?;
        let mut last = None;
        // A name may stand for several addresses, not all of which need to answer.
        for place in places {
            let opened = match connect_tcp(place).await.map_err(failed) {
                Ok(stream) => {
                    connect_step(ConnectStep::Socket);
                    login.over_tcp(stream, with).await
                }
                Err(why) => Err(why),
            };
            match opened {
                Ok(opened) => return Ok(opened),
                Err(why) => last = Some(why),
            }
        }
        let none = || failed(io::Error::other(format!("{} has no address", self.host)));
        Err(last.unwrap_or_else(none))
    }

    /// Opens a connection, for an error that a person reads.
    pub(super) async fn try_out(&self, label: &str) -> Result<Wire> {
        self.connect().await.map_err(|why| {
            let next = match why.code.as_deref() {
                Some("28P01" | "28000") => {
                    "Check the user and the password (in the URL, PGPASSWORD, password_env or \
                     passfile), and pg_hba.conf on the server"
                }
                Some("3D000") => "Name a database that exists at the end of the URL",
                None if why.message.contains("password missing") => {
                    "Give the password: in the URL, PGPASSWORD, password_env or passfile"
                }
                Some(_) => "Mend what the server complains of",
                None => "Check that the server runs and listens at that host and port",
            };
            Error::new(format!("connect to `{label}`"), why).next(next)
        })
    }
}

async fn connect_tcp(place: SocketAddr) -> io::Result<TcpStream> {
    let socket = if place.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As libpq does (manual, section 34.1.2).
    socket.set_keepalive(true)?;
    socket.set_nodelay(true)?;
    socket.connect(place).await
}

/// `sslmode` and `sslrootcert` in libpq's sense (manual, section 34.19): `require` with a root
/// certificate checks the authority, `system` means verify-full, and a Unix socket has no TLS.
fn set_tls(target: &Target, config: &mut Config, is_socket: bool) -> Result<Trust> {
    let given = target.option("sslrootcert").filter(|file| !file.is_empty());
    let system = given == Some("system");
    let mode = target.option("sslmode").unwrap_or(if system { "verify-full" } else { "prefer" });
    if system && mode != "verify-full" {
        return Err(Error::new(
            format!("use the target `{}`", target.label),
            format!("sslmode={mode} is too weak for sslrootcert=system"),
        )
        .next("Use sslmode=verify-full"));
    }
    let usual = env::var_os("HOME")
        .map(|home| PathBuf::from(home).join(".postgresql/root.crt"))
        .filter(|file| file.is_file());
    let file = match given {
        Some(_) if system => None,
        Some(file) => Some(PathBuf::from(file)),
        None => usual,
    };
    let (ssl_mode, check) = match mode {
        "disable" => (SslMode::Disable, Check::Nothing),
        "require" if file.is_some() => (SslMode::Require, Check::Authority),
        "require" => (SslMode::Require, Check::Nothing),
        "verify-ca" => (SslMode::Require, Check::Authority),
        "verify-full" => (SslMode::Require, Check::AuthorityAndName),
        _ => (SslMode::Prefer, Check::Nothing),
    };
    let (ssl_mode, check) =
        if is_socket { (SslMode::Disable, Check::Nothing) } else { (ssl_mode, check) };
    config.ssl_mode(ssl_mode);
    Ok(Trust { check, roots: file })
}

impl Trust {
    fn connector(&self) -> Result<MakeRustlsConnect> {
        let roots = self.roots.as_deref().map_or(Roots::System, Roots::File);
        Ok(MakeRustlsConnect::new(client_config(self.check, roots)?))
    }
}

/// Where a proxy finds the server.
fn upstream(host: &str, port: u16) -> Upstream {
    if is_socket(host) {
        Upstream::Unix(socket(host, port))
    } else {
        Upstream::Tcp(host.to_owned(), port)
    }
}

/// The socket of a port in a folder.
fn socket(folder: &str, port: u16) -> PathBuf {
    Path::new(folder).join(socket_name(port))
}

fn socket_name(port: u16) -> String {
    format!(".s.PGSQL.{port}")
}

fn is_socket(host: &str) -> bool {
    host.starts_with('/')
}

/// Where libpq looks when no host is given: the socket in the distribution's folder or in `/tmp`,
/// and localhost where there is none.
fn usual_host(port: u16) -> String {
    ["/var/run/postgresql", "/tmp"]
        .iter()
        .find(|folder| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists())
        .map_or_else(|| "localhost".to_owned(), |folder| (*folder).to_owned())
}

/// The name of the user who runs dbdyno.
fn usual_user() -> String {
    nix::unistd::User::from_uid(nix::unistd::Uid::effective())
        .ok()
        .flatten()
        .map_or_else(|| "postgres".to_owned(), |user| user.name)
}
