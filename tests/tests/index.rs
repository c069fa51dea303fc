//! The index suite on every engine: answers and written rows are right, and the planner uses the indexes that
//! it is known to use.

use std::sync::Arc;

use dbdyno_core::load::Length;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Driver, Measurement, PlanKind, Scale, SessionOptions, Status, Stop};
use dbdyno_suites::index;
use dbdyno_suites::runner::{RunOptions, Selection, run};
use dbdyno_tests::{
    Kept, Unseen, left_out, named, run_one, run_options, runtime, target, wait_for,
};
use tokio::runtime::Runtime;

/// Patterns whose index finds so few rows that no planner passes it over, or that are known to be passed
/// over, and patterns that an engine lacks.
struct Known {
    unused: &'static [&'static str],
    lacking: &'static [&'static str],
    /// Planners weigh these: either is right.
    open: &'static [&'static str],
}

const SQLITE: Known = Known {
    // `LIKE` looks for letters of both cases, which an index in the order of bytes cannot.
    unused: &["prefix"],
    lacking: &[],
    open: &["composite-second-column", "low-selectivity"],
};
const POSTGRES: Known =
    Known { unused: &[], lacking: &[], open: &["composite-second-column", "low-selectivity"] };
const MARIADB: Known = Known {
    unused: &["composite-second-column"],
    lacking: &["partial", "expression", "foreign-key-delete", "json"],
    open: &["low-selectivity"],
};

fn options() -> RunOptions {
    RunOptions {
        clients: Some(vec![2]),
        scale: Scale::hundredths(20),
        length: Length::Transactions(12),
        ..run_options()
    }
}

fn measured(
    runtime: &Runtime,
    driver: &Arc<dyn Driver>,
    pattern: &str,
    kept: &Kept,
    options: &RunOptions,
) {
    let benchmark = named(index::benchmarks(), pattern);
    run_one(runtime, driver, ("index", benchmark.as_ref()), options, kept);
}

fn value(rows: &[Measurement], metric: &str) -> Option<f64> {
    rows.iter().find(|row| row.metric == metric && row.transaction.is_empty())?.value
}

fn every_pattern_is_right(text: &str, known: &Known) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    for benchmark in index::benchmarks() {
        let (name, kept) = (benchmark.name(), Kept::default());
        measured(&runtime, &driver, name, &kept, &options());
        let rows: Vec<_> = kept.rows().into_iter().map(|(_, row)| row).collect();
        if known.lacking.contains(&name) {
            assert!(rows.iter().all(|row| row.status == Status::Unsupported), "{name}: {rows:?}");
            continue;
        }
        let wrong: Vec<_> = rows.iter().filter(|row| row.status != Status::Ok).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        // The answers of 20 queries before and after, and the rows of both loads of writes.
        assert_eq!(value(&rows, "check_same_answers"), Some(1.0), "{name}");
        for check in ["check_write_with_index_rows", "check_write_without_index_rows"] {
            assert_eq!(value(&rows, check), Some(1.0), "{name}: {check}");
        }
        assert!(value(&rows, "index_size_bytes").unwrap() >= 4_096.0, "{name}");
        let plans = kept.plans();
        assert_eq!(plans.len(), 2, "{name}");
        assert_eq!(plans[0].0, "find-without-index");
        let used = value(&rows, "index_used").unwrap() == 1.0;
        if !known.open.contains(&name) {
            assert_eq!(used, !known.unused.contains(&name), "{name}: {:#?}", plans[1].1);
        }
        let verdict = rows.iter().find(|row| row.metric == "index_effective").unwrap();
        assert_eq!(
            verdict.detail == "not used by the planner",
            !used,
            "{name}: {}",
            verdict.detail
        );
    }
    covering_needs_no_table(&runtime, &driver);
}

/// The plan of the covering index says that the table is not read; without the index it is.
fn covering_needs_no_table(runtime: &Runtime, driver: &Arc<dyn Driver>) {
    let kept = Kept::default();
    measured(runtime, driver, "covering", &kept, &options());
    let [(_, without), (_, with)] = &kept.plans()[..] else { panic!("two plans") };
    let reads = |plan: &dbdyno_core::Plan, kind| plan.nodes().any(|node| node.kind == kind);
    assert!(reads(without, PlanKind::TableScan), "{without:#?}");
    assert!(reads(with, PlanKind::IndexOnly), "{with:#?}");
}

/// What a run of another pattern that was cut off left behind: an index that finds the same rows.
const INDEX: &str = "CREATE INDEX access_code_amount ON access_rows (code, amount)";

