//! Query plans that changed between the sides.

use std::path::PathBuf;

use dbdyno_core::{Plan, Result};

use super::errors::SHARE;
use super::gather::Gathered;
use super::input::Sides;
use super::{Placed, RegressOptions, Since, Verdict};
use crate::load::LoadedFile;
use crate::plan_diff::{LineChange, compare_plans};
use crate::run_folder::file;
use crate::run_history::Entry;
use crate::stored_plan::{StoredPlan, stored_plans};

/// A query plan that no repetition of the baseline had.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanChange {
    /// What it is a plan of ([`StoredPlan::subject`]).
    pub subject: String,
    /// The case that it is of ([`StoredPlan::subject`] without the name).
    pub case: String,
    /// The benchmark with its suite.
    pub benchmark: String,
    /// The name of the plan.
    pub name: String,
    /// The outlines of both, line by line.
    pub lines: Vec<(LineChange, String)>,
    /// The metrics of the same case that regressed: the plan is their likely cause.
    pub likely_cause_of: Vec<String>,
    /// Whether the change alone is a regression.
    pub is_regression: bool,
}

/// The plans that changed from the baseline. A run without plans has none that could have.
///
/// # Errors
/// The plans of a run cannot be read.
pub(super) fn changes(
    sides: &Sides,
    options: &RegressOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<PlanChange>> {
    let folders = |files: &[LoadedFile]| -> Vec<PathBuf> {
        files.iter().map(|file| file.path.clone()).collect()
    };
    let before = read(&folders(&sides.before.files), notes)?;
    let after = read(&folders(&sides.after.files), notes)?;
    Ok(between(&before, &after, options, notes))
}

/// The same of a history: plans of the last run that no run before it had, and those that came with a
/// regression, which may be of an earlier run.
///
/// # Errors
/// The plans of a run cannot be read.
pub(super) fn in_history(
    entries: &[Entry],
    gathered: &Gathered<'_>,
    found: &[Placed],
    options: &RegressOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<PlanChange>> {
    let mut runs = Vec::new();
    for entry in entries {
        runs.push(read(std::slice::from_ref(&entry.folder), notes)?);
    }
    let Some((last, earlier)) = runs.split_last() else { return Ok(Vec::new()) };
    let mut changes = between(&earlier.concat(), last, options, notes);
    let slower = found.iter().filter(|(_, _, finding)| finding.verdict == Verdict::Regression);
    for (place, _, finding) in slower {
        let Some((first, last)) = finding.since.as_ref().and_then(|since| place_of(entries, since))
        else {
            continue;
        };
        // Only a plan that is new in the runs that may be the first with the regression came with it.
        let (before, with) = (runs[..first].concat(), runs[first..=last].concat());
        let mut with_it = between(&before, &with, options, &mut Vec::new());
        blame(&mut with_it, gathered, &[(*place, 0, finding.clone())]);
        for change in with_it.into_iter().filter(|change| !change.likely_cause_of.is_empty()) {
            let is_same = |known: &&mut PlanChange| {
                known.subject == change.subject && known.lines == change.lines
            };
            match changes.iter_mut().find(is_same) {
                Some(known) => known.likely_cause_of.extend(change.likely_cause_of),
                None => changes.push(change),
            }
        }
    }
    Ok(changes)
}

/// The places of the first and the last run that may be the first after a change.
fn place_of(entries: &[Entry], since: &Since) -> Option<(usize, usize)> {
    let place = |run: &String| entries.iter().position(|entry| entry.run_id == *run);
    Some((place(&since.between.0)?, place(&since.between.1)?))
}

fn between(
    before: &[StoredPlan],
    after: &[StoredPlan],
    options: &RegressOptions,
    notes: &mut Vec<String>,
) -> Vec<PlanChange> {
    match (before.is_empty(), after.is_empty()) {
        (true, true) => return Vec::new(),
        (true, false) => notes.push("the baseline has no query plans".to_owned()),
        (false, true) => notes.push("the current run has no query plans".to_owned()),
        (false, false) => {}
    }
    let comparison = compare_plans(before, after);
    let changed = comparison.pairs.iter().filter(|pair| pair.is_changed());
    let changes = changed.map(|pair| PlanChange {
        subject: pair.subject.clone(),
        case: pair.after.case_subject(),
        benchmark: pair.after.benchmark(),
        name: pair.after.name.clone(),
        lines: pair.lines(),
        likely_cause_of: Vec::new(),
        is_regression: options.fail_on_plan_change,
    });
    changes.collect()
}

fn read(runs: &[PathBuf], notes: &mut Vec<String>) -> Result<Vec<StoredPlan>> {
    let mut plans = Vec::new();
    for run in runs {
        let folder = if run.is_dir() { run.as_path() } else { run.parent().unwrap_or(run) };
        if folder.join(file::PLANS).exists() {
            let read = stored_plans(run)?;
            notes.extend(read.warnings);
            plans.extend(read.plans);
        }
    }
    Ok(plans)
}

/// Names for each changed plan the metrics of its case that regressed.
pub(super) fn blame(changes: &mut [PlanChange], gathered: &Gathered<'_>, found: &[Placed]) {
    let subject_of = |place: usize| {
        let case = gathered.cases.get(place)?.case;
        Some(StoredPlan::new("", case, "", &Plan::default()).case_subject())
    };
    let slower = found.iter().filter(|(_, _, finding)| {
        finding.verdict == Verdict::Regression
            && finding.numbers.is_some()
            && finding.metric != SHARE
    });
    for (place, _, finding) in slower {
        let subject = subject_of(*place);
        let metric = match finding.load.as_str() {
            "" => finding.metric.clone(),
            load => format!("{} of {load}", finding.metric),
        };
        for change in changes.iter_mut().filter(|change| Some(&change.case) == subject.as_ref()) {
            change.likely_cause_of.push(metric.clone());
        }
    }
}
