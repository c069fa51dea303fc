//! What MySQL and MariaDB tell of their work: the status variables (`SHOW GLOBAL STATUS`), InnoDB's own
//! metrics, and the digests of statements where performance_schema is on.

use std::collections::BTreeMap;

use async_trait::async_trait;
use dbdyno_core::metrics::{MetricInfo, MetricsReader, Reading, ServerMetrics, find};
use dbdyno_core::{DbError, Driver, Row, Session, SessionOptions};

use super::driver::MysqlDriver;
use super::programs::Product;
use super::replica::{self, Replica};

pub(super) const CATALOGUE: &[MetricInfo] = &[
    MetricInfo::counter("commits", "1", "COMMIT statements (Com_commit)"),
    MetricInfo::counter("rollbacks", "1", "ROLLBACK statements (Com_rollback)"),
    MetricInfo::counter("statements", "1", "statements of clients (Questions)"),
    MetricInfo::counter(
        "cache_hits",
        "1",
        "pages found in the buffer pool (Innodb_buffer_pool_read_requests less _reads)",
    ),
    MetricInfo::counter(
        "cache_misses",
        "1",
        "pages read from files, because the buffer pool lacked them (Innodb_buffer_pool_reads)",
    ),
    MetricInfo::gauge("cache_pages_dirty", "1", "pages changed and not yet written (InnoDB)"),
    MetricInfo::gauge(
        "cache_pages_free",
        "1",
        "pages of the buffer pool that hold nothing (InnoDB)",
    ),
    MetricInfo::counter("cache_waits", "1", "waits for a free page (Innodb_buffer_pool_wait_free)"),
    MetricInfo::counter("pages_written", "1", "pages written (Innodb_pages_written)"),
    MetricInfo::counter(
        "rows_read",
        "1",
        "rows read (Innodb_rows_read, or what the handler was asked for)",
    ),
    MetricInfo::counter(
        "rows_written",
        "1",
        "rows inserted, updated or deleted (Innodb_rows_*, or Handler_*)",
    ),
    MetricInfo::counter(
        "temp_tables_on_disk",
        "1",
        "temporary tables on disk (Created_tmp_disk_tables)",
    ),
    MetricInfo::counter("deadlocks", "1", "deadlocks detected (InnoDB)"),
    MetricInfo::counter("lock_waits_total", "1", "waits for a row's lock (Innodb_row_lock_waits)"),
    MetricInfo::counter("lock_wait_ms", "ms", "time waited for rows' locks (Innodb_row_lock_time)"),
    MetricInfo::gauge(
        "lock_waits",
        "1",
        "sessions that wait for a row's lock at this moment (Innodb_row_lock_current_waits)",
    ),
    MetricInfo::gauge(
        "locks",
        "1",
        "rows' locks that others wait for at this moment, by mode (MariaDB's INNODB_LOCKS)",
    ),
    MetricInfo::gauge(
        "locks_awaited",
        "1",
        "rows' locks that are waited for at this moment, by mode (MariaDB's INNODB_LOCKS)",
    ),
    MetricInfo::gauge("row_locks", "1", "rows' locks that transactions hold (INNODB_TRX)"),
    MetricInfo::gauge(
        "waiting",
        "1",
        "sessions that wait at this moment, by what for: `row lock` (INNODB_TRX), or their state (PROCESSLIST)",
    ),
    MetricInfo::gauge(
        "longest_transaction_s",
        "s",
        "age of the oldest transaction, in whole seconds (INNODB_TRX.trx_started)",
    ),
    MetricInfo::gauge("connections", "1", "sessions (Threads_connected)"),
    MetricInfo::gauge("connections_active", "1", "sessions that run a statement (Threads_running)"),
    MetricInfo::gauge("connections_limit", "1", "sessions there may be (max_connections)"),
    MetricInfo::counter("log_bytes", "bytes", "redo log written (Innodb_os_log_written)"),
    MetricInfo::counter("log_syncs", "1", "redo log synced (Innodb_os_log_fsyncs)"),
    MetricInfo::counter("log_waits", "1", "waits for room in the log buffer (Innodb_log_waits)"),
    MetricInfo::gauge(
        "checkpoint_age_bytes",
        "bytes",
        "redo log since the last checkpoint (InnoDB)",
    ),
    MetricInfo::gauge(
        "history_length",
        "1",
        "transactions whose old row versions purge has yet to remove (InnoDB)",
    ),
    MetricInfo::counter("file_syncs", "1", "files synced (Innodb_data_fsyncs)"),
    MetricInfo::counter(
        "network_received_bytes",
        "bytes",
        "received from clients (Bytes_received)",
    ),
    MetricInfo::counter("network_sent_bytes", "bytes", "sent to clients (Bytes_sent)"),
    MetricInfo::gauge("replicas", "1", "servers that receive the binary log (Slaves_connected)"),
    replica::LAG_S,
    replica::BEHIND_S,
    replica::STOPPED,
    MetricInfo::counter(
        "statement_ms",
        "ms",
        "time in the five statements that took most of it, by their digest (performance_schema)",
    ),
    MetricInfo::counter("statement_calls", "1", "how often those ran (performance_schema)"),
];

