//! Transactions that failed for good, where some did before.

use dbdyno_core::{Better, Case, Measurement};

use super::{Runs, STEADY, default, finding};
use crate::fixture::{case, record, repetitions};
use crate::record::Record;
use crate::regress::{Judgement, Outcome, RegressOptions, Verdict, regress};

/// Repetitions of 10,000 transactions that ended well, and as many that failed as each number says.
pub(super) fn with_errors(errors: &[f64], load: &str) -> Vec<Record> {
    let tpcc = case("tpcc", "sqlite");
    let factors: Vec<f64> = STEADY.into_iter().cycle().take(errors.len()).collect();
    let mut records = repetitions(&tpcc, 1000.0, &factors);
    for (repetition, count) in (1..).zip(errors) {
        let of = Case { repetition, ..tpcc.clone() };
        let rows = [
            Measurement::new("errors", *count, "1", Better::Lower).of(load),
            Measurement::new("transactions", 10_000.0, "1", Better::Neither).of(load),
        ];
        records.extend(rows.iter().map(|row| record("", &of, row)));
    }
    records
}

fn judged(old: &[f64], new: &[f64]) -> Judgement {
    let runs = Runs::new();
    runs.add("old", &with_errors(old, "")).add("new", &with_errors(new, ""));
    runs.judge(&default())
}

const ONE: [f64; 8] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

#[test]
fn one_error_in_the_baseline_does_not_excuse_all_that_follow() {
    let judgement = judged(&ONE, &[900.0; 8]);
    let found = finding(&judgement, "errors_share");
    assert_eq!(found.verdict, Verdict::Regression);
    assert_eq!(found.why, "1 of 80,001 transactions failed in the baseline, 7,200 of 87,200 now");
    assert_eq!(judgement.count(Verdict::Regression), 1);
    // A share that is there all along grows by a tenth.
    let share = |factor: f64| STEADY.map(|noise| 500.0 * factor * noise);
    let grown = judged(&share(1.0), &share(1.1));
    assert_eq!(finding(&grown, "errors_share").verdict, Verdict::Regression);
}

