//! What runs lack that they were to have: a run that was killed, or a file that was cut at the end of a line, looks whole.

use std::collections::{BTreeSet, HashSet};

use dbdyno_core::Status;
use hashbrown::HashMap;

use crate::load::Loaded;
use crate::metric::DEFAULT_METRICS;
use crate::record::Record;
use crate::repetition::{CaseKey, Repetition, case_key, repetitions};
use crate::run_info::RunInfo;

/// What runs lack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shortfalls {
    /// A sentence for each run that did not come to its end, or has fewer repetitions than were planned.
    pub of_runs: Vec<String>,
    /// A sentence for each case and number, or check, that some of its repetitions lack.
    pub gaps: Vec<String>,
    /// Whether there is anything among it that no run says of itself: one that was interrupted lacks what it
    /// did not come to.
    pub is_unexpected: bool,
}

impl Shortfalls {
    /// All that is lacking, a sentence each.
    pub fn told(&self) -> impl Iterator<Item = &String> {
        self.of_runs.iter().chain(&self.gaps)
    }
}

/// Looks for what is missing from runs: the end of them, repetitions that were planned, and numbers that other
/// repetitions of the case have.
pub fn shortfalls(loaded: &Loaded) -> Shortfalls {
    let mut found = Shortfalls::default();
    for file in &loaded.files {
        let rows = file.rows(loaded);
        let (run, repetitions) = (file.run.as_ref(), repetitions(rows));
        let of_run = [run.and_then(RunInfo::unfinished), fewer_than_planned(run, &repetitions)];
        let told: Vec<String> = of_run.into_iter().flatten().collect();
        let says_so = run.is_some_and(RunInfo::was_interrupted);
        found.is_unexpected |= !told.is_empty() && !says_so;
        let gaps = gaps(&repetitions, rows.last());
        found.is_unexpected |= !gaps.is_empty();
        found.of_runs.extend(told);
        found.gaps.extend(gaps);
    }
    found
}

/// How many cases of a run have fewer repetitions than it was to measure; `None` where none has, or it does not
/// tell.
fn fewer_than_planned(run: Option<&RunInfo>, all: &[Repetition<'_>]) -> Option<String> {
    let run = run?;
    let planned = run.planned_repetitions()?;
    let mut cases: HashMap<CaseKey<'_>, HashSet<u32>> = HashMap::new();
    // What could not be prepared has one row, which says so.
    let ended = all.iter().filter(|one| !one.is_unsupported() && one.failure().is_none());
    for case in ended.filter_map(Repetition::case) {
        cases.entry(case_key(case)).or_default().insert(case.repetition);
    }
    for case in all.iter().filter(|one| one.failure().is_some()).filter_map(Repetition::case) {
        cases.remove(&case_key(case));
    }
    let short: Vec<usize> =
        cases.values().map(HashSet::len).filter(|count| *count < planned).collect();
    let fewest = short.iter().min()?;
    Some(format!(
        "{} of {} cases of the run {} have fewer than the {planned} repetitions that were planned: as few as {fewest}",
        short.len(),
        cases.len(),
        run.run_id
    ))
}

/// Numbers that repetitions of a run lack though they went well and others of the case have them, a sentence for
/// each case and metric. Only numbers that every repetition has are looked for: there is no row of errors that
/// did not happen.
fn gaps(all: &[Repetition<'_>], last: Option<&Record>) -> Vec<String> {
    let mut places: HashMap<CaseKey<'_>, usize> = HashMap::new();
    let mut cases: Vec<Vec<&Repetition<'_>>> = Vec::new();
    for repetition in all {
        let Some(case) = repetition.case().filter(|_| repetition.is_good()) else { continue };
        let place = *places.entry(case_key(case)).or_insert(cases.len());
        if place == cases.len() {
            cases.push(Vec::new());
        }
        cases[place].push(repetition);
    }
    cases.iter().flat_map(|case| without_numbers(case).chain(without_checks(case, last))).collect()
}

fn without_numbers(case: &[&Repetition<'_>]) -> impl Iterator<Item = String> {
    DEFAULT_METRICS.into_iter().filter_map(|metric| {
        let lacks = |one: &&Repetition<'_>| one.value("", metric).is_none();
        let lacking: Vec<_> = case.iter().copied().filter(lacks).collect();
        // Throughput that went well and has no number is one that was lost.
        let is_lost = |one: &&&Repetition<'_>| {
            metric == DEFAULT_METRICS[0]
                && one.row("", metric).is_some_and(|row| row.status == Status::Ok)
        };
        let missing = match lacking.len() < case.len() {
            true => lacking.len(),
            false => lacking.iter().filter(is_lost).count(),
        };
        let of = case.first().copied().and_then(title).filter(|_| missing > 0)?;
        Some(format!("{missing} of {} repetitions of {of} have no {metric}", case.len()))
    })
}

/// Checks that the repetition lacks with which a file ends, and all others of the case have: they stand last.
fn without_checks(case: &[&Repetition<'_>], last: Option<&Record>) -> Option<String> {
    let is_last = |one: &&Repetition<'_>| {
        last.is_some_and(|last| one.all().any(|row| std::ptr::eq(row, last)))
    };
    let ending = case.iter().copied().find(is_last)?;
    let others = case.iter().copied().filter(|one| !is_last(one)).map(checks);
    let common = others.reduce(|one, other| &one & &other)?;
    let missing: Vec<&str> = common.difference(&checks(ending)).copied().collect();
    let of = title(ending).filter(|_| !missing.is_empty())?;
    Some(format!(
        "the last repetition of {of} lacks {}, as if the file were cut",
        missing.join(", ")
    ))
}

fn checks<'r>(repetition: &Repetition<'r>) -> BTreeSet<&'r str> {
    repetition.all().filter(|row| row.is_check()).map(|row| &*row.metric).collect()
}

/// As a sentence names the case of a repetition, and its run.
fn title(repetition: &Repetition<'_>) -> Option<String> {
    let row = repetition.all().next()?;
    Some(format!("{} on {} in the run {}", row.benchmark(), row.case.target, row.run_id))
}

#[cfg(test)]
mod tests;
