//! A repetition that stands far out must not turn a verdict round: made-up sides of which it is known which way
//! most of them went.

use dbdyno_core::random::Rng;
use dbdyno_core::{Better, Case, Measurement};

use super::super::judge::{Pair, Wanted, judge};
use super::errors::with_errors;
use super::truth::pair;
use super::{Runs, STEADY, default, finding, verdicts};
use crate::fixture::{case, record, repetitions};
use crate::record::Record;
use crate::regress::{Finding, RegressOptions, Verdict};

/// How many of 10,000 transactions failed: about as many as said in every repetition.
fn about(failed: f64) -> Vec<f64> {
    (0..10).map(|place| (failed * STEADY[place % 8]).round()).collect()
}

/// The same, but that half of all transactions fail in the last repetition.
fn far_out(failed: f64) -> Vec<f64> {
    let mut all = about(failed);
    all[9] = 10_000.0;
    all
}

fn share(old: &[f64], new: &[f64]) -> Finding {
    let runs = Runs::new();
    runs.add("old", &with_errors(old, "")).add("new", &with_errors(new, ""));
    finding(&runs.judge(&default()), "errors_share").clone()
}

#[test]
fn a_share_that_one_repetition_carries_is_no_verdict_either_way() {
    for (old, new) in [
        // Nine of ten repetitions are ten times better.
        (about(1_000.0), far_out(100.0)),
        // Ten of ten are worse than nine of the baseline.
        (far_out(100.0), about(1_000.0)),
    ] {
        let found = share(&old, &new);
        assert_eq!(found.verdict, Verdict::CouldNotTell, "{found:?}");
        assert!(found.why.contains("a few of them stand far out"), "{}", found.why);
    }
    // All grew for certain and by too little to count; one makes it a lot.
    let mut few = [1_020.0; 10];
    few[9] = 10_000.0;
    let found = share(&[1_000.0; 10], &few);
    assert_eq!(found.verdict, Verdict::CouldNotTell, "{found:?}");
    assert!(found.why.ends_with("whether most grew by 5% or more is open"), "{}", found.why);
    // With one far out or without, what grew in all others is worse.
    for new in [about(1_000.0), far_out(1_000.0)] {
        assert_eq!(share(&about(100.0), &new).verdict, Verdict::Regression);
    }
    assert_eq!(share(&about(1_000.0), &about(100.0)).verdict, Verdict::NotWorse);
}

#[test]
fn a_mean_that_one_repetition_carries_is_no_verdict_either_way() {
    let rows = |retries: fn(u32) -> f64| -> Vec<Record> {
        let mut rows = repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY);
        for repetition in 1..=8 {
            let of = Case { repetition, ..case("tpcc", "sqlite") };
            let row = Measurement::new("retries", retries(repetition), "1", Better::Lower);
            rows.push(record("", &of, &row));
        }
        rows
    };
    let fewer: fn(u32) -> f64 = |repetition| match repetition {
        1 => 0.0,
        8 => 500.0,
        _ => 1.0,
    };
    for (old, new) in [((|_| 10.0) as fn(u32) -> f64, fewer), (fewer, |_| 10.0)] {
        let runs = Runs::new();
        runs.add("old", &rows(old)).add("new", &rows(new));
        let judgement =
            runs.judge(&RegressOptions { metrics: vec!["retries".into()], ..default() });
        assert_eq!(verdicts(&judgement), [("retries", Verdict::CouldNotTell)]);
        let why = &judgement.findings[0].why;
        assert!(why.ends_with("a few of them stand far out"), "{why}");
    }
}

/// Shares of failed transactions in percent: none in about half of all repetitions, and in one of ten a hundred
/// times what there is otherwise.
fn shares(rng: &mut Rng, size: usize, times: f64) -> Vec<f64> {
    let share = |rng: &mut Rng| match (rng.percent(50.0), rng.percent(10.0)) {
        (true, _) => 0.0,
        (false, false) => times * rng.exponential(),
        (false, true) => 100.0 * times * rng.exponential(),
    };
    (0..size).map(|_| share(rng)).collect()
}

fn judged(before: &[f64], after: &[f64], wanted: fn(f64) -> Wanted) -> Pair {
    let sum = |side: &[f64]| side.iter().sum::<f64>();
    let factor = sum(after) / sum(before).max(f64::MIN_POSITIVE);
    let wanted = wanted(factor);
    Pair { wanted, ..pair(before.to_vec(), after.to_vec(), Better::Lower) }
}

const KINDS: [fn(f64) -> Wanted; 2] = [|_| Wanted::Change, |factor| Wanted::NoGrowth { factor }];

/// Of 2,000 comparisons in which nothing changed, each of eight numbers with many zeros and a few far out, at most
/// one in twenty calls anything changed, but for what chance adds to 2,000 (three standard deviations).
#[test]
fn zeros_and_outliers_alone_raise_no_more_alarms_than_stated() {
    let trials = 2_000;
    let most = 0.05 + 3.0 * (0.05 * 0.95 / f64::from(trials)).sqrt();
    for (place, kind) in (0..).zip(KINDS) {
        for size in [8, 12] {
            let mut rng = Rng::new(14, &[place, size as u64]);
            let alarms = (0..trials).filter(|_| {
                let mut side = || shares(&mut rng, size, 1.0);
                let pairs = (0..8).map(|_| judged(&side(), &side(), kind)).collect();
                let found = judge(pairs, 0.05).found;
                found.iter().any(|(_, _, one)| {
                    [Verdict::Regression, Verdict::Improvement].contains(&one.verdict)
                })
            });
            let share = alarms.count() as f64 / f64::from(trials);
            assert!(share <= most, "{size} repetitions: {share}");
        }
    }
}

/// Where every repetition but one or two far out became ten times better or worse, that is never told the other
/// way round, nor that it is not worse; where none is far out it is found.
#[test]
fn most_repetitions_are_never_told_the_wrong_way_round() {
    for (place, kind) in (0..).zip(KINDS) {
        for trial in 0..300 {
            let mut rng = Rng::new(15, &[place, trial]);
            let side = |rng: &mut Rng, times: f64| -> Vec<f64> {
                let mut all: Vec<f64> = (0..12).map(|_| times * (0.5 + rng.unit())).collect();
                all[0] = 0.0;
                all
            };
            let (few, many) = (side(&mut rng, 1.0), side(&mut rng, 10.0));
            let mut out = few.clone();
            (1..=1 + rng.below(2) as usize).for_each(|place| out[place] = 500.0);
            let verdict = |before: &[f64], after: &[f64]| {
                judge(vec![judged(before, after, kind)], 0.05).found[0].2.verdict
            };
            assert_eq!(verdict(&few, &many), Verdict::Regression);
            assert_eq!(verdict(&many, &out), Verdict::CouldNotTell);
            assert_eq!(verdict(&out, &many), Verdict::CouldNotTell);
        }
    }
}
