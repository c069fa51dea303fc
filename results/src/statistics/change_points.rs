//! Where a series of numbers changes for good.
//!
//! Candidates are found in windows and weighed against each other from the weakest up, as Hunter does
//! (Fleming et al., "Hunter: Using Change Point Detection to Hunt for Performance Regressions", ICPE 2023); a
//! candidate is that of E-divisive ([`energy`](super::energy)). Its significance is that of E-divisive's
//! authors, by permutations, and not Student's t that Hunter takes: the place of a candidate was chosen for
//! being the most unlikely one, which t is not told, and which made up to one noise-only series in twenty an
//! alarm where one in a hundred was asked for.

use std::ops::Range;

use dbdyno_core::random::Rng;

use super::energy::{Divergence, Split};
use super::shift::share_of_change;

/// How many values are looked at together. Long ago must not hide what is new (Hunter, section 4.1).
const WINDOW: usize = 50;
/// How much more likely chance may be for a candidate than for what is told in the end. Nearby changes hide
/// each other until all are known.
const RELAXED: f64 = 10.0;
/// How finely p is drawn: one permutation is this share of the level.
const FINENESS: f64 = 10.0;
/// How often the place of a change is found again in series made from its two sides.
const PLACES: usize = 400;
/// The streams of random numbers, so that the same series always gives the same answer.
const SEED: u64 = 0x5e71e5;
const PERMUTING: u64 = 1;
const PLACING: u64 = 2;

/// A place where a series changes.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePoint {
    /// The place of the first value after the change.
    pub at: usize,
    /// The first and the last place where it may as well have been, with a confidence of 95 % (percentile
    /// bootstrap from the values of either side).
    pub places: (usize, usize),
    /// The probability of as large a divergence anywhere around it, if nothing changed there.
    pub p: f64,
    /// The values before it, back to the change before, and after it up to the next.
    pub before: Range<usize>,
    /// See [`Self::before`].
    pub after: Range<usize>,
}

/// What counts as a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strictness {
    /// The probability, in (0, 1), that a series in which nothing changes is said to change anywhere.
    pub level: f64,
    /// How far the level must move, as a share of the one before ([`share_of_change`]).
    pub least: f64,
}

/// The places where `values` change, in their order.
pub fn change_points(values: &[f64], strictness: Strictness) -> Vec<ChangePoint> {
    let mut search = Search::new(values, strictness);
    let weak = search.candidates();
    search.weigh(weak)
}

/// The fewest values in which a change can be shown with this level, as many on either side.
pub fn fewest(level: f64) -> usize {
    // Of all orders, those that keep both sides apart look as clean: two of (n over n/2).
    let shows = |size: &usize| super::mann_whitney::smallest_p(size / 2, size.div_ceil(2)) < level;
    (2..2 * WINDOW).find(shows).unwrap_or(2 * WINDOW)
}

struct Search<'v> {
    values: &'v [f64],
    strictness: Strictness,
    /// The level of a single test.
    level: f64,
    divergence: Divergence,
    shuffled: Vec<f64>,
}

impl<'v> Search<'v> {
    fn new(values: &'v [f64], strictness: Strictness) -> Self {
        // A test looks at two windows at most; a longer series is as many chances of a false alarm.
        let chances = values.len().div_ceil(2 * WINDOW).max(1);
        Self {
            values,
            strictness,
            level: strictness.level / chances as f64,
            divergence: Divergence::default(),
            shuffled: Vec::new(),
        }
    }

