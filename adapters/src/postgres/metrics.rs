//! What PostgreSQL tells of its work: the cumulative statistics (manual, chapter 28.2) and the list of
//! sessions.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use dbdyno_core::metrics::{MetricInfo, MetricsReader, Reading, ServerMetrics, find};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{DbError, Row, Session};

use super::driver::PostgresDriver;
use super::standbys::{self, Standbys};

pub(super) const CATALOGUE: &[MetricInfo] = &[
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
    MetricInfo::gauge(
        "connections",
        "1",
        "sessions of clients, the one that asks included (pg_stat_activity; for users who are not told of others' \
         sessions pg_stat_database.numbackends, which has the server's own workers, too)",
    ),
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
    MetricInfo::gauge(
        "connections_limit",
        "1",
        "sessions there may be of users without privileges (max_connections less superuser_reserved_connections and \
         reserved_connections)",
    ),
    MetricInfo::gauge(
        "waiting",
        "1",
        "sessions that wait at this moment, by what for (pg_stat_activity.wait_event), but for those that have nothing \
         to do",
    ),
    MetricInfo::gauge(
        "lock_waits",
        "1",
        "sessions that wait for a lock at this moment (pg_stat_activity)",
    ),
    MetricInfo::gauge(
        "locks",
        "1",
        "locks that are held at this moment, by mode, but for those of transactions on their own numbers (pg_locks)",
    ),
    MetricInfo::gauge(
        "locks_awaited",
        "1",
        "locks that are waited for at this moment, by mode (pg_locks, not granted)",
    ),
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
    MetricInfo::counter(
        "log_waits",
        "1",
        "times that the log's buffers were full (pg_stat_wal.wal_buffers_full)",
    ),
    MetricInfo::counter("checkpoints", "1", "checkpoints, by `timed` and `requested`"),
    MetricInfo::counter("checkpoint_write_ms", "ms", "time that checkpoints wrote"),
    MetricInfo::counter(
        "pages_written",
        "1",
        "pages written from shared buffers, by `checkpointer`, `background writer` and `sessions`",
    ),
    MetricInfo::counter("io_reads", "1", "reads, by whom and what for (pg_stat_io)"),
    MetricInfo::counter("io_writes", "1", "writes, by whom and what for (pg_stat_io)"),
    MetricInfo::counter("io_extends", "1", "files made longer, by whom and what for (pg_stat_io)"),
    MetricInfo::counter(
        "io_evictions",
        "1",
        "pages put out of shared buffers, by whom and what for (pg_stat_io)",
    ),
    MetricInfo::counter("io_syncs", "1", "files synced, by whom and what for (pg_stat_io)"),
    MetricInfo::gauge(
        "replicas",
        "1",
        "servers that receive the write-ahead log (pg_stat_replication)",
    ),
    standbys::LAG_BYTES,
    standbys::BEHIND_S,
    standbys::STOPPED,
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
    MetricInfo::counter("statement_calls", "1", "how often those ran (pg_stat_statements)"),
];

/// Of every version. A name, of which of several, and the value. What the comment before it is for: see
/// [`longest_statements`]. All sessions are read once, where anybody asks for them.
const ALWAYS: &str = "\
/* dbdyno */ WITH d AS (SELECT * FROM pg_catalog.pg_stat_database),
     t AS (SELECT sum(n_live_tup) AS live, sum(n_dead_tup) AS dead FROM pg_catalog.pg_stat_user_tables),
     w AS (SELECT * FROM pg_catalog.pg_stat_wal),
     r AS (SELECT * FROM pg_catalog.pg_stat_replication),
     a AS MATERIALIZED (SELECT pid, state, wait_event_type, wait_event, backend_type, xact_start
           FROM pg_catalog.pg_stat_activity),
     l AS (SELECT mode, granted, count(*) AS locks FROM pg_catalog.pg_locks
           WHERE locktype <> 'virtualxid' AND pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
           AND NOT (locktype = 'transactionid' AND granted) GROUP BY 1, 2)
