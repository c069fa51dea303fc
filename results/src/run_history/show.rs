//! A history for a person.

use std::collections::BTreeSet;
use std::ops::Range;

use dbdyno_core::{Error, Result};

use super::entry::Entry;
use super::series::{Series, gather};
use crate::grid::{Align, Grid, wrap};
use crate::machine::check_machines;
use crate::metric::{display, middle};
use crate::number;
use crate::record::Record;
use crate::regress::{Thresholds, metrics};
use crate::statistics::change_points::{ChangePoint, Strictness, change_points};

/// How many runs a picture of a series shows.
const PICTURED: usize = 30;
/// The heights of a picture, from the lowest to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The runs of a history, a line each.
pub fn list(entries: &[Entry], width: usize, styled: bool) -> String {
    let mut grid = Grid {
        columns: ["run", "measured", "commit", "branch", "machine"]
            .map(|heading| (heading.to_owned(), Align::Left))
            .to_vec(),
        rows: Vec::new(),
    };
    for entry in entries {
        let machine = &entry.run.machine;
        let memory = number::bytes(machine.memory_bytes as f64);
        let cells = [
            entry.run_id.clone(),
            entry.run.started_at.get(..16).unwrap_or_default().replace('T', " "),
            entry.source.short(),
            entry.source.branch.clone(),
            format!("{}, {} cores, {memory}", machine.cpu, machine.cores),
        ];
        grid.rows.push(cells.map(Into::into).to_vec());
    }
    grid.text(width, styled)
}

/// What is shown of a history.
#[derive(Clone, Copy, Debug)]
pub struct ShowOptions<'o> {
    /// The metrics, by name or by the middle of a latency's name (`p99`); what `regress` judges where empty.
    pub metrics: &'o [String],
    /// The probability, in (0, 1), that a change is shown in a series in which nothing changes.
    pub level: f64,
    /// How large a change counts.
    pub thresholds: &'o Thresholds,
    /// Whether runs of different machines make one series.
    pub across_machines: bool,
}

/// How each metric of each case went from run to run, and where it changed.
///
/// # Errors
/// There is no run, one cannot be read or ends before its time, the runs are of different machines and nobody said
/// that this is meant, or a metric that was asked for was not measured.
pub fn show(
    entries: &[Entry],
    options: &ShowOptions<'_>,
    width: usize,
    styled: bool,
) -> Result<String> {
    let ShowOptions { metrics: asked, level, thresholds, across_machines } = *options;
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Err(Error::new("show the history", "there is no run in it")
            .next("add one with `dbdyno history add RUN`"));
    };
    let (records, mut notes) = read(entries, across_machines)?;
    let metrics = metrics::chosen(&measured(&records), asked, thresholds, &mut notes)?;
    let numbers = gather(entries, &[&records], &metrics);
    let caption = format!("{} runs, from {} to {}", entries.len(), first.title(), last.title());
    let mut out = wrap(&caption, width);
    if !numbers.constants.is_empty() {
        out += &wrap(&numbers.constants.join(", "), width);
    }
    out.push('\n');
    let (mut grid, mut told) = (table(), Vec::new());
    let mut shown = None;
    for series in numbers.series.iter().filter(|series| !series.points.is_empty()) {
        let strictness = Strictness { level, least: thresholds.of(&series.metric) };
        let changes = change_points(&series.values(), strictness);
        let case = series.subject();
        let is_new = shown.as_ref() != Some(&case);
        grid.rows.push(row(series, if is_new { &case } else { "" }, &changes));
        told.extend(changes.iter().map(|change| sentence(entries, series, change)));
        shown = Some(case);
    }
    out += &grid.text(width, styled);
    out.push('\n');
    for line in &told {
        out += &wrap(line, width);
    }
    if told.is_empty() {
        out += &wrap("no change was found", width);
    }
    for note in &notes {
        out += &wrap(&format!("note: {note}"), width);
    }
    Ok(out)
}

/// The rows of whole runs of one machine, and what must be known of them.
fn read(entries: &[Entry], across_machines: bool) -> Result<(Vec<Record>, Vec<String>)> {
    let loaded = Entry::load(entries)?;
    if let Some(told) = loaded.cut_off.first() {
        return Err(Error::new("show the history", told).next(
            "add the run again from its own folder, or remove the half line if the rest is all that you ask about",
        ));
    }
    loaded.check_results("show the history with")?;
    let machines = check_machines(&loaded, across_machines)?;
    Ok((loaded.records, [loaded.warnings, machines].concat()))
}

/// The metrics that have a number, in the order of their names.
fn measured(records: &[Record]) -> Vec<String> {
    let with_number = records.iter().filter(|row| row.value.is_some());
    let names: BTreeSet<&str> = with_number.map(|row| &*row.metric).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn table() -> Grid {
    let columns = [
        ("case", Align::Left),
        ("metric", Align::Left),
        ("runs", Align::Right),
        ("first", Align::Right),
        ("last", Align::Right),
        ("changes", Align::Right),
        ("the last runs", Align::Left),
    ];
    let columns = columns.map(|(heading, align)| (heading.to_owned(), align)).to_vec();
    Grid { columns, rows: Vec::new() }
}

fn row(series: &Series<'_>, case: &str, changes: &[ChangePoint]) -> Vec<crate::grid::Text> {
    let values = series.values();
    let largest = values.iter().copied().fold(0.0, f64::max);
    let (label, divisor) = display(&series.metric, &series.unit, largest);
    let said = |value: Option<&f64>| {
        value.map(|value| number::value(value / divisor, &series.unit)).unwrap_or_default()
    };
    let cells = [
        case.to_owned(),
        label,
        values.len().to_string(),
        said(values.first()),
        said(values.last()),
        changes.len().to_string(),
        picture(&values),
    ];
    cells.map(Into::into).to_vec()
}

/// The last values as bars.
fn picture(values: &[f64]) -> String {
    let last = &values[values.len().saturating_sub(PICTURED)..];
    let low = last.iter().copied().fold(f64::INFINITY, f64::min);
    let high = last.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: &f64| match high > low {
        true => BARS[((value - low) / (high - low) * 7.0).round() as usize],
        false => BARS[3],
    };
    last.iter().map(bar).collect()
}

fn sentence(entries: &[Entry], series: &Series<'_>, change: &ChangePoint) -> String {
    let values = series.values();
    let side = |range: Range<usize>| middle(&series.metric, &values[range]).unwrap_or_default();
    let (old, new) = (side(change.before.clone()), side(change.after.clone()));
    let entry = &entries[series.points[change.at].0];
    let by =
        if old == 0.0 { String::new() } else { format!(" ({:+.1}%)", (new / old - 1.0) * 100.0) };
    let (label, divisor) = display(&series.metric, &series.unit, old.abs().max(new.abs()));
    let said = |value: f64| number::value(value / divisor, &series.unit);
    format!(
        "{}: {label} {} -> {}{by} since {}",
        series.subject(),
        said(old),
        said(new),
        entry.title()
    )
}
