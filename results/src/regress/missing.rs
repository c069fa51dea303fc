//! What the current run should have and has not: a file that was cut at the end of a line looks whole.

use std::collections::BTreeSet;

use super::conditions::says_which_cases;
use super::gather::{Gathered, Matched};
use super::input::Sides;
use super::{Placed, STATUS, Verdict, open};
use crate::load::Loaded;
use crate::repetition::Repetition;
use crate::run_info::RunInfo;

/// Where these findings stand among those of a case: behind promises, before numbers.
const RANK: usize = 1;

/// Repetitions and cases that are missing from the current run. Cases count that a run had of which
/// `counts` holds; what is missing from the baseline becomes a note.
pub(super) fn look_at(
    sides: &Sides,
    gathered: &Gathered<'_>,
    counts: &dyn Fn(&str) -> bool,
    notes: &mut Vec<String>,
) -> Vec<Placed> {
    let mut found: Vec<Placed> =
        gathered.cases.iter().filter_map(|one| short(sides, one)).collect();
    for matched in &gathered.cases {
        if let Some((there, planned)) = lack(&matched.before, &sides.before) {
            let title = matched.title();
            notes.push(format!("the baseline of {title} has {there} of {planned} repetitions"));
        }
    }
    let is_whole =
        sides.after.files.iter().all(|file| file.run.as_ref().is_none_or(RunInfo::came_to_its_end));
    for (title, runs) in &gathered.lost {
        let of_those = |run: &&RunInfo| counts(&run.run_id) && runs.contains(run.run_id.as_str());
        let is_asked = || {
            let mut before = sides.before.runs().filter(of_those);
            before.any(|old| sides.after.runs().any(|new| have_the_same_cases(old, new)))
        };
        // What only old runs of a history have was given up before the current one began. A run whose conditions
        // are not known counts by its rows.
        let is_expected = runs.iter().any(|run| counts(run));
        if !is_whole && is_expected {
            found.push(open(title, "the current run ended before it was measured"));
        } else if is_asked() {
            let why =
                "the current run has nothing of it, though its command is that of the baseline";
            found.push(open(title, why));
        }
    }
    found
}

fn short(sides: &Sides, matched: &Matched<'_>) -> Option<Placed> {
    let (there, planned) = lack(&matched.after, &sides.after)?;
    let why = format!("only {there} of the {planned} repetitions that were planned are there");
    Some(matched.finding(RANK, STATUS, Verdict::CouldNotTell, why))
}

/// How many repetitions there are and how many were planned, where that is more. A case that could not be
/// measured says so once.
fn lack(repetitions: &[Repetition<'_>], side: &Loaded) -> Option<(usize, usize)> {
    let planned = planned(repetitions, side).filter(|planned| repetitions.len() < *planned)?;
    repetitions.iter().all(Repetition::is_good).then_some((repetitions.len(), planned))
}

/// The repetitions that those runs were to have of a case that have any of it; `None` where one does not tell, or
/// plans as it goes.
fn planned(repetitions: &[Repetition<'_>], side: &Loaded) -> Option<usize> {
    let having: BTreeSet<&str> = repetitions.iter().map(Repetition::run_id).collect();
    let of_run =
        |run_id: &&str| side.runs().find(|run| run.run_id == **run_id)?.planned_repetitions();
    having.iter().map(of_run).try_fold(0_usize, |sum, planned| Some(sum.saturating_add(planned?)))
}

/// Whether two runs were told to measure the same cases.
fn have_the_same_cases(one: &RunInfo, other: &RunInfo) -> bool {
    let words = |run: &RunInfo| run.command.get(1..).map(<[String]>::to_vec).unwrap_or_default();
    !words(one).is_empty()
        && words(one) == words(other)
        && one
            .options
            .keys()
            .chain(other.options.keys())
            .all(|name| !says_which_cases(name) || one.options.get(name) == other.options.get(name))
}