/// Metrics that are a status variable each; not every version has all.
const STATUS: &[(&str, &str)] = &[
    ("Com_commit", "commits"),
    ("Com_rollback", "rollbacks"),
    ("Questions", "statements"),
    ("Innodb_buffer_pool_reads", "cache_misses"),
    ("Innodb_buffer_pool_pages_dirty", "cache_pages_dirty"),
    ("Innodb_buffer_pool_pages_free", "cache_pages_free"),
    ("Innodb_buffer_pool_wait_free", "cache_waits"),
    ("Innodb_pages_written", "pages_written"),
    ("Created_tmp_disk_tables", "temp_tables_on_disk"),
    ("Innodb_deadlocks", "deadlocks"),
    ("Innodb_row_lock_waits", "lock_waits_total"),
    ("Innodb_row_lock_time", "lock_wait_ms"),
    ("Innodb_row_lock_current_waits", "lock_waits"),
    ("Threads_connected", "connections"),
    ("Threads_running", "connections_active"),
    ("Innodb_os_log_written", "log_bytes"),
    ("Innodb_os_log_fsyncs", "log_syncs"),
    ("Innodb_log_waits", "log_waits"),
    ("Innodb_checkpoint_age", "checkpoint_age_bytes"),
    ("Innodb_history_list_length", "history_length"),
    ("Innodb_data_fsyncs", "file_syncs"),
    ("Bytes_received", "network_received_bytes"),
    ("Bytes_sent", "network_sent_bytes"),
    ("Slaves_connected", "replicas"),
];
/// Requests for pages, found in the buffer pool or not.
const PAGE_REQUESTS: &str = "Innodb_buffer_pool_read_requests";
/// Status variables that metrics are differences of.
const WORKED_OUT_OF: [&str; 3] =
    [PAGE_REQUESTS, "Innodb_redo_log_current_lsn", "Innodb_redo_log_checkpoint_lsn"];
/// Metrics that are sums of status variables: the first of a metric's sums that there is. InnoDB counts rows in
/// MySQL, and did in MariaDB before 10.10; the handler's requests are counted everywhere.
const SUMS: &[(&str, &[&str])] = &[
    ("rows_read", &["Innodb_rows_read"]),
    (
        "rows_read",
        &[
            "Handler_read_first",
            "Handler_read_key",
            "Handler_read_last",
            "Handler_read_next",
            "Handler_read_prev",
            "Handler_read_rnd",
            "Handler_read_rnd_next",
        ],
    ),
    ("rows_written", &["Innodb_rows_inserted", "Innodb_rows_updated", "Innodb_rows_deleted"]),
    ("rows_written", &["Handler_write", "Handler_update", "Handler_delete"]),
];

/// Metrics that MySQL has among InnoDB's own alone.
const INNODB: &[(&str, &str)] =
    &[("lock_deadlocks", "deadlocks"), ("trx_rseg_history_len", "history_length")];

/// Whoever may see all processes is told of transactions. InnoDB makes the three of its tables from one look at them.
const TRANSACTIONS: &str = "\
SELECT 'row_locks', '', CAST(COALESCE(SUM(trx_rows_locked), 0) AS DOUBLE) FROM information_schema.INNODB_TRX \
UNION ALL SELECT 'longest_transaction_s', '', \
CAST(COALESCE(MAX(UNIX_TIMESTAMP() - UNIX_TIMESTAMP(trx_started)), 0) AS DOUBLE) \
FROM information_schema.INNODB_TRX \
UNION ALL SELECT 'waiting', 'row lock', CAST(COUNT(*) AS DOUBLE) FROM information_schema.INNODB_TRX \
WHERE trx_state = 'LOCK WAIT' HAVING COUNT(*) > 0 \
UNION ALL SELECT 'waiting', STATE, CAST(COUNT(*) AS DOUBLE) FROM information_schema.PROCESSLIST \
WHERE COMMAND IN ('Query', 'Execute') AND STATE LIKE 'Waiting for %lock' GROUP BY STATE";

/// Only where somebody waits has MariaDB anything to tell of these. MySQL tells of all locks that there are, or none,
/// which may be too many to ask for.
const LOCKS: &str = "\
SELECT IF(lock_id IN (SELECT requested_lock_id FROM information_schema.INNODB_LOCK_WAITS), \
'locks_awaited', 'locks'), lock_mode, CAST(COUNT(*) AS DOUBLE) FROM information_schema.INNODB_LOCKS GROUP BY 1, 2";

