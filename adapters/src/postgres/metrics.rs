//! What PostgreSQL tells of its work: the cumulative statistics (manual, chapter 28.2) and the list of
//! sessions.

use async_trait::async_trait;
use dbdyno_core::metrics::{MetricInfo, MetricsReader, Reading, ServerMetrics, find};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{DbError, Driver, Row, Session, SessionOptions};

use super::driver::PostgresDriver;

const CATALOGUE: &[MetricInfo] = &[
    MetricInfo::counter("commits", "1", "transactions committed (pg_stat_database)"),
    MetricInfo::counter("rollbacks", "1", "transactions rolled back (pg_stat_database)"),
    MetricInfo::counter(
        "cache_hits",
        "1",
        "pages found in shared buffers (pg_stat_database.blks_hit)",
    ),
    MetricInfo::counter(
        "cache_misses",
        "1",
        "pages read from the operating system (pg_stat_database.blks_read)",
    ),
    MetricInfo::counter("rows_read", "1", "rows fetched by scans (pg_stat_database.tup_returned)"),
    MetricInfo::counter(
        "rows_written",
        "1",
        "rows inserted, updated or deleted (pg_stat_database)",
    ),
    MetricInfo::counter("temp_bytes", "bytes", "written to temporary files (pg_stat_database)"),
    MetricInfo::counter("deadlocks", "1", "deadlocks detected (pg_stat_database)"),
    MetricInfo::gauge("connections", "1", "sessions of clients (pg_stat_activity)"),
    MetricInfo::gauge(
        "connections_active",
        "1",
        "sessions that run a statement (pg_stat_activity)",
    ),
    MetricInfo::gauge(
        "connections_idle_in_transaction",
        "1",
        "sessions with a transaction open that wait for their client (pg_stat_activity)",
    ),
    MetricInfo::gauge("connections_limit", "1", "sessions there may be (max_connections)"),
    MetricInfo::gauge(
        "waiting",
        "1",
        "sessions that wait at this moment, by what for (pg_stat_activity.wait_event)",
    ),
    MetricInfo::gauge("lock_waits", "1", "locks that sessions wait for at this moment (pg_locks)"),
    MetricInfo::gauge(
        "longest_transaction_s",
        "s",
        "age of the oldest transaction of a client (pg_stat_activity.xact_start)",
    ),
    MetricInfo::gauge("live_rows", "1", "rows in tables, as estimated (pg_stat_user_tables)"),
    MetricInfo::gauge(
        "dead_rows",
        "1",
        "row versions that vacuum has yet to remove, as estimated (pg_stat_user_tables)",
    ),
    MetricInfo::counter("log_bytes", "bytes", "write-ahead log generated (pg_stat_wal.wal_bytes)"),
    MetricInfo::counter("log_full_pages", "1", "full page images in it (pg_stat_wal.wal_fpi)"),
    MetricInfo::counter(
        "log_syncs",
        "1",
        "write-ahead log synced (pg_stat_wal, from 18 on pg_stat_io)",
    ),
    MetricInfo::counter("checkpoints", "1", "checkpoints, by `timed` and `requested`"),
    MetricInfo::counter("checkpoint_write_ms", "ms", "time that checkpoints wrote"),
    MetricInfo::counter(
        "pages_written",
        "1",
        "pages written from shared buffers, by `checkpointer`, `background writer` and `sessions`",
    ),
    MetricInfo::gauge(
        "replicas",
        "1",
        "servers that receive the write-ahead log (pg_stat_replication)",
    ),
    MetricInfo::gauge(
        "replication_lag_bytes",
        "bytes",
        "write-ahead log that a replica has yet to replay, by its name (pg_stat_replication)",
    ),
    MetricInfo::gauge(
        "replication_lag_s",
        "s",
        "what the server says of a replica's lag, by its name (pg_stat_replication.replay_lag)",
    ),
    MetricInfo::counter(
        "statement_ms",
        "ms",
        "time in the five statements that took most of it, by their text (pg_stat_statements)",
    ),
];

