//! deadpool's managed pool (<https://docs.rs/deadpool>), which holds a driver's own sessions.

use std::sync::{Arc, Once};
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::{
    DbError, Driver, Error, ErrorClass, Pool, PoolKind, PoolPlan, PoolState, PoolWait, Result,
    Session, SessionOptions, Statement,
};
use deadpool::Runtime;
use deadpool::managed::{
    Manager, Metrics, Object, Pool as Managed, PoolError, RecycleResult, TimeoutType,
};

use super::leased::{Keeper, Leased};

/// The kind.
pub(crate) const DEADPOOL: PoolKind = PoolKind {
    name: "deadpool",
    summary: "the managed pool of the crate deadpool, over sessions of the driver itself; statements \
              are prepared once for each connection",
    waits: PoolWait::Acquiring,
};

/// Idle connections are looked for so often while they last.
const LOOKS: u32 = 4;
/// How often they are looked for at the most and at the least.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(30));

/// Makes the pool of a plan.
pub(super) fn open(driver: &Arc<dyn Driver>, plan: PoolPlan) -> Result<Arc<dyn Pool>> {
    let PoolPlan { size, acquire_timeout, idle_timeout, session, statements, clients: _ } = plan;
    let opener = Opener { driver: Arc::clone(driver), session, statements };
    // The time-out is for waiting alone: how long a connection may take to open is the driver's matter.
    let pool = Managed::builder(opener)
        .max_size(size as usize)
        .wait_timeout(acquire_timeout)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|why| Error::new("make a pool of the kind `deadpool`", why))?;
    Ok(Arc::new(Deadpool { pool, idle_timeout, watching: Once::new() }))
}

/// Opens sessions.
struct Opener {
    driver: Arc<dyn Driver>,
    session: SessionOptions,
    statements: Arc<[Statement]>,
}

impl Manager for Opener {
    type Type = Box<dyn Session>;
    type Error = DbError;

    async fn create(&self) -> Result<Self::Type, DbError> {
        let mut session = self.driver.connect(&self.session).await?;
        session.prepare(&self.statements).await?;
        Ok(session)
    }

    /// What is known to be broken never comes back (`Leased`), and asking the server each time would cost
    /// a round trip, which the crates that are made for a driver leave out by default, too
    /// (`RecyclingMethod::Fast` of deadpool-postgres).
    async fn recycle(&self, _: &mut Self::Type, _: &Metrics) -> RecycleResult<DbError> {
        Ok(())
    }
}

struct Deadpool {
    pool: Managed<Opener>,
    idle_timeout: Option<Duration>,
    /// Idle connections are being looked for.
    watching: Once,
}

impl Deadpool {
    /// Closes connections that are idle for too long, as the documentation of `Pool::retain` has it: the
    /// pool does not do so by itself.
    fn watch(&self, idle_timeout: Duration) {
        let pool = self.pool.weak();
        let every = (idle_timeout / LOOKS).clamp(LOOK_EVERY.0, LOOK_EVERY.1);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(pool) = pool.upgrade().filter(|pool| !pool.is_closed()) else { return };
                drop(pool.retain(|_, metrics| metrics.last_used() < idle_timeout));
            }
        });
    }
}

#[async_trait]
impl Pool for Deadpool {
    async fn acquire(&self) -> Result<Box<dyn Session>, DbError> {
        if let Some(idle_timeout) = self.idle_timeout {
            self.watching.call_once(|| self.watch(idle_timeout));
        }
        match self.pool.get().await {
            Ok(object) => Ok(Box::new(Leased::new(Lent(object)))),
            Err(PoolError::Backend(error)) => Err(error),
            Err(error @ PoolError::Timeout(TimeoutType::Wait)) => {
                Err(DbError::new(ErrorClass::PoolTimeout, None, error.to_string()))
            }
            Err(error) => Err(DbError::unexpected(error.to_string())),
        }
    }

    async fn state(&self) -> Result<PoolState, DbError> {
        let status = self.pool.status();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(PoolState {
            open: count(status.size),
            idle: count(status.available),
            waiting: Some(count(status.waiting)),
        })
    }

    async fn close(&self) {
        self.pool.close();
    }
}

/// A connection that goes back when it is dropped.
struct Lent(Object<Opener>);

impl Keeper for Lent {
    fn session(&self) -> Option<&dyn Session> {
        Some(&**self.0)
    }

    fn session_mut(&mut self) -> Option<&mut dyn Session> {
        Some(&mut **self.0)
    }

    fn discard(self) {
        drop(Object::take(self.0));
    }
}
