//! sqlx as the library of a driver, on every engine.

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::{DbError, SessionOptions};
use sqlx::Executor;

use super::NAME;
use super::connection::SqlxConnection;
use super::engine::{Engine, Way};
use crate::library::{Connection, Library, LibraryDriver, LibraryPool};

/// The driver on a target that the engine's own has opened.
pub(crate) fn driver<DB>(own: Arc<DB::Own>) -> LibraryDriver
where
    DB: Engine,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    LibraryDriver::new(Arc::<DB::Own>::clone(&own), Sqlx::<DB>(own))
}

/// sqlx on a target of the engine's own driver.
pub(super) struct Sqlx<DB: Engine>(pub(super) Arc<DB::Own>);

#[async_trait]
impl<DB> Library for Sqlx<DB>
where
    DB: Engine,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    fn name(&self) -> &'static str {
        NAME
    }

    fn lacks_pipeline(&self) -> &'static str {
        "sqlx sends a statement once the one before it was answered"
    }

    fn can_be_watched(&self) -> bool {
        DB::WATCHABLE
    }

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Connection>, DbError> {
        if options.watched && !DB::WATCHABLE {
            let why = "sqlx does not let anybody look at a connection that waits for a lock";
            return Err(DbError::unexpected(why));
        }
        let (connection, Way { set_up, keep, .. }) = DB::open(&self.0, options).await?;
        let opened = SqlxConnection::<DB, _>::new(Box::new(connection), Arc::new(set_up), keep);
        Ok(Box::new(opened.await?.limited(options.statement_timeout).await?))
    }

    fn pool(&self) -> Option<&dyn LibraryPool> {
        Some(self)
    }
}