#[test]
fn errors_that_did_not_grow_are_no_regression_and_few_are_open() {
    let last = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let same = judged(&ONE, &last);
    assert_eq!(finding(&same, "errors_share").verdict, Verdict::NotWorse);
    assert_eq!(same.outcome(), Outcome::NoRegression);
    let few = judged(&ONE, &[0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let found = finding(&few, "errors_share");
    assert_eq!(found.verdict, Verdict::CouldNotTell);
    assert!(
        found.why.ends_with("8 against 8 repetitions do not show that it grew"),
        "{}",
        found.why
    );
    assert_eq!(judged(&ONE, &[0.0; 8]).outcome(), Outcome::NoRegression);
}

#[test]
fn failures_that_one_side_does_not_tell_are_not_none() {
    let untold = |errors: &[f64]| -> Vec<Record> {
        let rows = with_errors(errors, "").into_iter();
        rows.filter(|row| row.metric != "errors").collect()
    };
    let judged = |old: &[Record], new: &[Record]| {
        let runs = Runs::new();
        runs.add("old", old).add("new", new);
        let judgement = runs.judge(&default());
        let found = judgement.findings.iter().find(|one| one.metric == "errors").cloned();
        (judgement.outcome(), found.map(|one| one.why).unwrap_or_default())
    };
    let (none, some) = ([0.0; 8], [3.0; 8]);
    assert_eq!(
        judged(&untold(&none), &with_errors(&some, "")),
        (
            Outcome::CouldNotTell,
            "the baseline does not tell how many failed; 24 failed now, in 8 of 8 repetitions"
                .into()
        )
    );
    assert_eq!(
        judged(&with_errors(&none, ""), &untold(&none)),
        (
            Outcome::CouldNotTell,
            "the baseline tells how many failed, the current run does not".into()
        )
    );
    assert_eq!(judged(&untold(&none), &with_errors(&none, "")).0, Outcome::NoRegression);
    assert_eq!(judged(&untold(&none), &untold(&none)).0, Outcome::NoRegression);
}

#[test]
fn the_errors_of_one_load_do_not_excuse_those_of_another() {
    let rows = |other: f64| {
        let own =
            with_errors(&[900.0; 8], "leak").into_iter().filter(|row| row.transaction == "leak");
        let other = with_errors(&[other; 8], "steady");
        own.chain(other).collect::<Vec<Record>>()
    };
    let runs = Runs::new();
    runs.add("old", &rows(0.0)).add("new", &rows(3.0));
    let judgement = runs.judge(&default());
    let found = finding(&judgement, "errors");
    assert_eq!((found.load.as_str(), found.verdict), ("steady", Verdict::Regression));
}

#[test]
fn a_load_that_tells_of_no_other_transactions_is_judged_by_whether_any_failed() {
    let judged = |old: f64, new: f64| {
        let rows = |count: f64| -> Vec<Record> {
            let rows = with_errors(&[count; 8], "m/during").into_iter();
            rows.filter(|row| &*row.metric != "transactions").collect()
        };
        let runs = Runs::new();
        runs.add("old", &rows(old)).add("new", &rows(new));
        runs.judge(&default())
    };
    assert_eq!(finding(&judged(0.0, 500.0), "errors").verdict, Verdict::Regression);
    let more = judged(3.0, 500.0);
    assert_eq!(finding(&more, "errors_share").verdict, Verdict::CouldNotTell);
    assert_eq!(judged(0.0, 0.0).outcome(), Outcome::NoRegression);
}

#[test]
fn a_threshold_of_the_share_is_taken_for_what_it_is() {
    let share = |factor: f64| STEADY.map(|noise| 500.0 * factor * noise);
    let runs = Runs::new();
    runs.add("old", &with_errors(&share(1.0), "")).add("new", &with_errors(&share(1.1), ""));
    let mut options = default();
    options.thresholds.set("errors_share", 0.3);
    let judgement = runs.judge(&options);
    assert_eq!(judgement.notes, [""; 0]);
    assert_eq!(finding(&judgement, "errors_share").verdict, Verdict::NotWorse);
    // Where no failure was counted there is no share.
    let runs = Runs::new();
    let rows = repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY);
    runs.add("old", &rows).add("new", &rows);
    let note = "`errors_share` has a threshold and was not measured in these runs";
    assert_eq!(runs.judge(&options).notes, [note]);
}

#[test]
fn the_share_of_failed_transactions_may_be_asked_for_alone() {
    let options = RegressOptions { metrics: vec!["errors_share".to_owned()], ..default() };
    let judged = |old: &[f64], new: &[f64]| {
        let runs = Runs::new();
        runs.add("old", &with_errors(old, "")).add("new", &with_errors(new, ""));
        let judgement = runs.judge(&options);
        let verdict = |metric: &str| {
            let found = judgement.findings.iter().find(|one| one.metric == metric);
            found.map(|one| one.verdict)
        };
        assert_eq!(verdict("throughput"), None);
        (verdict("errors_share"), verdict("errors"), judgement.outcome())
    };
    let (worse, not_worse) = (Some(Verdict::Regression), Some(Verdict::NotWorse));
    assert_eq!(judged(&[0.0; 8], &[0.0; 8]), (not_worse, None, Outcome::NoRegression));
    assert_eq!(judged(&[500.0; 8], &[900.0; 8]), (worse, None, Outcome::Regression));
    assert_eq!(judged(&[500.0; 8], &[0.0; 8]), (not_worse, None, Outcome::NoRegression));
    assert_eq!(judged(&[0.0; 8], &[5.0; 8]), (None, worse, Outcome::Regression));
    // Where no failure was counted there is no share.
    let runs = Runs::new();
    let rows = repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY);
    runs.add("old", &rows).add("new", &rows);
    let error = regress(&[runs.path("old")], &runs.path("new"), &options).unwrap_err().to_string();
    assert!(error.contains("it was not measured in these runs"), "{error}");
}
