//! Query plans that changed between the sides.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dbdyno_core::{Plan, Result};

use super::errors::SHARE;
use super::gather::Gathered;
use super::input::Sides;
use super::{Finding, Placed, RegressOptions, Since, Verdict};
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
    let before = [read(&folders(&sides.before.files), notes)?];
    let after = [read(&folders(&sides.after.files), notes)?];
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
    let mut changes = between(earlier, std::slice::from_ref(last), options, notes);
    let mut known: BTreeMap<(usize, usize), Vec<PlanChange>> = BTreeMap::new();
    for (place, _, finding) in found {
        let began = finding.since.as_ref().and_then(|since| place_of(entries, since));
        let (Some(metric), Some((first, last))) = (slower(finding), began) else { continue };
        let case = case_subject(gathered, *place);
        // Only a plan that is new in the runs that may be the first with the regression came with it.
        let with_it = known.entry((first, last)).or_insert_with(|| {
            between(&runs[..first], &runs[first..=last], options, &mut Vec::new())
        });
        for change in with_it.iter().filter(|change| Some(&change.case) == case.as_ref()) {
            let is_same =
                |known: &PlanChange| known.subject == change.subject && known.lines == change.lines;
            let at = changes.iter().position(is_same).unwrap_or_else(|| {
                changes.push(change.clone());
                changes.len() - 1
            });
            changes[at].likely_cause_of.push(metric.clone());
        }
    }
    Ok(changes)
}

/// The places of the first and the last run that may be the first after a change.
fn place_of(entries: &[Entry], since: &Since) -> Option<(usize, usize)> {
    let place = |run: &String| entries.iter().position(|entry| entry.run_id == *run);
    Some((place(&since.between.0)?, place(&since.between.1)?))
}

/// The plans of some runs that no run before them had; each run is its plans.
fn between(
    before: &[Vec<StoredPlan>],
    after: &[Vec<StoredPlan>],
    options: &RegressOptions,
    notes: &mut Vec<String>,
) -> Vec<PlanChange> {
    let has_none = |runs: &[Vec<StoredPlan>]| runs.iter().all(Vec::is_empty);
    match (has_none(before), has_none(after)) {
        (true, true) => return Vec::new(),
        (true, false) => notes.push("the baseline has no query plans".to_owned()),
        (false, true) => notes.push("the current run has no query plans".to_owned()),
        (false, false) => {}
    }
    let comparison = compare_plans(before.iter().flatten(), after.iter().flatten());
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
    for (place, _, finding) in found {
        let Some(metric) = slower(finding) else { continue };
        let case = case_subject(gathered, *place);
        for change in changes.iter_mut().filter(|change| Some(&change.case) == case.as_ref()) {
            change.likely_cause_of.push(metric.clone());
        }
    }
}

/// The metric that regressed, if a plan may be why.
fn slower(finding: &Finding) -> Option<String> {
    let is_slower = finding.verdict == Verdict::Regression
        && finding.numbers.is_some()
        && finding.metric != SHARE;
    is_slower.then(|| match finding.load.as_str() {
        "" => finding.metric.clone(),
        load => format!("{} of {load}", finding.metric),
    })
}

/// The case of a finding as plans name theirs.
fn case_subject(gathered: &Gathered<'_>, place: usize) -> Option<String> {
    let case = gathered.cases.get(place)?.case;
    Some(StoredPlan::new("", case, "", &Plan::default()).case_subject())
}
