//! From records to the groups of a comparison: every case's repetitions, cell by cell.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::{Better, Case, Error, Result, Status};

use crate::compare::against::Against;
use crate::compare::merged::{OfColumn, Times, merge};
use crate::compare::{Cell, CellValue, CompareOptions, Group, Line};
use crate::dimension::{Level, Plan};
use crate::histograms::is_read_off;
use crate::metric::{DEFAULT_METRICS, middle};
use crate::record::Record;
use crate::repetition::{Repetition, Rounds, Sample, add_to, by_case_of_run, repetitions};
use crate::statistics::{Round, half_range_percent};

/// What is shown of each case.
pub(crate) struct Shown<'o> {
    /// The metrics asked for, by full name; the default set where empty.
    pub(crate) metrics: Vec<String>,
    pub(crate) options: &'o CompareOptions,
}

/// Where a case stands: sorted by benchmark, then by its conditions.
type Place = (String, Vec<Level>);

/// The cases of a row by column.
type Row<'r> = BTreeMap<Level, Rounds<'r>>;

/// The groups of all records, in the order in which they are shown. A group that has nothing to
/// show is left out.
///
/// # Errors
/// The numbers of a metric are in several units, or of several directions.
pub(crate) fn group(
    records: &[Record],
    plan: &Plan,
    columns: &[Level],
    shown: &Shown<'_>,
) -> Result<Vec<Group>> {
    let mut rows: BTreeMap<Place, Row<'_>> = BTreeMap::new();
    for of_case in by_case_of_run(repetitions(records)) {
        let Some(first) = of_case.first() else { continue };
        let (Some(case), run_id) = (first.case(), first.run_id()) else { continue };
        let place = (format!("{}/{}", case.suite, case.benchmark), plan.row_levels(case));
        let row = rows.entry(place).or_default();
        let cases = row.entry(shown.options.by.level(case, run_id)).or_default();
        of_case.into_iter().for_each(|repetition| add_to(cases, repetition));
    }
    let mut groups = Vec::new();
    for ((benchmark, levels), row) in &rows {
        for transaction in transactions(row, shown.options) {
            let group = Group {
                benchmark: benchmark.clone(),
                levels: levels.iter().map(|level| level.text.clone()).collect(),
                transaction: transaction.to_owned(),
                cases: columns.iter().map(|level| case(row.get(level)?)).collect(),
                lines: lines(row, columns, transaction, shown)?,
            };
            groups.extend((!group.lines.is_empty()).then_some(group));
        }
    }
    Ok(groups)
}

/// The case as a whole, and its transaction types where they are asked for.
fn transactions<'r>(row: &Row<'r>, options: &CompareOptions) -> Vec<&'r str> {
    let repetitions = row.values().flat_map(BTreeMap::values);
    let types: BTreeSet<_> = repetitions.flat_map(Repetition::transactions).collect();
    let types = types.into_iter().filter(|name| !name.is_empty() && options.transactions);
    std::iter::once("").chain(types).collect()
}

fn case(cases: &Rounds<'_>) -> Option<Case> {
    cases.values().next().and_then(Repetition::case).cloned()
}

fn lines(
    row: &Row<'_>,
    columns: &[Level],
    transaction: &str,
    shown: &Shown<'_>,
) -> Result<Vec<Line>> {
    let metrics = metrics(row, transaction, &shown.metrics);
    let read_off = metrics.iter().any(|metric| is_read_off(metric));
    let histograms = shown.options.histograms.as_ref().filter(|_| read_off);
    let of_column = |level| histograms.map(|all| Times::of(row.get(level), all, transaction));
    let times: Vec<Times> = columns.iter().filter_map(of_column).collect();
    let lines = metrics.into_iter().map(|metric| {
        let samples: Vec<_> =
            columns.iter().map(|level| samples(row.get(level), transaction, &metric)).collect();
        let (unit, better) = unit(row, transaction, &metric)?;
        // The first column that has a number here: an engine that lacks a level leaves the others
        // comparable.
        let bases = samples.iter().zip(columns);
        let base = bases
            .map(|(samples, level)| Base { samples, name: &level.text })
            .find(|base| matches!(cell(base.samples, None, &metric), Cell::Value(_)));
        let mut cells: Vec<_> = samples.iter().map(|of| cell(of, base, &metric)).collect();
        // Every number is its own ratio to itself; saying so helps nobody.
        let values = |cell: &&mut Cell| matches!(cell, Cell::Value(_));
        if let Some(Cell::Value(first)) = cells.iter_mut().find(values) {
            first.ratio = None;
            first.evidence = None;
            first.ratio_note = String::new();
        }
        let merged = times.iter().zip(&samples);
        let merged: Vec<_> =
            merged.map(|(times, samples)| OfColumn { times, values: &samples.values }).collect();
        merge(&mut cells, &merged, &metric);
        mark_best(&mut cells, better);
        Ok(Line { metric, unit, better, cells })
    });
    let is_told = |line: &Line| line.cells.iter().any(|cell| *cell != Cell::Missing);
    lines.filter(|line| line.as_ref().map_or(true, is_told)).collect()
}

/// The metrics asked for; else those of the default set that were measured; else all that were,
/// checks aside; else, where nothing was measured, the first of the default set, to have a line
/// that says why.
fn metrics(row: &Row<'_>, transaction: &str, asked: &[String]) -> Vec<String> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    let repetitions = row.values().flat_map(BTreeMap::values);
    let measured: BTreeSet<_> =
        repetitions.flat_map(|repetition| repetition.metrics(transaction)).collect();
    let known = DEFAULT_METRICS.into_iter().filter(|name| measured.contains(name));
    let known: Vec<_> = known.map(str::to_owned).collect();
    if !known.is_empty() {
        return known;
    }
    let others = measured.into_iter().filter(|name| !name.starts_with("check_"));
    let others: Vec<_> = others.map(str::to_owned).collect();
    if others.is_empty() && transaction.is_empty() {
        return vec![DEFAULT_METRICS[0].to_owned()];
    }
    others
}

