//! sqlx's own pool.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::{
    DbError, ErrorClass, Pool, PoolKind, PoolPlan, PoolState, PoolWait, Session, Statement,
};
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::{Connection as _, Error, Executor};

use super::connection::{Owner, Prepared, SqlxConnection};
use super::engine::{Engine, Way};
use super::errors::error;
use super::library::Sqlx;
use crate::library::{Connection as _, LibraryPool, SetUp, Shelf, lend};

/// The kind.
const POOL: PoolKind = PoolKind {
    name: super::NAME,
    summary: "sqlx's own pool, which asks the server for a sign of life before it lends a connection and \
              when it comes back",
    waits: PoolWait::Acquiring,
};

/// sqlx has no wait without an end.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[async_trait]
impl<DB> LibraryPool for Sqlx<DB>
where
    DB: Engine,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    fn kind(&self) -> PoolKind {
        POOL
    }

    async fn open(&self, plan: PoolPlan) -> Result<Arc<dyn Pool>, DbError> {
        let PoolPlan { size, acquire_timeout, idle_timeout, session, statements, .. } = plan;
        let (mut connection, Way { connect, set_up, keep }) = DB::open(&self.0, &session).await?;
        let set_up = Arc::new(set_up);
        // What is wrong with the plan is said now: a pool would try again until its time is over.
        let first = told(&mut connection, Arc::clone(&set_up), &statements).await?;
        connection.close().await.map_err(|why| error::<DB>(&why))?;
        let failure = Arc::default();
        let options = PoolOptions::new()
            .max_connections(size)
            .acquire_timeout(acquire_timeout.unwrap_or(FOR_EVER))
            .idle_timeout(idle_timeout);
        Ok(Arc::new(SqlxPool::<DB> {
            options: telling(options, &set_up, statements, &failure),
            connect,
            pool: OnceLock::new(),
            shelf: Arc::new(Shelf::new(first, size)),
            set_up,
            limit: session.statement_timeout,
            failure,
            own: Arc::clone(&self.0),
            _keep: keep,
        }))
    }
}

/// Tells a connection what each is told first, and prepares statements on it.
async fn told<DB>(
    connection: &mut DB::Connection,
    set_up: Arc<SetUp>,
    statements: &[Statement],
) -> Result<Vec<Prepared<DB>>, DbError>
where
    DB: Engine,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut connection = SqlxConnection::<DB, _>::new(connection, set_up, None).await?;
    connection.prepare(statements).await?;
    Ok(connection.into_statements())
}

/// Has each connection told so, and notes why the last of them could not be.
fn telling<DB>(
    options: PoolOptions<DB>,
    set_up: &Arc<SetUp>,
    statements: Arc<[Statement]>,
    failure: &Arc<Mutex<Option<DbError>>>,
) -> PoolOptions<DB>
where
    DB: Engine,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let (set_up, failure) = (Arc::clone(set_up), Arc::clone(failure));
    options.after_connect(move |connection, _| {
        let (set_up, statements) = (Arc::clone(&set_up), Arc::clone(&statements));
        let failure = Arc::clone(&failure);
        Box::pin(async move {
            let failed = told::<DB>(connection, set_up, &statements).await.err();
            *failure.lock().unwrap_or_else(PoisonError::into_inner) = failed.clone();
            failed.map_or(Ok(()), |why| Err(Error::Configuration(why.into())))
        })
    })
}

struct SqlxPool<DB: Engine> {
    options: PoolOptions<DB>,
    connect: <DB::Connection as sqlx::Connection>::Options,
    /// Made where it is first asked for a connection: what looks after idle ones is a task of that event
    /// loop.
    pool: OnceLock<sqlx::Pool<DB>>,
    shelf: Arc<Shelf<Prepared<DB>>>,
    set_up: Arc<SetUp>,
    limit: Option<Duration>,
    /// Why the last connection could not be told what each is told first. sqlx says only that time is over.
    failure: Arc<Mutex<Option<DbError>>>,
    own: Arc<DB::Own>,
    _keep: Option<Arc<dyn Send + Sync>>,
}

impl<DB: Engine> SqlxPool<DB> {
    fn pool(&self) -> &sqlx::Pool<DB> {
        let make = || self.options.clone().connect_lazy_with(self.connect.clone());
        self.pool.get_or_init(make)
    }

    #[cold]
    fn failed(&self, why: &Error) -> DbError {
        let why = error::<DB>(why);
        if why.class == ErrorClass::PoolTimeout {
            let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            return failure.unwrap_or(why);
        }
        DB::refused(&self.own, why)
    }
}

#[async_trait]
impl<DB> Pool for SqlxPool<DB>
where
    DB: Engine,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    async fn acquire(&self) -> Result<Box<dyn Session>, DbError> {
        let connection = self.pool().acquire().await.map_err(|why| self.failed(&why))?;
        let lease = Lease { connection, whole: false };
        let lent = SqlxConnection::<DB, _>::lent(lease, Arc::clone(&self.set_up), &self.shelf);
        Ok(lend(Box::new(lent.limited(self.limit).await?)))
    }

    async fn state(&self) -> Result<PoolState, DbError> {
        let Some(pool) = self.pool.get() else { return Ok(PoolState::default()) };
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        Ok(PoolState { open: pool.size(), idle, waiting: None })
    }

    async fn close(&self) {
        let pool = self.pool().clone();
        // It is closed from here on, and then waits for all that is lent.
        drop(pool.close());
        tokio::spawn(async move { pool.close().await });
    }

    fn detail(&self) -> String {
        "sqlx: statements are prepared once for each connection, when it is opened; each is asked for a \
         sign of life before it is lent and when it comes back"
            .to_owned()
    }
}

/// A connection that goes back when it is dropped.
struct Lease<DB: Engine> {
    connection: PoolConnection<DB>,
    /// Whoever has it next finds it as new.
    whole: bool,
}

impl<DB: Engine> Deref for Lease<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.connection
    }
}

impl<DB: Engine> DerefMut for Lease<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}

impl<DB: Engine> Owner<DB> for Lease<DB> {
    fn release(&mut self) {
        self.whole = true;
    }
}

impl<DB: Engine> Drop for Lease<DB> {
    fn drop(&mut self) {
        if !self.whole {
            self.connection.close_on_drop();
        }
    }
}
