//! The wide table on real engines: every row of every answer is what the generated rows say, and a row
//! that was changed by hand is noticed.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use dbdyno_core::{Driver, Measurement, Scale, SessionOptions, Status, Stop};
use dbdyno_suites::olap;
use dbdyno_suites::runner::{RunOptions, RunSummary, Selection, run};
use dbdyno_tests::{Kept, Unseen, left_out, run_options, runtime, target};
use tokio::runtime::Runtime;

const QUERIES: usize = 32;

struct Bench {
    runtime: Runtime,
    drivers: Vec<(Arc<dyn Driver>, String)>,
}

impl Bench {
    fn open(text: &str) -> Self {
        let runtime = runtime();
        let driver = target(&runtime, text);
        let version = runtime.block_on(driver.server_info()).unwrap().version;
        Self { runtime, drivers: vec![(driver, version)] }
    }

    fn run(&self, options: RunOptions) -> (RunSummary, Vec<Measurement>) {
        let benchmarks = olap::benchmarks();
        let benchmark = benchmarks.iter().find(|found| found.name() == "wide").unwrap();
        let selection = Selection { suite: "olap", benchmark: benchmark.as_ref() };
        let (kept, stop) = (Kept::default(), Stop::default());
        let summary =
            run(&[selection], &self.drivers, &options, &self.runtime, &kept, &Unseen, &stop);
        (summary.unwrap(), kept.rows().into_iter().map(|(_, row)| row).collect())
    }

    fn sql(&self, sql: &str) {
        let namespace = Some("dbdyno_wide".to_owned());
        let options = SessionOptions { namespace, ..SessionOptions::default() };
        self.runtime.block_on(async {
            let mut session = self.drivers[0].0.connect(&options).await.unwrap();
            assert_eq!(session.run_sql(sql).await.unwrap(), 1, "{sql}");
        });
    }
}

/// A day.
fn options() -> RunOptions {
    let scale = Scale::hundredths(1);
    RunOptions { clients: Some(vec![2]), scale, validate: true, ..run_options() }
}

/// The answers' checks that do not hold, with why.
fn wrong(rows: &[Measurement]) -> Vec<(&str, &str)> {
    let checks = rows.iter().filter(|row| row.metric.starts_with("check_q"));
    let wrong = checks.filter(|row| row.status != Status::Ok);
    wrong.map(|row| (row.metric.as_str(), row.detail.as_str())).collect()
}

fn of_all(rows: &[Measurement], metric: &str) -> Option<f64> {
    let is = |row: &&Measurement| row.metric == metric && row.transaction.is_empty();
    rows.iter().find(is).and_then(|row| row.value)
}

/// Both clients are answered what the rows say; a cell that is changed changes what depends on it alone.
fn answers_are_right_and_a_wrong_one_is_noticed(engine: &str) {
    if left_out(engine) {
        return;
    }
    let bench = Bench::open(engine);
    let (summary, rows) = bench.run(options());
    let failures: Vec<_> = rows.iter().filter(|row| row.status != Status::Ok).collect();
    assert!(failures.is_empty(), "on {engine}: {failures:#?}");
    assert_eq!((summary.measured, summary.failed), (1, 0));
    let checks = rows.iter().filter(|row| row.metric.starts_with("check_q"));
    assert_eq!(checks.count(), QUERIES);
    assert_eq!(of_all(&rows, "transactions"), Some(2.0 * QUERIES as f64));
    assert!(of_all(&rows, "queries_per_h").unwrap() > 0.0);
    assert!(of_all(&rows, "latency_geometric_mean_us").unwrap() > 0.0);

    bench.sql("UPDATE hits SET response_ms = response_ms + 1000000 WHERE event_id = 77");
    let (summary, rows) = bench.run(options());
    assert_eq!((summary.measured, summary.failed), (0, 1));
    let wrong = wrong(&rows);
    let [(check, why)] = wrong[..] else { panic!("one query alone is wrong: {wrong:?}") };
    assert_eq!(check, "check_q32_answer");
    assert!(why.starts_with("row ") && why.contains(", should be "), "{why}");
    assert!(rows.iter().any(|row| row.metric == "queries_per_h" && row.status == Status::Failed));
}

#[test]
fn answers_are_right_and_a_wrong_one_is_noticed_on_sqlite() {
    answers_are_right_and_a_wrong_one_is_noticed("sqlite");
}

#[test]
fn answers_are_right_and_a_wrong_one_is_noticed_on_postgres() {
    answers_are_right_and_a_wrong_one_is_noticed("postgres");
}

#[test]
fn answers_are_right_and_a_wrong_one_is_noticed_on_mariadb() {
    answers_are_right_and_a_wrong_one_is_noticed("mariadb");
}

/// Without `--validate` parameters are drawn, and nothing is compared.
#[test]
fn drawn_parameters_are_answered_too() {
    let bench = Bench::open("sqlite");
    let drawn = RunOptions { validate: false, ..options() };
    let (summary, rows) = bench.run(drawn);
    assert_eq!((summary.measured, summary.failed), (1, 0), "{rows:#?}");
    assert!(!rows.iter().any(|row| row.metric.starts_with("check_q")));
    assert!(of_all(&rows, "queries_per_h").unwrap() > 0.0);
}
