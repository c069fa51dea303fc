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
    if baseline.iter().chain(current).any(|number| *number <= 0.0) {
        return None;
    }
    let ratios = Pairs::new(current, baseline, |new, old| new / old);
    let (lower, upper) = ratios.middle()?;
    // Of two in the middle the geometric mean, so that swapping the samples gives the inverse.
    let ratio = f64::midpoint(lower.ln(), upper.ln()).exp();
    let interval = test.outside(baseline.len(), current.len(), level).and_then(|outside| {
        let high = ratios.count().checked_sub(outside + 1)?;
        Some((ratios.nth(outside)?, ratios.nth(high)?))
    });
    Some(Shift { ratio, interval })
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

#[cfg(test)]
mod tests {
    use super::{difference, tendency};

    #[test]
    fn one_number_far_out_turns_neither_round() {
        let (old, mut new) = ([1.0; 10], [0.1; 10]);
        new[9] = 50.0;
        assert!((difference(&old, &new).unwrap_or_default() + 0.9).abs() < 1e-12);
        assert!((tendency(&old, &new) + 0.8).abs() < 1e-12);
        assert!((tendency(&new, &old) - 0.8).abs() < 1e-12);
    }

    #[test]
    fn equal_numbers_go_neither_way() {
        assert_eq!((difference(&[2.0], &[2.0]), tendency(&[2.0], &[2.0])), (Some(0.0), 0.0));
        assert_eq!((difference(&[], &[2.0]), tendency(&[], &[2.0])), (None, 0.0));
    }
}
