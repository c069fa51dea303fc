//! The isolation suite on real servers: every anomaly at every level against what the Hermitage test suite
//! and the engines' manuals say of them, what contended workloads lose, and histories.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::Length;
use dbdyno_core::{Anomaly, Case, Driver, Isolation, Measurement, SessionOptions, Status};
use dbdyno_suites::isolation::benchmarks;
use dbdyno_suites::runner::{IsolationChoice, RunOptions, RunSummary};
use dbdyno_tests::{Kept, left_out, named, run_one, run_options, runtime, target};
use tokio::runtime::Runtime;

const NOTHING: &[&str] = &[];
const SNAPSHOT: &[&str] = &["G2i", "G2", "G2t"];
const READ_COMMITTED: &[&str] = &["PMP", "GS", "GSp", "PMPw", "GSw", "P4", "G2i", "G2", "G2t"];
/// InnoDB: a delete waits for the update and then meets what it left, which is a serial order.
const READ_UNCOMMITTED: &[&str] =
    &["G1a", "G1b", "G1c", "OTV", "PMP", "GS", "GSp", "GSw", "P4", "G2i", "G2", "G2t"];
/// InnoDB: reads are of a snapshot, and writes meet the newest rows.
const SNAPSHOT_READS: &[&str] = &["PMPw", "GSw", "P4", "G2i", "G2", "G2t"];
/// SQLite: only readers pass over the locks of a shared cache.
const SHARED_CACHE: &[&str] = &["G1a", "G1b", "PMP", "GS", "GSp"];

struct Bench {
    runtime: Runtime,
    driver: Arc<dyn Driver>,
}

type Rows = Vec<(Case, Measurement)>;

impl Bench {
    fn open(text: &str) -> Self {
        let runtime = runtime();
        let driver = target(&runtime, text);
        Self { runtime, driver }
    }

    fn run(&self, name: &str, options: &RunOptions) -> (RunSummary, Rows) {
        let (kept, benchmark) = (Kept::default(), named(benchmarks(), name));
        let chosen = ("isolation", benchmark.as_ref());
        (run_one(&self.runtime, &self.driver, chosen, options, &kept), kept.rows())
    }

    fn session_options(dataset: &str) -> SessionOptions {
        SessionOptions { namespace: Some(format!("dbdyno_{dataset}")), ..SessionOptions::default() }
    }
}

fn number(rows: &Rows, level: Isolation, metric: &str) -> Option<f64> {
    let is = |(case, row): &&(Case, Measurement)| {
        case.isolation == level && row.metric == metric && row.transaction.is_empty()
    };
    rows.iter().find(is).and_then(|(_, row)| row.value)
}

fn outcome(rows: &Rows, level: Isolation, anomaly: Anomaly) -> &str {
    let is = |(case, row): &&(Case, Measurement)| {
        case.isolation == level && row.transaction == anomaly.name()
    };
    &rows.iter().find(is).unwrap().1.detail
}

/// The symbols of the anomalies that a level allowed, and that all schedules say something.
fn allowed(rows: &Rows, level: Isolation) -> Vec<&'static str> {
    let of = |anomaly: &Anomaly| match outcome(rows, level, *anomaly) {
        "possible" => Some(anomaly.symbol()),
        prevented if prevented.starts_with("prevented by ") => None,
        other => panic!("{level} {anomaly}: {other}"),
    };
    Anomaly::ALL.iter().filter_map(of).collect()
}

/// A few transactions of each of four clients at every level.
fn at_every_level(transactions: u64) -> RunOptions {
    RunOptions { length: Length::Transactions(transactions), ..run_options() }
}

/// The symbols of the anomalies that the documentation says a level allows.
fn documented(target: &str, level: Isolation) -> Vec<&'static str> {
    let page = include_str!("../../docs/isolation.md");
    let (_, matrix) = page.split_once("<!-- the matrix -->\n").unwrap();
    let mut last = "";
    for line in matrix.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        last = if cells[0].is_empty() { last } else { cells[0] };
        if last == target && cells[1] == level.name() {
            let possible = cells[2..].iter().zip(Anomaly::ALL).filter(|(cell, _)| **cell == "X");
            return possible.map(|(_, anomaly)| anomaly.symbol()).collect();
        }
    }
    panic!("the documentation has no line for {target} {level}")
}

fn anomalies_of(text: &str, expected: &[(Isolation, &[&str])]) -> Rows {
    let (summary, rows) = Bench::open(text).run("anomalies", &run_options());
    assert_eq!((summary.measured as usize, summary.failed), (expected.len(), 0), "{rows:?}");
    for (level, anomalies) in expected {
        assert_eq!(allowed(&rows, *level), *anomalies, "{text} {level}");
        assert_eq!(number(&rows, *level, "check_promise_kept"), Some(1.0));
        if !text.contains("begin=") {
            assert_eq!(documented(text, *level), *anomalies, "{text} {level}");
        }
        let count = anomalies.len() as f64;
        assert_eq!(number(&rows, *level, "anomalies_possible"), Some(count));
    }
    rows
}

