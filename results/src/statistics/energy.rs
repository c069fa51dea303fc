//! How unlike the two sides of a split are: the statistic of E-divisive (Matteson and James, "A Nonparametric
//! Approach for Multiple Change Point Analysis of Multivariate Data", Journal of the American Statistical
//! Association 109, 2014), with the exponent 1, which asks of the values only that they have a mean.

/// A split of a series in two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The place of the first value of the second part.
    pub at: usize,
    /// How unlike the two parts are, weighed by their sizes: the paper's Q (its equation 7). 0 where they
    /// are alike.
    pub divergence: f64,
}

/// Space for looking at many series of about the same length.
#[derive(Debug, Default)]
pub struct Divergence {
    /// For each value, how far it is from all values before it, added up; and from all after it.
    before: Vec<f64>,
    after: Vec<f64>,
}

impl Divergence {
    /// The split whose parts are most unlike; the first of those that are equally so. `None` of fewer than
    /// two values.
    pub fn best(&mut self, values: &[f64]) -> Option<Split> {
        self.splits(values).reduce(|best, next| match next.divergence > best.divergence {
            true => next,
            false => best,
        })
    }

    /// How unlike the two parts are of the split at `at`, which leaves no part empty.
    pub fn at(&mut self, values: &[f64], at: usize) -> Option<Split> {
        self.splits(values).find(|split| split.at == at)
    }

    fn splits(&mut self, values: &[f64]) -> impl Iterator<Item = Split> + '_ {
        self.measure(values);
        let size = values.len();
        let total: f64 = self.before.iter().sum();
        let (mut left, mut right) = (0.0, total);
        let distances = self.before.iter().zip(&self.after);
        distances.take(size.saturating_sub(1)).enumerate().map(move |(place, (before, after))| {
            left += before;
            right -= after;
            let at = place + 1;
            let between = total - left - right;
            Split {
                at,
                divergence: divergence(between, left, right, at as f64, (size - at) as f64),
            }
        })
    }

    fn measure(&mut self, values: &[f64]) {
        self.before.clear();
        self.after.clear();
        for (place, value) in values.iter().enumerate() {
            let far = |others: &[f64]| others.iter().map(|other| (value - other).abs()).sum();
            self.before.push(far(&values[..place]));
            self.after.push(far(&values[place + 1..]));
        }
    }
}

/// From the distances of all pairs with one value on either side, and of all pairs on one side.
fn divergence(between: f64, left: f64, right: f64, one: f64, other: f64) -> f64 {
    let mean =
        |sum: f64, size: f64| if size < 2.0 { 0.0 } else { 2.0 * sum / (size * (size - 1.0)) };
    let energy = 2.0 * between / (one * other) - mean(left, one) - mean(right, other);
    energy * one * other / (one + other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Divergence, Split};

    /// The definition, word by word.
    fn by_definition(left: &[f64], right: &[f64]) -> f64 {
        let pairs = |side: &[f64]| {
            let mut sum = 0.0;
            for (place, one) in side.iter().enumerate() {
                sum += side[place + 1..].iter().map(|other| (one - other).abs()).sum::<f64>();
            }
            let count = side.len() * (side.len() - 1) / 2;
            if count == 0 { 0.0 } else { sum / count as f64 }
        };
        let (m, n) = (left.len() as f64, right.len() as f64);
        let between: f64 =
            left.iter().flat_map(|one| right.iter().map(move |other| (one - other).abs())).sum();
        m * n / (m + n) * (2.0 * between / (m * n) - pairs(left) - pairs(right))
    }

    #[test]
    fn a_clean_step_is_found() {
        let split = Divergence::default().best(&[1.0, 1.0, 1.0, 5.0, 5.0]);
        assert_eq!(split, Some(Split { at: 3, divergence: 2.0 * 4.0 * 6.0 / 5.0 }));
        assert_eq!(Divergence::default().best(&[1.0]), None);
        assert_eq!(Divergence::default().best(&[]), None);
    }

    proptest! {
        #[test]
        fn every_split_is_as_defined(values in prop::collection::vec(-1e3..1e3, 2..30)) {
            let mut divergence = Divergence::default();
            for at in 1..values.len() {
                let seen = divergence.at(&values, at).map(|split| split.divergence);
                let expected = by_definition(&values[..at], &values[at..]);
                prop_assert!(seen.is_some_and(|seen| (seen - expected).abs() < 1e-6));
            }
            let best = divergence.best(&values).map(|split| split.divergence);
            let largest = (1..values.len())
                .map(|at| by_definition(&values[..at], &values[at..]))
                .fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(best.is_some_and(|best| (best - largest).abs() < 1e-6));
        }
    }
}
