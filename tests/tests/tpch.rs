//! TPC-H on real engines: every row of every answer is the one that was published, and a wrong one
//! is noticed.

use std::time::Duration;

use dbdyno_core::{Measurement, Scale, Status};
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::olap::{Bench, of_all, wrong};
use dbdyno_tests::{left_out, run_options};

/// A hundredth and a tenth of scale 1.
const SCALES: [Scale; 2] = [Scale::hundredths(1), Scale::hundredths(10)];

fn options(scale: Scale) -> RunOptions {
    RunOptions { clients: None, scale, validate: true, ..run_options() }
}

fn answers_are_as_published(engine: &str) {
    if left_out(engine) {
        return;
    }
    let bench = Bench::open("tpch", engine);
    for scale in SCALES {
        let (summary, rows) = bench.run(&options(scale));
        let failures: Vec<_> = rows.iter().filter(|row| row.status != Status::Ok).collect();
        assert!(failures.is_empty(), "scale {scale} on {engine}: {failures:#?}");
        assert_eq!(summary.measured, 1);
        let checks = rows.iter().filter(|row| row.metric.starts_with("check_q"));
        assert_eq!(checks.count(), 22);
        let power = rows.iter().find(|row| row.metric == "derived_power_per_h").unwrap();
        assert!(power.value.unwrap() > 0.0 && power.detail.contains("derived from TPC-H"));
    }
}

#[test]
fn answers_are_as_published_on_sqlite() {
    answers_are_as_published("sqlite");
}

#[test]
fn answers_are_as_published_on_postgres() {
    answers_are_as_published("postgres");
}

#[test]
fn answers_are_as_published_on_mariadb() {
    answers_are_as_published("mariadb");
}

/// The engine cancels what takes too long, and the stream goes on.
fn a_query_that_takes_too_long_is_cancelled(engine: &str) {
    if left_out(engine) {
        return;
    }
    let bench = Bench::open("tpch", engine);
    let limit = Some(Duration::from_millis(2));
    let (summary, rows) = bench.run(&RunOptions { statement_timeout: limit, ..options(SCALES[1]) });
    assert_eq!((summary.measured, summary.failed), (0, 1));
    let value = |metric: &str| of_all(&rows, metric).unwrap_or(0.0);
    // The quickest may be done in time; whatever was not has no answer.
    let cancelled = value("errors_statement_timeout");
    assert!(cancelled >= 10.0, "{engine}: {rows:#?}");
    assert_eq!(value("transactions") + cancelled, 22.0);
    assert_eq!(value("errors"), cancelled);
    let wrong = wrong(&rows);
    assert_eq!(wrong.len() as f64, cancelled);
    assert!(wrong.iter().all(|(_, why)| why.contains("not answered")), "{wrong:?}");
    assert!(!rows.iter().any(|row| row.metric == "derived_power_per_h"));
}

#[test]
fn a_query_that_takes_too_long_is_cancelled_on_sqlite() {
    a_query_that_takes_too_long_is_cancelled("sqlite");
}

#[test]
fn a_query_that_takes_too_long_is_cancelled_on_postgres() {
    a_query_that_takes_too_long_is_cancelled("postgres");
}

#[test]
fn a_query_that_takes_too_long_is_cancelled_on_mariadb() {
    a_query_that_takes_too_long_is_cancelled("mariadb");
}

/// Streams send the queries in other orders, each with parameters of its own.
#[test]
fn streams_run_side_by_side() {
    let bench = Bench::open("tpch", "sqlite");
    let several = RunOptions { clients: Some(vec![3]), validate: false, ..options(SCALES[0]) };
    let (summary, rows) = bench.run(&several);
    assert_eq!((summary.measured, summary.failed), (1, 0), "{rows:#?}");
    let value = |metric: &str, transaction: &str| {
        let of = |row: &&Measurement| row.metric == metric && row.transaction == transaction;
        rows.iter().find(of).and_then(|row| row.value)
    };
    assert_eq!(value("transactions", ""), Some(66.0));
    assert_eq!(value("transactions", "q17"), Some(3.0));
    assert!(value("derived_throughput_per_h", "").unwrap() > 0.0);
    assert_eq!(value("derived_power_per_h", ""), None);
    assert!(wrong(&rows).is_empty());
}

#[test]
fn a_wrong_answer_is_noticed_and_shown() {
    let bench = Bench::open("tpch", "sqlite");
    let (summary, _) = bench.run(&options(SCALES[0]));
    assert_eq!((summary.measured, summary.failed), (1, 0));
    // One line costs 1,000 more.
    bench.sql(
        "UPDATE tpch_lineitem SET l_extendedprice = l_extendedprice + 1000 \
         WHERE l_orderkey = 1 AND l_linenumber = 1",
    );
    let (summary, rows) = bench.run(&options(SCALES[0]));
    assert_eq!((summary.measured, summary.failed), (0, 1));
    let wrong = wrong(&rows);
    let (_, why) = wrong.iter().find(|(check, _)| *check == "check_q01_answer").unwrap();
    assert!(why.starts_with("row ") && why.contains("should be"), "{why}");
    // What the line has no part in is as right as before.
    assert!(wrong.len() < 11, "{wrong:?}");
    // Numbers of a wrong answer are not passed off as good ones.
    assert!(rows.iter().any(|row| row.metric == "throughput" && row.status == Status::Failed));
}