/// Keeps the statements of the session out of the digests, where the user may.
const UNSEEN: &str = "\
UPDATE performance_schema.threads SET INSTRUMENTED = 'NO' WHERE PROCESSLIST_ID = CONNECTION_ID()";

const DIGESTS: &str = "\
SELECT LEFT(REPLACE(COALESCE(DIGEST_TEXT, 'the others'), '\\n', ' '), 80) AS text, \
CAST(SUM(SUM_TIMER_WAIT) / 1e9 AS DOUBLE) AS ms, CAST(SUM(COUNT_STAR) AS DOUBLE) \
FROM performance_schema.events_statements_summary_by_digest GROUP BY 1";

/// MariaDB counts executions of prepared statements in no digest, and in no row of
/// `prepared_statements_instances` either (10.11: they stay at 0), but all of them together.
const EXECUTIONS: &str = "\
SELECT 'prepared statements', CAST(SUM(SUM_TIMER_WAIT) / 1e9 AS DOUBLE), CAST(SUM(COUNT_STAR) AS DOUBLE) \
FROM performance_schema.events_statements_summary_global_by_event_name \
WHERE EVENT_NAME = 'statement/com/Execute' HAVING SUM(COUNT_STAR) > 0";

#[async_trait]
impl ServerMetrics for MysqlDriver {
    fn catalogue(&self) -> &'static [MetricInfo] {
        CATALOGUE
    }

    async fn open(&self) -> Result<Box<dyn MetricsReader>, DbError> {
        let mut session = self.connect(&SessionOptions::default()).await?;
        for statement in limit(self.product()) {
            session.run_sql(statement).await?;
        }
        session.run_sql(MARK).await?;
        match session.run_sql(UNSEEN).await {
            Err(error) if error.is_disconnected() => return Err(error),
            // Then they are seen.
            _ => {}
        }
        let replica = Replica::of(self.product(), self.replica_lag());
        let is_mariadb = self.product() == Product::Mariadb;
        let status = Status {
            session,
            replica,
            replicates: true,
            innodb: true,
            transactions: true,
            locks: is_mariadb,
            executions: is_mariadb,
            digests: true,
        };
        Ok(Box::new(status))
    }

    fn process(&self) -> Option<u32> {
        self.server_process()
    }
}

/// By this lock, which nobody waits for, the session is told from those of clients (`Dialect::count_sessions`). A second
/// one on the same server goes without.
const MARK: &str = "DO GET_LOCK('dbdyno monitor', 0)";

/// Reads the status in a session.
struct Status {
    session: Box<dyn Session>,
    replica: Replica,
    /// Whether its status as a replica, InnoDB's own metrics, what transactions and their locks are, and then the
    /// digests, are for this user, as far as is known.
    replicates: bool,
    innodb: bool,
    transactions: bool,
    locks: bool,
    digests: bool,
    /// Whether digests lack what was prepared.
    executions: bool,
}

impl Status {
    /// What a part answered that not every user may ask for; notes where it is not for this one.
    fn part(
        allowed: &mut bool,
        answer: Result<Vec<Reading>, DbError>,
    ) -> Result<Vec<Reading>, DbError> {
        match answer {
            Err(error) if !error.is_disconnected() => {
                *allowed = false;
                Ok(Vec::new())
            }
            answer => answer,
        }
    }
}

#[async_trait]
impl MetricsReader for Status {
    async fn read(&mut self) -> Result<Vec<Reading>, DbError> {
        let session = self.session.as_mut();
        let status = pairs(session, &status_query()).await?;
        let mut readings: Vec<Reading> = STATUS
            .iter()
            .filter_map(|(name, metric)| reading(metric, number(&status, name)?))
            .collect();
        readings.extend(worked_out(&status));
        let lacking = |metric: &str| !readings.iter().any(|reading| reading.metric.name == metric);
        let wanted: Vec<_> = INNODB.iter().filter(|(_, metric)| lacking(metric)).collect();
        if self.innodb && !wanted.is_empty() {
            let found = of_innodb(session, &wanted).await;
            readings.extend(Self::part(&mut self.innodb, found)?);
        }
        if self.transactions {
            let found = named(session, TRANSACTIONS).await;
            readings.extend(Self::part(&mut self.transactions, found)?);
        }
        if self.locks {
            let found = named(session, LOCKS).await;
            readings.extend(Self::part(&mut self.locks, found)?);
        }
        if self.replicates {
            let found = self.replica.read(session).await;
            readings.extend(Self::part(&mut self.replicates, found)?);
        }
        let variables = "SHOW GLOBAL VARIABLES WHERE Variable_name IN \
                         ('max_connections', 'performance_schema')";
        let variables = pairs(session, variables).await?;
        let limit = number(&variables, "max_connections");
        readings.extend(limit.and_then(|limit| reading("connections_limit", limit)));
        let is_on = variables.get("performance_schema").is_some_and(|value| value == "ON");
        if self.digests && is_on {
            let found = digests(session, self.executions).await;
            readings.extend(Self::part(&mut self.digests, found)?);
        }
        Ok(readings)
    }
}

