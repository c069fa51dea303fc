//! What is judged without statistics: checks that held, repetitions that went well, transactions that did
//! not fail. One broken promise is a regression, whatever the others did.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::Status;

use super::gather::Matched;
use super::judge::Pair;
use super::{Placed, RegressOptions, STATUS, Verdict, errors};
use crate::record::Record;
use crate::repetition::Repetition;

/// Where findings about promises stand: before all numbers.
pub(super) const RANK: usize = 0;

/// How many checks are named that were not made; the rest is in `results.csv`.
const NAMED: usize = 3;

/// How one side of a case went.
#[derive(Default)]
struct Health {
    repetitions: usize,
    /// How many failed, and why the first did.
    failed: usize,
    failure: String,
    interrupted: usize,
    unsupported: usize,
    /// Why it is unsupported.
    lack: String,
    /// The checks that did not hold: in how many repetitions, and what the first said.
    broken: BTreeMap<String, (usize, String)>,
    /// In how many of the repetitions whose numbers count each check was made.
    checked: BTreeMap<String, usize>,
    /// The checks that held in any repetition, whatever else went wrong in it.
    held: BTreeSet<String>,
}

impl Health {
    fn of(repetitions: &[&Repetition<'_>]) -> Self {
        let mut health = Self { repetitions: repetitions.len(), ..Self::default() };
        for repetition in repetitions {
            health.add(repetition);
        }
        health
    }

    fn add(&mut self, repetition: &Repetition<'_>) {
        if let Some(why) = repetition.failure() {
            if self.failed == 0 {
                self.failure = why;
            }
            self.failed += 1;
        } else if repetition.is_unsupported() {
            let first = repetition.all().next();
            self.lack = first.map(|row| row.detail.to_string()).unwrap_or_default();
            self.unsupported += 1;
        } else if repetition.all().any(|row| row.status == Status::Interrupted) {
            self.interrupted += 1;
        }
        if repetition.is_good() {
            let checks: BTreeSet<String> =
                repetition.all().filter(|row| is_check(row)).map(name).collect();
            for check in checks {
                *self.checked.entry(check).or_default() += 1;
            }
        }
        for row in repetition.all() {
            if is_check(row) && (row.status == Status::Failed || row.value == Some(0.0)) {
                let entry = self.broken.entry(name(row)).or_insert((0, row.detail.to_string()));
                entry.0 += 1;
            } else if is_check(row) && row.status == Status::Ok {
                self.held.insert(name(row));
            }
        }
    }

    /// Repetitions whose numbers count.
    fn good(&self) -> usize {
        self.repetitions - self.failed - self.interrupted - self.unsupported
    }

    fn share(&self, count: usize) -> String {
        let noun = if self.repetitions == 1 { "repetition" } else { "repetitions" };
        format!("{count} of {} {noun}", self.repetitions)
    }
}

/// What the promises of a case are held against.
pub(super) struct Before<'m, 'r> {
    /// Repetitions whose checks held, if there are any.
    held: Vec<&'m Repetition<'r>>,
    /// Repetitions whose failed transactions are counted.
    counted: Vec<&'m Repetition<'r>>,
}

impl<'m, 'r> Before<'m, 'r> {
    /// All repetitions of the baseline.
    pub(super) fn all(matched: &'m Matched<'r>) -> Self {
        let all: Vec<_> = matched.before.iter().collect();
        Self { held: all.clone(), counted: all }
    }

