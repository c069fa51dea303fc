//! The statistics against known truth: published tables, another program, and samples that were drawn so
//! that the right answer is known.

#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::random::Rng;
use proptest::prelude::*;

use super::bootstrap::interval_of_median;
use super::mann_whitney::{RankTest, smallest_p};
use super::repetitions::{deviation, enough, fewest};
use super::shift::{Shift, shift as shift_by};
use super::signed_rank;

fn p_value(one: &[f64], other: &[f64]) -> f64 {
    RankTest::default().p_value(one, other)
}

fn outside(one: usize, other: usize, level: f64) -> Option<usize> {
    RankTest::default().outside(one, other, level)
}

fn shift(baseline: &[f64], current: &[f64], level: f64) -> Option<Shift> {
    shift_by(&mut RankTest::default(), baseline, current, level)
}

fn assert_near(found: f64, known: f64, tolerance: f64) {
    assert!((found - known).abs() <= tolerance, "{found} is not {known}");
}

/// `scipy.stats.mannwhitneyu(…, method="exact")` of SciPy 1.17.1; those with ties by its `rankdata` over
/// all permutations.
#[test]
fn p_values_are_those_of_scipy() {
    let known: [(&[f64], &[f64], f64); 7] = [
        (&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 0.1),
        (&[19.0, 22.0, 16.0, 29.0, 24.0], &[20.0, 11.0, 17.0, 12.0], 0.111_111_111_111_111_1),
        (
            &[0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46],
            &[1.15, 0.88, 0.90, 0.74, 1.21],
            0.254_412_254_412_254_4,
        ),
        (&[1.0, 2.0, 3.0, 4.0, 7.0], &[5.0, 6.0, 8.0, 9.0, 10.0], 0.031_746_031_746_031_744),
        (&[1.0, 2.0, 2.0, 3.0, 5.0], &[2.0, 4.0, 5.0, 5.0, 6.0], 0.150_793_650_793_650_79),
        (
            &[144.0, 144.0, 145.0, 146.0],
            &[146.0, 147.0, 147.0, 149.0, 150.0],
            0.031_746_031_746_031_744,
        ),
        (&[5.0, 5.0, 5.0], &[5.0, 5.0], 1.0),
    ];
    for (one, other, p) in known {
        assert_near(p_value(one, other), p, 1e-12);
        assert_near(p_value(other, one), p, 1e-12);
    }
    let spread = |step: usize, by: f64, from: f64| -> Vec<f64> {
        (0..20).map(|at| (at * step % 61) as f64 + by * at as f64 + from).collect()
    };
    assert_near(
        p_value(&spread(7, 0.5, 0.0), &spread(11, 0.31, 6.0)),
        0.398_302_322_793_303_1,
        1e-12,
    );
    assert_near(p_value(&[], &[1.0]), 1.0, 0.0);
}

/// `scipy.stats.mannwhitneyu(…, method="asymptotic")` of samples with many ties, too large to be counted
/// out.
#[test]
fn large_samples_are_approximated_as_by_scipy() {
    let one = [
        113, 114, 101, 92, 89, 100, 90, 86, 102, 101, 105, 91, 100, 99, 85, 105, 103, 124, 102, 99,
        112, 102, 109, 96, 102, 110, 107, 101, 89, 104, 101, 107, 102, 111, 99,
    ];
    let other = [
        106, 111, 93, 100, 99, 124, 103, 111, 110, 101, 88, 114, 100, 111, 91, 100, 117, 118, 91,
        91, 104, 111, 106, 107, 94, 110, 115, 100, 90, 96, 112, 87, 103,
    ];
    let (one, other) = (one.map(f64::from), other.map(f64::from));
    assert_near(p_value(&one, &other), 0.383_009_740_554_621_67, 1e-9);
    assert_near(p_value(&[1.0; 40], &[1.0; 40]), 1.0, 0.0);
}

