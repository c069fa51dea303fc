//! The beginning of a connection: greeting, TLS, the proof of the password
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>,
//! <https://mariadb.com/kb/en/connection/>).

use std::future::poll_fn;
use std::sync::Arc;

use bytes::BufMut;
use dbdyno_core::connecting::connect_step;
use dbdyno_core::{ConnectStep, DbError, ErrorClass};
use mysql_common::constants::{
    CapabilityFlags as Flags, DEFAULT_MAX_ALLOWED_PACKET, MariadbCapabilities,
};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse, SslRequest,
};
use mysql_common::proto::{MyDeserialize, MySerialize};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::answers::Done;
use super::auth::{self, Plugin};
use super::connection::{Connection, Features};
use super::errors;
use super::wire::{ERROR, Fault, Wire};
use crate::target::Secret;
use crate::transport::Stream;

/// Marks that a server has no TLS; not an error number of the server's.
pub const NO_TLS: &str = "no-tls";

/// The number of `utf8mb4_general_ci`, which both servers have always had.
const UTF8MB4: u8 = 45;

/// Who logs in, and where to.
pub struct Account<'a> {
    pub user: &'a str,
    pub password: &'a Secret,
    pub database: Option<&'a str>,
}

/// The client's side of TLS.
pub struct Tls<'a> {
    pub config: &'a Arc<ClientConfig>,
    pub name: ServerName<'static>,
    /// Whether a server without TLS is refused.
    pub required: bool,
}

/// Logs in over an open connection, with TLS where `tls` says so and the server has it.
pub async fn log_in(
    stream: Stream,
    account: &Account<'_>,
    tls: Option<Tls<'_>>,
) -> Result<Connection, DbError> {
    let socket = matches!(stream, Stream::Unix(_));
    let mut wire = Wire::new(stream);
    let greeting = match greeting(&mut wire).await {
        Ok(greeting) => greeting,
        Err(fault) => return Err(errors::of_fault(&fault, &mut wire)),
    };
    let wanted = Wanted::of(&greeting, account, tls.is_some());
    let mut encrypted = false;
    if let Some(tls) = tls {
        if wanted.flags.contains(Flags::CLIENT_SSL) {
            // The greeting comes before TLS, but is the protocol's.
            connect_step(ConnectStep::Authentication);
            wire = encrypt(wire, &wanted, tls).await?;
            connect_step(ConnectStep::Tls);
            encrypted = true;
        } else if tls.required {
            return Err(DbError::new(ErrorClass::Other, Some(NO_TLS.to_owned()), "no TLS"));
        }
    }
    let mut proof = Proof { wire, account, greeting, encrypted, socket };
    let proved = proof.prove(&wanted).await;
    connect_step(ConnectStep::Authentication);
    match proved {
        Ok(done) => Ok(Connection::new(proof.wire, wanted.features(), done)),
        Err(Denied::Fault(fault)) => Err(errors::of_fault(&fault, &mut proof.wire)),
        Err(Denied::Unwilling(why)) => Err(DbError::unexpected(why)),
    }
}

/// What the server says first.
struct Greeting {
    flags: Flags,
    mariadb: MariadbCapabilities,
    challenge: Vec<u8>,
    plugin: Option<Plugin>,
}

async fn greeting(wire: &mut Wire) -> Result<Greeting, Fault> {
    const UNREADABLE: Fault = Fault::Malformed("a greeting that cannot be read");
    let packet = next(wire).await?;
    match packet.first() {
        Some(10) => {}
        Some(&ERROR) => return Err(Fault::Refused),
        _ => return Err(Fault::Malformed("a greeting of another protocol")),
    }
    // The length of the challenge comes 21 bytes after the version's end; it is less than 128.
    let version = packet.iter().position(|byte| *byte == 0).ok_or(UNREADABLE)?;
    if packet.get(version + 21).is_none_or(|length| *length > 127) {
        return Err(UNREADABLE);
    }
    let greeting =
        HandshakePacket::deserialize((), &mut ParseBuf(packet)).map_err(|_| UNREADABLE)?;
    let flags = greeting.capabilities();
    // Servers that are not MySQL say so by leaving out what the first bit once meant.
    let mariadb = match flags.contains(Flags::CLIENT_LONG_PASSWORD) {
        true => MariadbCapabilities::empty(),
        false => greeting.mariadb_ext_capabilities(),
    };
    Ok(Greeting {
        flags,
        mariadb,
        challenge: greeting.nonce(),
        plugin: greeting.auth_plugin_name_ref().and_then(Plugin::of),
    })
}

