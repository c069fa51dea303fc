//! Statistics over repetitions.

pub mod bootstrap;
pub mod change_points;
pub mod drift;
pub mod energy;
pub mod holm;
pub mod mann_whitney;
pub(crate) mod merged;
pub(crate) mod pairs;
pub mod repetitions;
pub mod shift;
pub mod signed_rank;
pub mod usl;

#[cfg(test)]
pub(crate) mod truth;

/// The round that a value was measured in: run and repetition. Values of one round were measured
/// close together, so a drifting machine touched them alike and their ratio is free of the drift.
pub type Round = (String, u32);

/// The middle value; the mean of the two middle ones of an even number. `None` of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The middle value; the lower one of the two middle ones of an even number, for the mean of two percentiles is
/// no percentile. `None` of no values.
pub fn lower_median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// Half the range of the values in percent of their median; `None` of fewer than two values, and
/// around 0.
pub fn half_range_percent(values: &[f64]) -> Option<f64> {
    let middle = median(values).filter(|middle| values.len() > 1 && *middle != 0.0)?;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some((high - low) / 2.0 / middle.abs() * 100.0)
}

/// How many times as large one thing is as another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The quotient.
    pub value: f64,
    /// Whether it is the median of the quotients of each round. Otherwise no round has both, and
    /// it is of all pairs of repetitions.
    pub paired: bool,
}

#[cfg(test)]
mod tests {
    use super::{half_range_percent, lower_median, median};

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 100.0, 2.0]), Some(3.0));
    }

    #[test]
    fn the_lower_median_is_one_of_the_values() {
        let found = [&[][..], &[3.0, 1.0, 2.0], &[4.0, 1.0, 100.0, 2.0]].map(lower_median);
        assert_eq!(found, [None, Some(2.0), Some(2.0)]);
    }

    #[test]
    fn half_range_is_in_percent_of_the_median() {
        assert_eq!(half_range_percent(&[100.0]), None);
        assert_eq!(half_range_percent(&[0.0, 0.0]), None);
        assert_eq!(half_range_percent(&[90.0, 100.0, 120.0]), Some(15.0));
    }
}
