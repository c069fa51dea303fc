//! Percentiles of several rounds taken together, and how far the ratio of two might have come out otherwise.

use dbdyno_core::random::Rng;
use hdrhistogram::Histogram;

/// Significant digits where response times are put together; the same as where they are recorded.
const DIGITS: u8 = 3;

/// How many times rounds are drawn for an interval; its ends then vary by some hundredths of its width.
const DRAWS: usize = 2_000;
/// So many of the draws lie beyond each end of an interval of 95 %.
const BEYOND: usize = DRAWS / 40;
/// What is drawn is the same whenever it is asked for.
const SEED: u64 = 0x6d65_7267_6564;

/// How many numbers fell on each value that a histogram tells apart, from the smallest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    each: Vec<(u64, u64)>,
    /// So many of them are in order and have a value of their own.
    settled: usize,
}

impl Counts {
    /// Those of a histogram.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let each = histogram.iter_recorded();
        let each: Vec<_> = each.map(|at| (at.value_iterated_to(), at.count_at_value())).collect();
        Self { settled: each.len(), each }
    }

    /// Adds others.
    pub(crate) fn add(&mut self, other: &Self) {
        self.each.extend_from_slice(&other.each);
        self.settle();
    }

    /// The same of one of many, which [`settle`](Self::settle) ends.
    pub(crate) fn gather(&mut self, other: Self) {
        self.each.extend(other.each);
        // Each is moved as often as their number doubles, not each time.
        if self.each.len() > 2 * self.settled + (1 << 12) {
            self.settle();
        }
    }

    /// Puts what was gathered in order.
    pub(crate) fn settle(&mut self) {
        // Of runs that are sorted: this takes each but a few times.
        self.each.sort_by_key(|(value, _)| *value);
        self.each.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            kept.1 = kept.1.saturating_add(if is_same { next.1 } else { 0 });
            is_same
        });
        self.settled = self.each.len();
    }

    /// Whether nothing was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// The histogram; `None` where a value is beyond what one can hold, which none that was recorded is.
    pub(crate) fn histogram(&self) -> Option<Histogram<u64>> {
        let mut histogram = Histogram::new(DIGITS).ok()?;
        self.each.iter().try_for_each(|(value, count)| histogram.record_n(*value, *count).ok())?;
        Some(histogram)
    }
}

/// Rounds, for percentiles of any choice of them.
#[derive(Debug)]
pub(crate) struct Merged {
    /// Every value, with how many of each round are not above it.
    rows: Vec<(u64, Vec<u64>)>,
    rounds: usize,
}

impl Merged {
    /// Those of `rounds`, which are called by their places from then on.
    pub(crate) fn new<'c>(rounds: impl Iterator<Item = &'c Counts>) -> Self {
        let mut so_far = Vec::new();
        let mut all: Vec<(u64, usize, u64)> = Vec::new();
        for (round, counts) in rounds.enumerate() {
            so_far.push(0);
            all.extend(counts.each.iter().map(|(value, count)| (*value, round, *count)));
        }
        all.sort_unstable();
        let rounds = so_far.len();
        let rows = all.chunk_by(|one, other| one.0 == other.0).filter_map(|same| {
            for (_, round, count) in same {
                *so_far.get_mut(*round)? += count;
            }
            Some((same.first()?.0, so_far.clone()))
        });
        Self { rows: rows.collect(), rounds }
    }

    /// The value below or at which a share of all numbers of some rounds lies, as [`Histogram::value_at_quantile`] reads
    /// it; 1 is the largest. A round that is named twice counts twice. `None` of no numbers.
    pub(crate) fn quantile(
        &self,
        quantile: f64,
        rounds: impl IntoIterator<Item = usize>,
    ) -> Option<u64> {
        let mut times = vec![0; self.rounds];
        for round in rounds {
            *times.get_mut(round)? += 1;
        }
        let taken =
            |counts: &[u64]| counts.iter().zip(&times).map(|(count, times)| count * times).sum();
        let all: u64 = taken(&self.rows.last()?.1);
        let wanted = ((quantile.min(1.0) * all as f64).ceil() as u64).max(1);
        let place = self.rows.partition_point(|(_, upto)| taken(upto) < wanted);
        self.rows.get(place).map(|(value, _)| *value)
    }
}

/// Which rounds of two are set against each other.
pub(crate) enum Rounds<'r> {
    /// These of the one with those of the other: what was measured close together.
    Paired(&'r [(usize, usize)]),
    /// These of the one and these of the other.
    Apart(&'r [usize], &'r [usize]),
}

