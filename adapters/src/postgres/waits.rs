//! Which sessions wait for a lock, as the server's lock table tells it.

use async_trait::async_trait;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{DbError, LockWaits, Session};

use super::driver::PostgresDriver;

#[async_trait]
impl LockWaits for PostgresDriver {
    async fn identify(&self, session: &mut dyn Session) -> Result<i64, DbError> {
        scalar_sql(session, "SELECT pg_catalog.pg_backend_pid()").await
    }

    /// Who blocks it is worked out from the lock table (manual, table 9.67), from which a granted lock
    /// is gone before the commit that granted it is acknowledged.
    async fn is_waiting(&self, observer: &mut dyn Session, id: i64) -> Result<bool, DbError> {
        let sql = format!("SELECT cardinality(pg_catalog.pg_blocking_pids({id}))");
        Ok(scalar_sql(observer, &sql).await? > 0)
    }

    async fn cancel(&self, observer: &mut dyn Session, id: i64) -> Result<(), DbError> {
        let sql = format!("SELECT pg_catalog.pg_terminate_backend({id})");
        observer.query_sql(&sql, &mut |_| Ok(())).await.map(|_| ())
    }
}
