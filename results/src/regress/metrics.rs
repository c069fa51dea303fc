//! Which metrics are judged.

use std::collections::BTreeMap;

use dbdyno_core::{Better, Error, Result};

use super::errors::{ERRORS, SHARE};
use super::input::Sides;
use super::{RegressOptions, Thresholds};
use crate::metric::{DEFAULT_METRICS, HEADLINES, LOST_COMMITS, find, is_asked};
use crate::record::Record;

/// The metrics whose numbers are judged.
///
/// # Errors
/// One that was asked for was not measured, neither direction of it is better, or rows do not agree on
/// its unit or direction.
pub(super) fn judged(
    sides: &Sides,
    options: &RegressOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<String>> {
    let measured = measured(sides);
    let names: Vec<String> = measured.keys().copied().map(str::to_owned).collect();
    // The share of failed transactions is made from other rows, and always judged.
    let asks_share = |name: &&String| *name == SHARE && measured.contains_key(ERRORS);
    let asked: Vec<String> =
        options.metrics.iter().filter(|name| !asks_share(name)).cloned().collect();
    if asked.is_empty() && !options.metrics.is_empty() {
        return Ok(Vec::new());
    }
    let judged = chosen(&names, &asked, &options.thresholds, notes)?;
    for name in &judged {
        agreed(name, measured.get(name.as_str()).map_or(&[], Vec::as_slice))?;
    }
    Ok(judged)
}

/// The metrics that were asked for; where none was, the default set, the headlines that were measured, and what
/// has a threshold of its own.
///
/// # Errors
/// One that was asked for was not measured.
pub(crate) fn chosen(
    measured: &[String],
    asked: &[String],
    thresholds: &Thresholds,
    notes: &mut Vec<String>,
) -> Result<Vec<String>> {
    let mut chosen: Vec<String> = Vec::new();
    for name in asked {
        let name = find(name, measured)?;
        if !chosen.contains(&name) {
            chosen.push(name);
        }
    }
    if !asked.is_empty() {
        return Ok(chosen);
    }
    let is_measured = |name: &str| measured.iter().any(|known| known == name);
    // A commit that was promised to last and is lost breaks a check. How many are lost that were not promised is
    // another number after every kill.
    let judged = |name: &&str| *name != LOST_COMMITS && is_measured(name);
    let headlines = HEADLINES.into_iter().filter(judged);
    chosen.extend(DEFAULT_METRICS.into_iter().chain(headlines).map(str::to_owned));
    for name in thresholds.by_metric.keys() {
        // The share of failed transactions is made from other rows, and always judged.
        let is_share = name == SHARE && is_measured(ERRORS);
        if is_share || chosen.iter().any(|known| is_asked(name, known)) {
            continue;
        }
        match measured.iter().find(|measured| is_asked(name, measured)) {
            Some(measured) => chosen.push(measured.clone()),
            None => {
                notes.push(format!("`{name}` has a threshold and was not measured in these runs"));
            }
        }
    }
    Ok(chosen)
}

/// For each metric the first row of each unit and direction that a benchmark gives it.
fn measured(sides: &Sides) -> BTreeMap<&str, Vec<&Record>> {
    let mut measured: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for row in sides.before.records.iter().chain(&sides.after.records) {
        if row.value.is_some() && !row.metric.starts_with("check_") {
            let known = measured.entry(&row.metric).or_default();
            let is_same = |other: &&Record| {
                (&other.unit, other.better) == (&row.unit, row.better)
                    && other.case.benchmark == row.case.benchmark
                    && other.case.suite == row.case.suite
            };
            if !known.iter().any(is_same) {
                known.push(row);
            }
        }
    }
    measured
}

/// Sees that a benchmark's rows agree on what a number means, and that a direction of it is better.
fn agreed(name: &str, rows: &[&Record]) -> Result<()> {
    let doing = || format!("judge the metric `{name}`");
    for (place, row) in rows.iter().enumerate() {
        if row.better == Better::Neither {
            return Err(Error::new(doing(), "neither more nor less of it is better")
                .next("leave it out; `dbdyno compare --metric` shows it"));
        }
        let of_benchmark = |other: &&&Record| other.benchmark() == row.benchmark();
        if let Some(other) = rows[..place].iter().find(of_benchmark) {
            let said = |row: &Record| {
                format!(
                    "{} with `{}` better in the run {}",
                    row.unit,
                    row.better.name(),
                    row.run_id
                )
            };
            let why = format!(
                "{} does not give it one unit and direction: it is in {}, and in {}",
                row.benchmark(),
                said(other),
                said(row)
            );
            return Err(Error::new(doing(), why)
                .next("measure both sides with versions of dbdyno that agree, or leave it out"));
        }
    }
    Ok(())
}