/// What keeps a query that hangs from going on when nobody waits for it any more.
fn limit(product: Product) -> &'static [&'static str] {
    match product {
        Product::Mariadb => &["SET SESSION max_statement_time = 1"],
        Product::Mysql => &["SET SESSION max_execution_time = 1000"],
    }
}

async fn of_innodb(
    session: &mut dyn Session,
    wanted: &[&(&str, &str)],
) -> Result<Vec<Reading>, DbError> {
    let names: Vec<String> = wanted.iter().map(|(name, _)| format!("'{name}'")).collect();
    let sql = format!(
        "SELECT NAME, CAST(`COUNT` AS CHAR) FROM information_schema.INNODB_METRICS \
         WHERE NAME IN ({})",
        names.join(", ")
    );
    let counted = pairs(session, &sql).await?;
    let found = wanted.iter().filter_map(|(name, metric)| reading(metric, number(&counted, name)?));
    Ok(found.collect())
}

fn status_query() -> String {
    let parts = SUMS.iter().flat_map(|(_, parts)| parts.iter().copied());
    let names = STATUS.iter().map(|(name, _)| *name).chain(parts).chain(WORKED_OUT_OF);
    let list: Vec<String> = names.map(|name| format!("'{name}'")).collect();
    format!("SHOW GLOBAL STATUS WHERE Variable_name IN ({})", list.join(", "))
}

/// Metrics that are several status variables.
fn worked_out(status: &BTreeMap<String, String>) -> Vec<Reading> {
    let of = |name: &str| number(status, name);
    let hits =
        of(PAGE_REQUESTS).zip(of("Innodb_buffer_pool_reads")).map(|(all, missed)| all - missed);
    let mut found: Vec<Reading> =
        hits.and_then(|hits| reading("cache_hits", hits)).into_iter().collect();
    // MySQL tells the two ends from 8.0.30 on, MariaDB the difference.
    let age = of("Innodb_redo_log_current_lsn").zip(of("Innodb_redo_log_checkpoint_lsn"));
    found.extend(age.and_then(|(now, then)| reading("checkpoint_age_bytes", now - then)));
    for (metric, parts) in SUMS {
        let has = |reading: &Reading| reading.metric.name == *metric;
        if let (false, Some(sum)) = (found.iter().any(has), parts.iter().map(|name| of(name)).sum())
        {
            found.extend(reading(metric, sum));
        }
    }
    found
}

fn reading(metric: &str, value: f64) -> Option<Reading> {
    Some(Reading::new(find(CATALOGUE, metric)?, value))
}

fn number(pairs: &BTreeMap<String, String>, name: &str) -> Option<f64> {
    pairs.get(name)?.parse().ok()
}

/// Names and values that a query answers, as text.
async fn pairs(session: &mut dyn Session, sql: &str) -> Result<BTreeMap<String, String>, DbError> {
    let mut pairs = BTreeMap::new();
    let mut visit = |row: &dyn Row| {
        pairs.insert(row.text(0)?.to_owned(), row.text(1)?.to_owned());
        Ok(())
    };
    session.query_sql(sql, &mut visit).await?;
    Ok(pairs)
}

/// Readings that a query answers: name, of which, value.
async fn named(session: &mut dyn Session, sql: &str) -> Result<Vec<Reading>, DbError> {
    let mut readings = Vec::new();
    let mut visit = |row: &dyn Row| {
        let metric = find(CATALOGUE, row.text(0)?);
        let of = row.text(1)?.to_owned();
        let value = row.float(2)?;
        readings.extend(metric.map(|metric| Reading { metric, of, value }));
        Ok(())
    };
    session.query_sql(sql, &mut visit).await?;
    Ok(readings)
}

async fn digests(session: &mut dyn Session, executions: bool) -> Result<Vec<Reading>, DbError> {
    let (ms, calls) = (find(CATALOGUE, "statement_ms"), find(CATALOGUE, "statement_calls"));
    let mut readings = Vec::new();
    let mut visit = |row: &dyn Row| {
        let of = row.text(0)?;
        for (metric, value) in [(ms, row.float(1)?), (calls, row.float(2)?)] {
            readings.extend(metric.map(|metric| Reading { metric, of: of.to_owned(), value }));
        }
        Ok(())
    };
    let too = if executions { format!(" UNION ALL {EXECUTIONS}") } else { String::new() };
    let longest = format!("{DIGESTS}{too} ORDER BY ms DESC LIMIT 5");
    session.query_sql(&longest, &mut visit).await?;
    Ok(readings)
}
