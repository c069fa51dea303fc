//! The test of Wilcoxon for pairs: whether the ratios of two things measured in the same rounds tend to one
//! side of 1 ("Individual Comparisons by Ranking Methods", Biometrics Bulletin 1, 1945).

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::mann_whitney::{tail, ways_of_any};

/// Up to how many pairs the distribution is counted out.
const COUNTED_OUT: usize = 60;

/// The probability of ratios that lie as far on one side of 1 as these or further, in either direction, where
/// neither side is the likelier; 1 of no ratios. Those that are exactly 1 say nothing and are left out, as
/// Wilcoxon did; equal distances share the mean of their ranks, and their distribution is counted out as it
/// is. More than 60 are approximated by a normal distribution.
pub fn p_value(ratios: &[f64]) -> f64 {
    let mut distances: Vec<f64> =
        ratios.iter().map(|ratio| ratio.ln()).filter(|distance| *distance != 0.0).collect();
    distances.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (mut ranks, mut sum) = (Vec::new(), 0);
    for tied in distances.chunk_by(|a, b| a.abs() == b.abs()) {
        let rank = 2 * ranks.len() + tied.len() + 1;
        sum += rank * tied.iter().filter(|distance| **distance > 0.0).count();
        ranks.extend(tied.iter().map(|_| rank));
    }
    if ranks.is_empty() {
        return 1.0;
    }
    if ranks.len() > COUNTED_OUT {
        let all: f64 = ranks.iter().map(|rank| *rank as f64).sum();
        let squares: f64 = ranks.iter().map(|rank| (*rank as f64).powi(2)).sum();
        let off = ((sum as f64 - all / 2.0).abs() - 1.0).max(0.0) / (squares.sqrt() / 2.0);
        return (2.0 * Normal::standard().cdf(-off)).min(1.0);
    }
    tail(&ways_of_any(&ranks), sum)
}

/// The smallest p that so many pairs can give: that of ratios all on one side.
pub fn smallest_p(pairs: usize) -> f64 {
    (2.0 * 0.5_f64.powi(i32::try_from(pairs).unwrap_or(i32::MAX))).min(1.0)
}

/// The fewest pairs that can show a difference at all, where p must be at most `level`.
pub fn fewest(level: f64) -> usize {
    (1..1_000).find(|pairs| smallest_p(*pairs) <= level).unwrap_or(1_000)
}

/// How much the ratios tend to one side of 1: the share of ranks above less the share below, from -1 (all
/// below) to 1 (all above); the matched-pairs rank-biserial correlation (Kerby, "The Simple Difference
/// Formula", Comprehensive Psychology 3, 2014). `None` where all are 1, or there are none.
pub fn effect_size(ratios: &[f64]) -> Option<f64> {
    let mut distances: Vec<f64> =
        ratios.iter().map(|ratio| ratio.ln()).filter(|distance| *distance != 0.0).collect();
    distances.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (mut before, mut signed, mut all) = (0, 0.0, 0.0);
    for tied in distances.chunk_by(|a, b| a.abs() == b.abs()) {
        let rank = before as f64 + (tied.len() + 1) as f64 / 2.0;
        signed += tied.iter().map(|distance| rank * distance.signum()).sum::<f64>();
        all += rank * tied.len() as f64;
        before += tied.len();
    }
    (all > 0.0).then(|| signed / all)
}
