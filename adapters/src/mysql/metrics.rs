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
    MetricInfo::gauge("replicas", "1", "servers that receive the binary log (Slaves_connected)"),
    replica::LAG_S,
    replica::BEHIND_S,
    replica::STOPPED,
    MetricInfo::counter(
        "statement_ms",
        "ms",
        "time in the five statements that took most of it, by their digest (performance_schema)",
    ),
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

const DIGESTS: &str = "\
SELECT LEFT(REPLACE(COALESCE(DIGEST_TEXT, 'the others'), '\\n', ' '), 80), \
CAST(SUM(SUM_TIMER_WAIT) / 1e9 AS DOUBLE) FROM performance_schema.events_statements_summary_by_digest \
GROUP BY 1 ORDER BY 2 DESC LIMIT 5";

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
        let replica = Replica::of(self.product(), self.replica_lag());
        Ok(Box::new(Status { session, replica, replicates: true, innodb: true, digests: true }))
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
    /// Whether its status as a replica, InnoDB's own metrics, and then the digests, are for this user, as far as is
    /// known.
    replicates: bool,
    innodb: bool,
    digests: bool,
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
            let found = digests(session).await;
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

async fn digests(session: &mut dyn Session) -> Result<Vec<Reading>, DbError> {
    let Some(metric) = find(CATALOGUE, "statement_ms") else { return Ok(Vec::new()) };
    let mut readings = Vec::new();
    let mut visit = |row: &dyn Row| {
        readings.push(Reading { metric, of: row.text(0)?.to_owned(), value: row.float(1)? });
        Ok(())
    };
    session.query_sql(DIGESTS, &mut visit).await?;
    Ok(readings)
}
