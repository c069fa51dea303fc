//! Percentiles of all repetitions taken together, in the cells of a comparison.

use std::collections::BTreeMap;

use super::{Cell, CellValue};
use crate::histograms::{Histograms, NS_PER_US, quantile};
use crate::repetition::Rounds as Repetitions;
use crate::run_folder::file;
use crate::statistics::merged::{Merged, Rounds, ratio};
use crate::statistics::{Ratio, Round};

/// How far what is read off a repetition's histogram may be from its row, as a share: a histogram of three digits tells
/// values apart that differ by a thousandth.
const TOLERANCE: f64 = 0.002;

/// The response times of a column: of each of its repetitions that have them.
pub(crate) struct Times {
    /// By round, its place in what was merged.
    places: Places,
    merged: Merged,
}

impl Times {
    pub(crate) fn of(
        cases: Option<&Repetitions<'_>>,
        histograms: &Histograms,
        transaction: &str,
    ) -> Self {
        let found = cases.into_iter().flatten().filter_map(|(round, repetition)| {
            let counts = histograms.of_repetition(&round.0, repetition.case()?, transaction)?;
            Some((round.clone(), counts))
        });
        let (rounds, counts): (Vec<Round>, Vec<_>) = found.unzip();
        let places = rounds.into_iter().zip(0..).collect();
        Self { places, merged: Merged::new(counts.iter()) }
    }

    /// The places of the rounds that count, by round, where the numbers of all are those of their response times; else why
    /// they are not merged.
    fn counted(&self, values: &BTreeMap<Round, f64>, quantile: f64) -> Result<Places, String> {
        let mut counted = BTreeMap::new();
        let (mut lacking, mut other) = (0, 0);
        for (round, value) in values {
            let Some(place) = self.places.get(round) else {
                lacking += 1;
                continue;
            };
            let own = self.merged.quantile(quantile, [*place]);
            let own = own.map_or(f64::NAN, |own| own as f64 / NS_PER_US);
            if (own - value).abs() <= TOLERANCE * value.abs() {
                counted.insert(round.clone(), *place);
            } else {
                other += 1;
            }
        }
        let (of, log) = (values.len(), file::LATENCY);
        let told = |count, what| {
            format!(
                "not merged, but the middle one of repetitions: {count} of {of} have {what} in {log}"
            )
        };
        match (lacking, other) {
            (0, 0) => Ok(counted),
            (0, _) => Err(told(other, "another percentile")),
            _ => Err(told(lacking, "no response times")),
        }
    }
}

/// Where rounds stand in what was merged.
type Places = BTreeMap<Round, usize>;

/// What a column has of a percentile: its response times, and the numbers of the repetitions that count.
pub(crate) struct OfColumn<'c> {
    pub(crate) times: &'c Times,
    pub(crate) values: &'c BTreeMap<Round, f64>,
}

/// Reads a percentile off the response times of all repetitions taken together where a column has several, in place of
/// that of the middle one, and takes its ratio. A line is taken together as a whole or not at all, for a percentile of one
/// kind is no base for one of the other; a cell whose response times are not known says so.
pub(crate) fn merge(cells: &mut [Cell], columns: &[OfColumn<'_>], metric: &str) {
    let Some(quantile) = quantile(metric) else { return };
    let has_several = |cell: &Cell| matches!(cell, Cell::Value(value) if value.repetitions > 1);
    if !cells.iter().any(has_several) {
        return;
    }
    let numbers = cells.iter_mut().zip(columns).filter_map(|(cell, column)| match cell {
        Cell::Value(value) => Some((value, column)),
        Cell::Missing | Cell::Status(..) => None,
    });
    let mut numbers: Vec<_> = numbers
        .map(|(value, column)| (value, column.times, column.times.counted(column.values, quantile)))
        .collect();
    if numbers.iter().any(|(.., counted)| counted.is_err()) {
        for (value, _, counted) in numbers {
            counted.err().into_iter().for_each(|why| add_note(value, &why));
        }
        return;
    }
    // As it stands in the cells: the first that has a number is what others are taken to.
    let mut base: Option<(&Merged, Places)> = None;
    for (value, times, counted) in &mut numbers {
        let Ok(places) = counted else { continue };
        let merged = &times.merged;
        let found = merged.quantile(quantile, places.values().copied());
        if let Some(found) = found.filter(|_| value.repetitions > 1) {
            value.median = found as f64 / NS_PER_US;
            value.merged = true;
        }
        match &base {
            Some((of_base, bases)) => {
                take_ratio(value, (merged, places), (of_base, bases), quantile);
            }
            None => base = Some((merged, places.clone())),
        }
    }
}

/// Puts the ratio of the percentiles of all rounds that both have, or of all repetitions where none is shared, in place of
/// the middle one of theirs. What speaks for it stays what the rounds say, each by itself, and its interval is at least as
/// wide as theirs: of few rounds those that are drawn promise too much. Nothing speaks for a ratio that the draws do not tell
/// from 1, nor where rounds tend to the other side.
fn take_ratio(
    value: &mut CellValue,
    (own, places): (&Merged, &Places),
    (base, bases): (&Merged, &Places),
    quantile: f64,
) {
    let (Some(known), Some(evidence)) = (value.ratio, value.evidence.as_mut()) else { return };
    let shared = places.iter().filter_map(|(round, place)| Some((*place, *bases.get(round)?)));
    let pairs: Vec<(usize, usize)> = shared.collect();
    let all = |of: &Places| -> Vec<usize> { of.values().copied().collect() };
    let (owns, bases) = (all(places), all(bases));
    let rounds = if known.paired { Rounds::Paired(&pairs) } else { Rounds::Apart(&owns, &bases) };
    let Some((merged, drawn)) = ratio(own, base, quantile, &rounds) else { return };
    value.ratio = Some(Ratio { value: merged, paired: known.paired });
    evidence.interval = evidence.interval.map(|alone| hull(alone, drawn));
    let tends_elsewhere = evidence.effect.is_some_and(|effect| effect * merged.ln() <= 0.0);
    if tends_elsewhere || (drawn.0..=drawn.1).contains(&1.0) {
        evidence.p = 1.0;
        evidence.adjusted_p = 1.0;
    }
}

/// The interval from the lower of two to the higher.
pub(super) fn hull(one: (f64, f64), other: (f64, f64)) -> (f64, f64) {
    (one.0.min(other.0), one.1.max(other.1))
}

fn add_note(value: &mut CellValue, why: &str) {
    if !value.note.is_empty() {
        value.note.push_str("; ");
    }
    value.note.push_str(why);
}