/// How many times as large a percentile of `values` is as that of `base`, with the interval in which 95 % of the ratios
/// lie of rounds that are drawn with replacement (the percentile method of the bootstrap: Efron, "Bootstrap Methods:
/// Another Look at the Jackknife", Annals of Statistics 7, 1979); pairs are drawn as pairs. `None` where one has nothing,
/// or a percentile of `base` is 0.
pub(crate) fn ratio(
    values: &Merged,
    base: &Merged,
    quantile: f64,
    rounds: &Rounds<'_>,
) -> Option<(f64, (f64, f64))> {
    let quotient = |own: &[usize], bases: &[usize]| {
        let of_base = base.quantile(quantile, bases.iter().copied()).filter(|of| *of > 0)?;
        Some(values.quantile(quantile, own.iter().copied())? as f64 / of_base as f64)
    };
    let (own, bases): (Vec<usize>, Vec<usize>) = match rounds {
        Rounds::Paired(pairs) => pairs.iter().copied().unzip(),
        Rounds::Apart(own, bases) => (own.to_vec(), bases.to_vec()),
    };
    let found = quotient(&own, &bases)?;
    let mut rng = Rng::new(SEED, &[]);
    let mut draw = |among: usize| -> Vec<usize> {
        (0..among).map(|_| rng.below(among as u64) as usize).collect()
    };
    let taken = |of: &[usize], drawn: &[usize]| -> Vec<usize> {
        drawn.iter().filter_map(|place| of.get(*place).copied()).collect()
    };
    let draws = (0..DRAWS).map(|_| {
        let drawn = draw(own.len());
        let others = if let Rounds::Paired(_) = rounds { drawn.clone() } else { draw(bases.len()) };
        quotient(&taken(&own, &drawn), &taken(&bases, &others))
    });
    let mut drawn = draws.collect::<Option<Vec<f64>>>()?;
    drawn.sort_by(f64::total_cmp);
    Some((found, (*drawn.get(BEYOND)?, *drawn.get(DRAWS - 1 - BEYOND)?)))
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::{Counts, Merged, Rounds, ratio};

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        values.iter().for_each(|value| histogram.record(*value).unwrap());
        histogram
    }

    proptest! {
        #[test]
        fn percentiles_of_rounds_are_those_of_one_histogram_of_all(
            rounds in vec(vec(0_u64..3_000_000_000, 0..40), 1..6),
            quantile in 0.0_f64..=1.0,
        ) {
            let counts: Vec<Counts> =
                rounds.iter().map(|round| Counts::of(&histogram(round))).collect();
            let all: Vec<u64> = rounds.concat();
            let expected = histogram(&all);
            let merged = Merged::new(counts.iter());
            // A quantile of 0 is the lowest value that counts as the smallest one.
            if quantile > 0.0 {
                let found = merged.quantile(quantile, 0..counts.len());
                prop_assert_eq!(found, (!all.is_empty()).then(|| expected.value_at_quantile(quantile)));
            }
            let (mut added, mut gathered) = (Counts::default(), Counts::default());
            counts.iter().for_each(|counts| added.add(counts));
            counts.into_iter().for_each(|counts| gathered.gather(counts));
            gathered.settle();
            prop_assert_eq!(&added, &Counts::of(&expected));
            prop_assert_eq!(&gathered, &added);
            prop_assert_eq!(added.histogram().unwrap(), expected);
        }
    }

    /// A stall in one round of seven is in the percentile of all, and what it makes of the ratio in the interval.
    #[test]
    fn a_stall_in_one_round_widens_the_interval() {
        let quiet: Vec<Counts> =
            (0..7).map(|round| Counts::of(&histogram(&[1_000 + round; 100]))).collect();
        let mut stalled = quiet.clone();
        stalled[3] = Counts::of(&histogram(&[[1_000; 70].as_slice(), &[50_000; 30]].concat()));
        let (base, own) = (Merged::new(quiet.iter()), Merged::new(stalled.iter()));
        let pairs: Vec<(usize, usize)> = (0..7).map(|round| (round, round)).collect();
        let paired = Rounds::Paired(&pairs);
        let (found, (low, high)) = ratio(&own, &base, 0.99, &paired).unwrap();
        assert!(found > 49.0 && low < 1.01 && high > 49.0, "{low} {found} {high}");
        let (found, (low, high)) = ratio(&own, &base, 0.5, &paired).unwrap();
        assert!(low <= found && found <= high && high < 1.01, "{low} {found} {high}");
        // What is drawn is the same each time.
        let all: Vec<usize> = (0..7).collect();
        let apart = || ratio(&own, &base, 0.99, &Rounds::Apart(&all, &all));
        assert_eq!(apart(), apart());
        // Without the round that stalled there is nothing of it.
        let others: Vec<(usize, usize)> = pairs.into_iter().filter(|(own, _)| *own != 3).collect();
        let (found, (_, high)) = ratio(&own, &base, 0.99, &Rounds::Paired(&others)).unwrap();
        assert!(found < 1.01 && high < 1.01, "{found} {high}");
    }

    #[test]
    fn there_is_no_ratio_to_nothing() {
        let (some, zero) = (Counts::of(&histogram(&[5])), Counts::of(&histogram(&[0])));
        let of = |counts: &[&Counts]| Merged::new(counts.iter().copied());
        assert_eq!(of(&[]).quantile(0.5, []), None);
        assert_eq!(of(&[&Counts::default()]).quantile(0.5, [0]), None);
        let ratio = |own: &[&Counts], base: &[&Counts]| {
            ratio(&of(own), &of(base), 0.5, &Rounds::Paired(&[(0, 0)]))
        };
        assert_eq!(ratio(&[&some], &[&Counts::default()]), None);
        assert_eq!(ratio(&[&some], &[&zero]), None);
        assert_eq!(ratio(&[&some], &[]), None);
        assert_eq!(ratio(&[&some], &[&some]), Some((1.0, (1.0, 1.0))));
    }
}
