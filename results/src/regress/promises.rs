//! What is judged without statistics: checks that held, repetitions that went well, transactions that did
//! not fail. One broken promise is a regression, whatever the others did.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::Status;

use super::gather::Matched;
use super::{Placed, STATUS, Verdict};
use crate::record::Record;
use crate::repetition::Repetition;

/// Where findings about promises stand: before all numbers.
const RANK: usize = 0;

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
    /// Transactions that failed, and in how many repetitions some did.
    errors: f64,
    with_errors: usize,
}

impl Health {
    fn of(repetitions: &[Repetition<'_>]) -> Self {
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
        for row in repetition.all() {
            if is_check(row) && row.status == Status::Failed {
                let entry = self.broken.entry(name(row)).or_insert((0, row.detail.to_string()));
                entry.0 += 1;
            }
        }
        let errors = errors(repetition);
        self.errors += errors;
        self.with_errors += usize::from(errors > 0.0);
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

/// The transactions of a repetition that failed for good: of the whole case, or of all its parts where
/// there is no row of the whole.
fn errors(repetition: &Repetition<'_>) -> f64 {
    let rows = || repetition.all().filter(|row| row.metric == "errors");
    match rows().find(|row| row.transaction.is_empty()) {
        Some(whole) => whole.value.unwrap_or_default(),
        None => rows().filter_map(|row| row.value).sum(),
    }
}

/// Judges what was promised; whether both sides have numbers that count.
pub(super) fn look_at(
    matched: &Matched<'_>,
    found: &mut Vec<Placed>,
    notes: &mut Vec<String>,
) -> bool {
    let (before, after) = (Health::of(&matched.before), Health::of(&matched.after));
    let mut add = |metric: &str, verdict, why| {
        found.push(matched.finding(RANK, metric, verdict, why));
    };
    let mut newly_broken = 0;
    for (check, (count, detail)) in &after.broken {
        if !before.broken.contains_key(check) {
            newly_broken += 1;
            let why = format!(
                "held in the baseline, did not in {} now{}",
                after.share(*count),
                colon(detail)
            );
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
    if after.with_errors > 0 && before.errors == 0.0 {
        let why = format!(
            "no transaction failed in the baseline; {} failed now, in {}",
            crate::number::value(after.errors, "1"),
            after.share(after.with_errors)
        );
        add("errors", Verdict::Regression, why);
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

fn was(share: &str, count: usize) -> String {
    format!("{share} {}", if count == 1 { "was" } else { "were" })
}

fn colon(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}
