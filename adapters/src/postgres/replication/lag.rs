//! What PostgreSQL says of how far replicas are behind.

use async_trait::async_trait;
use dbdyno_core::dialect::quote_text;
use dbdyno_core::{DbError, LagReport, LagWatch, Session};

use super::ask::{connect, text, texts};
use super::topologies::name_of;
use crate::postgres::driver::PostgresDriver;

/// Sessions by which servers are asked.
pub(super) struct PostgresLag {
    /// On the primary: where its log ends.
    primary: Box<dyn Session>,
    /// On the server that each replica has its data from.
    upstreams: Vec<Box<dyn Session>>,
}

impl PostgresLag {
    pub(super) async fn open(
        primary: &PostgresDriver,
        upstreams: impl Iterator<Item = &PostgresDriver>,
    ) -> Result<Self, DbError> {
        let mut lag = Self { primary: connect(primary).await?, upstreams: Vec::new() };
        for upstream in upstreams {
            lag.upstreams.push(connect(upstream).await?);
        }
        Ok(lag)
    }
}

#[async_trait]
impl LagWatch for PostgresLag {
    /// `pg_stat_replication` of the server that sends (manual, section 28.2.4). Its bytes are counted from
    /// the primary's own place, also for a replica of a replica: what neither has replayed.
    async fn reports(&mut self) -> Result<Vec<LagReport>, DbError> {
        let sql = "SELECT pg_current_wal_lsn()::text";
        let written = text(&mut *self.primary, sql).await?;
        let mut reports = Vec::with_capacity(self.upstreams.len());
        for (place, upstream) in self.upstreams.iter_mut().enumerate() {
            let seconds =
                |column: &str| format!("coalesce(extract(epoch FROM {column})::text, '')");
            let sql = format!(
                "SELECT {}, {}, {}, \
                 coalesce(greatest(0, pg_wal_lsn_diff({}, replay_lsn))::text, '') \
                 FROM pg_stat_replication WHERE application_name = {}",
                seconds("write_lag"),
                seconds("flush_lag"),
                seconds("replay_lag"),
                quote_text(&written),
                quote_text(&name_of(place))
            );
            let rows = texts(&mut **upstream, &sql, 4).await?;
            reports.push(match rows.first().map(Vec::as_slice) {
                Some([write, flush, replay, bytes]) => LagReport {
                    write_s: write.parse().ok(),
                    flush_s: flush.parse().ok(),
                    replay_s: replay.parse().ok(),
                    bytes: bytes.parse().ok(),
                    transactions: None,
                },
                _ => LagReport::default(),
            });
        }
        Ok(reports)
    }
}
