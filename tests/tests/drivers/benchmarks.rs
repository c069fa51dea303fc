//! Benchmarks by every library's driver: their consistency conditions and accounts hold, and what a suite
//! asks of an engine beside sessions is there.

use dbdyno_core::load::Length;
use dbdyno_core::{Scale, Status};
use dbdyno_suites::runner::RunOptions;
use dbdyno_suites::{Benchmark, index, isolation, oltp};
use dbdyno_tests::{Kept, left_out, named, run_one, run_options};

use super::engines::{Facts, Server};

pub fn are_right(facts: &'static Facts) {
    if left_out(facts.engine) {
        return;
    }
    let server = Server::start(facts);
    // The engine's own driver is measured by the tests of each suite.
    for (name, driver) in server.runtime.block_on(server.drivers()).into_iter().skip(1) {
        let ran = |suite, benchmark: Box<dyn Benchmark>, options: &RunOptions| {
            let kept = Kept::default();
            let chosen = (suite, benchmark.as_ref());
            let summary = run_one(&server.runtime, &driver, chosen, options, &kept);
            (summary, kept.rows())
        };
        for benchmark in ["tpcb", "smallbank", "tpcc", "ycsb-a"] {
            let options = RunOptions { length: Length::Transactions(300), ..run_options() };
            let (summary, rows) = ran("oltp", named(oltp::benchmarks(), benchmark), &options);
            let wrong: Vec<_> = rows
                .iter()
                .filter(|(_, row)| row.status != Status::Ok || row.metric == "errors_other")
                .map(|(_, row)| (&row.metric, &row.detail))
                .collect();
            assert!(wrong.is_empty(), "{name} {benchmark}: {wrong:?}");
            assert_eq!((summary.measured, summary.failed, summary.could_not_run), (1, 0, 0));
            let checks = rows.iter().filter(|(_, row)| row.metric.starts_with("check_")).count();
            assert!(checks > 0, "{name} {benchmark} checks nothing");
            assert!(rows.iter().all(|(case, _)| case.driver == name));
        }

        // Plans, by the engine's own driver on the library's sessions.
        let few = RunOptions {
            clients: Some(vec![2]),
            scale: Scale::hundredths(20),
            length: Length::Transactions(12),
            ..run_options()
        };
        let (summary, rows) = ran("index", named(index::benchmarks(), "equality"), &few);
        assert_eq!((summary.measured, summary.failed), (1, 0), "{name}: {rows:?}");
        let used = rows.iter().find(|(_, row)| row.metric == "index_used");
        assert_eq!(used.and_then(|(_, row)| row.value), Some(1.0), "{name}: {rows:?}");

        // Who waits for a lock, where sessions can be watched.
        let anomalies = named(isolation::benchmarks(), "anomalies");
        let (summary, rows) = ran("isolation", anomalies, &run_options());
        if driver.lock_waits().is_some() {
            assert!(summary.measured > 1 && summary.failed == 0, "{name}: {rows:?}");
        } else {
            assert!(rows.iter().all(|(_, row)| row.status == Status::Unsupported), "{rows:?}");
        }
    }
}