/// Two samples that do not overlap are as unlikely as one way to divide all numbers, in either direction.
#[test]
fn few_numbers_against_many_are_counted_out() {
    let numbers = |count: usize, from: f64| -> Vec<f64> {
        (0..count).map(|place| from + place as f64).collect()
    };
    for (many, few, ways) in [(64, 3, 47_905.0), (100, 2, 5_151.0), (56, 3, 32_509.0)] {
        let (one, other) = (numbers(many, 1_000.0), numbers(few, 0.0));
        assert_near(p_value(&one, &other), 2.0 / ways, 1e-12);
        assert_near(p_value(&other, &one), 2.0 / ways, 1e-12);
        // Numbers of one sample that are equal change nothing of that.
        assert_near(p_value(&vec![9.0; many], &vec![5.0; few]), 2.0 / ways, 1e-12);
        assert_eq!(outside(many, few, 2.0 / ways), Some(0));
        assert_eq!(outside(many, few, 1.9 / ways), None);
    }
    // In two of all ways three ranks add up to 1 + 2 + 4 or less.
    let mut second = numbers(64, 10.0);
    second[0] = 1.5;
    assert_near(p_value(&second, &[0.0, 1.0, 2.0]), 4.0 / 47_905.0, 1e-12);
}

/// More of the same baseline makes what differs from it no likelier.
#[test]
fn p_does_not_rise_with_a_longer_baseline() {
    for few in 1..=8 {
        let current = vec![50.0; few];
        let mut last = 1.0;
        for many in few..200 {
            let p = p_value(&vec![100.0; many], &current);
            assert!(p <= last, "{many} against {few}: {p} after {last}");
            last = p;
        }
    }
}

/// The largest U that is significant at 5 % in two directions, from the tables of Mann and Whitney as
/// textbooks have them.
#[test]
fn intervals_leave_out_what_the_tables_say() {
    let known =
        [(4, 4, 0), (5, 5, 2), (5, 8, 6), (8, 8, 13), (10, 10, 23), (15, 20, 90), (20, 20, 127)];
    for (one, other, largest) in known {
        assert_eq!(outside(one, other, 0.05), Some(largest), "{one} against {other}");
        assert_eq!(outside(other, one, 0.05), Some(largest));
    }
    assert_eq!(outside(3, 3, 0.05), None);
    assert_eq!(outside(3, 3, 0.1), Some(0));
    // Counted out and approximated, on both sides of the border.
    let (counted, near) = (outside(30, 30, 0.05).unwrap(), outside(30, 31, 0.05).unwrap());
    assert_eq!(counted, 317);
    assert!((327..=331).contains(&near), "{near}");
}