    /// The recent state of a history, whose last runs these are, the newest first: the newest of them in which
    /// all went well, for what broke and was mended long ago, or once, excuses nothing today. Runs that are
    /// older count only where none of these has the case.
    pub(super) fn recent(matched: &'m Matched<'r>, runs: &[&str]) -> Self {
        let of = |run: &str| -> Vec<&'m Repetition<'r>> {
            matched.before.iter().filter(|repetition| repetition.run_id() == run).collect()
        };
        let went_well = |run: &[&Repetition<'_>]| {
            let health = Health::of(run);
            health.good() > 0 && health.failed == 0 && health.broken.is_empty()
        };
        let counted: Vec<_> = runs.iter().flat_map(|run| of(run)).collect();
        if counted.is_empty() {
            return Self::all(matched);
        }
        let held = runs.iter().map(|run| of(run)).find(|run| went_well(run));
        Self { held: held.unwrap_or_else(|| counted.clone()), counted }
    }
}

/// Judges what was promised; whether both sides have numbers that count. Failed transactions of both sides
/// become pairs.
pub(super) fn look_at(
    matched: &Matched<'_>,
    against: &Before<'_, '_>,
    options: &RegressOptions,
    pairs: &mut Vec<Pair>,
    found: &mut Vec<Placed>,
    notes: &mut Vec<String>,
) -> bool {
    let current: Vec<_> = matched.after.iter().collect();
    let (before, after) = (Health::of(&against.held), Health::of(&current));
    errors::look_at(matched, &against.counted, options, pairs, found);
    let mut add = |metric: &str, verdict, why| {
        found.push(matched.finding(RANK, metric, verdict, why));
    };
    let mut newly_broken = 0;
    for (check, (count, detail)) in &after.broken {
        if !before.broken.contains_key(check) {
            newly_broken += 1;
            let then = if before.held.contains(check) { "held" } else { "was not made" };
            let not = if before.held.contains(check) { "did not" } else { "did not hold" };
            let now = after.share(*count);
            let why = format!("{then} in the baseline, {not} in {now} now{}", colon(detail));
            add(check, Verdict::Regression, why);
        }
    }
    if let Some((verdict, why)) = failures(&before, &after).filter(|_| newly_broken == 0) {
        add(STATUS, verdict, why);
    }
    if after.unsupported > 0 && before.unsupported == 0 {
        let why = format!("was measured in the baseline, is unsupported now{}", colon(&after.lack));
        add(STATUS, Verdict::Regression, why);
    }
    if after.interrupted > 0 {
        let why =
            format!("{} interrupted", was(&after.share(after.interrupted), after.interrupted));
        add(STATUS, Verdict::CouldNotTell, why);
    }
    if let Some(why) = unchecked(&before, &after) {
        add(STATUS, Verdict::CouldNotTell, why);
    }
    let left_out = before.interrupted + before.failed;
    if left_out > 0 && before.good() > 0 {
        let share = was(&before.share(left_out), left_out);
        let title = matched.title();
        notes.push(format!("{share} left out of the baseline of {title}: failed or interrupted"));
    }
    if before.unsupported > 0 && after.unsupported == 0 {
        let title = matched.title();
        notes.push(format!(
            "{title} was unsupported in the baseline: there is nothing to hold it against"
        ));
    }
    before.good() > 0 && after.good() > 0
}

/// A case without a number that is judged: its checks, if it has any, are all there is to say of it.
pub(super) fn alone(matched: &Matched<'_>) -> Placed {
    let checks = |repetitions: &[Repetition<'_>]| -> BTreeSet<String> {
        let rows = repetitions.iter().flat_map(Repetition::all);
        rows.filter(|row| is_check(row)).map(name).collect()
    };
    let held = checks(&matched.before).intersection(&checks(&matched.after)).count();
    let (verdict, why) = match held {
        0 => {
            let why = "it has none of the metrics that are judged, and no check: give --metric";
            (Verdict::CouldNotTell, why.to_owned())
        }
        1 => (Verdict::NoChange, "1 check was compared, and no number".to_owned()),
        many => (Verdict::NoChange, format!("{many} checks were compared, and no number")),
    };
    matched.finding(RANK, STATUS, verdict, why)
}

fn is_check(row: &Record) -> bool {
    row.metric.starts_with("check_")
}

/// A check with what it is about.
fn name(row: &Record) -> String {
    format!("{} {}", row.metric, row.transaction).trim_end().to_owned()
}

/// Repetitions that failed on either side, checks that are new among them aside.
fn failures(before: &Health, after: &Health) -> Option<(Verdict, String)> {
    let (old, new) = (before.share(before.failed), after.share(after.failed));
    match (before.failed, after.failed) {
        (0, 0) => None,
        (0, _) => {
            let why = format!("none failed in the baseline, {new} now{}", colon(&after.failure));
            Some((Verdict::Regression, why))
        }
        (_, 0) if after.good() == 0 => None,
        (_, 0) => {
            let why = format!("{old} failed in the baseline, none now{}", colon(&before.failure));
            Some((Verdict::Improvement, why))
        }
        (_, _) => {
            let why = format!("{old} failed in the baseline, {new} now{}", colon(&after.failure));
            Some((Verdict::CouldNotTell, why))
        }
    }
}

/// Checks that every repetition of the baseline made, and not every one now.
fn unchecked(before: &Health, after: &Health) -> Option<String> {
    let made = |health: &Health, check: &str| health.checked.get(check).copied().unwrap_or(0);
    let always = before.checked.iter().filter(|(_, count)| **count == before.good());
    let gone: Vec<(&str, usize)> = always
        .map(|(check, _)| (check.as_str(), after.good() - made(after, check)))
        .filter(|(_, lacking)| *lacking > 0)
        .collect();
    let most = gone.iter().map(|(_, lacking)| *lacking).max()?;
    let named: Vec<&str> = gone.iter().take(NAMED).map(|(check, _)| *check).collect();
    let more = match gone.len() - named.len() {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let verb = if most == 1 { "lacks" } else { "lack" };
    let share = after.share(most);
    Some(format!("{share} {verb} checks that the baseline has: {}{more}", named.join(", ")))
}

fn was(share: &str, count: usize) -> String {
    format!("{share} {}", if count == 1 { "was" } else { "were" })
}

fn colon(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}
