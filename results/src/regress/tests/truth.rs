//! Verdicts against known truth: made-up repetitions of which it is known whether they changed.

use dbdyno_core::Better;
use dbdyno_core::random::Rng;
use proptest::prelude::*;

use super::super::judge::{Pair, Wanted, judge};
use super::super::{Finding, Verdict};
use crate::statistics::truth::Noise;

pub(super) fn pair(before: Vec<f64>, after: Vec<f64>, better: Better) -> Pair {
    let finding = Finding {
        benchmark: String::new(),
        case: String::new(),
        load: String::new(),
        metric: String::new(),
        verdict: Verdict::CouldNotTell,
        why: String::new(),
        numbers: None,
        since: None,
    };
    let unit = "us".to_owned();
    Pair {
        place: 0,
        rank: 0,
        finding,
        unit,
        better,
        min_effect: 0.05,
        before,
        runs: Vec::new(),
        after,
        lacking: None,
        wanted: Wanted::Change,
    }
}

/// The verdicts of as many comparisons as `steps`, each of which the current side is multiplied by.
fn verdicts(rng: &mut Rng, noise: Noise, percent: f64, size: usize, steps: &[f64]) -> Vec<Verdict> {
    let pairs = steps.iter().map(|step| {
        let before = noise.sample(rng, size, percent);
        let mut after = noise.sample(rng, size, percent);
        after.iter_mut().for_each(|number| *number *= step);
        pair(before, after, Better::Lower)
    });
    let found = judge(pairs.collect(), 0.05).found;
    found.into_iter().map(|(_, _, finding)| finding.verdict).collect()
}

/// Of 2,000 comparisons of runs that did not change, each of eight metrics that vary a lot, at most one in
/// twenty calls anything changed, but for what chance adds to 2,000 (three standard deviations).
#[test]
fn noise_alone_raises_no_more_alarms_than_stated() {
    let trials = 2_000;
    let most = 0.05 + 3.0 * (0.05 * 0.95 / f64::from(trials)).sqrt();
    for (kind, noise) in (0..).zip(Noise::ALL) {
        for size in [5, 8, 12] {
            let mut rng = Rng::new(11, &[kind, size as u64]);
            let alarms = (0..trials).filter(|_| {
                let found = verdicts(&mut rng, noise, 20.0, size, &[1.0; 8]);
                found.iter().any(|one| [Verdict::Regression, Verdict::Improvement].contains(one))
            });
            let share = alarms.count() as f64 / f64::from(trials);
            assert!(share <= most, "{noise:?}, {size} repetitions: {share}");
        }
    }
}

/// Steps of a known size among metrics that did not change are found, and only they.
#[test]
fn steps_of_known_size_are_found() {
    let steps = [1.0, 1.15, 1.0, 0.85, 1.0, 1.0];
    for (kind, noise) in (0..).zip(Noise::ALL) {
        let (mut found, mut right) = (0, 0);
        for trial in 0..300 {
            let mut rng = Rng::new(12, &[kind, trial]);
            let verdicts = verdicts(&mut rng, noise, 2.0, 10, &steps);
            found += usize::from(verdicts[1] == Verdict::Regression);
            found += usize::from(verdicts[3] == Verdict::Improvement);
            right += [0, 2, 4, 5].iter().filter(|at| verdicts[**at] == Verdict::NoChange).count();
        }
        assert!(found >= 590, "{noise:?}: {found} of 600 steps");
        // Stalls in a tenth of ten repetitions leave more of it open.
        let least = if matches!(noise, Noise::Stalls) { 960 } else { 1_120 };
        assert!(right >= least, "{noise:?}: {right} of 1,200 that did not change");
    }
}

/// A change of less than counts is never called a regression for long: more repetitions tell it from one.
#[test]
fn a_change_too_small_to_count_is_none() {
    let mut small = 0;
    for trial in 0..300 {
        let mut rng = Rng::new(13, &[trial]);
        let found = verdicts(&mut rng, Noise::Normal, 2.0, 30, &[1.03]);
        small += usize::from(found == [Verdict::NoChange]);
    }
    assert!(small >= 250, "{small} of 300");
}

/// Comparisons of too few repetitions to show anything are no chance of a false alarm: the others are not corrected
/// for them, and do not say that they are.
#[test]
fn what_can_show_nothing_is_not_counted_among_the_comparisons() {
    let steady = |size: usize| (1..=size).map(|at| 1_000.0 + at as f64).collect::<Vec<_>>();
    let torn = vec![800.0, 970.0, 850.0, 900.0, 1_200.0];
    let mut pairs = vec![pair(steady(5), torn, Better::Higher)];
    pairs.extend((0..3).map(|_| pair(steady(5), steady(5), Better::Higher)));
    pairs.extend((0..12).map(|_| pair(steady(2), steady(2), Better::Higher)));
    let judged = judge(pairs, 0.05);
    assert_eq!(judged.comparisons, 4);
    let why = |place: usize| &judged.found[place].2.why;
    assert!(why(0).starts_with("it could be chance among 4 comparisons; "), "{}", why(0));
    let few = "2 against 2 repetitions cannot show a difference; 6 against 6 can, among all 16";
    assert_eq!(why(15), few);
}

proptest! {
    /// The unit does not matter, and what is worse of one direction is better of the other.
    #[test]
    fn verdicts_follow_the_direction_and_no_unit(
        before in proptest::collection::vec(50.0f64..150.0, 4..9),
        after in proptest::collection::vec(50.0f64..150.0, 4..9),
        factor in 0.001f64..1000.0,
    ) {
        let of = |factor: f64, better| {
            let times = |numbers: &[f64]| numbers.iter().map(|number| number * factor).collect();
            judge(vec![pair(times(&before), times(&after), better)], 0.05).found[0].2.verdict
        };
        let lower = of(1.0, Better::Lower);
        prop_assert_eq!(lower, of(factor, Better::Lower));
        let higher = of(1.0, Better::Higher);
        let turned = match lower {
            Verdict::Regression => Verdict::Improvement,
            Verdict::Improvement => Verdict::Regression,
            Verdict::NoChange => Verdict::NoChange,
            // What cannot be told of one direction may be excluded in the other.
            Verdict::CouldNotTell | Verdict::NotWorse => higher,
        };
        prop_assert_eq!(higher, turned);
    }
}
