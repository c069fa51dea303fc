//! Clients that share a pool: a driver whose sessions have a connection only while they need one, so that the
//! load engine runs on a pool as it runs on connections of clients' own.

mod log;
mod session;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dbdyno_core::{
    BulkLoad, Capabilities, DbError, Dialect, Driver, Durability, HeldDurability, Isolation,
    LevelSupport, Pool, PoolWait, Result, ServerControl, ServerInfo, Session, SessionOptions,
};

pub use log::{Acquired, Log, Turn, TurnEnd};
use session::LeasingSession;

/// Where clients have their connections from.
#[derive(Clone)]
pub enum Source {
    /// Each opens one of its own and keeps it.
    Direct,
    /// A pool.
    Pool(Arc<dyn Pool>, PoolWait),
}

/// A driver whose sessions take a connection for each transaction, or for each statement outside of one,
/// and give it back after it.
pub struct Leasing {
    driver: Arc<dyn Driver>,
    source: Source,
    shared: Arc<Shared>,
}

/// What all sessions of it share.
pub struct Shared {
    /// What clients note.
    pub log: Log,
    /// Connections that clients will forget to give back.
    leaks: AtomicU32,
    /// Those that they forgot.
    leaked: Mutex<Vec<Box<dyn Session>>>,
}

impl Shared {
    /// Nothing is leaked, but what is asked for later.
    pub fn new(log: Log) -> Arc<Self> {
        Arc::new(Self { log, leaks: AtomicU32::new(0), leaked: Mutex::default() })
    }

    /// Has clients forget to give connections back, as many as `leaks`, from now on.
    pub fn leak(&self, leaks: u32) {
        self.leaks.store(leaks, Ordering::Relaxed);
    }

    /// How many have been forgotten.
    pub fn leaked(&self) -> u32 {
        let leaked = self.leaked.lock().unwrap_or_else(PoisonError::into_inner);
        u32::try_from(leaked.len()).unwrap_or(u32::MAX)
    }

    /// Gives back what was forgotten.
    pub fn mend(&self) {
        self.leaked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes a connection that a client has done with.
    fn take_back(&self, session: Box<dyn Session>) {
        let forgets = |leaks: u32| leaks.checked_sub(1);
        // Nearly always there is nothing to forget: looking is cheaper than changing.
        if self.leaks.load(Ordering::Relaxed) > 0
            && self.leaks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, forgets).is_ok()
        {
            self.leaked.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
    }
}

impl Leasing {
    /// Sessions of `driver` whose connections come from `source`.
    pub fn driver(driver: Arc<dyn Driver>, source: Source, shared: Arc<Shared>) -> Arc<dyn Driver> {
        Arc::new(Self { driver, source, shared })
    }
}

#[async_trait]
impl Driver for Leasing {
    fn engine(&self) -> &str {
        self.driver.engine()
    }

    fn name(&self) -> &str {
        self.driver.name()
    }

    fn target(&self) -> &str {
        self.driver.target()
    }

    /// All clients are on one event loop, whatever their connections come from: a connection that several
    /// share belongs to one, and only so do they compare with those that share none.
    fn capabilities(&self) -> Capabilities {
        Capabilities { one_event_loop: true, ..self.driver.capabilities() }
    }

    fn dialect(&self) -> &dyn Dialect {
        self.driver.dialect()
    }

    fn isolation(&self, level: Isolation) -> LevelSupport {
        self.driver.isolation(level)
    }

    fn default_isolation(&self) -> Isolation {
        self.driver.default_isolation()
    }

    async fn server_info(&self) -> Result<ServerInfo> {
        self.driver.server_info().await
    }

    async fn set_durability(&self, level: Durability) -> Result<()> {
        self.driver.set_durability(level).await
    }

    async fn durability(&self) -> Result<HeldDurability> {
        self.driver.durability().await
    }

    /// Sessions on a pool are opened as the pool's plan says.
    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
        let shared = Arc::clone(&self.shared);
        let (pool, wait) = match &self.source {
            Source::Direct => return self.driver.connect(options).await,
            Source::Pool(pool, wait) => (Arc::clone(pool), *wait),
        };
        Ok(Box::new(LeasingSession::new(pool, wait, shared)))
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        self.driver.bulk_load()
    }

    fn server_control(&self) -> Option<&dyn ServerControl> {
        self.driver.server_control()
    }
}
