//! Samples: which rows the clients keep witness of, and whether the tables bear the witness out.
//!
//! Writes that replace a value cannot be added up as rows or cents can. So for some rows, spread
//! over the table, it is told value by value what the tables must hold after a case.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;

use dbdyno_core::load::Witness;
use dbdyno_core::random::mix;

use crate::benchmark::{Check, State};

/// The most rows in a sample.
const MOST_ROWS: u64 = 1_000;

/// Rows of a table, one at a random place in each of at most 1,000 parts of the same size: a pure
/// function of the size of the table.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Rows of the table, numbered from 0.
    rows: u64,
    /// Rows of a part; the last part may have fewer.
    part: u64,
}

impl Sample {
    pub fn of(rows: u64) -> Self {
        Self { rows, part: rows.div_ceil(MOST_ROWS).max(1) }
    }

    /// The place in the sample of row `number`, if it is in.
    #[inline]
    pub fn place(self, number: u64) -> Option<u32> {
        let part = number / self.part;
        (number < self.rows && number == self.chosen(part)).then_some(part as u32)
    }

    /// The number of the row at a place.
    pub fn number(self, place: u32) -> u64 {
        self.chosen(u64::from(place))
    }

    /// The numbers of all rows in the sample.
    pub fn numbers(self) -> impl Iterator<Item = u64> {
        let parts = self.rows.div_ceil(self.part);
        (0..parts).map(move |part| self.chosen(part)).filter(move |number| *number < self.rows)
    }

    const fn chosen(self, part: u64) -> u64 {
        part * self.part + mix(part) % self.part
    }
}

/// A text as samples hold it: a hash of it without trailing blanks, since `CHAR` columns come back
/// filled up with them on some engines.
pub fn hash(text: &str) -> i64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(text.trim_end_matches(' ').as_bytes());
    hasher.finish().cast_signed()
}

/// The condition that every sampled value is what the clients' commits made it. What no client
/// touched must be as it was.
pub fn check(
    name: &str,
    before: &State,
    after: &State,
    witnessed: &BTreeMap<String, Witness>,
) -> Check {
    let values: BTreeSet<&String> = before.samples.keys().chain(witnessed.keys()).collect();
    let differing: Vec<(&String, String)> = values
        .iter()
        .filter_map(|value| {
            let (was, is) = (before.samples.get(*value), after.samples.get(*value));
            offence(was.copied(), is.copied(), witnessed.get(*value)).map(|why| (*value, why))
        })
        .collect();
    let (all, moved) = (values.len(), witnessed.len());
    let sampled = format!("{all} values sampled, {moved} written by clients");
    match differing.first() {
        None => Check::new(name, true, sampled),
        Some((value, why)) => {
            let number = differing.len();
            Check::new(name, false, format!("{sampled}, {number} wrong, first {value}: {why}"))
        }
    }
}

/// What is wrong with a value.
fn offence(was: Option<i64>, is: Option<i64>, witness: Option<&Witness>) -> Option<String> {
    let Some(is) = is else {
        return (was.is_some() || witness.is_some()).then(|| "it is gone".to_owned());
    };
    match witness {
        None => (was != Some(is)).then(|| "no client wrote it, and it changed".to_owned()),
        Some(Witness::Unknown) => None,
        Some(Witness::Moved(by)) => {
            let moved = is - was.unwrap_or(0);
            (moved != *by).then(|| format!("the clients moved it by {by}, the tables show {moved}"))
        }
        Some(Witness::Written { acknowledged, unknown }) => {
            let as_before = acknowledged.is_empty() && was == Some(is);
            let known = as_before || acknowledged.contains(&is) || unknown.contains(&is);
            let held = if was == Some(is) { "the value from before the case" } else { "another" };
            (!known).then(|| {
                format!(
                    "expected the last acknowledged write of one of {} clients{}, found {held}",
                    acknowledged.len(),
                    match unknown.len() {
                        0 => String::new(),
                        number => format!(" or one of {number} writes of unknown outcome"),
                    }
                )
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_the_table() {
        for rows in [0, 1, 999, 1_000, 1_001, 18_000, 123_457, 1_900_000_000] {
            let sample = Sample::of(rows);
            let numbers: Vec<u64> = sample.numbers().collect();
            assert!(numbers.len() as u64 <= MOST_ROWS.min(rows), "{rows}: {}", numbers.len());
            assert!(numbers.len() as u64 >= rows.min(MOST_ROWS / 2), "{rows}: {}", numbers.len());
            for number in numbers {
                let place = sample.place(number);
                assert_eq!(place.map(|place| sample.number(place)), Some(number), "{rows}");
            }
            assert_eq!(sample.place(rows), None);
        }
        let sample = Sample::of(123_457);
        let placed = (0..123_457).filter(|number| sample.place(*number).is_some()).count();
        assert_eq!(placed, sample.numbers().count());
    }

    #[test]
    fn blanks_at_the_end_are_no_difference() {
        assert_eq!(hash("a b  "), hash("a b"));
        assert_ne!(hash(" a b"), hash("a b"));
    }

    #[test]
    fn values_are_what_the_clients_made_them() {
        let written = |acknowledged: &[i64], unknown: &[i64]| {
            let (acknowledged, unknown) = (acknowledged.to_vec(), unknown.to_vec());
            Some(Witness::Written { acknowledged, unknown })
        };
        for (witness, is, held) in [
            (None, Some(1), true),
            (None, Some(2), false),
            (None, None, false),
            (written(&[2, 3], &[]), Some(3), true),
            (written(&[2, 3], &[]), Some(1), false),
            (written(&[2, 3], &[]), None, false),
            (written(&[2], &[4]), Some(4), true),
            (written(&[2], &[4]), Some(1), false),
            (written(&[], &[4]), Some(1), true),
            (written(&[], &[4]), Some(5), false),
            (Some(Witness::Moved(-2)), Some(-1), true),
            (Some(Witness::Moved(-2)), Some(1), false),
            (Some(Witness::Unknown), Some(7), true),
            (Some(Witness::Unknown), None, false),
        ] {
            let state = |value: Option<i64>| State {
                samples: value.map(|value| ("row 1".to_owned(), value)).into_iter().collect(),
                ..State::default()
            };
            let witnessed =
                witness.iter().map(|witness| ("row 1".to_owned(), witness.clone())).collect();
            let check = check("kept", &state(Some(1)), &state(is), &witnessed);
            assert_eq!(check.held, held, "{witness:?}, {is:?}: {}", check.detail);
            assert!(check.held || check.detail.contains("first row 1: "), "{}", check.detail);
        }
    }
}
