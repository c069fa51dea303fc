//! Numbers that some repetitions lack, or that ended at their limit.

use dbdyno_core::{Better, Case, Measurement};

use super::history::Past;
use super::{Runs, STEADY, default, finding, verdicts};
use crate::fixture::{case, record, repetitions};
use crate::record::Record;
use crate::regress::{Judgement, Outcome, RegressOptions, Verdict, regress};

/// Eight repetitions of which the last `at_limit` had not caught up when nobody waited any longer.
fn catching_up(ms: f64, at_limit: usize) -> Vec<Record> {
    let rows = (1..).zip(STEADY).enumerate().flat_map(|(place, (repetition, noise))| {
        let of = Case { repetition, ..case("catch-up", "postgres") };
        let is_at_limit = place >= STEADY.len() - at_limit;
        let took = if is_at_limit { 5_000.0 + noise } else { ms * noise };
        [
            Measurement::new("catch_up_ms", took, "ms", Better::Lower),
            Measurement::new("not_caught_up", f64::from(is_at_limit), "1", Better::Lower),
        ]
        .map(|row| record("", &of, &row.of("async")))
    });
    rows.collect()
}

fn two(old: &[Record], new: &[Record], options: &RegressOptions) -> Judgement {
    let runs = Runs::new();
    runs.add("old", old).add("new", new);
    runs.judge(options)
}

#[test]
fn a_time_that_ended_at_its_limit_is_not_judged_and_that_it_did_is() {
    for (old, new, time, limit) in [
        (catching_up(500.0, 0), catching_up(900.0, 0), Verdict::Regression, Verdict::NoChange),
        (catching_up(500.0, 0), catching_up(500.0, 8), Verdict::CouldNotTell, Verdict::Regression),
        (catching_up(500.0, 8), catching_up(500.0, 0), Verdict::CouldNotTell, Verdict::Improvement),
        (catching_up(500.0, 8), catching_up(500.0, 8), Verdict::CouldNotTell, Verdict::NoChange),
        // Nearly all of the baseline came close to the limit, and one now is at it.
        (
            catching_up(4_900.0, 0),
            catching_up(500.0, 1),
            Verdict::CouldNotTell,
            Verdict::CouldNotTell,
        ),
    ] {
        let judgement = two(&old, &new, &default());
        assert_eq!(verdicts(&judgement), [("catch_up_ms", time), ("not_caught_up", limit)]);
    }
    let judgement = two(&catching_up(500.0, 2), &catching_up(500.0, 8), &default());
    let why = "it ended at its limit in 2 of 8 repetitions of the baseline and 8 of 8 of the current \
               run (not_caught_up): what it would have come to is not known";
    assert_eq!(finding(&judgement, "catch_up_ms").why, why);
}

#[test]
fn a_history_does_not_judge_a_time_that_ended_at_its_limit_of_late() {
    for (late, time) in [(2, Verdict::NoChange), (9, Verdict::CouldNotTell)] {
        let past = Past::of(14, |past, number| {
            past.add(number, &catching_up(500.0, usize::from(number == late)))
        });
        assert_eq!(finding(&past.judge(&[], 10), "catch_up_ms").verdict, time, "{late}");
    }
}

/// Eight repetitions, the last of which lack the 99th percentile.
fn lacking(count: usize) -> Vec<Record> {
    let mut rows = repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY);
    let lacks = |row: &&mut Record| {
        row.metric == "latency_p99_us" && row.case.repetition as usize > STEADY.len() - count
    };
    rows.iter_mut().filter(lacks).for_each(|row| row.value = None);
    rows
}

#[test]
fn what_both_sides_lack_alike_is_judged_by_the_others() {
    let p99 = || RegressOptions { metrics: vec!["p99".to_owned()], ..default() };
    for (old, new, note) in [
        (2, 2, "2 of 8 repetitions of the current run lack it, and 2 of 8 of the baseline"),
        (1, 2, "2 of 8 repetitions of the current run lack it, and 1 of 8 of the baseline"),
        (3, 0, "0 of 8 repetitions of the current run lack it, and 3 of 8 of the baseline"),
    ] {
        let judgement = two(&lacking(old), &lacking(new), &p99());
        assert_eq!(judgement.outcome(), Outcome::NoRegression, "{:?}", judgement.findings);
        let note =
            format!("latency_p99_us of oltp/tpcc: {note}: it is judged by those that have it");
        assert_eq!(judgement.notes, [note]);
    }
    let worse: Vec<Record> = lacking(2)
        .into_iter()
        .map(|row| Record { value: row.value.map(|value| value * 2.0), ..row })
        .collect();
    assert_eq!(two(&lacking(2), &worse, &p99()).outcome(), Outcome::Regression);
}

#[test]
fn what_the_current_run_lacks_more_often_could_not_be_told() {
    let p99 = RegressOptions { metrics: vec!["p99".to_owned()], ..default() };
    for (old, new, why) in [
        (0, 1, "1 of 8 repetitions of the current run lack it"),
        (1, 7, "7 of 8 repetitions of the current run lack it, and 1 of 8 of the baseline"),
        (2, 8, "the baseline has it, the current run does not"),
    ] {
        let judgement = two(&lacking(old), &lacking(new), &p99);
        assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
        assert_eq!(finding(&judgement, "latency_p99_us").why, why);
    }
    // A baseline that has it nowhere is no excuse.
    let runs = Runs::new();
    runs.add("older", &lacking(8)).add("old", &lacking(0)).add("new", &lacking(3));
    let judgement =
        regress(&[runs.path("older"), runs.path("old")], &runs.path("new"), &p99).unwrap();
    let why = "3 of 8 repetitions of the current run lack it";
    assert_eq!(finding(&judgement, "latency_p99_us").why, why);
}

#[test]
fn a_history_that_lacks_a_number_now_and_then_goes_on() {
    let judged = |always: bool| {
        let past = Past::of(14, |past, number| {
            let lacks = usize::from(number == 13 || (always && number % 2 == 0));
            past.add(number, &lacking(lacks))
        });
        past.judge(&[], 10)
    };
    let now_and_then = judged(true);
    assert_eq!(now_and_then.outcome(), Outcome::NoRegression);
    let note = "oltp/tpcc latency_p99_us: 1 of 8 repetitions of the current run lack it, and 7 of 104 \
                of the baseline: it is judged by those that have it";
    assert_eq!(now_and_then.notes, [note]);
    let only_now = judged(false);
    assert_eq!(finding(&only_now, "latency_p99_us").verdict, Verdict::CouldNotTell);
}

/// The mean of two percentiles is no percentile; that of two throughputs is a throughput.
#[test]
fn percentiles_that_are_shown_were_measured() {
    let rows = repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY);
    let judgement = two(&rows, &rows, &default());
    let measured: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
    for metric in ["latency_p50_us", "latency_p95_us", "latency_p99_us"] {
        let numbers = finding(&judgement, metric).numbers.as_ref().unwrap();
        for (shown, _) in [numbers.before, numbers.after] {
            assert!(measured.contains(&shown), "{metric} {shown}");
        }
    }
    let throughput = finding(&judgement, "throughput").numbers.as_ref().unwrap().before.0;
    assert!((throughput - 1001.0).abs() < 1e-6, "{throughput}");
}