/// What a run that was cut off left behind is cleaned up before anything is measured.
fn leftovers_are_dropped(text: &str, index: &str) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    let options = RunOptions { length: Length::Transactions(6), ..options() };
    measured(&runtime, &driver, "equality", &Kept::default(), &options);
    let namespace = Some("dbdyno_access".to_owned());
    let session = SessionOptions { namespace, ..SessionOptions::default() };
    runtime.block_on(async {
        let mut session = driver.connect(&session).await.unwrap();
        session.run_sql(index).await.unwrap();
        let row = "INSERT INTO access_rows SELECT 1000000, parent_id, code, amount, name, region, city, \
                   status, flag, email, sold_at, attributes, body FROM access_rows WHERE id = 0";
        assert_eq!(session.run_sql(row).await.unwrap(), 1);
    });
    let kept = Kept::default();
    measured(&runtime, &driver, "equality", &kept, &options);
    assert!(kept.rows().iter().all(|(_, row)| row.status == Status::Ok), "{:?}", kept.rows());
    let (_, without) = &kept.plans()[0];
    assert!(without.nodes().any(|node| node.kind == PlanKind::TableScan), "{without:#?}");
}

/// Somebody asks for the end while a lock keeps what a run that was cut off left from being cleaned up, and for longer
/// than a hurried answer may take: it is cleaned up all the same.
#[test]
fn nothing_hurries_what_leaves_data_as_it_was_found() {
    if left_out("postgres") {
        return;
    }
    let (runtime, stop) = (runtime(), Stop::default());
    let driver = target(&runtime, "postgres");
    let options = RunOptions { length: Length::Transactions(6), ..options() };
    measured(&runtime, &driver, "equality", &Kept::default(), &options);
    let version = runtime.block_on(driver.server_info()).unwrap().version;
    let namespace = Some("dbdyno_access".to_owned());
    let session = SessionOptions { namespace, ..SessionOptions::default() };
    let mut holder = runtime.block_on(driver.connect(&session)).unwrap();
    let mut run_sql = |sql: &str| runtime.block_on(holder.run_sql(sql)).unwrap();
    run_sql(INDEX);
    run_sql(
        "INSERT INTO access_rows SELECT 1000000, parent_id, code, amount, name, region, city, \
         status, flag, email, sold_at, attributes, body FROM access_rows WHERE id = 0",
    );
    run_sql("BEGIN");
    run_sql("LOCK TABLE access_rows IN SHARE MODE");
    let mut onlooker = runtime.block_on(driver.connect(&session)).unwrap();
    let mut number = |sql: &str| runtime.block_on(scalar_sql(onlooker.as_mut(), sql)).unwrap();
    let waited = "SELECT COALESCE(MAX(EXTRACT(epoch FROM clock_timestamp() - query_start)), -1)::bigint \
                  FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DROP INDEX%'";
    std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let benchmark = named(index::benchmarks(), "equality");
            let selection = Selection { suite: "index", benchmark: benchmark.as_ref() };
            let (runtime, kept) = (self::runtime(), Kept::default());
            let drivers = [(Arc::clone(&driver), version)];
            run(&[selection], &drivers, &options, &runtime, &kept, &Unseen, &stop).unwrap()
        });
        let before = wait_for("a lock", || Some(number(waited)).filter(|seconds| *seconds >= 0));
        stop.request();
        wait_for("twelve seconds", || (number(waited) > before + 12).then_some(()));
        run_sql("COMMIT");
        assert!(running.join().unwrap().interrupted);
    });
    assert_eq!(number("SELECT COUNT(*) FROM access_rows WHERE id >= 1000000"), 0);
}

/// Each client deletes parents of its own, of which there are not enough for any number of them.
#[test]
fn more_clients_than_parents_are_refused() {
    let runtime = runtime();
    let driver = target(&runtime, "sqlite");
    let options = RunOptions { clients: Some(vec![101]), scale: Scale::hundredths(1), ..options() };
    let kept = Kept::default();
    measured(&runtime, &driver, "foreign-key-delete", &kept, &options);
    let rows = kept.rows();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].1.detail.contains("only 100 parents have no children"), "{rows:?}");
}

#[test]
fn every_pattern_is_right_on_sqlite() {
    every_pattern_is_right("sqlite", &SQLITE);
}

#[test]
fn every_pattern_is_right_on_postgres() {
    if !left_out("postgres") {
        every_pattern_is_right("postgres", &POSTGRES);
    }
}

#[test]
fn every_pattern_is_right_on_mariadb() {
    if !left_out("mariadb") {
        every_pattern_is_right("mariadb", &MARIADB);
    }
}

#[test]
fn leftovers_are_dropped_on_sqlite() {
    leftovers_are_dropped("sqlite", INDEX);
}

#[test]
fn leftovers_are_dropped_on_postgres() {
    if !left_out("postgres") {
        leftovers_are_dropped("postgres", INDEX);
    }
}

#[test]
fn leftovers_are_dropped_on_mariadb() {
    if !left_out("mariadb") {
        leftovers_are_dropped("mariadb", INDEX);
    }
}
