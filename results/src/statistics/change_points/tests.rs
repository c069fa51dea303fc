//! Series of known truth.

use super::made_up::{count, series, stalling};
use super::{Strictness, change_points, fewest};
use crate::statistics::drift::is_drift;

/// Every change counts, however small: what the command counts is tried where it is asked for.
const STRICT: Strictness = Strictness { level: 0.005, least: 0.0 };

/// How many series are said to change in which nothing does.
fn false_alarms(made: impl Fn(u64) -> Vec<f64>) -> usize {
    count(0..400, |seed| !change_points(&made(seed), STRICT).is_empty())
}

#[test]
fn of_noise_alone_less_than_one_series_in_a_hundred_changes() {
    assert!(false_alarms(|seed| series(seed, 40, |_| 0.0)) < 4);
    assert!(false_alarms(|seed| stalling(seed, 40)) < 4);
    let long = count(0..60, |seed| !change_points(&series(seed, 250, |_| 0.0), STRICT).is_empty());
    assert!(long < 2);
}

#[test]
fn a_step_of_two_deviations_is_found_within_three_runs() {
    let found = |seed| {
        let changes =
            change_points(&series(seed, 60, |at| if at < 30 { 0.0 } else { 2.0 }), STRICT);
        changes.iter().any(|change| change.at.abs_diff(30) <= 3)
    };
    assert!(count(0..100, found) >= 95);
}

/// How soon a step is noticed is a matter of its size: nothing can tell one of two deviations after three
/// runs with so few false alarms.
#[test]
fn a_large_step_is_noticed_after_three_runs() {
    let noticed = |step: f64| {
        let made = move |seed| series(seed, 33, move |at| if at < 30 { 0.0 } else { step });
        count(0..100, |seed| !change_points(&made(seed), STRICT).is_empty())
    };
    assert!(noticed(6.0) >= 95);
    assert!(noticed(4.0) >= 80);
}

#[test]
fn the_places_that_are_told_hold_the_true_one() {
    let holds = |seed| {
        let changes =
            change_points(&series(seed, 60, |at| if at < 30 { 0.0 } else { 2.5 }), STRICT);
        changes.iter().any(|change| change.places.0 <= 30 && 30 <= change.places.1)
    };
    assert!(count(0..100, holds) >= 90);
}

#[test]
fn up_and_down_again_are_two_changes() {
    let bump = |at| if (30..50).contains(&at) { 5.0 } else { 0.0 };
    let found = |seed| {
        let changes = change_points(&series(seed, 80, bump), STRICT);
        let [up, down] = &changes[..] else { return false };
        assert_eq!((up.before.start, up.after.end), (0, down.at));
        assert_eq!((down.before.start, down.after.end), (up.at, 80));
        up.at.abs_diff(30) < 2 && down.at.abs_diff(50) < 2
    };
    assert!(count(0..40, found) >= 38);
}

#[test]
fn a_drift_is_found_and_told_from_a_step() {
    let told = |made: &dyn Fn(u64) -> Vec<f64>, drift: bool| {
        count(0..100, |seed| {
            let values = made(seed);
            let changes = change_points(&values, STRICT);
            let is_drift = |change: &super::ChangePoint| {
                is_drift(&values[change.before.clone()], &values[change.after.clone()])
            };
            !changes.is_empty() && changes.iter().any(is_drift) == drift
        })
    };
    assert!(told(&|seed| series(seed, 60, |at| at as f64 / 15.0), true) >= 80);
    assert!(told(&|seed| series(seed, 60, |at| if at < 30 { 0.0 } else { 3.0 }), false) >= 95);
}

#[test]
fn what_is_too_small_does_not_count() {
    let values = series(1, 60, |at| if at < 30 { 0.0 } else { 4.0 });
    assert_eq!(change_points(&values, STRICT).len(), 1);
    assert!(change_points(&values, Strictness { least: 0.05, ..STRICT }).is_empty());
}

#[test]
fn short_and_flat_series_change_nowhere() {
    for values in [&[][..], &[1.0], &[1.0, 9.0], &[0.0; 40], &[1.0, 1.0, 1.0, 9.0, 9.0, 9.0]] {
        assert_eq!(change_points(values, STRICT), []);
    }
    let clean = |size: usize| (0..size).map(|at| if at < size / 2 { 1.0 } else { 2.0 }).collect();
    let needed = fewest(STRICT.level);
    let (enough, few): (Vec<f64>, Vec<f64>) = (clean(needed), clean(needed - 2));
    assert_eq!(change_points(&enough, STRICT).len(), 1);
    assert!(change_points(&few, STRICT).is_empty());
}
