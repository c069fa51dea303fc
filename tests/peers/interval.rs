//! The median of paired ratios and an interval around it that supposes nothing of how they are
//! distributed.

/// The confidence that an interval has where there are enough rounds for it.
const WANTED: f64 = 0.95;

/// A median with a confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The median of the sample.
    pub median: f64,
    /// The lower end: one of the values.
    pub low: f64,
    /// The upper end: one of the values.
    pub high: f64,
    /// The probability that such an interval holds the median of all rounds that might be run;
    /// below 0.95 only where there are fewer than six values.
    pub coverage: f64,
}

impl Interval {
    /// The interval between two order statistics that lie equally deep in the sample, as deep as
    /// 95 % allow: of n values, the median lies outside of those number k and n + 1 - k with the
    /// probability that fewer than k of n fair coins fall on one side, or on the other (David and
    /// Nagaraja, "Order Statistics", 3rd edition, section 7.1). `None` of no values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = dbdyno_results::statistics::median(&sorted)?;
        let (depth, coverage) = depth(sorted.len());
        Some(Self { median, low: sorted[depth - 1], high: sorted[sorted.len() - depth], coverage })
    }
}

/// How deep in `count` sorted values the ends lie, counted from 1, and the coverage of that.
fn depth(count: usize) -> (usize, f64) {
    let coverage = |depth: usize| 1.0 - 2.0 * fewer_than(depth, count);
    let deepest = (1..=count.div_ceil(2)).rev().find(|depth| coverage(*depth) >= WANTED);
    let depth = deepest.unwrap_or(1);
    (depth, coverage(depth).max(0.0))
}

/// The probability that fewer than `heads` of `coins` fair coins show heads.
fn fewer_than(heads: usize, coins: usize) -> f64 {
    let mut exactly = 0.5f64.powi(i32::try_from(coins).unwrap_or(i32::MAX));
    let mut sum = 0.0;
    for number in 0..heads {
        sum += exactly;
        exactly *= (coins - number) as f64 / (number + 1) as f64;
    }
    sum
}

/// The quotients of two sides, round by round; a round that lacks a side gives none.
pub fn paired_ratios(of: &[(u32, f64)], to: &[(u32, f64)]) -> Vec<f64> {
    of.iter()
        .filter_map(|(round, value)| {
            let (_, base) = to.iter().find(|(other, base)| other == round && *base != 0.0)?;
            Some(value / base)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Interval, depth, paired_ratios};

    #[test]
    fn depths_are_those_of_the_tables() {
        // Tables of the sign test at 5 %, such as Conover, "Practical Nonparametric Statistics".
        for (count, expected, coverage) in [
            (1, 1, 0.0),
            (3, 1, 0.75),
            (5, 1, 0.9375),
            (6, 1, 0.96875),
            (8, 1, 0.992_187_5),
            (9, 2, 0.960_937_5),
            (10, 2, 0.978_515_625),
            (20, 6, 0.958_610_534_667_968_8),
            (100, 40, 0.964_799_799_782_952_6),
        ] {
            let (found, held) = depth(count);
            assert_eq!(found, expected, "of {count}");
            assert!((held - coverage).abs() < 1e-9, "of {count}: {held}");
        }
    }

    #[test]
    fn ends_are_values_of_the_sample() {
        let values = [1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0, 6.0, 5.0, 10.0];
        let interval = Interval::of(&values);
        let expected =
            Interval { median: 5.5, low: 2.0, high: 9.0, coverage: 1.0 - 2.0 * 11.0 / 1024.0 };
        assert_eq!(interval, Some(expected));
        assert_eq!(Interval::of(&[]), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let dbdyno = [(1, 30.0), (2, 10.0), (3, 8.0)];
        let peer = [(2, 5.0), (1, 10.0), (4, 1.0)];
        assert_eq!(paired_ratios(&dbdyno, &peer), [3.0, 2.0]);
        assert!(paired_ratios(&dbdyno, &[(1, 0.0)]).is_empty());
    }
}
