//! What the pairs of two samples come to, of which there are too many to be kept: a hundred thousand numbers on each
//! side make ten thousand million.

/// What each number of one sample makes with each of another, by size. It is not kept, but counted: of numbers that rise
/// with one sample and fall with the other, those that are no larger than a bound are a staircase (Johnson and
/// Mizoguchi, "Selecting the Kth Element in X + Y", SIAM Journal on Computing 7, 1978), and the bound is halved in the
/// bits of a number. It takes time in proportion to the sizes' sum.
pub struct Pairs<F> {
    rising: Vec<f64>,
    falling: Vec<f64>,
    make: F,
}

impl<F: Fn(f64, f64) -> f64> Pairs<F> {
    /// `make` rises with the number of `rising`, or stays, and falls with that of `falling`, or stays. None is NaN.
    pub fn new(rising: &[f64], falling: &[f64], make: F) -> Self {
        let (mut rising, mut falling) = (rising.to_vec(), falling.to_vec());
        rising.sort_by(f64::total_cmp);
        falling.sort_by(|one, other| other.total_cmp(one));
        Self { rising, falling, make }
    }

    /// How many pairs there are.
    pub fn count(&self) -> usize {
        self.rising.len() * self.falling.len()
    }

    /// The number that so many are before, from 0; `None` where there are not so many.
    pub fn nth(&self, place: usize) -> Option<f64> {
        if place >= self.count() {
            return None;
        }
        let (mut low, mut high) = (ordered(f64::NEG_INFINITY), ordered(f64::INFINITY));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.up_to(number(middle)) > place {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Some(number(low))
    }

    /// The middle one, or the two in the middle of an even number, the lower first.
    pub fn middle(&self) -> Option<(f64, f64)> {
        let count = self.count();
        let upper = self.nth(count / 2)?;
        let lower = if count.is_multiple_of(2) { self.nth(count / 2 - 1)? } else { upper };
        Some((lower, upper))
    }

    /// How many are no larger than the bound.
    fn up_to(&self, bound: f64) -> usize {
        let mut width = self.falling.len();
        let mut counted = 0;
        // The larger the one, the fewer of the others, which are sorted from the largest, make little enough with it.
        for one in &self.rising {
            while width > 0 && (self.make)(*one, self.falling[width - 1]) > bound {
                width -= 1;
            }
            counted += width;
        }
        counted
    }
}

/// A whole number that is the larger, the larger the number is (IEEE 754-2019, 5.10).
fn ordered(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The number of which [`ordered`] made that.
fn number(ordered: u64) -> f64 {
    f64::from_bits(if ordered >> 63 == 1 { ordered & !(1 << 63) } else { !ordered })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Pairs, number, ordered};

    proptest! {
        #[test]
        fn each_place_is_that_of_all_pairs_sorted(
            rising in prop::collection::vec(-1e3..1e3, 1..12),
            falling in prop::collection::vec(prop_oneof![Just(1.0), -1e3..1e3], 1..12),
        ) {
            let pairs = Pairs::new(&rising, &falling, |one, other| one - other);
            let mut all: Vec<f64> =
                rising.iter().flat_map(|one| falling.iter().map(move |other| one - other)).collect();
            all.sort_by(f64::total_cmp);
            for (place, expected) in all.iter().enumerate() {
                prop_assert_eq!(pairs.nth(place), Some(*expected));
            }
            prop_assert_eq!(pairs.nth(all.len()), None);
        }

        #[test]
        fn numbers_keep_their_order(one in any::<f64>(), other in any::<f64>()) {
            prop_assert_eq!(ordered(one).cmp(&ordered(other)), one.total_cmp(&other));
            prop_assert_eq!(number(ordered(one)).to_bits(), one.to_bits());
        }
    }

    #[test]
    fn ten_thousand_million_pairs_are_not_kept() {
        let numbers: Vec<f64> = (1..=100_000).map(f64::from).collect();
        let pairs = Pairs::new(&numbers, &numbers, |one, other| one / other);
        assert_eq!(pairs.middle(), Some((1.0, 1.0)));
        assert_eq!((pairs.nth(0), pairs.nth(pairs.count() - 1)), (Some(1e-5), Some(1e5)));
    }
}
