//! The test of Mann and Whitney: whether the numbers of one sample tend to be larger than those of
//! another ("On a Test of Whether one of Two Random Variables is Stochastically Larger than the
//! Other", Annals of Mathematical Statistics 18, 1947). It asks nothing of how they are distributed.

use std::collections::{HashMap, HashSet};

use statrs::distribution::{ContinuousCDF as _, Normal};

/// Up to how many numbers of both samples together the distribution is counted out, however they are divided.
const COUNTED_OUT: usize = 60;

/// Up to how many numbers in the smaller sample it is counted out beside a larger one, too. The largest sum of
/// ranks of a few numbers lies but a few standard deviations from the mean, whatever the size of the other sample:
/// of 3 against any number, no p by the normal distribution is below 0.003, where that of 3 against 64 is 0.00004.
const FEW: usize = 12;

/// How large the smaller sample times both together may be for that: what counting takes grows with its square (a
/// twentieth of a second here).
const AFFORDABLE: usize = 5_000;

/// What rounding may add to a p that is as large as the level.
const ROUNDING: f64 = 1e-9;

/// The test, with the distributions that it has counted out so far: many comparisons are of the same
/// number of repetitions.
#[derive(Debug, Default)]
pub struct RankTest {
    /// In how many ways each U comes about without ties, by the sizes of the samples.
    known: HashMap<(usize, usize), Vec<f64>>,
}

impl RankTest {
    /// The probability that two samples of one distribution differ in ranks as much as these or more, in
    /// either direction. 1 where a sample is empty.
    ///
    /// Equal numbers share the mean of their ranks, and their distribution is counted out as it is
    /// (Streitberg and Röhmel, "Exact Distributions for Permutation and Rank Tests", Statistical Software
    /// Newsletter 12, 1986): up to 60 numbers of both together, and where one has up to 12 and the other some
    /// hundreds. Beyond that it is approximated by a normal one, corrected for ties and for continuity (Lehmann,
    /// "Nonparametrics", 1975, chapter 1). Both directions are tested, for a sample may be better as well as
    /// worse; p is twice that of the direction that was seen.
    pub fn p_value(&mut self, one: &[f64], other: &[f64]) -> f64 {
        if one.is_empty() || other.is_empty() {
            return 1.0;
        }
        // What is asked is the same either way; the smaller sample is counted sooner.
        let (one, other) = if one.len() <= other.len() { (one, other) } else { (other, one) };
        let ranks = doubled_ranks(one, other);
        let sum: usize = ranks[..one.len()].iter().sum();
        if !is_counted_out(one.len(), other.len()) {
            return approximate(&ranks, one.len(), sum);
        }
        if ranks.iter().collect::<HashSet<_>>().len() == ranks.len() {
            let u = (sum - one.len() * (one.len() + 1)) / 2;
            return tail(self.ways(one.len(), other.len()), u);
        }
        tail(&ways(&ranks, one.len()), sum)
    }

    /// How many of the pairs of the two samples, sorted by their difference, lie outside of the interval at
    /// each end, so that it misses the true difference with a probability of at most `level`; `None` where
    /// not even all pairs suffice (Lehmann, 1975, chapter 2).
    pub fn outside(&mut self, one: usize, other: usize, level: f64) -> Option<usize> {
        let beyond = level / 2.0;
        if !can_show(one, other, level) {
            return None;
        }
        if !is_counted_out(one, other) {
            let (mean, deviation) = moments(one, other);
            let below = Normal::standard().inverse_cdf(beyond);
            return Some((mean + below * deviation - 0.5).floor().max(0.0) as usize);
        }
        let by_u = self.ways(one.min(other), one.max(other));
        let mut left = beyond * by_u.iter().sum::<f64>() * (1.0 + ROUNDING);
        let significant = by_u.iter().take_while(|count| {
            left -= **count;
            left >= 0.0
        });
        // The largest U that is significant is how many pairs may lie beyond an end.
        significant.count().checked_sub(1)
    }

    /// In how many ways each U comes about without ties.
    fn ways(&mut self, one: usize, other: usize) -> &[f64] {
        self.known.entry((one, other)).or_insert_with(|| {
            let ranks: Vec<usize> = (1..=one + other).map(|rank| 2 * rank).collect();
            // The smallest sum of ranks stands for U = 0; each step of 2 is one more.
            ways(&ranks, one).into_iter().skip(one * (one + 1)).step_by(2).collect()
        })
    }
}

