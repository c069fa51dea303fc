//! A driver over another one that spoils what is created: a fault planted where a check must find it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::{
    BulkLoad, Capabilities, Claim, ColdStart, DbError, Dialect, Driver, Durability, HeldDurability,
    Isolation, LevelSupport, Promise, Request, Result, RowVisitor, ServerControl, ServerInfo,
    Session, SessionOptions, Statement,
};

/// A driver whose sessions run other SQL than they are told to, where it is not prepared: `from` is
/// replaced by `to` in whatever contains `within`.
pub struct Spoiled {
    /// The driver that does the work.
    pub driver: Arc<dyn Driver>,
    /// What is put in the place of what.
    pub fault: Fault,
    /// How often the fault is made, at most.
    pub times: Arc<AtomicU32>,
}

impl Spoiled {
    /// A driver with a fault that is always there.
    pub fn new(driver: Arc<dyn Driver>, fault: Fault) -> Self {
        Self { driver, fault, times: Arc::new(AtomicU32::new(u32::MAX)) }
    }

    /// A driver with a fault that is there but once.
    pub fn once(driver: Arc<dyn Driver>, fault: Fault) -> Self {
        Self { driver, fault, times: Arc::new(AtomicU32::new(1)) }
    }
}

/// A fault in what is created.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Only SQL with this in it is spoiled.
    pub within: &'static str,
    /// What is replaced; all of it where this is empty.
    pub from: &'static str,
    /// What stands there instead.
    pub to: &'static str,
}

impl Fault {
    fn spoil(self, sql: &str, times: &AtomicU32) -> String {
        let spoiled = match self.from {
            _ if !sql.contains(self.within) => sql.to_owned(),
            "" => self.to.to_owned(),
            from => sql.replace(from, self.to),
        };
        let less = |left: u32| left.checked_sub(1);
        if spoiled == sql || times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
        {
            return spoiled;
        }
        sql.to_owned()
    }
}

#[async_trait]
impl Driver for Spoiled {
    fn engine(&self) -> &str {
        self.driver.engine()
    }

    fn name(&self) -> &str {
        self.driver.name()
    }

    fn target(&self) -> &str {
        self.driver.target()
    }

    fn capabilities(&self) -> Capabilities {
        self.driver.capabilities()
    }

    fn dialect(&self) -> &dyn Dialect {
        self.driver.dialect()
    }

    fn round_trip(&self) -> Duration {
        self.driver.round_trip()
    }

    fn isolation(&self, level: Isolation) -> LevelSupport {
        self.driver.isolation(level)
    }

    fn promise(&self, level: Isolation) -> Promise {
        self.driver.promise(level)
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

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
        let session = self.driver.connect(options).await?;
        let times = Arc::clone(&self.times);
        Ok(Box::new(SpoiledSession { session, fault: self.fault, times }))
    }

    async fn claim(&self, namespace: &str) -> Result<Claim> {
        self.driver.claim(namespace).await
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        self.driver.bulk_load()
    }

    fn cold_start(&self) -> Option<&dyn ColdStart> {
        self.driver.cold_start()
    }

    fn server_control(&self) -> Option<&dyn ServerControl> {
        self.driver.server_control()
    }
}

struct SpoiledSession {
    session: Box<dyn Session>,
    fault: Fault,
    times: Arc<AtomicU32>,
}

#[async_trait]
impl Session for SpoiledSession {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        self.session.prepare(statements).await
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        self.session.rollback().await
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        self.session.run_sql(&self.fault.spoil(sql, &self.times)).await
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        self.session.query_sql(sql, visit).await
    }

    fn pipelines(&self) -> bool {
        self.session.pipelines()
    }

    fn request(&mut self, request: Request<'_>) {
        self.session.request(request);
    }

    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        self.session.poll_answer(context, visit)
    }
}
