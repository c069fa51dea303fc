//! How far a median might have come out otherwise: the bootstrap (Efron, "Bootstrap Methods: Another Look at
//! the Jackknife", Annals of Statistics 7, 1979).

use statrs::distribution::{Binomial, DiscreteCDF as _};

/// The fewest values whose median has an interval of 95 %: with five, not even the smallest and the largest
/// hold it so often (1 - 2^-4).
pub const FEWEST: usize = 6;

/// With what probability a median may lie beyond an end.
const BEYOND: f64 = 0.025;

/// The interval of the median in which 95 % of the medians lie of samples that are drawn from `values` with
/// replacement (the percentile method). `None` of fewer than [`FEWEST`].
///
/// For a median nothing need be drawn: which value it falls on follows a binomial distribution (Efron, 1979,
/// section 3), so that the interval reaches from one of the values to another. Of an even number the lower
/// end is that of the lower of the two middle values, the upper end that of the upper one. Of few values the
/// bootstrap promises too much (with seven it holds the true median in 88 % of cases); the interval is then
/// the wider one of the sign test, which supposes nothing of the distribution (Lehmann, "Nonparametrics",
/// 1975, chapter 4).
pub fn interval_of_median(values: &[f64]) -> Option<(f64, f64)> {
    let size = values.len();
    if size < FEWEST {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = size.div_ceil(2) as u64;
    // How likely it is that a median falls on one of the `below` smallest values: half of the draws do.
    let is_rare = |below: &usize| {
        let share = *below as f64 / size as f64;
        Binomial::new(share, size as u64).is_ok_and(|draws| draws.sf(middle - 1) <= BEYOND)
    };
    // How likely it is that no more than `below` values lie on one side of the true median.
    let signs = Binomial::new(0.5, size as u64).ok()?;
    let is_safe = |below: &usize| signs.cdf(*below as u64) <= BEYOND;
    let below = (0..size / 2).take_while(|below| is_rare(below) && is_safe(below)).last()?;
    Some((sorted[below], sorted[size - 1 - below]))
}