#[test]
fn few_repetitions_show_nothing() {
    assert_near(smallest_p(3, 3), 0.1, 1e-12);
    assert_near(smallest_p(5, 5), 2.0 / 252.0, 1e-12);
    assert_eq!([fewest(0.1), fewest(0.05), fewest(0.05 / 60.0)], [Some(3), Some(4), Some(7)]);
    assert_eq!((enough(0.02, 0.001, 0.05), deviation([&[1.0], &[2.0]])), (None, None));
    assert_near(deviation([&[1.0, std::f64::consts::E], &[7.0]]).unwrap(), 0.5_f64.sqrt(), 1e-12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// The distribution is that of all ways to divide the numbers, ties or none.
    #[test]
    fn p_counts_all_permutations(
        numbers in proptest::collection::vec(0u8..6, 2..10),
        size in 1usize..9,
    ) {
        let numbers: Vec<f64> = numbers.into_iter().map(f64::from).collect();
        let size = size.min(numbers.len() - 1);
        let sum = |chosen: u32| -> f64 {
            let rank = |number: f64| {
                let less = numbers.iter().filter(|other| **other < number).count() as f64;
                let same = numbers.iter().filter(|other| **other == number).count() as f64;
                less + same.midpoint(1.0)
            };
            let is_chosen = |place: &usize| chosen >> place & 1 == 1;
            (0..numbers.len()).filter(is_chosen).map(|place| rank(numbers[place])).sum()
        };
        let divisions = (0..1u32 << numbers.len()).filter(|set| set.count_ones() as usize == size);
        let sums: Vec<f64> = divisions.map(sum).collect();
        let seen = sum((1 << size) - 1);
        let at_most = sums.iter().filter(|sum| **sum <= seen).count();
        let at_least = sums.iter().filter(|sum| **sum >= seen).count();
        let p = (2.0 * at_most.min(at_least) as f64 / sums.len() as f64).min(1.0);
        let (one, other) = numbers.split_at(size);
        prop_assert!((p_value(one, other) - p).abs() < 1e-12);
    }

    /// Multiplying one sample multiplies the ratio; swapping the samples inverts it.
    #[test]
    fn a_factor_is_found_as_it_is(
        baseline in proptest::collection::vec(0.5f64..100.0, 1..12),
        current in proptest::collection::vec(0.5f64..100.0, 1..12),
        factor in 0.01f64..100.0,
    ) {
        let near = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
        let plain = shift(&baseline, &current, 0.05).unwrap();
        let times: Vec<f64> = current.iter().map(|number| number * factor).collect();
        prop_assert!(near(shift(&baseline, &times, 0.05).unwrap().ratio, plain.ratio * factor));
        let swapped = shift(&current, &baseline, 0.05).unwrap();
        prop_assert!(near(swapped.ratio, 1.0 / plain.ratio));
        let interval = plain.interval.unwrap_or((plain.ratio, plain.ratio));
        prop_assert!(interval.0 <= plain.ratio * (1.0 + 1e-9));
        prop_assert!(plain.ratio <= interval.1 * (1.0 + 1e-9));
    }
}

/// How repetitions may be distributed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Noise {
    /// As a bell.
    Normal,
    /// With a long tail towards slow.
    Skewed,
    /// Mostly quiet, with a stall now and then.
    Stalls,
}

impl Noise {
    pub(crate) const ALL: [Self; 3] = [Self::Normal, Self::Skewed, Self::Stalls];

    /// A number around 100 that varies by some `percent`.
    pub(crate) fn draw(self, rng: &mut Rng, percent: f64) -> f64 {
        let normal = |rng: &mut Rng| {
            let (radius, angle) = (rng.exponential(), rng.unit() * std::f64::consts::TAU);
            (2.0 * radius).sqrt() * angle.cos()
        };
        let off = match self {
            Self::Normal => normal(rng),
            Self::Skewed => rng.exponential() - 1.0,
            Self::Stalls if rng.percent(10.0) => 10.0 * rng.unit(),
            Self::Stalls => normal(rng),
        };
        100.0 * (off * percent / 100.0).exp()
    }

    pub(crate) fn sample(self, rng: &mut Rng, size: usize, percent: f64) -> Vec<f64> {
        (0..size).map(|_| self.draw(rng, percent)).collect()
    }
}

/// Of 4,000 intervals the true factor is in 95 % at least, but for what chance takes away from 4,000
/// (three standard deviations).
#[test]
fn intervals_hold_the_true_factor_as_often_as_they_say() {
    let trials = 4_000;
    let least = 0.95 - 3.0 * (0.95 * 0.05 / f64::from(trials)).sqrt();
    for (kind, noise) in (0..).zip(Noise::ALL) {
        for (old, new) in [(4, 4), (5, 5), (5, 15), (10, 10), (40, 40)] {
            let mut rng = Rng::new(7, &[kind, old as u64, new as u64]);
            let mut test = RankTest::default();
            let held = (0..trials).filter(|_| {
                let baseline = noise.sample(&mut rng, old, 5.0);
                let current = noise.sample(&mut rng, new, 5.0);
                let shift = shift_by(&mut test, &baseline, &current, 0.05);
                let (low, high) = shift.unwrap().interval.unwrap();
                (low..=high).contains(&1.0)
            });
            let share = held.count() as f64 / f64::from(trials);
            assert!(share >= least, "{noise:?}, {old} against {new}: only {share}");
        }
    }
}