/// Of every version. A name, of which of several, and the value.
const ALWAYS: &str = "\
WITH d AS (SELECT * FROM pg_catalog.pg_stat_database),
     a AS (SELECT * FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'
           AND pid <> pg_catalog.pg_backend_pid()),
     t AS (SELECT sum(n_live_tup) AS live, sum(n_dead_tup) AS dead FROM pg_catalog.pg_stat_user_tables),
     w AS (SELECT * FROM pg_catalog.pg_stat_wal),
     r AS (SELECT * FROM pg_catalog.pg_stat_replication)
SELECT 'commits', '', sum(xact_commit)::float8 FROM d
UNION ALL SELECT 'rollbacks', '', sum(xact_rollback) FROM d
UNION ALL SELECT 'cache_hits', '', sum(blks_hit) FROM d
UNION ALL SELECT 'cache_misses', '', sum(blks_read) FROM d
UNION ALL SELECT 'rows_read', '', sum(tup_returned) FROM d
UNION ALL SELECT 'rows_written', '', sum(tup_inserted + tup_updated + tup_deleted) FROM d
UNION ALL SELECT 'temp_bytes', '', sum(temp_bytes) FROM d
UNION ALL SELECT 'deadlocks', '', sum(deadlocks) FROM d
UNION ALL SELECT 'connections', '', count(*) FROM a
UNION ALL SELECT 'connections_active', '', count(*) FROM a WHERE state = 'active'
UNION ALL SELECT 'connections_idle_in_transaction', '', count(*) FROM a
          WHERE state LIKE 'idle in transaction%'
UNION ALL SELECT 'connections_limit', '', current_setting('max_connections')::float8
UNION ALL SELECT 'waiting', wait_event_type || ': ' || wait_event, count(*) FROM a
          WHERE state = 'active' AND wait_event IS NOT NULL GROUP BY 2
UNION ALL SELECT 'lock_waits', '', count(*) FROM pg_catalog.pg_locks WHERE NOT granted
UNION ALL SELECT 'longest_transaction_s', '',
          coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0) FROM a
UNION ALL SELECT 'live_rows', '', coalesce(live, 0) FROM t
UNION ALL SELECT 'dead_rows', '', coalesce(dead, 0) FROM t
UNION ALL SELECT 'log_bytes', '', wal_bytes FROM w
UNION ALL SELECT 'log_full_pages', '', wal_fpi FROM w
UNION ALL SELECT 'replicas', '', count(*) FROM r
UNION ALL SELECT 'replication_lag_bytes', application_name,
          pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn) FROM r
          WHERE replay_lsn IS NOT NULL AND NOT pg_catalog.pg_is_in_recovery()
UNION ALL SELECT 'replication_lag_s', application_name, extract(epoch FROM replay_lag) FROM r
          WHERE replay_lag IS NOT NULL";

/// Checkpoints until version 16.
const IN_BGWRITER: &str = "
UNION ALL SELECT 'checkpoints', 'timed', checkpoints_timed FROM pg_catalog.pg_stat_bgwriter
UNION ALL SELECT 'checkpoints', 'requested', checkpoints_req FROM pg_catalog.pg_stat_bgwriter
UNION ALL SELECT 'checkpoint_write_ms', '', checkpoint_write_time FROM pg_catalog.pg_stat_bgwriter
UNION ALL SELECT 'pages_written', 'checkpointer', buffers_checkpoint FROM pg_catalog.pg_stat_bgwriter
UNION ALL SELECT 'pages_written', 'background writer', buffers_clean FROM pg_catalog.pg_stat_bgwriter
UNION ALL SELECT 'pages_written', 'sessions', buffers_backend FROM pg_catalog.pg_stat_bgwriter";