/// What is asked of the protocol.
struct Wanted {
    flags: Flags,
    mariadb: MariadbCapabilities,
}

impl Wanted {
    /// Rows matched are counted, not rows changed, so that `execute` means the same on every
    /// engine.
    fn of(greeting: &Greeting, account: &Account<'_>, tls: bool) -> Self {
        let mut flags = Flags::CLIENT_FOUND_ROWS
            | Flags::CLIENT_LONG_FLAG
            | Flags::CLIENT_LOCAL_FILES
            | Flags::CLIENT_PROTOCOL_41
            | Flags::CLIENT_TRANSACTIONS
            | Flags::CLIENT_SECURE_CONNECTION
            | Flags::CLIENT_MULTI_STATEMENTS
            | Flags::CLIENT_MULTI_RESULTS
            | Flags::CLIENT_PS_MULTI_RESULTS
            | Flags::CLIENT_PLUGIN_AUTH
            | Flags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
            | Flags::CLIENT_DEPRECATE_EOF;
        let mariadb = greeting.mariadb & MariadbCapabilities::MARIADB_CLIENT_CACHE_METADATA;
        if mariadb.is_empty() {
            // MariaDB takes whoever sets it for one that knows nothing of MariaDB.
            flags |= Flags::CLIENT_LONG_PASSWORD;
        }
        if tls {
            flags |= Flags::CLIENT_SSL;
        }
        if account.database.is_some() {
            flags |= Flags::CLIENT_CONNECT_WITH_DB;
        }
        let known = greeting.flags | Flags::CLIENT_LONG_PASSWORD;
        Self { flags: flags & known, mariadb }
    }

    fn features(&self) -> Features {
        Features {
            caches_columns: !self.mariadb.is_empty(),
            ends_definitions: !self.flags.contains(Flags::CLIENT_DEPRECATE_EOF),
        }
    }
}

async fn encrypt(mut wire: Wire, wanted: &Wanted, tls: Tls<'_>) -> Result<Wire, DbError> {
    let request = SslRequest::new(wanted.flags, DEFAULT_MAX_ALLOWED_PACKET as u32, UTF8MB4)
        .with_mariadb_capabilities(wanted.mariadb);
    write(&mut wire, &request);
    if let Err(fault) = poll_fn(|context| wire.poll_send(context)).await {
        return Err(errors::of_fault(&fault, &mut wire));
    }
    let next = wire.next();
    let Ok(Stream::Tcp(stream)) = wire.into_stream() else {
        return Err(errors::disconnected("the server said more than its greeting before TLS"));
    };
    let failed = |why| DbError::new(ErrorClass::Disconnected, None, format!("TLS failed: {why}"));
    let stream = stream.into_tcp().map_err(failed)?;
    let secured = TlsConnector::from(Arc::clone(tls.config)).connect(tls.name, stream).await;
    let secured = secured.map_err(failed)?;
    Ok(Wire::over(Stream::Tls(Box::new(secured)), next))
}

/// The user's side of the proof of a password.
struct Proof<'a> {
    wire: Wire,
    account: &'a Account<'a>,
    greeting: Greeting,
    encrypted: bool,
    socket: bool,
}

/// Why there is no session.
enum Denied {
    Fault(Fault),
    /// The client itself does not go on.
    Unwilling(String),
}

