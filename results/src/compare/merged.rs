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
pub(crate) struct Column<'c> {
    pub(crate) times: &'c Times,
    pub(crate) values: &'c BTreeMap<Round, f64>,
}

/// Reads a percentile off the response times of all repetitions taken together where a column has several, in place of
/// that of the middle one, and takes its ratio. A cell says why it is not so where response times are not known.
pub(crate) fn merge(cells: &mut [Cell], columns: &[Column<'_>], metric: &str) {
    let Some(quantile) = quantile(metric) else { return };
    let has_several = |cell: &Cell| matches!(cell, Cell::Value(value) if value.repetitions > 1);
    if !cells.iter().any(has_several) {
        return;
    }
    // As it stands in the cells: the first that has a number is what others are taken to.
    let mut base: Option<(&Merged, Result<Places, String>)> = None;
    for (cell, column) in cells.iter_mut().zip(columns) {
        let Cell::Value(value) = cell else { continue };
        let counted = column.times.counted(column.values, quantile);
        match &counted {
            Ok(places) => {
                let merged = &column.times.merged;
                let found = merged.quantile(quantile, places.values().copied());
                if let Some(found) = found.filter(|_| value.repetitions > 1) {
                    value.median = found as f64 / NS_PER_US;
                    value.merged = true;
                }
                if let Some((of_base, Ok(bases))) = &base {
                    take_ratio(value, (merged, places), (of_base, bases), quantile);
                }
            }
            Err(why) if value.repetitions > 1 => add_note(value, why),
            Err(_) => {}
        }
        base.get_or_insert((&column.times.merged, counted));
    }
}

/// Puts the ratio of the percentiles of all rounds that both have in place of the middle one of the rounds' ratios. What
/// speaks for it stays what the rounds say, each by itself, of which its interval is at least as wide: of few rounds those
/// that are drawn promise too much. Rounds that tend to the other side speak for nothing.
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
    let tends_elsewhere = |effect: f64| effect * merged.ln() < 0.0;
    if evidence.effect.is_some_and(tends_elsewhere) {
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