/// Whether the distribution of samples of these sizes is counted out.
fn is_counted_out(one: usize, other: usize) -> bool {
    let (smaller, both) = (one.min(other), one + other);
    both <= COUNTED_OUT || (smaller <= FEW && smaller * both <= AFFORDABLE)
}

/// The share of all ways that lie as far out as `seen` or further, times two.
pub(super) fn tail(ways: &[f64], seen: usize) -> f64 {
    let all: f64 = ways.iter().sum();
    let at_most: f64 = ways.iter().take(seen + 1).sum();
    let at_least: f64 = ways.iter().skip(seen).sum();
    (2.0 * f64::min(at_most, at_least) / all).min(1.0)
}

/// The smallest p that samples of these sizes can give: that of two that do not overlap.
pub fn smallest_p(one: usize, other: usize) -> f64 {
    if one == 0 || other == 0 {
        return 1.0;
    }
    // One over the number of ways to choose the first sample out of both.
    let steps = (1..=one).map(|step| step as f64 / (other + step) as f64);
    (2.0 * steps.product::<f64>()).min(1.0)
}

/// Whether samples of these sizes can give a p of at most `level`.
pub fn can_show(one: usize, other: usize, level: f64) -> bool {
    smallest_p(one, other) <= level * (1.0 + ROUNDING)
}

/// The ranks of the first sample, then of the second, times two: with that also the means of ranks
/// that equal numbers share are whole.
fn doubled_ranks(one: &[f64], other: &[f64]) -> Vec<usize> {
    let numbers: Vec<f64> = one.iter().chain(other).copied().collect();
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
    let mut ranks = vec![0; numbers.len()];
    let mut before = 0;
    for tied in order.chunk_by(|a, b| numbers[*a] == numbers[*b]) {
        for place in tied {
            ranks[*place] = 2 * before + tied.len() + 1;
        }
        before += tied.len();
    }
    ranks
}

/// In how many ways `chosen` of the ranks add up to each sum.
fn ways(ranks: &[usize], chosen: usize) -> Vec<f64> {
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let largest: usize = sorted.iter().rev().take(chosen).sum();
    let mut ways = vec![vec![0.0; largest + 1]; chosen + 1];
    ways[0][0] = 1.0;
    for (taken, rank) in sorted.iter().enumerate() {
        for count in (1..=chosen.min(taken + 1)).rev() {
            let (fewer, more) = ways.split_at_mut(count);
            let (from, to) = (&fewer[count - 1], &mut more[0]);
            for (from, to) in from.iter().zip(&mut to[*rank..]) {
                *to += from;
            }
        }
    }
    ways.pop().unwrap_or_default()
}

/// In how many ways any of the ranks, few or many, add up to each sum.
pub(super) fn ways_of_any(ranks: &[usize]) -> Vec<f64> {
    let mut ways = vec![0.0; ranks.iter().sum::<usize>() + 1];
    ways[0] = 1.0;
    for rank in ranks {
        for sum in (*rank..ways.len()).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    ways
}

/// The mean and the standard deviation of U without ties.
fn moments(one: usize, other: usize) -> (f64, f64) {
    let pairs = one as f64 * other as f64;
    (pairs / 2.0, (pairs * (one + other + 1) as f64 / 12.0).sqrt())
}

fn approximate(ranks: &[usize], one: usize, sum: usize) -> f64 {
    let (size, other) = (ranks.len() as f64, ranks.len() - one);
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let ties =
        sorted.chunk_by(|a, b| a == b).map(|tied| (tied.len() as f64).powi(3) - tied.len() as f64);
    let pairs = one as f64 * other as f64;
    let variance = pairs / 12.0 * (size + 1.0 - ties.sum::<f64>() / (size * (size - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let u = sum as f64 / 2.0 - one as f64 * (one + 1) as f64 / 2.0;
    let off = ((u - pairs / 2.0).abs() - 0.5).max(0.0) / variance.sqrt();
    (2.0 * Normal::standard().cdf(-off)).min(1.0)
}