/// Checkpoints from version 17 on, where sessions' writes are in `pg_stat_io`.
const IN_CHECKPOINTER: &str = "
UNION ALL SELECT 'checkpoints', 'timed', num_timed FROM pg_catalog.pg_stat_checkpointer
UNION ALL SELECT 'checkpoints', 'requested', num_requested FROM pg_catalog.pg_stat_checkpointer
UNION ALL SELECT 'checkpoint_write_ms', '', write_time FROM pg_catalog.pg_stat_checkpointer
UNION ALL SELECT 'pages_written', 'checkpointer', buffers_written FROM pg_catalog.pg_stat_checkpointer
UNION ALL SELECT 'pages_written', 'background writer', buffers_clean FROM pg_catalog.pg_stat_bgwriter
UNION ALL SELECT 'pages_written', 'sessions', sum(writes) FROM pg_catalog.pg_stat_io
          WHERE object = 'relation' AND backend_type = 'client backend'";

/// Syncs of the write-ahead log until version 17.
const SYNCS_OF_WAL: &str =
    "\nUNION ALL SELECT 'log_syncs', '', wal_sync FROM pg_catalog.pg_stat_wal";

/// The same from version 18 on.
const SYNCS_OF_IO: &str = "
UNION ALL SELECT 'log_syncs', '', sum(fsyncs) FROM pg_catalog.pg_stat_io WHERE object = 'wal'";

/// The schema of the statistics of statements, where the extension is loaded and made in this database.
const STATEMENTS_ARE_IN: &str = "\
SELECT pg_catalog.quote_ident(nspname) FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE extname = 'pg_stat_statements'
AND EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.max')";

#[async_trait]
impl ServerMetrics for PostgresDriver {
    fn catalogue(&self) -> &'static [MetricInfo] {
        CATALOGUE
    }

    async fn open(&self) -> Result<Box<dyn MetricsReader>, DbError> {
        let mut session = self.connect(&SessionOptions::default()).await?;
        let version = "SELECT current_setting('server_version_num')::int";
        let version = scalar_sql(session.as_mut(), version).await?;
        let checkpoints = if version >= 170_000 { IN_CHECKPOINTER } else { IN_BGWRITER };
        let syncs = if version >= 180_000 { SYNCS_OF_IO } else { SYNCS_OF_WAL };
        // pg_stat_wal came with version 14, the oldest that is still maintained.
        Ok(Box::new(Statistics { session, query: format!("{ALWAYS}{checkpoints}{syncs}") }))
    }

    fn process(&self) -> Option<u32> {
        self.server_process()
    }
}

/// Reads the statistics in a session.
struct Statistics {
    session: Box<dyn Session>,
    query: String,
}

#[async_trait]
impl MetricsReader for Statistics {
    async fn read(&mut self) -> Result<Vec<Reading>, DbError> {
        let session = self.session.as_mut();
        let mut readings = rows(session, &self.query).await?;
        let mut schemas = Vec::new();
        let mut visit = |row: &dyn Row| {
            schemas.push(row.text(0)?.to_owned());
            Ok(())
        };
        session.query_sql(STATEMENTS_ARE_IN, &mut visit).await?;
        if let Some(schema) = schemas.first() {
            readings.extend(rows(session, &longest_statements(schema)).await?);
        }
        Ok(readings)
    }
}

/// What took most time; texts are the extension's, with parameters in place of constants.
fn longest_statements(schema: &str) -> String {
    format!(
        "SELECT 'statement_ms', left(regexp_replace(query, '\\s+', ' ', 'g'), 80), \
         sum(total_exec_time) FROM {schema}.pg_stat_statements GROUP BY 2 ORDER BY 3 DESC LIMIT 5"
    )
}

/// The readings that a query answers: name, of which, value.
async fn rows(session: &mut dyn Session, sql: &str) -> Result<Vec<Reading>, DbError> {
    let mut readings = Vec::new();
    let mut visit = |row: &dyn Row| {
        let name = row.text(0)?;
        let unknown = || DbError::unexpected(format!("no metric is called `{name}`"));
        let metric = find(CATALOGUE, name).ok_or_else(unknown)?;
        readings.push(Reading { metric, of: row.text(1)?.to_owned(), value: row.float(2)? });
        Ok(())
    };
    session.query_sql(sql, &mut visit).await?;
    Ok(readings)
}
