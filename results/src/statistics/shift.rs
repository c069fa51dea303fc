//! By what factor the numbers of one sample are larger than those of another.

use super::mann_whitney::RankTest;
use super::median;

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
    let mut ratios: Vec<f64> =
        current.iter().flat_map(|new| baseline.iter().map(move |old| new / old)).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = geometric_middle(&ratios)?;
    let interval = test.outside(baseline.len(), current.len(), level).and_then(|outside| {
        let low = ratios.get(outside)?;
        let high = ratios.get(ratios.len().checked_sub(outside + 1)?)?;
        Some((*low, *high))
    });
    Some(Shift { ratio, interval })
}

/// The middle one; of an even number the geometric mean of the two middle ones, so that swapping the
/// samples gives the inverse.
fn geometric_middle(sorted: &[f64]) -> Option<f64> {
    let logarithms: Vec<f64> = sorted.iter().map(|ratio| ratio.ln()).collect();
    median(&logarithms).map(f64::exp)
}