    /// Every place that may be a change, sorted.
    fn candidates(&mut self) -> Vec<usize> {
        let (mut found, mut start) = (Vec::new(), 0);
        loop {
            let window = start..self.values.len().min(start + WINDOW);
            let end = window.end;
            let before = found.len();
            self.divide(window, &mut found);
            if end == self.values.len() {
                break;
            }
            let last = found[before..].iter().copied().max();
            start = (start + WINDOW / 2).max(last.unwrap_or(0));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Splits at the most unlike place, and then either part, for as long as chance does not explain it.
    fn divide(&mut self, range: Range<usize>, found: &mut Vec<usize>) {
        let mut open = vec![range];
        while let Some(range) = open.pop() {
            let Some(split) = self.divergence.best(&self.values[range.clone()]) else { continue };
            if self.p_value(range.clone(), split, RELAXED * self.level) <= RELAXED * self.level {
                let at = range.start + split.at;
                found.push(at);
                open.extend([range.start..at, at..range.end]);
            }
        }
    }

    /// Drops the weakest change until all that are left are significant between their neighbours, and large
    /// enough.
    fn weigh(&mut self, mut places: Vec<usize>) -> Vec<ChangePoint> {
        let mut p_values: Vec<f64> =
            (0..places.len()).map(|rank| self.between_neighbours(&places, rank)).collect();
        while let Some(weakest) = self.weakest(&places, &p_values) {
            places.remove(weakest);
            p_values.remove(weakest);
            for rank in [weakest.wrapping_sub(1), weakest] {
                if rank < places.len() {
                    p_values[rank] = self.between_neighbours(&places, rank);
                }
            }
        }
        let all: Vec<_> = places.iter().enumerate().zip(p_values).collect();
        all.into_iter()
            .map(|((rank, at), p)| {
                let (before, after) = self.sides(&places, rank);
                let places = self.likely_places(&before, &after);
                ChangePoint { at: *at, places, p, before, after }
            })
            .collect()
    }

    /// The change to drop next: the least significant one, or, if all are, the smallest that does not count.
    fn weakest(&self, places: &[usize], p_values: &[f64]) -> Option<usize> {
        let (rank, p) =
            p_values.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1))?;
        if *p > self.level {
            return Some(rank);
        }
        let sizes = (0..places.len()).map(|rank| (rank, self.size(places, rank)));
        let (rank, size) = sizes.min_by(|one, other| one.1.total_cmp(&other.1))?;
        (size < self.strictness.least).then_some(rank)
    }

    /// How far the level moved.
    fn size(&self, places: &[usize], rank: usize) -> f64 {
        let (before, after) = self.sides(places, rank);
        share_of_change(&self.values[before], &self.values[after])
    }

    /// The values on either side of a change up to the next one.
    fn sides(&self, places: &[usize], rank: usize) -> (Range<usize>, Range<usize>) {
        let at = places[rank];
        let start = rank.checked_sub(1).map_or(0, |before| places[before]);
        let end = places.get(rank + 1).copied().unwrap_or(self.values.len());
        (start..at, at..end)
    }

    fn between_neighbours(&mut self, places: &[usize], rank: usize) -> f64 {
        let (before, after) = self.sides(places, rank);
        let start = before.start.max(before.end.saturating_sub(WINDOW));
        let end = after.end.min(after.start + WINDOW);
        let at = before.end - start;
        match self.divergence.at(&self.values[start..end], at) {
            Some(split) => self.p_value(start..end, split, self.level),
            None => 1.0,
        }
    }

    /// How likely the values of `range`, in any other order, have a split as unlike as this one or more so
    /// (Matteson and James, section 3.2). The drawing ends once p cannot be at most `level` any more.
    fn p_value(&mut self, range: Range<usize>, split: Split, level: f64) -> f64 {
        let draws = (FINENESS / level).ceil() as usize - 1;
        let enough = split.divergence * (1.0 - 1e-9);
        let mut rng = Rng::new(SEED, &[PERMUTING, range.start as u64, range.end as u64]);
        self.shuffled.clear();
        self.shuffled.extend_from_slice(&self.values[range]);
        let mut as_unlike = 1_usize;
        for drawn in 1..=draws {
            rng.shuffle(&mut self.shuffled);
            let best = self.divergence.best(&self.shuffled);
            if best.is_none_or(|best| best.divergence >= enough) {
                as_unlike += 1;
                if as_unlike as f64 > level * (draws + 1) as f64 {
                    return as_unlike as f64 / (drawn + 1) as f64;
                }
            }
        }
        as_unlike as f64 / (draws + 1) as f64
    }

    /// Where the change is found in series drawn from the values of either side.
    fn likely_places(&mut self, before: &Range<usize>, after: &Range<usize>) -> (usize, usize) {
        let start = before.start.max(before.end.saturating_sub(WINDOW));
        let end = after.end.min(after.start + WINDOW);
        let (one, other) = (&self.values[start..before.end], &self.values[after.start..end]);
        let mut rng = Rng::new(SEED, &[PLACING, start as u64, end as u64]);
        let mut drawn = Vec::with_capacity(end - start);
        let mut places = Vec::with_capacity(PLACES);
        for _ in 0..PLACES {
            drawn.clear();
            for side in [one, other] {
                drawn.extend(side.iter().map(|_| side[rng.below(side.len() as u64) as usize]));
            }
            places.extend(self.divergence.best(&drawn).map(|split| start + split.at));
        }
        places.sort_unstable();
        let beyond = places.len() / 40;
        let first = places.get(beyond).copied().unwrap_or(before.end);
        let last = places.get(places.len().saturating_sub(beyond + 1)).copied();
        (first.min(before.end), last.unwrap_or(before.end).max(before.end))
    }
}

#[cfg(test)]
pub(crate) mod made_up;
#[cfg(test)]
mod tests;
