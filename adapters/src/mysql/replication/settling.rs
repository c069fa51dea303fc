//! Waiting until replicas by global transaction identifiers show what the primary has committed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dbdyno_core::query::within;
use dbdyno_core::{DbError, Error, Result, Session, Settled, Settling};

use super::cluster::{ANSWER_LIMIT, connect, have_applied};
use super::lag::status;
use crate::mysql::driver::MysqlDriver;

/// Sessions by which replicas are waited for.
pub(super) struct GtidSettling<'c> {
    primary: Box<dyn Session>,
    replicas: Vec<(&'c MysqlDriver, Box<dyn Session>)>,
    /// Completes "cannot …".
    doing: String,
}

impl<'c> GtidSettling<'c> {
    /// # Errors
    /// A server takes no session in time.
    pub(super) async fn open(
        primary: &MysqlDriver,
        replicas: &'c [Arc<MysqlDriver>],
        doing: String,
    ) -> Result<Self> {
        let failed = |why| Error::new(&doing, why);
        let primary = connect(primary).await.map_err(failed)?;
        let mut sessions = Vec::with_capacity(replicas.len());
        for replica in replicas {
            sessions.push((&**replica, connect(replica).await.map_err(failed)?));
        }
        Ok(Self { primary, replicas: sessions, doing })
    }

    /// The place of the last transaction in the primary's log.
    async fn position(&mut self) -> Result<String, DbError> {
        let mut position = String::new();
        let sql = "SELECT CAST(@@gtid_binlog_pos AS CHAR)";
        let mut keep = |row: &dyn dbdyno_core::Row| {
            row.text(0)?.clone_into(&mut position);
            Ok(())
        };
        within(ANSWER_LIMIT, self.primary.query_sql(sql, &mut keep)).await?;
        Ok(position)
    }

    /// The first replica that has not applied the log up to a position in time, and what it says of that.
    async fn missing(
        &mut self,
        position: &str,
        limit: Duration,
    ) -> Result<Option<String>, DbError> {
        let deadline = Instant::now() + limit;
        for (replica, session) in &mut self.replicas {
            let left = deadline.saturating_duration_since(Instant::now());
            if !have_applied(&mut **session, position, left).await? {
                let status = status(replica).await?;
                return Ok(Some(status.get("Last_SQL_Error").cloned().unwrap_or_default()));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl Settling for GtidSettling<'_> {
    async fn settle(&mut self, limit: Duration) -> Result<Settled> {
        let position = self.position().await.map_err(|why| Error::new(&self.doing, why))?;
        let missing = self.missing(&position, limit).await;
        Ok(match missing.map_err(|why| Error::new(&self.doing, why))? {
            None => Settled::Shown,
            Some(said) => Settled::behind(limit, &said),
        })
    }
}
