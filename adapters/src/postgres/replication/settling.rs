//! Waiting until replicas show what the primary has committed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::query::within;
use dbdyno_core::{DbError, Durability, Error, Result, Session, Settled, Settling};

use super::ask::{ANSWER_LIMIT, connect, text};
use super::topologies::Kind;
use crate::patience::Patience;
use crate::postgres::driver::PostgresDriver;

/// Sessions by which replicas are waited for.
pub(super) struct PostgresSettling {
    primary: Box<dyn Session>,
    /// On each replica that has the log itself; none where the primary knows what they have applied.
    replicas: Vec<Box<dyn Session>>,
    subscribers: usize,
    /// Whether commits may be acknowledged before they are in the log.
    is_lazy: bool,
    /// Completes "cannot …".
    doing: String,
}

impl PostgresSettling {
    /// # Errors
    /// A server takes no session in time.
    pub(super) async fn open(
        primary: &PostgresDriver,
        replicas: &[Arc<PostgresDriver>],
        kind: Kind,
        durability: Durability,
        doing: String,
    ) -> Result<Self> {
        let failed = |why| Error::new(&doing, why);
        let primary = connect(primary).await.map_err(failed)?;
        let (mut sessions, mut subscribers) = (Vec::new(), 0);
        match kind {
            Kind::Logical => subscribers = replicas.len(),
            Kind::Streaming => {
                for replica in replicas {
                    sessions.push(connect(&**replica).await.map_err(failed)?);
                }
            }
        }
        let is_lazy = durability == Durability::None;
        Ok(Self { primary, replicas: sessions, subscribers, is_lazy, doing })
    }

    /// Where the primary's log ends.
    async fn end_of_log(&mut self) -> Result<String, DbError> {
        if self.is_lazy {
            // One commit that is waited for takes all before it into the log.
            for sql in [
                "SET synchronous_commit = local",
                "SELECT pg_logical_emit_message(true, 'dbdyno', '')",
            ] {
                within(ANSWER_LIMIT, self.primary.run_sql(sql)).await?;
            }
        }
        text(&mut *self.primary, "SELECT pg_current_wal_lsn()::text").await
    }

    /// Whether all replicas show the primary's log up to a place.
    async fn have_applied(&mut self, lsn: &str) -> Result<bool, DbError> {
        let sql = format!(
            "SELECT CASE WHEN pg_last_wal_replay_lsn() >= '{lsn}' THEN 'yes' ELSE 'no' END"
        );
        for replica in &mut self.replicas {
            if text(&mut **replica, &sql).await? != "yes" {
                return Ok(false);
            }
        }
        if self.subscribers == 0 {
            return Ok(true);
        }
        let sql =
            format!("SELECT count(*)::text FROM pg_stat_replication WHERE replay_lsn >= '{lsn}'");
        Ok(text(&mut *self.primary, &sql).await? == self.subscribers.to_string())
    }
}

#[async_trait]
impl Settling for PostgresSettling {
    async fn settle(&mut self, limit: Duration) -> Result<Settled> {
        let patience = Patience::of(limit);
        let lsn = self.end_of_log().await.map_err(|why| Error::new(&self.doing, why))?;
        while !self.have_applied(&lsn).await.map_err(|why| Error::new(&self.doing, why))? {
            if patience.is_over().await {
                return Ok(Settled::behind(limit, ""));
            }
        }
        Ok(Settled::Shown)
    }
}
