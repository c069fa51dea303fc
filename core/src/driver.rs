//! What an adapter implements.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::ability::{BulkLoad, ColdStart, Embedded, Explain, LockWaits, ServerControl};
use crate::anomaly::Promise;
use crate::backup::Backups;
use crate::dialect::Dialect;
use crate::durability::{Durability, HeldDurability};
use crate::error::{DbError, Error, Result};
use crate::isolation::{Isolation, LevelSupport};
use crate::metrics::ServerMetrics;
use crate::pool::Pools;
use crate::query::scalar_sql;
use crate::replication::Replication;
use crate::session::Session;

/// How long a claim is asked for while another session still holds it.
const CLAIM_PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait before a claim is asked for again.
const CLAIM_PAUSE: Duration = Duration::from_millis(20);

/// The adapter for one engine through one client library, bound to one target.
#[async_trait]
pub trait Driver: Send + Sync {
    /// The engine: `postgres`, `mysql`, `mariadb`, `sqlite`. Known only after the server was
    /// asked where one driver serves several.
    fn engine(&self) -> &str;

    /// The driver, named after its client library.
    fn name(&self) -> &str;

    /// The target as the user may see it: without passwords.
    fn target(&self) -> &str;

    /// What the driver can do.
    fn capabilities(&self) -> Capabilities;

    /// What a proxy adds to each round trip of sessions that do not say it themselves; zero where the
    /// target does not ask for it.
    fn round_trip(&self) -> Duration {
        Duration::ZERO
    }

    /// The engine's SQL.
    fn dialect(&self) -> &dyn Dialect;

    /// How the engine supports an isolation level.
    fn isolation(&self, level: Isolation) -> LevelSupport;

    /// Which anomalies the level promises to keep from happening.
    fn promise(&self, level: Isolation) -> Promise {
        Promise::of(level)
    }

    /// The level a transaction has when none is asked for: the engine's own default.
    fn default_isolation(&self) -> Isolation;

    /// The server's version and the settings that bear on a measurement.
    ///
    /// # Errors
    /// The server cannot be asked.
    async fn server_info(&self) -> Result<ServerInfo>;

    /// Makes commits durable to `level`, on a server that dbdyno started or a file it opens.
    ///
    /// # Errors
    /// It is somebody else's server (unsupported), or it refuses the setting.
    async fn set_durability(&self, level: Durability) -> Result<()>;

    /// The durability that the server holds now, read back from it.
    ///
    /// # Errors
    /// The server cannot be asked.
    async fn durability(&self) -> Result<HeldDurability>;

    /// Opens a session.
    ///
    /// # Errors
    /// The server cannot be reached, refuses the user, or lacks the isolation level.
    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError>;

    /// Takes a namespace for this process alone, so that no other dbdyno loads over it or changes
    /// what is being measured and checked. Held until the claim is dropped; a server notices that
    /// a moment after, so a claim on one is asked for during two seconds before it is refused.
    ///
    /// # Errors
    /// Another process holds it, or the server cannot be asked.
    async fn claim(&self, namespace: &str) -> Result<Claim> {
        let doing = || format!("use {namespace} on {}", self.target());
        let failed = |error: DbError| Error::new(doing(), error);
        let Some(sql) = self.dialect().claim(namespace) else {
            return Err(Error::unsupported(doing(), "the driver has no way to claim it"));
        };
        let mut session = self.connect(&SessionOptions::default()).await.map_err(failed)?;
        let deadline = Instant::now() + CLAIM_PATIENCE;
        while scalar_sql(&mut *session, &sql).await.map_err(failed)? != 1 {
            if Instant::now() >= deadline {
                return Err(Claim::refused(doing()));
            }
            tokio::time::sleep(CLAIM_PAUSE).await;
        }
        Ok(Claim::new(session))
    }

    /// Loading rows faster than by inserts.
    fn bulk_load(&self) -> Option<&dyn BulkLoad>;

    /// Saying how a statement is run.
    fn explain(&self) -> Option<&dyn Explain> {
        None
    }

    /// Taking the data out of memory; only where dbdyno has the server or the file to itself.
    fn cold_start(&self) -> Option<&dyn ColdStart> {
        None
    }