/// The unit and direction of a metric, which all its numbers have.
fn unit(row: &Row<'_>, transaction: &str, metric: &str) -> Result<(String, Better)> {
    let repetitions = row.values().flat_map(BTreeMap::values);
    let mut found = repetitions.filter_map(|repetition| repetition.row(transaction, metric));
    let Some(first) = found.next() else { return Ok((String::new(), Better::Neither)) };
    let other = found.find(|row| (&row.unit, row.better) != (&first.unit, first.better));
    if let Some(other) = other {
        let said = |row: &Record| match row.better {
            Better::Neither => format!("in `{}`", row.unit),
            better => format!("in `{}`, the {} the better", row.unit, better.name()),
        };
        let why = format!(
            "it is {} in the run {} and {} in the run {}",
            said(first),
            first.run_id,
            said(other),
            other.run_id
        );
        let doing = format!("compare `{metric}` of {}", first.benchmark());
        return Err(Error::new(doing, why).next("compare runs that one version of dbdyno wrote"));
    }
    Ok((first.unit.to_string(), first.better))
}

/// What the repetitions of one column say.
#[derive(Default)]
struct Samples {
    values: BTreeMap<Round, f64>,
    /// What the counted rows say of their numbers, and how often.
    details: BTreeMap<String, usize>,
    /// In how many of them the client was the bottleneck.
    client_bottlenecks: usize,
    /// How many repetitions ended in each way that is not well, and what they say of it.
    statuses: BTreeMap<Status, (usize, BTreeSet<String>)>,
}

fn samples(cases: Option<&Rounds<'_>>, transaction: &str, metric: &str) -> Samples {
    let mut samples = Samples::default();
    for (round, repetition) in cases.into_iter().flatten() {
        match repetition.sample(transaction, metric) {
            Sample::Missing => {}
            Sample::Value(value) => {
                samples.values.insert(round.clone(), value);
                let detail = repetition.row(transaction, metric).map(|row| row.detail.to_string());
                *samples.details.entry(detail.unwrap_or_default()).or_default() += 1;
                let is_bound = repetition.is_client_bound(transaction);
                samples.client_bottlenecks += usize::from(is_bound);
            }
            Sample::Status(status, detail) => {
                let (count, details) = samples.statuses.entry(status).or_default();
                *count += 1;
                details.extend((!detail.is_empty()).then_some(detail));
            }
        }
    }
    samples
}

/// A failed repetition fails the cell. Repetitions that were interrupted or not supported only
/// leave their place to the others, where there are any.
fn cell(samples: &Samples, base: Option<Base<'_>>, metric: &str) -> Cell {
    let worst = samples.statuses.last_key_value();
    let values: Vec<_> = samples.values.values().copied().collect();
    match (middle(metric, &values), worst) {
        (None, None) => Cell::Missing,
        (_, Some((Status::Failed, (_, details)))) => Cell::Status(Status::Failed, join(details)),
        (None, Some((status, (_, details)))) => Cell::Status(*status, join(details)),
        (Some(median), _) => {
            let base = base.filter(|base| !base.samples.statuses.contains_key(&Status::Failed));
            let against =
                |base: Base<'_>| Against::of(&samples.values, &base.samples.values, base.name);
            let Against { ratio, evidence, note: ratio_note, .. } =
                base.map(against).unwrap_or_default();
            Cell::Value(CellValue {
                median,
                merged: false,
                spread_percent: half_range_percent(&values),
                repetitions: values.len(),
                ratio,
                evidence,
                ratio_note,
                is_doubtful: false,
                best: false,
                detail: most_said(samples),
                note: left_out(samples),
                client_bottlenecks: samples.client_bottlenecks,
            })
        }
    }
}

/// What ratios are taken to.
#[derive(Clone, Copy)]
struct Base<'s> {
    samples: &'s Samples,
    /// The column that it stands in.
    name: &'s str,
}

/// What most repetitions say of their number, and how many of them where not all do.
fn most_said(samples: &Samples) -> String {
    let most = samples.details.iter().max_by_key(|(_, count)| **count);
    match most {
        Some((detail, count)) if *count < samples.values.len() => {
            format!("{detail} ({count} of {})", samples.values.len())
        }
        Some((detail, _)) => detail.clone(),
        None => String::new(),
    }
}

/// Which repetitions do not count, and why.
fn left_out(samples: &Samples) -> String {
    let parts = samples.statuses.iter().map(|(status, (count, details))| {
        let of = count + samples.values.len();
        let why = if details.is_empty() { String::new() } else { format!(": {}", join(details)) };
        format!("{count} of {of} repetitions {} and left out{why}", status.name())
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn join(details: &BTreeSet<String>) -> String {
    details.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
}

fn mark_best(cells: &mut [Cell], better: Better) {
    let values = cells.iter().filter_map(|cell| match cell {
        Cell::Value(value) => Some(value.median),
        _ => None,
    });
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let best = match better {
        Better::Higher if low < high => high,
        Better::Lower if low < high => low,
        _ => return,
    };
    for cell in cells {
        if let Cell::Value(value) = cell {
            value.best = value.median == best;
        }
    }
}