impl From<Fault> for Denied {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Proof<'_> {
    async fn prove(&mut self, wanted: &Wanted) -> Result<Done, Denied> {
        // Servers ask for another plugin where the account has one.
        let first = match self.greeting.plugin {
            Some(plugin @ (Plugin::CachingSha2Password | Plugin::Ed25519)) => plugin,
            _ => Plugin::NativePassword,
        };
        let mut plugin = first;
        let mut challenge = self.greeting.challenge.clone();
        self.respond(wanted, first, &challenge)?;
        loop {
            poll_fn(|context| self.wire.poll_send(context)).await?;
            let packet = next(&mut self.wire).await?;
            match packet {
                [0, ..] => return Ok(Done::parse(packet)?),
                [ERROR, ..] => return Err(Fault::Refused.into()),
                [0xFE, _, ..] => {
                    let switch = AuthSwitchRequest::deserialize((), &mut ParseBuf(packet))
                        .map_err(|_| Fault::Malformed("a change of plugin that is cut off"))?;
                    let name = switch.auth_plugin();
                    challenge = switch.plugin_data().to_vec();
                    plugin = Plugin::of(name.as_bytes()).ok_or_else(|| unknown(name.as_bytes()))?;
                    let answer = self.answer(plugin, &challenge)?;
                    self.wire.write(|out| out.put_slice(&answer));
                }
                [0xFE] => return Err(unknown(b"mysql_old_password")),
                [1, more @ ..] => {
                    let more = more.to_vec();
                    if let Some(answer) = self.go_on(plugin, &challenge, &more)? {
                        self.wire.write(|out| out.put_slice(&answer));
                    }
                }
                _ => return Err(Fault::Malformed("nonsense in place of a welcome").into()),
            }
        }
    }

    fn respond(&mut self, wanted: &Wanted, plugin: Plugin, challenge: &[u8]) -> Result<(), Denied> {
        let answer = self.answer(plugin, challenge)?;
        let name = match plugin {
            Plugin::CachingSha2Password => AuthPlugin::CachingSha2Password,
            Plugin::Ed25519 => AuthPlugin::Ed25519,
            _ => AuthPlugin::MysqlNativePassword,
        };
        let response = HandshakeResponse::new(
            Some(answer),
            // Old enough for what servers of today have: it chooses between two character sets.
            (5, 5, 3),
            Some(self.account.user.as_bytes()),
            self.account.database.map(str::as_bytes),
            Some(name),
            wanted.flags,
            None,
            DEFAULT_MAX_ALLOWED_PACKET as u32,
        )
        .with_mariadb_ext_capabilities(wanted.mariadb);
        write(&mut self.wire, &response);
        Ok(())
    }

    fn answer(&self, plugin: Plugin, challenge: &[u8]) -> Result<Vec<u8>, Denied> {
        // No socket is asked for a password in clear without a plugin that is made for it.
        let private = self.encrypted || (self.socket && plugin == Plugin::Sha256Password);
        let password = self.account.password.expose();
        plugin.answer(password, challenge, private).map_err(|why| Denied::Unwilling(why.to_owned()))
    }

    /// The answer to what a plugin says besides its challenge, if it waits for one.
    fn go_on(
        &self,
        plugin: Plugin,
        challenge: &[u8],
        said: &[u8],
    ) -> Result<Option<Vec<u8>>, Denied> {
        /// The server remembers the password's digest, and the answer was right.
        const FAST: u8 = 3;
        /// It wants the password itself.
        const FULL: u8 = 4;
        let password = self.account.password.expose();
        match (plugin, said) {
            (Plugin::CachingSha2Password, [FAST]) => Ok(None),
            (Plugin::CachingSha2Password, [FULL]) if self.encrypted || self.socket => {
                Ok(Some(auth::clear(password)))
            }
            (Plugin::CachingSha2Password, [FULL]) => Ok(Some(vec![auth::KEY_WANTED])),
            (Plugin::CachingSha2Password | Plugin::Sha256Password, key) => {
                let sealed = auth::encrypted(password, challenge, key).ok_or_else(|| {
                    Denied::Unwilling("the server's public key is not one of RSA".to_owned())
                })?;
                Ok(Some(sealed))
            }
            _ => Err(Fault::Malformed("more than a plugin has to say").into()),
        }
    }
}

fn unknown(plugin: &[u8]) -> Denied {
    Denied::Unwilling(format!(
        "the account's authentication plugin is {}, which dbdyno does not have; use an account \
         with another one, such as mysql_native_password",
        String::from_utf8_lossy(plugin)
    ))
}

fn write(wire: &mut Wire, packet: &impl MySerialize) {
    let mut bytes = Vec::new();
    packet.serialize(&mut bytes);
    wire.write(|out| out.put_slice(&bytes));
}

async fn next(wire: &mut Wire) -> Result<&[u8], Fault> {
    poll_fn(|context| wire.poll_packet(context)).await?;
    Ok(wire.packet())
}