SELECT 'commits', '', sum(xact_commit)::float8 FROM d
UNION ALL SELECT 'rollbacks', '', sum(xact_rollback) FROM d
UNION ALL SELECT 'cache_hits', '', sum(blks_hit) FROM d
UNION ALL SELECT 'cache_misses', '', sum(blks_read) FROM d
UNION ALL SELECT 'rows_read', '', sum(tup_returned) FROM d
UNION ALL SELECT 'rows_written', '', sum(tup_inserted + tup_updated + tup_deleted) FROM d
UNION ALL SELECT 'temp_bytes', '', sum(temp_bytes) FROM d
UNION ALL SELECT 'deadlocks', '', sum(deadlocks) FROM d
UNION ALL SELECT 'connections_limit', '', current_setting('max_connections')::float8
          - current_setting('superuser_reserved_connections')::float8
          - coalesce(current_setting('reserved_connections', true)::float8, 0)
UNION ALL SELECT 'live_rows', '', coalesce(live, 0) FROM t
UNION ALL SELECT 'dead_rows', '', coalesce(dead, 0) FROM t
UNION ALL SELECT 'log_bytes', '', wal_bytes FROM w
UNION ALL SELECT 'log_full_pages', '', wal_fpi FROM w
UNION ALL SELECT 'log_waits', '', wal_buffers_full FROM w
UNION ALL SELECT CASE WHEN granted THEN 'locks' ELSE 'locks_awaited' END, mode, locks FROM l
UNION ALL SELECT 'replicas', '', count(*) FROM r
UNION ALL SELECT 'replication_lag_s', application_name, extract(epoch FROM max(replay_lag)) FROM r
          WHERE replay_lag IS NOT NULL GROUP BY 2";

/// What others' sessions do, which only a member of `pg_read_all_stats` is told. Those that send the log of a primary
/// with nothing to send wait for that, and so for nothing.
const OF_SESSIONS: &str = "
UNION ALL SELECT 'connections', '', count(*) FROM a WHERE backend_type = 'client backend'
UNION ALL SELECT 'connections_active', '', count(*) FROM a
          WHERE state = 'active' AND pid <> pg_catalog.pg_backend_pid()
          AND backend_type = 'client backend'
UNION ALL SELECT 'connections_idle_in_transaction', '', count(*) FROM a
          WHERE state LIKE 'idle in transaction%'
UNION ALL SELECT 'waiting', wait_event_type || ': ' || wait_event, count(*) FROM a
          WHERE state = 'active' AND wait_event_type <> 'Activity' AND lower(wait_event) <> 'walsenderwaitforwal'
          GROUP BY 2
UNION ALL SELECT 'lock_waits', '', count(*) FROM a WHERE wait_event_type = 'Lock'
UNION ALL SELECT 'longest_transaction_s', '',
          coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0) FROM a
          WHERE pid <> pg_catalog.pg_backend_pid() AND backend_type = 'client backend'";

/// Whoever is not told whose sessions there are is told how many.
const OF_NO_SESSION: &str = "
UNION ALL SELECT 'connections', '', sum(numbackends) FROM d";

/// Whether the user is told of others' sessions.
const IS_TOLD: &str = "SELECT (pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'))::int";

/// What keeps a query that hangs from going on when nobody waits for it any more.
const LIMIT: &str = "SET statement_timeout = '1s'";

/// The oldest version that has all that is asked for.
const OLDEST: i64 = 140_000;

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

/// Reads and writes from version 16 on. Whoever did none is left out.
const OF_IO: &str = "
UNION ALL SELECT i.name, i.whose, i.count FROM (
          SELECT backend_type || ', ' || CASE object WHEN 'relation' THEN context ELSE object END AS whose,
                 sum(reads) AS reads, sum(writes) AS writes, sum(extends) AS extends,
                 sum(evictions) AS evictions, sum(fsyncs) AS syncs
          FROM pg_catalog.pg_stat_io GROUP BY 1) AS s
          CROSS JOIN LATERAL (VALUES ('io_reads', whose, reads), ('io_writes', whose, writes),
          ('io_extends', whose, extends), ('io_evictions', whose, evictions), ('io_syncs', whose, syncs))
          AS i (name, whose, count) WHERE i.count > 0";

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

/// Whether the library is loaded.
const STATEMENTS_ARE_COUNTED: &str = "\
SELECT count(*) FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.max'";

/// In a server of dbdyno's own nobody else makes it.
const SHOW_STATEMENTS: &str = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements";

