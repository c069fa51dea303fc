//! Promises: checks, failures and what an engine can do, which need no statistics.

use dbdyno_core::{Better, Case, Measurement, Status};

use super::{Runs, STEADY, default, finding, verdicts};
use crate::fixture::{case, record, repetitions, without_number};
use crate::record::Record;
use crate::regress::{Judgement, Outcome, STATUS, Verdict};

/// A run whose repetition 2 has rows more, on the baseline's side or now.
fn with_rows(side: &str, rows: &[Measurement]) -> Judgement {
    let tpcc = case("tpcc", "sqlite");
    let runs = Runs::new();
    for run in ["old", "new"] {
        let mut records = repetitions(&tpcc, 1000.0, &STEADY);
        let no_errors = Measurement::new("errors", 0.0, "1", Better::Lower);
        records.push(record(run, &tpcc, &no_errors));
        if run == side {
            let second = Case { repetition: 2, ..tpcc.clone() };
            let is_replaced = |one: &Record| {
                one.case.repetition == 2 && rows.iter().any(|row| row.metric == *one.metric)
            };
            records.retain(|one| !is_replaced(one));
            records.extend(rows.iter().map(|row| record(run, &second, row)));
        }
        runs.add(run, &records);
    }
    runs.judge(&default())
}

pub(super) fn broken_check() -> Measurement {
    let mut row = without_number(Status::Failed, "17 is not 12");
    row.metric = "check_sums".to_owned();
    row
}

#[test]
fn one_broken_promise_is_a_regression() {
    let errors = |count: f64| Measurement::new("errors", count, "1", Better::Lower);
    for (rows, metric, why) in [
        (
            [broken_check(), errors(0.0)],
            "check_sums",
            "was not made in the baseline, did not hold in 1 of 8 repetitions now: 17 is not 12",
        ),
        (
            [Measurement { metric: "check_c1".to_owned(), ..broken_check() }, errors(0.0)],
            "check_c1",
            "held in the baseline, did not in 1 of 8 repetitions now: 17 is not 12",
        ),
        (
            [
                Measurement {
                    metric: "tpmc".to_owned(),
                    ..without_number(Status::Failed, "the server is gone")
                },
                errors(0.0),
            ],
            STATUS,
            "none failed in the baseline, 1 of 8 repetitions now: the server is gone",
        ),
        (
            [errors(7.0), Measurement::new("x", 1.0, "1", Better::Neither)],
            "errors",
            "no transaction failed in the baseline; 7 failed now, in 1 of 8 repetitions",
        ),
    ] {
        let judgement = with_rows("new", &rows);
        let found = finding(&judgement, metric);
        assert_eq!((found.verdict, found.why.as_str()), (Verdict::Regression, why));
        assert_eq!(judgement.outcome(), Outcome::Regression);
        assert_eq!(judgement.count(Verdict::Regression), 1, "{judgement:?}");
        // The numbers of the others are judged beside it.
        assert_eq!(judgement.count(Verdict::NoChange), 4);
    }
}

#[test]
fn what_was_broken_before_is_no_regression() {
    let judgement = with_rows("old", &[broken_check()]);
    let found = finding(&judgement, STATUS);
    assert_eq!(found.verdict, Verdict::Improvement);
    assert!(found.why.starts_with("1 of 8 repetitions failed in the baseline, none now"));
    assert!(
        judgement.notes[0].contains("1 of 8 repetitions was left out"),
        "{:?}",
        judgement.notes
    );
}

#[test]
fn what_was_interrupted_could_not_be_told() {
    let row = without_number(Status::Interrupted, "the end was asked for");
    let judgement = with_rows("new", &[Measurement { metric: "tpmc".to_owned(), ..row }]);
    assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
    assert_eq!(finding(&judgement, STATUS).why, "1 of 8 repetitions was interrupted");
}

#[test]
fn what_became_unsupported_is_a_regression() {
    let tpcc = case("tpcc", "sqlite");
    let runs = Runs::new();
    let lack = record("new", &tpcc, &without_number(Status::Unsupported, "it has no savepoints"));
    runs.add("old", &repetitions(&tpcc, 1000.0, &STEADY)).add("new", &[lack]);
    let judgement = runs.judge(&default());
    assert_eq!(verdicts(&judgement), [(STATUS, Verdict::Regression)]);
    assert!(judgement.findings[0].why.ends_with("is unsupported now: it has no savepoints"));
}