/// As many repetitions as are named show a difference of that size four times in five, or nearly.
#[test]
fn as_many_repetitions_as_are_named_are_enough() {
    for (percent, ratio) in [(2.0, 1.03), (5.0, 1.1), (10.0, 1.08)] {
        let size = enough(percent / 100.0, f64::ln(ratio), 0.05).unwrap();
        let (mut rng, mut test) = (Rng::new(8, &[size as u64]), RankTest::default());
        let shown = (0..500).filter(|_| {
            let baseline = Noise::Normal.sample(&mut rng, size, percent);
            let mut current = Noise::Normal.sample(&mut rng, size, percent);
            current.iter_mut().for_each(|number| *number *= ratio);
            test.p_value(&baseline, &current) <= 0.05
        });
        let share = shown.count() as f64 / 500.0;
        assert!((0.72..=0.92).contains(&share), "{size} repetitions: {share}");
    }
}

/// `scipy.stats.wilcoxon(…, method="exact")` of SciPy 1.17.1 on the logarithms; the last has ties, counted
/// over all signs.
#[test]
fn signed_ranks_are_those_of_scipy() {
    let of = |distances: &[f64]| -> Vec<f64> { distances.iter().map(|one| one.exp()).collect() };
    let clear = of(&[0.1, 0.2, 0.3, 0.15, 0.25, 0.05]);
    assert_near(signed_rank::p_value(&clear), 0.031_25, 1e-12);
    let mixed = of(&[0.1, -0.2, 0.3, 0.4, -0.05, 0.6, 0.7, -0.15]);
    assert_near(signed_rank::p_value(&mixed), 0.1953125, 1e-12);
    // Of ranks 1.5, 1.5, 3, 4, in four of sixteen ways of signs the negative ones are at most 1.5.
    assert_near(signed_rank::p_value(&[2.0, 0.5, 3.0, 4.0, 1.0]), 6.0 / 16.0, 1e-12);
    assert_near(signed_rank::p_value(&[1.0, 1.0]), 1.0, 0.0);
    assert_eq!((signed_rank::fewest(0.05), signed_rank::fewest(0.05 / 24.0)), (6, 10));
    assert_eq!(signed_rank::effect_size(&clear), Some(1.0));
    assert_near(signed_rank::effect_size(&mixed).unwrap(), 20.0 / 36.0, 1e-12);
    assert_eq!(signed_rank::effect_size(&[1.0]), None);
}

/// The true ratio is 1, and in 95 % of the intervals at least, but for what chance takes away from 4,000.
#[test]
fn bootstrap_intervals_hold_the_true_median() {
    for (kind, noise) in (0..).zip([Noise::Normal, Noise::Stalls]) {
        for size in [6, 7, 8, 9, 10, 15, 20] {
            let mut rng = Rng::new(9, &[kind, size as u64]);
            let held = (0..4_000).filter(|_| {
                let baseline = noise.sample(&mut rng, size, 5.0);
                let current = noise.sample(&mut rng, size, 5.0);
                let ratios: Vec<f64> =
                    current.iter().zip(&baseline).map(|(new, old)| new / old).collect();
                let (low, high) = interval_of_median(&ratios).unwrap();
                (low..=high).contains(&1.0)
            });
            let share = held.count() as f64 / 4_000.0;
            assert!(share >= 0.939, "{noise:?}, {size} rounds: only {share}");
        }
    }
    assert_eq!(interval_of_median(&[1.0; 5]), None);
    assert_eq!(interval_of_median(&[2.0; 6]), Some((2.0, 2.0)));
}
