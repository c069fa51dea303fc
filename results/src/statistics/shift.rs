//! By what factor the numbers of one sample are larger than those of another.

use super::mann_whitney::RankTest;
use super::pairs::Pairs;

/// A factor between two samples, and how well it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The factor.
    pub ratio: f64,
    /// The interval that misses the true factor with at most the probability asked for; `None` where
    /// so few numbers allow none.
    pub interval: Option<(f64, f64)>,
}

/// The median of the ratios of each number of `current` to each of `baseline`, and the interval that the
/// test of Mann and Whitney gives for it (Hodges and Lehmann, "Estimates of Location Based on Rank Tests",
/// Annals of Mathematical Statistics 34, 1963; Lehmann, "Nonparametrics", 1975, chapter 2), taken of
/// logarithms: differences there are ratios here. The interval misses the true factor with a probability of
/// at most `level`. It supposes that the two differ by a factor and nothing
/// of how they are distributed, and needs no random numbers. `None` where a number is not above 0, or
/// there are none.
pub fn shift(test: &mut RankTest, baseline: &[f64], current: &[f64], level: f64) -> Option<Shift> {
    let ratios = ratios(baseline, current)?;
    let ratio = geometric_middle(&ratios)?;
    let interval = test.outside(baseline.len(), current.len(), level).and_then(|outside| {
        let high = ratios.count().checked_sub(outside + 1)?;
        Some((ratios.nth(outside)?, ratios.nth(high)?))
    });
    Some(Shift { ratio, interval })
}

/// The factor of [`shift`] alone.
pub fn factor(baseline: &[f64], current: &[f64]) -> Option<f64> {
    geometric_middle(&ratios(baseline, current)?)
}

/// The ratios of each number of `current` to each of `baseline`; `None` where a number is not above 0.
fn ratios(baseline: &[f64], current: &[f64]) -> Option<Pairs<impl Fn(f64, f64) -> f64>> {
    let are_above_0 = baseline.iter().chain(current).all(|number| *number > 0.0);
    are_above_0.then(|| Pairs::new(current, baseline, |new, old| new / old))
}

/// By how much the numbers of `current` are larger than those of `baseline`: the median of the differences of
/// each to each (Hodges and Lehmann, 1963). Unlike the difference of the means it stays where it is whatever a
/// few numbers do. `None` where there are none.
pub fn difference(baseline: &[f64], current: &[f64]) -> Option<f64> {
    let (lower, upper) = Pairs::new(current, baseline, |new, old| new - old).middle()?;
    Some(f64::midpoint(lower, upper))
}

/// Which way the ranks go that the test of Mann and Whitney looks at: the share of pairs in which the number of
/// `current` is the larger, less the share in which it is the smaller, from -1 to 1 (Cliff, "Dominance Statistics",
/// Psychological Bulletin 114, 1993). 0 where there are none.
pub fn tendency(baseline: &[f64], current: &[f64]) -> f64 {
    let mut sorted = baseline.to_vec();
    sorted.sort_by(f64::total_cmp);
    let sides = current.iter().map(|new| {
        let smaller = sorted.partition_point(|old| old < new);
        let larger = sorted.len() - sorted.partition_point(|old| old <= new);
        smaller as f64 - larger as f64
    });
    sides.sum::<f64>() / (baseline.len() * current.len()).max(1) as f64
}

/// Whether numbers went up, where ranks and means agree on it: the ranks are what is tested, and a single number can
/// carry the mean anywhere. `None` where they do not agree, or went neither way.
pub fn went_up(baseline: &[f64], current: &[f64]) -> Option<bool> {
    let ranks = tendency(baseline, current);
    let means = mean(current) - mean(baseline);
    (ranks * means > 0.0).then_some(ranks > 0.0)
}

/// How far the typical level of `current` is from that of `baseline`, as a share of that: by the factor between
/// them, or, where there is none, for some numbers are 0, by their means. Infinite where it could be any: of a
/// baseline of zeros, of numbers below 0, and where [`went_up`] cannot tell which way.
pub fn share_of_change(baseline: &[f64], current: &[f64]) -> f64 {
    if let Some(factor) = factor(baseline, current) {
        return (factor - 1.0).abs();
    }
    let has_negative = baseline.iter().chain(current).any(|number| *number < 0.0);
    if has_negative || went_up(baseline, current).is_none() {
        return f64::INFINITY;
    }
    // By 0 where the baseline is all zeros.
    (mean(current) - mean(baseline)).abs() / mean(baseline)
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// The middle one; of an even number the geometric mean of the two middle ones, so that swapping the
/// samples gives the inverse.
fn geometric_middle(ratios: &Pairs<impl Fn(f64, f64) -> f64>) -> Option<f64> {
    let (lower, upper) = ratios.middle()?;
    Some(f64::midpoint(lower.ln(), upper.ln()).exp())
}

#[cfg(test)]
mod tests {
    use super::{difference, share_of_change, tendency, went_up};

    #[test]
    fn one_number_far_out_turns_neither_round() {
        let (old, mut new) = ([1.0; 10], [0.1; 10]);
        new[9] = 50.0;
        assert!((difference(&old, &new).unwrap_or_default() + 0.9).abs() < 1e-12);
        assert!((tendency(&old, &new) + 0.8).abs() < 1e-12);
        assert!((tendency(&new, &old) - 0.8).abs() < 1e-12);
    }

    #[test]
    fn the_way_is_that_of_ranks_and_means() {
        let zeros = [0.0; 30];
        let mut some = [0.0; 30];
        some[..14].fill(100.0);
        assert_eq!(
            (went_up(&zeros, &some), share_of_change(&zeros, &some)),
            (Some(true), f64::INFINITY)
        );
        assert_eq!((went_up(&some, &zeros), share_of_change(&some, &zeros)), (Some(false), 1.0));
        // Nine of ten fell, and the mean rose; of the same numbers nothing went anywhere.
        let mut torn = [0.1; 10];
        torn[9] = 50.0;
        assert_eq!(went_up(&[1.0; 10], &torn), None);
        assert_eq!((went_up(&some, &some), went_up(&[], &some)), (None, None));
        assert_eq!(share_of_change(&[-1.0, 1.0], &[2.0]), f64::INFINITY);
    }

    #[test]
    fn a_change_is_a_share_of_the_level_before_it() {
        assert!((share_of_change(&[100.0; 3], &[66.0; 3]) - 0.34).abs() < 1e-12);
        assert!((share_of_change(&[66.0; 3], &[99.0; 3]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn equal_numbers_go_neither_way() {
        assert_eq!((difference(&[2.0], &[2.0]), tendency(&[2.0], &[2.0])), (Some(0.0), 0.0));
        assert_eq!((difference(&[], &[2.0]), tendency(&[], &[2.0])), (None, 0.0));
    }
}
