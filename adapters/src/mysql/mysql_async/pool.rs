//! mysql_async's own pool.

use std::sync::Arc;
use std::time::Duration;

use ::mysql_async::prelude::Queryable as _;
use ::mysql_async::{Conn, OptsBuilder, Pool as Own, PoolConstraints, PoolOpts};
use async_trait::async_trait;
use dbdyno_core::{DbError, ErrorClass, Pool, PoolKind, PoolPlan, PoolState, PoolWait, Session};
use futures_util::FutureExt as _;

use super::{MysqlAsync, MysqlAsyncConnection, Prepared, error, open};
use crate::library::{Connection as _, LibraryPool, Shelf, lend};
use crate::mysql::driver::MysqlDriver;
use crate::mysql::programs::Product;

/// The kind.
const POOL: PoolKind = PoolKind {
    name: super::NAME,
    summary: "mysql_async's own pool, which resets each connection that comes back, so that statements are \
              prepared anew",
    waits: PoolWait::Acquiring,
};

/// Idle connections are looked for so often while they last, and at the most so often.
const LOOKS: u32 = 4;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether a session speaks as a server's sessions do where nobody says otherwise.
const SPEAKS_AS_SERVER: &str = "SELECT @@session.character_set_client = @@global.character_set_client \
     AND @@session.character_set_results <=> @@global.character_set_results \
     AND @@session.collation_connection = @@global.collation_connection, @@session.collation_connection";

#[async_trait]
impl LibraryPool for MysqlAsync {
    fn kind(&self) -> PoolKind {
        POOL
    }

    async fn open(&self, plan: PoolPlan) -> Result<Arc<dyn Pool>, DbError> {
        let PoolPlan { size, acquire_timeout, idle_timeout, session, statements, .. } = plan;
        let connector = self.0.connector();
        let mut first = self.0.session_settings(&session)?;
        let place = connector.place(session.namespace.as_deref(), session.round_trip)?;
        let opening = connector.in_time(open(&place));
        let (mut conn, opts) = opening.await.map_err(|why| self.0.refused(why))?;
        if self.0.product() == Product::Mysql {
            first.extend(character_set(&mut conn).await?);
        }
        // What is wrong with the plan is said now.
        let mut told = MysqlAsyncConnection::new(conn, &first).await?;
        told.prepare(&statements).await?;
        let MysqlAsyncConnection { conn, statements, .. } = told;
        conn.disconnect().await.map_err(|why| error(&why))?;
        // It runs them from the last to the first.
        first.reverse();
        let opts = OptsBuilder::from_opts(opts).setup(first).pool_opts(limits(size, idle_timeout));
        Ok(Arc::new(MysqlAsyncPool {
            pool: Own::new(opts),
            acquire_timeout,
            shelf: Arc::new(Shelf::new(statements, size)),
            driver: Arc::clone(&self.0),
        }))
    }
}

/// What gives a session its character set again: a reset takes the server's for it
/// (<https://dev.mysql.com/doc/c-api/8.0/en/mysql-reset-connection.html>), other than on MariaDB, which goes
/// back to the client's own. None where they are the same.
async fn character_set(conn: &mut Conn) -> Result<Option<String>, DbError> {
    let told: Option<(Option<bool>, String)> =
        conn.query_first(SPEAKS_AS_SERVER).await.map_err(|why| error(&why))?;
    let Some((same, collation)) = told else { return Ok(None) };
    let character_set = collation.split('_').next().unwrap_or_default();
    let names = || format!("SET NAMES {character_set} COLLATE {collation}");
    Ok((same != Some(true)).then(names))
}

/// How many connections there may be and how long idle ones are kept. Without a time for that, it closes
/// those above its lower bound as they come back.
fn limits(size: u32, idle_timeout: Option<Duration>) -> PoolOpts {
    let most = size.max(1) as usize;
    let least = if idle_timeout.is_some() { 0 } else { most };
    let bounds = PoolConstraints::new(least, most).unwrap_or_default();
    let options = PoolOpts::default().with_constraints(bounds);
    match idle_timeout {
        Some(timeout) => options
            .with_inactive_connection_ttl(timeout)
            .with_ttl_check_interval((timeout / LOOKS).max(LOOK_EVERY)),
        None => options,
    }
}

struct MysqlAsyncPool {
    pool: Own,
    acquire_timeout: Option<Duration>,
    shelf: Arc<Shelf<Prepared>>,
    driver: Arc<MysqlDriver>,
}

impl MysqlAsyncPool {
    async fn conn(&self) -> Result<Conn, DbError> {
        let getting = self.pool.get_conn();
        let got = match self.acquire_timeout {
            None => getting.await,
            Some(limit) => match tokio::time::timeout(limit, getting).await {
                Ok(got) => got,
                Err(_) => return Err(timed_out(limit)),
            },
        };
        got.map_err(|why| self.driver.refused(error(&why)))
    }
}

#[cold]
fn timed_out(limit: Duration) -> DbError {
    let why = format!(
        "no connection within {} ms: mysql_async's pool has no time-out of its own, and dbdyno waits no longer",
        limit.as_millis()
    );
    DbError::new(ErrorClass::PoolTimeout, None, why)
}

#[async_trait]
impl Pool for MysqlAsyncPool {
    async fn acquire(&self) -> Result<Box<dyn Session>, DbError> {
        let conn = self.conn().await?;
        Ok(lend(Box::new(MysqlAsyncConnection::lent(conn, &self.shelf))))
    }

    async fn state(&self) -> Result<PoolState, DbError> {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let metrics = self.pool.metrics();
        let read = |number: &AtomicUsize| {
            u32::try_from(number.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
        };
        Ok(PoolState {
            open: read(&metrics.connection_count),
            idle: read(&metrics.connections_in_pool),
            waiting: Some(read(&metrics.active_wait_requests)),
        })
    }

    async fn close(&self) {
        // It is closed once it is asked, and then waits for all that is lent.
        let mut closing = Box::pin(self.pool.clone().disconnect());
        if closing.as_mut().now_or_never().is_none() {
            tokio::spawn(closing);
        }
    }

    fn detail(&self) -> String {
        "mysql_async: each connection is reset when it comes back, so that statements are prepared again when \
         each client first runs them"
            .to_owned()
    }
}
