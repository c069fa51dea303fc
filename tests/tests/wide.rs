//! The wide table on real engines: every row of every answer is what the generated rows say, and a row
//! that was changed by hand is noticed.

use dbdyno_core::{Scale, Status};
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::olap::{Bench, of_all, wrong};
use dbdyno_tests::{left_out, run_options};

const QUERIES: usize = 32;

/// A day.
fn options() -> RunOptions {
    let scale = Scale::hundredths(1);
    RunOptions { clients: Some(vec![2]), scale, validate: true, ..run_options() }
}

/// Both clients are answered what the rows say; a cell that is changed changes what depends on it alone.
fn answers_are_right_and_a_wrong_one_is_noticed(engine: &str) {
    if left_out(engine) {
        return;
    }
    let bench = Bench::open("wide", engine);
    let (summary, rows) = bench.run(&options());
    let failures: Vec<_> = rows.iter().filter(|row| row.status != Status::Ok).collect();
    assert!(failures.is_empty(), "on {engine}: {failures:#?}");
    assert_eq!((summary.measured, summary.failed), (1, 0));
    let checks = rows.iter().filter(|row| row.metric.starts_with("check_q"));
    assert_eq!(checks.count(), QUERIES);
    assert_eq!(of_all(&rows, "transactions"), Some(2.0 * QUERIES as f64));
    assert!(of_all(&rows, "queries_per_h").unwrap() > 0.0);
    assert!(of_all(&rows, "latency_geometric_mean_us").unwrap() > 0.0);

    bench.sql("UPDATE hits SET response_ms = response_ms + 1000000 WHERE event_id = 77");
    let (summary, rows) = bench.run(&options());
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
    let bench = Bench::open("wide", "sqlite");
    let drawn = RunOptions { validate: false, ..options() };
    let (summary, rows) = bench.run(&drawn);
    assert_eq!((summary.measured, summary.failed), (1, 0), "{rows:#?}");
    assert!(!rows.iter().any(|row| row.metric.starts_with("check_q")));
    assert!(of_all(&rows, "queries_per_h").unwrap() > 0.0);
}
