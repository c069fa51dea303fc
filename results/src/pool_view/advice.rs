//! Which size of a pool is enough, and how sure that is.

use std::collections::BTreeMap;

use crate::compare::against::{Against, quotients};
use crate::number;
use crate::statistics::bootstrap::{FEWEST, interval_of_median};
use crate::statistics::{Round, median};

/// How much of the best throughput is enough.
const ENOUGH: f64 = 0.97;

/// The throughputs of pools of one kind, by size.
pub(super) type Throughputs<'s> = BTreeMap<u32, &'s BTreeMap<Round, f64>>;

/// The smallest size that is enough.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Advice {
    /// The size.
    pub(super) size: u32,
    /// The size with the highest throughput.
    best: u32,
    /// The throughput of `size` in that of `best`.
    share: Share,
    /// The next smaller size, and the throughput of it in that of `best`.
    smaller: Option<(u32, Share)>,
    /// How many sizes were measured.
    sizes: usize,
    /// Whether larger pools than `best` might do more: none was measured, and clients would fill one.
    may_grow: bool,
}

/// How much of a throughput another is.
#[derive(Clone, Debug, PartialEq)]
struct Share {
    median: f64,
    /// By round, where rounds have both.
    rounds: Vec<f64>,
}

impl Share {
    fn of(values: &BTreeMap<Round, f64>, base: &BTreeMap<Round, f64>) -> Option<Self> {
        let median = Against::of(values, base, "the best").ratio?.value;
        Some(Self { median, rounds: quotients(values, base) })
    }

    /// The interval of 95 % of six rounds and more, and all there is of fewer.
    fn ends(&self) -> (f64, f64) {
        interval_of_median(&self.rounds).unwrap_or_else(|| {
            let low = self.rounds.iter().copied().fold(f64::INFINITY, f64::min);
            (low, self.rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        })
    }

    /// Whether the rounds leave open on which side of what is enough it lies.
    fn is_open(&self) -> bool {
        let (low, high) = self.ends();
        low < ENOUGH && ENOUGH <= high
    }

    /// The share, and what the rounds say of how sure it is.
    fn told(&self) -> String {
        let middle = percent(self.median);
        let (low, high) = self.ends();
        let ends = format!("{} to {}", percent(low), percent(high));
        match self.rounds.len() {
            0 | 1 => middle,
            few if few < FEWEST => format!("{middle} ({ends} in {few} rounds)"),
            _ => format!("{middle} ({ends})"),
        }
    }
}

impl Advice {
    /// `None` where no size has a throughput.
    pub(super) fn new(throughputs: &Throughputs<'_>, clients: u32) -> Option<Self> {
        let middle = |values: &BTreeMap<Round, f64>| {
            median(&values.values().copied().collect::<Vec<_>>()).unwrap_or(0.0)
        };
        // Of sizes that do as much the smallest.
        let first = throughputs.iter().map(|(size, values)| (*size, middle(values)));
        let (best, most) = first.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
        if most <= 0.0 {
            return None;
        }
        let base = throughputs.get(&best)?;
        let shares: Vec<(u32, Share)> = throughputs
            .iter()
            .filter_map(|(size, values)| Some((*size, Share::of(values, base)?)))
            .collect();
        let place = shares.iter().position(|(_, share)| share.median >= ENOUGH)?;
        let (size, share) = shares.get(place)?.clone();
        let smaller = place.checked_sub(1).and_then(|place| shares.get(place)).cloned();
        let largest = throughputs.last_key_value().map(|(size, _)| *size)?;
        let may_grow = best == largest && best < clients;
        let sizes = throughputs.len();
        Some(Self { size, best, share, smaller, sizes, may_grow })
    }

    /// In words.
    pub(super) fn sentences(&self) -> String {
        let Self { size, best, .. } = self;
        let mut text = match (size == best, &self.smaller) {
            (true, None) if self.sizes == 1 => format!("only a pool of {size} was measured"),
            (true, None) => format!("a pool of {size} is enough: larger ones do no more"),
            (true, Some(_)) => format!("a pool of {size} does most"),
            (false, _) => format!(
                "a pool of {size} is enough: {} of the throughput of one of {best}, the best",
                self.share.told()
            ),
        };
        if let Some((size, share)) = &self.smaller {
            text += &format!("; one of {size} does {}", share.told());
        }
        if self.may_grow {
            text += "; a larger one was not measured and may do more";
        }
        text + self.doubt()
    }

    /// What the rounds leave open.
    fn doubt(&self) -> &'static str {
        let shares = [Some(&self.share), self.smaller.as_ref().map(|(_, share)| share)];
        let mut shares = shares.into_iter().flatten();
        if self.sizes == 1 {
            return "";
        }
        if shares.clone().any(|share| share.rounds.is_empty()) {
            return "; not measured in the same rounds, so that nothing says how sure that is";
        }
        if shares.clone().any(|share| share.rounds.len() == 1) {
            return "; measured once: `--repetitions 6` tells how sure that is";
        }
        match shares.any(Share::is_open) {
            true => "; that is too near to 97% for these rounds to be sure",
            false => "",
        }
    }
}

fn percent(share: f64) -> String {
    format!("{}%", number::sensible(share * 100.0))
}