#[async_trait]
impl ServerMetrics for PostgresDriver {
    fn catalogue(&self) -> &'static [MetricInfo] {
        CATALOGUE
    }

    async fn open(&self) -> Result<Box<dyn MetricsReader>, DbError> {
        // By its name it is told from the sessions of clients (`Dialect::count_sessions`).
        let mut session = self.connect_named("dbdyno monitor").await?;
        let version = "SELECT current_setting('server_version_num')::int";
        let version = scalar_sql(session.as_mut(), version).await?;
        if version < OLDEST {
            return Err(DbError::unexpected("PostgreSQL has these statistics from version 14 on"));
        }
        session.run_sql(LIMIT).await?;
        let is_own = self.server_process().is_some();
        if is_own && scalar_sql(session.as_mut(), STATEMENTS_ARE_COUNTED).await? > 0 {
            match session.run_sql(SHOW_STATEMENTS).await {
                Err(error) if error.is_disconnected() => return Err(error),
                // A replica has it from its primary.
                _ => {}
            }
        }
        let sessions = if scalar_sql(session.as_mut(), IS_TOLD).await? > 0 {
            OF_SESSIONS
        } else {
            OF_NO_SESSION
        };
        let checkpoints = if version >= 170_000 { IN_CHECKPOINTER } else { IN_BGWRITER };
        let syncs = if version >= 180_000 { SYNCS_OF_IO } else { SYNCS_OF_WAL };
        let io = if version >= 160_000 { OF_IO } else { "" };
        let query = format!("{ALWAYS}{sessions}{checkpoints}{syncs}{io}");
        Ok(Box::new(Statistics {
            session,
            query,
            standbys: Arc::clone(&self.standbys),
            statements: Statements::Unknown,
        }))
    }

    fn process(&self) -> Option<u32> {
        self.server_process()
    }
}

/// Reads the statistics in a session.
struct Statistics {
    session: Box<dyn Session>,
    query: String,
    /// Remembered for as long as the driver is there: sessions that ask come and go, also with what they tell of.
    standbys: Arc<Mutex<Standbys>>,
    statements: Statements,
}

/// What is known of the statistics of statements.
enum Statements {
    /// They were not looked for.
    Unknown,
    /// They are asked for by this query.
    Query(String),
    /// There are none, or they are not for this user.
    Lacking,
}

#[async_trait]
impl MetricsReader for Statistics {
    async fn read(&mut self) -> Result<Vec<Reading>, DbError> {
        let mut readings = rows(self.session.as_mut(), &self.query).await?;
        let seen = standbys::Seen::ask(self.session.as_mut()).await?;
        let standbys = || self.standbys.lock().unwrap_or_else(PoisonError::into_inner);
        readings.extend(standbys().readings(Instant::now(), seen));
        if matches!(self.statements, Statements::Unknown) {
            self.statements = self.look_for_statements().await?;
        }
        if let Statements::Query(query) = &self.statements {
            match rows(self.session.as_mut(), query).await {
                Ok(found) => readings.extend(found),
                Err(error) if error.is_disconnected() => return Err(error),
                // An old version of the extension, or a damaged file of it, takes nothing else away.
                Err(_) => self.statements = Statements::Lacking,
            }
        }
        Ok(readings)
    }
}

impl Statistics {
    async fn look_for_statements(&mut self) -> Result<Statements, DbError> {
        let mut found = Statements::Lacking;
        let mut visit = |row: &dyn Row| {
            found = Statements::Query(longest_statements(row.text(0)?));
            Ok(())
        };
        self.session.query_sql(STATEMENTS_ARE_IN, &mut visit).await?;
        Ok(found)
    }
}

/// What took most time. The extension puts parameters in place of constants in these statements alone: others, such
/// as `ALTER ROLE … PASSWORD`, are left as they were typed, and are not for any file. Whoever samples begins statements
/// with a comment, which keeps them out.
fn longest_statements(schema: &str) -> String {
    format!(
        "/* dbdyno */ WITH s AS (SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 80) AS text, \
         sum(total_exec_time) AS ms, sum(calls)::float8 AS calls FROM {schema}.pg_stat_statements \
         WHERE query ~* '^\\s*(select|insert|update|delete|merge|with)\\M' \
         GROUP BY 1 ORDER BY 2 DESC LIMIT 5) \
         SELECT 'statement_ms', text, ms FROM s UNION ALL SELECT 'statement_calls', text, calls FROM s"
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
