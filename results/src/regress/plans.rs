//! Query plans that changed between the sides.

use dbdyno_core::{Plan, Result};

use super::gather::Gathered;
use super::input::Sides;
use super::{Placed, RegressOptions, Verdict};
use crate::load::LoadedFile;
use crate::plan_diff::{LineChange, compare_plans};
use crate::run_folder::file;
use crate::stored_plan::{StoredPlan, stored_plans};

/// A query plan that no repetition of the baseline had.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanChange {
    /// What it is a plan of ([`StoredPlan::subject`]).
    pub subject: String,
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

/// The plans that changed. A run without plans has none that could have.
///
/// # Errors
/// The plans of a run cannot be read.
pub(super) fn changes(
    sides: &Sides,
    gathered: &Gathered<'_>,
    found: &[Placed],
    options: &RegressOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<PlanChange>> {
    let before = read(&sides.before.files, notes)?;
    let after = read(&sides.after.files, notes)?;
    match (before.is_empty(), after.is_empty()) {
        (true, true) => return Ok(Vec::new()),
        (true, false) => notes.push("the baseline has no query plans".to_owned()),
        (false, true) => notes.push("the current run has no query plans".to_owned()),
        (false, false) => {}
    }
    let comparison = compare_plans(&before, &after);
    let changed = comparison.pairs.iter().filter(|pair| pair.is_changed());
    let changes = changed.map(|pair| PlanChange {
        subject: pair.subject.clone(),
        benchmark: pair.after.benchmark(),
        name: pair.after.name.clone(),
        lines: pair.lines(),
        likely_cause_of: regressed(&pair.after.case_subject(), gathered, found),
        is_regression: options.fail_on_plan_change,
    });
    Ok(changes.collect())
}

fn read(files: &[LoadedFile], notes: &mut Vec<String>) -> Result<Vec<StoredPlan>> {
    let mut plans = Vec::new();
    for of in files {
        if of.path.with_file_name(file::PLANS).exists() {
            let read = stored_plans(&of.path)?;
            notes.extend(read.warnings);
            plans.extend(read.plans);
        }
    }
    Ok(plans)
}

/// The metrics of a plan's case that regressed.
fn regressed(subject: &str, gathered: &Gathered<'_>, found: &[Placed]) -> Vec<String> {
    let subject_of = |place: usize| {
        let case = gathered.cases.get(place)?.case;
        Some(StoredPlan::new("", case, "", &Plan::default()).case_subject())
    };
    let slower = found.iter().filter(|(_, _, finding)| finding.verdict == Verdict::Regression);
    slower
        .filter(|(place, _, finding)| {
            finding.numbers.is_some() && subject_of(*place).as_deref() == Some(subject)
        })
        .map(|(_, _, finding)| finding.metric.clone())
        .collect()
}
