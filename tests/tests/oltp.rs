//! Every benchmark of the oltp suite on every engine: it runs, its answers are right, and a check that was
//! broken by hand says so.

use std::sync::Arc;

use dbdyno_core::{Driver, Status, Stop};
use dbdyno_suites::registry::suites;
use dbdyno_suites::runner::{Selection, run};
use dbdyno_tests::{Kept, Unseen, left_out, run_options, runtime, target};

/// Runs every benchmark; all answers are right and every kind of transaction ends well.
fn every_benchmark_is_right(text: &str) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    let version = runtime.block_on(driver.server_info()).unwrap().version;
    let drivers: Vec<(Arc<dyn Driver>, String)> = vec![(driver, version)];
    let suites = suites();
    for suite in suites.iter().filter(|suite| suite.name == "oltp") {
        for benchmark in &suite.benchmarks {
            let kept = Kept::default();
            let selection = Selection { suite: suite.name, benchmark: benchmark.as_ref() };
            let stop = Stop::default();
            let summary =
                run(&[selection], &drivers, &run_options(), &runtime, &kept, &Unseen, &stop)
                    .unwrap();
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