#[test]
fn sqlite_allows_nothing_but_dirty_reads_of_a_shared_cache() {
    let rows = anomalies_of("sqlite", &[(Isolation::Serializable, NOTHING)]);
    let how = |anomaly| outcome(&rows, Isolation::Serializable, anomaly).to_owned();
    assert_eq!(how(Anomaly::LostUpdate), "prevented by blocking");
    assert_eq!(how(Anomaly::ReadSkew), "prevented by snapshot");
    // With a rollback journal a writer waits for readers before it commits.
    let rows = anomalies_of("sqlite?journal_mode=delete", &[(Isolation::Serializable, NOTHING)]);
    let read_skew = outcome(&rows, Isolation::Serializable, Anomaly::ReadSkew);
    assert_eq!(read_skew, "prevented by blocking");
    // A stale snapshot cannot be written on: SQLITE_BUSY_SNAPSHOT.
    let rows = anomalies_of("sqlite?begin=deferred", &[(Isolation::Serializable, NOTHING)]);
    let write_skew = outcome(&rows, Isolation::Serializable, Anomaly::WriteReadSkew);
    assert_eq!(write_skew, "prevented by abort (517 serialization)");
    anomalies_of(
        "sqlite?cache=shared",
        &[(Isolation::ReadUncommitted, SHARED_CACHE), (Isolation::Serializable, NOTHING)],
    );
}

#[test]
fn postgres_allows_what_its_levels_say() {
    if left_out("postgres") {
        return;
    }
    let rows = anomalies_of(
        "postgres",
        &[
            (Isolation::ReadCommitted, READ_COMMITTED),
            (Isolation::RepeatableRead, SNAPSHOT),
            (Isolation::Serializable, NOTHING),
        ],
    );
    let how = |level, anomaly| outcome(&rows, level, anomaly).to_owned();
    let aborted = "prevented by abort (40001 serialization)";
    assert_eq!(how(Isolation::ReadCommitted, Anomaly::DirtyWrite), "prevented by blocking");
    assert_eq!(how(Isolation::RepeatableRead, Anomaly::LostUpdate), aborted);
    assert_eq!(how(Isolation::RepeatableRead, Anomaly::ReadSkew), "prevented by snapshot");
    assert_eq!(how(Isolation::Serializable, Anomaly::WriteSkew), aborted);
}

#[test]
fn mariadb_allows_what_its_levels_say() {
    if left_out("mariadb") {
        return;
    }
    let rows = anomalies_of(
        "mariadb",
        &[
            (Isolation::ReadUncommitted, READ_UNCOMMITTED),
            (Isolation::ReadCommitted, READ_COMMITTED),
            (Isolation::RepeatableRead, SNAPSHOT_READS),
            (Isolation::Snapshot, SNAPSHOT),
            (Isolation::Serializable, NOTHING),
        ],
    );
    let how = |level, anomaly| outcome(&rows, level, anomaly).to_owned();
    assert_eq!(how(Isolation::Serializable, Anomaly::ReadSkew), "prevented by blocking");
    let deadlock = "prevented by abort (1213 deadlock)";
    assert_eq!(how(Isolation::Serializable, Anomaly::LostUpdate), deadlock);
    let changed = "prevented by abort (1020 serialization)";
    assert_eq!(how(Isolation::Snapshot, Anomaly::LostUpdate), changed);
}

/// Somebody else holds a lock for good: the steps that need it hang, and the suite goes on.
#[test]
fn a_step_that_hangs_is_told_and_the_others_are_played() {
    if left_out("postgres") {
        return;
    }
    let bench = Bench::open("postgres");
    let level = IsolationChoice::Listed(vec![Isolation::ReadCommitted]);
    let within = |seconds| RunOptions {
        isolation: level.clone(),
        statement_timeout: Some(Duration::from_secs(seconds)),
        ..run_options()
    };
    // Loads the data. A busy machine has time for each step.
    assert_eq!(bench.run("anomalies", &within(60)).0.failed, 0);
    let mut holder = bench.runtime.block_on(async {
        let options = Bench::session_options("isolation");
        let mut session = bench.driver.connect(&options).await.unwrap();
        session.run_sql("BEGIN").await.unwrap();
        // Unseen by others, and in the way of who adds row 3.
        session.run_sql("INSERT INTO schedule_rows VALUES (3, 99)").await.unwrap();
        session
    });
    let (summary, rows) = bench.run("anomalies", &within(3));
    assert_eq!(summary.failed, 1);
    let of = |anomaly| outcome(&rows, Isolation::ReadCommitted, anomaly);
    assert_eq!(of(Anomaly::PredicateManyPreceders), "hung at step 4");
    assert_eq!(of(Anomaly::PredicateWriteSkew), "hung at step 5");
    assert_eq!(of(Anomaly::DirtyWrite), "prevented by blocking");
    assert_eq!(of(Anomaly::ReadOnlySkew), "possible");
    let hung = |(_, row): &&(Case, Measurement)| row.detail == "hung at step 4";
    let (_, row) = rows.iter().find(hung).unwrap();
    assert_eq!((row.value, row.status), (None, Status::Failed));
    bench.runtime.block_on(holder.rollback()).unwrap();
    assert_eq!(bench.run("anomalies", &within(60)).0.failed, 0);

    // Not even the rows can be put right.
    bench.runtime.block_on(async {
        holder.run_sql("BEGIN").await.unwrap();
        holder.run_sql("LOCK TABLE schedule_rows IN ACCESS EXCLUSIVE MODE").await.unwrap();
    });
    let (summary, rows) = bench.run("anomalies", &within(1));
    assert_eq!(summary.failed, 1);
    for anomaly in Anomaly::ALL {
        let why = outcome(&rows, Isolation::ReadCommitted, anomaly);
        assert!(why.starts_with("refused: the server does not let anybody"), "{why}");
    }
    bench.runtime.block_on(holder.rollback()).unwrap();
    assert_eq!(bench.run("anomalies", &within(60)).0.failed, 0);
}

