//! Every registered benchmark on every engine: it runs, its answers are right, and a check that was
//! broken by hand says so.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{Arrival, Length, RetryPolicy};
use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, Driver, Event, LoadProgress, StatementForm, Status, Stop};
use dbdyno_datasets::LoadObserver;
use dbdyno_suites::registry::suites;
use dbdyno_suites::runner::{
    CaseSummary, DurabilityChoice, IsolationChoice, RunObserver, RunOptions, Selection, run,
};
use dbdyno_tests::{Kept, left_out, runtime, target};

/// An observer that looks at nothing.
struct Unseen;

impl LoadObserver for Unseen {
    fn started(&self, _: &str, _: u64, _: &Arc<LoadProgress>) {}
    fn finished(&self, _: &str, _: u64) {}
}

impl RunObserver for Unseen {
    fn benchmark_started(&self, _: &str, _: &str, _: usize, _: u32) {}
    fn preparing(&self, _: &str) {}
    fn case_started(&self, _: &Case, _: Option<Duration>) {}
    fn second(&self, _: &[Second]) {}
    fn event(&self, _: &Event) {}
    fn case_finished(&self, _: &Case, _: &CaseSummary) {}
}

fn options() -> RunOptions {
    RunOptions {
        isolation: IsolationChoice::Default,
        durability: DurabilityChoice::Default,
        clients: Some(vec![4]),
        statements: vec![StatementForm::Portable],
        pipeline: vec![false],
        arrival: Arrival::Closed,
        // A number, not a time: a disk may take longer than any short time to sync.
        length: Length::Transactions(600),
        warmup: Duration::ZERO,
        repetitions: 1,
        scale: 1,
        seed: 7,
        think_times: false,
        reload: false,
        retry: RetryPolicy::default(),
        reconnect_limit: Duration::from_secs(30),
        drain_limit: Duration::from_secs(30),
    }
}

/// Runs every benchmark; all answers are right and every kind of transaction ends well.
fn every_benchmark_is_right(text: &str) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    let version = runtime.block_on(driver.server_info()).unwrap().version;
    let drivers: Vec<(Arc<dyn Driver>, String)> = vec![(driver, version)];
    let suites = suites();
    for suite in &suites {
        for benchmark in &suite.benchmarks {
            let kept = Kept::default();
            let selection = Selection { suite: suite.name, benchmark: benchmark.as_ref() };
            let stop = Stop::default();
            let summary =
                run(&[selection], &drivers, &options(), &runtime, &kept, &Unseen, &stop).unwrap();
            let rows = kept.rows();
            let wrong: Vec<_> = rows
                .iter()
                .filter(|(_, row)| row.status != Status::Ok)
                .map(|(_, row)| (&row.metric, &row.detail))
                .collect();
            assert!(wrong.is_empty(), "{}: {wrong:?}", benchmark.name());
            assert_eq!((summary.measured, summary.failed, summary.could_not_run), (1, 0, 0));
            let checks = rows.iter().filter(|(_, row)| row.metric.starts_with("check_")).count();
            assert!(checks > 0, "{} checks nothing", benchmark.name());
            let unexpected: Vec<_> = rows
                .iter()
                .filter(|(_, row)| row.metric == "errors_other")
                .map(|(_, row)| &row.detail)
                .collect();
            assert!(unexpected.is_empty(), "{}: {unexpected:?}", benchmark.name());
        }
    }
}

#[test]
fn every_benchmark_is_right_on_sqlite() {
    every_benchmark_is_right("sqlite");
}

#[test]
fn every_benchmark_is_right_on_postgres() {
    if !left_out("postgres") {
        every_benchmark_is_right("postgres");
    }
}

#[test]
fn every_benchmark_is_right_on_mariadb() {
    if !left_out("mariadb") {
        every_benchmark_is_right("mariadb");
    }
}
