//! Which rate to try next.

/// Where the limit lies, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// The highest rate that held; `None` where none did.
    pub holds: Option<f64>,
    /// The lowest rate above it that did not; `None` where all held.
    pub fails: Option<f64>,
}

/// Bisection between what holds and what does not, until they are as close as asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    found: Found,
    /// Where to begin, and the highest rate that is of interest.
    first: f64,
    highest: f64,
    /// How close is close enough: a share of the lower rate.
    precision: f64,
    /// Below what rate no limit is looked for any more.
    lowest: f64,
}

impl Search {
    /// A search that begins at `first`, above 0, and goes no further than from `lowest` to `highest`.
    pub(super) fn new(first: f64, lowest: f64, highest: f64, precision: f64) -> Self {
        let first = first.max(lowest).min(highest);
        Self { found: Found::default(), first, highest, precision, lowest }
    }

    /// The next rate to try, one that was not tried before; `None` where the limit is known well enough, or lies
    /// beyond what is of interest.
    pub(super) fn next(&self) -> Option<f64> {
        match (self.found.holds, self.found.fails) {
            (None, None) => Some(rounded(self.first).min(self.highest)),
            (Some(holds), None) if holds >= self.highest => None,
            (Some(holds), None) => Some(rounded(holds * GROWTH).min(self.highest)),
            (None, Some(fails)) => Some(rounded(fails / 2.0)).filter(|rate| *rate >= self.lowest),
            (Some(holds), Some(fails)) => {
                let between = f64::midpoint(holds, fails);
                let rate = rounded(between);
                let is_new = holds < rate && rate < fails;
                let rate = if is_new { rate } else { between };
                (fails - holds > holds * self.precision).then_some(rate)
            }
        }
    }

    /// Takes note of how `rate` came out.
    pub(super) fn tell(&mut self, rate: f64, held: bool) {
        if held {
            self.found.holds = Some(self.found.holds.map_or(rate, |known| known.max(rate)));
        } else {
            self.found.fails = Some(self.found.fails.map_or(rate, |known| known.min(rate)));
        }
    }

    pub(super) fn found(&self) -> Found {
        self.found
    }
}

/// By what factor rates grow for as long as all hold.
const GROWTH: f64 = 1.5;

/// A rate that a person would type: four digits of it.
fn rounded(rate: f64) -> f64 {
    let unit = 10_f64.powf(rate.log10().floor() - 3.0);
    (rate / unit).round() * unit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Found, Search};

    /// Searches a limit that is known.
    fn searched(limit: f64, mut search: Search) -> (Found, usize) {
        let mut tried = Vec::new();
        while let Some(rate) = search.next() {
            assert!(!tried.contains(&rate), "{rate} again, after {tried:?}");
            assert!(rate <= search.highest);
            search.tell(rate, rate <= limit);
            tried.push(rate);
        }
        (search.found(), tried.len())
    }

    proptest! {
        #[test]
        fn the_limit_is_between_what_held_and_what_did_not(
            limit in 10.0_f64..20_000.0,
            first in 100.0_f64..10_000.0,
        ) {
            let (found, tries) = searched(limit, Search::new(first, 1.0, f64::INFINITY, 0.05));
            let (Some(holds), Some(fails)) = (found.holds, found.fails) else {
                return Err(TestCaseError::fail("not found"));
            };
            prop_assert!(holds <= limit && limit < fails);
            prop_assert!(fails - holds <= holds * 0.05);
            prop_assert!(tries <= 25, "{tries}");
        }

        #[test]
        fn no_rate_is_tried_twice_however_close_it_is_to_be(
            limit in 10.0_f64..20_000.0,
            first in 100.0_f64..10_000.0,
            highest in 1_000.0_f64..20_000.0,
            precision in prop_oneof![Just(1e-5), 1e-4..1e-2],
        ) {
            let (found, _) = searched(limit, Search::new(first, 1.0, highest, precision));
            match (found.holds, found.fails) {
                (Some(holds), Some(fails)) => prop_assert!(fails - holds <= holds * precision),
                (holds, _) => prop_assert_eq!(holds, Some(highest)),
            }
        }
    }

    #[test]
    fn a_limit_out_of_reach_is_told_as_such() {
        let (found, tries) = searched(1e9, Search::new(1000.0, 1.0, 2000.0, 0.05));
        assert_eq!((found, tries), (Found { holds: Some(2000.0), fails: None }, 3));
        let (found, _) = searched(0.0, Search::new(1000.0, 1.0, 2000.0, 0.05));
        assert_eq!(found.holds, None);
        assert!(found.fails.is_some_and(|rate| rate < 2.0));
    }
}