/// What a weak level loses a strong one does not.
#[test]
fn contended_workloads_lose_only_where_they_may() {
    for (text, weakest) in
        [("postgres", Isolation::ReadCommitted), ("mariadb", Isolation::ReadUncommitted)]
    {
        if left_out(text) {
            continue;
        }
        let bench = Bench::open(text);
        for (benchmark, metric) in [
            ("hot-row", "lost_updates"),
            ("report", "skewed_reports"),
            ("on-call", "unstaffed_shifts_seen"),
        ] {
            let (summary, rows) = bench.run(benchmark, &at_every_level(2_000));
            assert_eq!(summary.failed, 0, "{text} {benchmark}: {rows:?}");
            let broken = |level| number(&rows, level, metric).unwrap();
            assert!(broken(weakest) > 0.0, "{text} {benchmark}");
            assert_eq!(broken(Isolation::Serializable), 0.0, "{text} {benchmark}");
            let check = format!("check_no_{metric}");
            assert_eq!(number(&rows, Isolation::Serializable, &check), Some(1.0));
            assert_eq!(number(&rows, weakest, &check), None);
        }
    }
}

#[test]
fn sqlite_loses_nothing() {
    let bench = Bench::open("sqlite");
    for benchmark in ["hot-row", "report", "on-call", "list-append", "rw-register"] {
        let (summary, rows) = bench.run(benchmark, &at_every_level(600));
        assert_eq!((summary.measured, summary.failed), (1, 0), "{benchmark}: {rows:?}");
    }
}

/// Histories show what the weakest level allows, and nothing at the strongest.
#[test]
fn histories_show_what_levels_allow() {
    for (text, weakest) in
        [("postgres", Isolation::ReadCommitted), ("mariadb", Isolation::ReadUncommitted)]
    {
        if left_out(text) {
            continue;
        }
        let bench = Bench::open(text);
        for benchmark in ["list-append", "rw-register"] {
            let (summary, rows) = bench.run(benchmark, &at_every_level(3_000));
            assert_eq!(summary.failed, 0, "{text} {benchmark}: {rows:?}");
            let found = |level| number(&rows, level, "anomalies_found").unwrap();
            assert!(found(weakest) > 0.0, "{text} {benchmark}");
            assert_eq!(found(Isolation::Serializable), 0.0, "{text} {benchmark}");
            let recorded = number(&rows, weakest, "history_transactions").unwrap();
            assert!(recorded > 3_000.0, "{recorded}");
        }
    }
}

/// An engine that acknowledges writes and drops one in three of them breaks what any level promises.
#[test]
fn a_history_that_breaks_the_promise_fails() {
    let bench = Bench::open("sqlite");
    // Loads the data.
    assert_eq!(bench.run("rw-register", &at_every_level(100)).0.failed, 0);
    let drops = "CREATE TRIGGER drops AFTER UPDATE OF value ON registers WHEN NEW.value % 3 = 0
        BEGIN UPDATE registers SET value = OLD.value WHERE id = NEW.id; END";
    bench.runtime.block_on(async {
        let options = Bench::session_options("isolation");
        let mut session = bench.driver.connect(&options).await.unwrap();
        session.run_sql(drops).await.unwrap();
    });
    let (summary, rows) = bench.run("rw-register", &at_every_level(1_000));
    assert_eq!(summary.failed, 1);
    let broken = |(_, row): &&(Case, Measurement)| row.metric == "check_history_holds";
    let (_, row) = rows.iter().find(broken).unwrap();
    assert_eq!(row.status, Status::Failed);
    let says = "the level promises serializability, but the history shows internal";
    assert!(row.detail.contains(says), "{}", row.detail);
}