    /// Telling which sessions wait for a lock.
    fn lock_waits(&self) -> Option<&dyn LockWaits> {
        None
    }

    /// Pools that its sessions can come from.
    fn pools(&self) -> Option<&dyn Pools> {
        None
    }

    /// Telling how it works while it does.
    fn metrics(&self) -> Option<&dyn ServerMetrics> {
        None
    }

    /// Making backups, and restoring them.
    fn backups(&self) -> Option<&dyn Backups> {
        None
    }

    /// Servers of the engine that replicate, on throwaway servers of their own.
    fn replication(&self) -> Option<&dyn Replication> {
        None
    }

    /// Being opened by another process, which can be killed; only where there is no server.
    fn embedded(&self) -> Option<&dyn Embedded> {
        None
    }

    /// Starting, stopping and killing the server; only for a throwaway server.
    fn server_control(&self) -> Option<&dyn ServerControl> {
        None
    }
}

/// A namespace taken for this process alone, for as long as it is kept.
pub struct Claim {
    _held: Box<dyn Any + Send>,
}

impl Claim {
    /// A claim that lasts as long as `held`.
    pub fn new(held: impl Any + Send) -> Self {
        Self { _held: Box::new(held) }
    }

    /// The error of a claim that another process holds.
    pub fn refused(doing: impl Into<String>) -> Error {
        Error::new(doing, "another dbdyno is using it")
            .next("wait until it is done, or name another database or file")
    }
}

/// What a driver can do, as facts that the load engine and the suites need.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// How many clients per processor get a thread each. Where there are more, every processor has
    /// one thread for its share of the clients. `u32::MAX` where calls block their thread until the
    /// engine answers, so that each client needs one.
    pub own_threads: u32,
    /// All clients of a load share one event loop, for they share connections, which belong to one. It
    /// does not hold where calls block their thread.
    pub one_event_loop: bool,
    /// Rows of one table may be loaded through several sessions at once.
    pub parallel_load: bool,
    /// Sessions can pipeline, or why they cannot.
    pub pipeline: Result<(), &'static str>,
    /// Sessions can be [put at a distance](SessionOptions::round_trip) from the server, or why they
    /// cannot.
    pub distance: Result<(), &'static str>,
}

/// How a session is opened.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// The schema or database whose tables are meant; the target's default where `None`.
    pub namespace: Option<String>,
    /// The isolation level of the session's transactions; the engine's default where `None`.
    pub isolation: Option<Isolation>,
    /// Requests are sent together where the workload allows it, in one round trip. An error where
    /// the driver's [`Capabilities::pipeline`] says that it cannot.
    pub pipeline: bool,
    /// How long a prepared statement may run before the engine itself cancels it, as an error of the
    /// class [`ErrorClass::StatementTimeout`](crate::ErrorClass); without an end where `None`. An engine
    /// may hold what begins and ends transactions to it, too, and one that cannot limit what writes
    /// limits what reads.
    pub statement_timeout: Option<Duration>,
    /// What a proxy adds to each of its round trips to the server, at most a second; the
    /// [target's own](Driver::round_trip) where `None`. An error above zero where the driver's
    /// [`Capabilities::distance`] says that it cannot.
    pub round_trip: Option<Duration>,
    /// Whom it shares its thread with.
    pub thread: SessionThread,
    /// Whether [`LockWaits`] is to tell of it. It stays on the thread that opens it then.
    pub watched: bool,
}

/// Whom a session shares its thread with, which decides how it may wait for the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionThread {
    /// With others: it waits in the event loop.
    #[default]
    Shared,
    /// With nobody: it may block the thread while it waits, which spares both the event loop.
    Own,
    /// With nobody, and it is the load's only session: while it waits, nothing else of the load keeps
    /// a processor awake.
    Only,
}

impl SessionThread {
    /// Whether the session may block it.
    pub fn is_own(self) -> bool {
        self != Self::Shared
    }
}

/// What a server says of itself.
#[derive(Clone, Debug, Default)]
pub struct ServerInfo {
    /// Its version, as short as it tells it apart: `15.18`, `10.11.14-MariaDB`.
    pub version: String,
    /// Settings that bear on a measurement, by name.
    pub settings: BTreeMap<String, String>,
}
