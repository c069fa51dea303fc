//! The driver of a library: the engine's own driver, but for the sessions of clients.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::driver::Claim;
use dbdyno_core::{
    Backups, BulkLoad, Capabilities, ColdStart, DbError, Dialect, Driver, Durability, Embedded,
    Error, Explain, HeldDurability, Isolation, LevelSupport, LockWaits, Pool, PoolKind, PoolPlan,
    Pools, Promise, Result, ServerControl, ServerInfo, ServerMetrics, Session, SessionOptions,
};

use super::connection::Connection;
use super::session::LibrarySession;
use crate::pool::{DEADPOOL, OwnPools, unknown};

/// A client library, for one target.
#[async_trait]
pub trait Library: Send + Sync {
    /// Its name, which is the driver's.
    fn name(&self) -> &'static str;

    /// Opens a connection whose namespace, isolation level, time limit and round trip are as the options
    /// say.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses the user or a setting.
    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Connection>, DbError>;

    /// Why a session cannot pipeline.
    fn lacks_pipeline(&self) -> &'static str;

    /// Whether [`LockWaits`] of the engine can tell of its sessions.
    fn can_be_watched(&self) -> bool {
        true
    }

    /// The pool that it brings.
    fn pool(&self) -> Option<&dyn LibraryPool> {
        None
    }
}

/// A client library's own pool.
#[async_trait]
pub trait LibraryPool: Send + Sync {
    /// What it is.
    fn kind(&self) -> PoolKind;

    /// Makes one, as [`Pools::open`] does.
    ///
    /// # Errors
    /// No session can be opened as the plan says, or the engine refuses a statement.
    async fn open(&self, plan: PoolPlan) -> Result<Arc<dyn Pool>, DbError>;
}

/// The driver of a client library on an engine. Sessions of clients are the library's; loading, claims,
/// settings, plans and the server itself are the business of the engine's own driver.
pub struct LibraryDriver {
    engine: Arc<dyn Driver>,
    library: Box<dyn Library>,
}

impl LibraryDriver {
    /// A driver that opens sessions by `library` on the target of `engine`.
    pub fn new(engine: Arc<dyn Driver>, library: impl Library + 'static) -> Self {
        Self { engine, library: Box::new(library) }
    }

    fn refused(&self, options: &SessionOptions) -> Option<String> {
        let Capabilities { pipeline, distance, .. } = self.capabilities();
        if let (true, Err(why)) = (options.pipeline, pipeline) {
            return Some(format!("{} cannot pipeline: {why}", self.name()));
        }
        if let (true, Err(why)) = (options.round_trip.is_some_and(|time| !time.is_zero()), distance)
        {
            return Some(why.to_owned());
        }
        match options.isolation.map(|level| self.isolation(level)) {
            Some(LevelSupport::Lacks { why }) => Some(why),
            _ => None,
        }
    }
}

#[async_trait]
impl Driver for LibraryDriver {
    fn engine(&self) -> &str {
        self.engine.engine()
    }

    fn name(&self) -> &str {
        self.library.name()
    }

    fn target(&self) -> &str {
        self.engine.target()
    }

    /// A library waits for its server in the event loop, as it does where it is deployed.
    fn capabilities(&self) -> Capabilities {
        let pipeline = Err(self.library.lacks_pipeline());
        Capabilities { own_threads: 1, pipeline, ..self.engine.capabilities() }
    }

    fn round_trip(&self) -> Duration {
        self.engine.round_trip()
    }

    fn dialect(&self) -> &dyn Dialect {
        self.engine.dialect()
    }

    fn isolation(&self, level: Isolation) -> LevelSupport {
        self.engine.isolation(level)
    }

    fn promise(&self, level: Isolation) -> Promise {
        self.engine.promise(level)
    }

    fn default_isolation(&self) -> Isolation {
        self.engine.default_isolation()
    }

    async fn server_info(&self) -> Result<ServerInfo> {
        self.engine.server_info().await
    }

    async fn set_durability(&self, level: Durability) -> Result<()> {
        self.engine.set_durability(level).await
    }

    async fn durability(&self) -> Result<HeldDurability> {
        self.engine.durability().await
    }

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
        if let Some(why) = self.refused(options) {
            return Err(DbError::unexpected(why));
        }
        let connection = self.library.connect(options).await?;
        Ok(Box::new(LibrarySession::new(connection)))
    }

    async fn claim(&self, namespace: &str) -> Result<Claim> {
        self.engine.claim(namespace).await
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        self.engine.bulk_load()
    }

    fn explain(&self) -> Option<&dyn Explain> {
        self.engine.explain()
    }

    fn cold_start(&self) -> Option<&dyn ColdStart> {
        self.engine.cold_start()
    }

    fn pools(&self) -> Option<&dyn Pools> {
        Some(self)
    }

    fn lock_waits(&self) -> Option<&dyn LockWaits> {
        self.engine.lock_waits().filter(|_| self.library.can_be_watched())
    }

    fn backups(&self) -> Option<&dyn Backups> {
        self.engine.backups()
    }

    fn embedded(&self) -> Option<&dyn Embedded> {
        self.engine.embedded()
    }

    fn metrics(&self) -> Option<&dyn ServerMetrics> {
        self.engine.metrics()
    }

    fn server_control(&self) -> Option<&dyn ServerControl> {
        self.engine.server_control()
    }
}

/// deadpool over the library's sessions, and the library's own pool.
#[async_trait]
impl Pools for LibraryDriver {
    fn kinds(&self) -> Vec<PoolKind> {
        [DEADPOOL].into_iter().chain(self.library.pool().map(LibraryPool::kind)).collect()
    }

    async fn open(
        &self,
        driver: &Arc<dyn Driver>,
        kind: &str,
        plan: PoolPlan,
    ) -> Result<Arc<dyn Pool>> {
        if kind == DEADPOOL.name {
            return OwnPools.open(driver, kind, plan).await;
        }
        let Some(own) = self.library.pool().filter(|own| own.kind().name == kind) else {
            return Err(unknown(&self.kinds(), kind));
        };
        let opened = match self.refused(&plan.session) {
            Some(why) => Err(DbError::unexpected(why)),
            None => own.open(plan).await,
        };
        let doing = || format!("make a pool of the kind `{kind}` on {}", self.target());
        opened.map_err(|why| Error::new(doing(), why))
    }
}
