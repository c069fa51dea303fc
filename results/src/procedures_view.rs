//! What the procedures suite found out: what stored procedures gain at each round trip, and what triggers
//! cost each row.

mod gains;
mod triggers;

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::{Case, Status};

use crate::grid::{Grid, wrap};
use crate::record::Record;
use crate::render::{Format, RenderOptions};
use crate::statistics::{Round, half_range_percent, median};

/// The suite that is shown so.
const SUITE: &str = "procedures";
/// The benchmark about triggers.
const TRIGGERS: &str = "triggers";

/// The suite's results.
#[derive(Clone, Debug)]
pub struct ProceduresView {
    subjects: Vec<Subject>,
}

/// A case, all repetitions of it.
#[derive(Clone, Debug)]
struct Subject {
    case: Case,
    /// What differs from other cases of the benchmark on the target.
    label: String,
    /// Why there is nothing to show, or why it is worth nothing: the word and the sentence.
    status: Option<(Status, String)>,
    /// Values by metric and transaction.
    values: BTreeMap<(String, String), BTreeMap<Round, f64>>,
    /// Why a load was not measured.
    lacking: BTreeMap<String, String>,
    /// Loads whose numbers are worth nothing.
    failed: BTreeSet<String>,
    /// The conditions that did not hold, each with what was found.
    broken: BTreeSet<String>,
}

impl ProceduresView {
    /// Takes the suite's records out of others. Targets stand in the order of `targets`, and others
    /// behind them.
    pub fn take(records: Vec<Record>, targets: &[String]) -> (Option<Self>, Vec<Record>) {
        let (ours, others): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|record| record.case.suite == SUITE);
        let mut subjects: Vec<Subject> = Vec::new();
        for record in &ours {
            let place = match subjects.iter().position(|subject| subject.is_of(record)) {
                Some(place) => place,
                None => {
                    subjects.push(Subject::new(&record.case));
                    subjects.len() - 1
                }
            };
            subjects[place].add(record);
        }
        let place = |subject: &Subject| {
            let target = &subject.case.target;
            targets.iter().position(|known| known == target).unwrap_or(usize::MAX)
        };
        subjects.sort_by_key(|subject| (place(subject), subject.case.clients));
        label(&mut subjects);
        ((!subjects.is_empty()).then_some(Self { subjects }), others)
    }

    /// The tables as text, in the format of a terminal or of Markdown.
    pub fn render(&self, options: &RenderOptions) -> String {
        let (about_triggers, others): (Vec<_>, Vec<_>) =
            self.subjects.iter().partition(|subject| subject.case.benchmark == TRIGGERS);
        let mut parts = Vec::new();
        if !others.is_empty() {
            parts.push(written(&gains::grid(&others), gains::LEGEND, options));
        }
        if !about_triggers.is_empty() {
            let grid = triggers::grid(&about_triggers, options.width);
            parts.push(written(&grid, triggers::LEGEND, options));
        }
        let mut notes = Vec::new();
        for subject in &self.subjects {
            let name = format!("{SUITE}/{} on {}", subject.case.benchmark, subject.label);
            notes.extend(subject.went_wrong().map(|what| format!("{name}: {what}")));
            let mut reasons: Vec<&String> = subject.lacking.values().collect();
            reasons.dedup();
            notes.extend(reasons.iter().map(|why| format!("{name}, where there is a dash: {why}")));
        }
        if !notes.is_empty() {
            let wrapped = notes.iter().map(|note| match options.format {
                Format::Markdown => note.clone(),
                _ => wrap(note, options.width),
            });
            parts.push(wrapped.collect::<Vec<_>>().join("\n"));
        }
        parts.join(if options.format == Format::Markdown { "\n\n" } else { "\n" })
    }
}

fn written(grid: &Grid, legend: &str, options: &RenderOptions) -> String {
    match options.format {
        Format::Markdown => format!("{}\n{legend}", grid.markdown()),
        _ => format!(
            "{}\n{}\n",
            grid.text(options.width, options.styled),
            wrap(legend, options.width)
        ),
    }
}

impl Subject {
    fn new(case: &Case) -> Self {
        Self {
            case: case.clone(),
            label: String::new(),
            status: None,
            values: BTreeMap::new(),
            lacking: BTreeMap::new(),
            failed: BTreeSet::new(),
            broken: BTreeSet::new(),
        }
    }

    fn is_of(&self, record: &Record) -> bool {
        let Case { repetition, seed, .. } = self.case;
        Case { repetition, seed, ..(*record.case).clone() } == self.case
    }

    fn add(&mut self, record: &Record) {
        let of_a_load = !record.transaction.is_empty();
        if record.status == Status::Failed && of_a_load {
            self.failed.insert(record.transaction.to_string());
        }
        match (record.status, record.value) {
            (Status::Unsupported, None) if of_a_load => {
                let (load, why) = (record.transaction.to_string(), record.detail.to_string());
                self.lacking.insert(load, why);
            }
            (Status::Ok | Status::Interrupted, Some(value)) => {
                let key = (record.metric.to_string(), record.transaction.to_string());
                let round = (record.run_id.to_string(), record.case.repetition);
                self.values.entry(key).or_default().insert(round, value);
            }
            (Status::Ok, None) => {}
            (status, _) => {
                if let Some(check) = record.metric.strip_prefix("check_") {
                    self.broken.insert(format!("{check}: {}", record.detail));
                }
                self.status.get_or_insert_with(|| (status, record.detail.to_string()));
            }
        }
    }

    /// What a person must know beside the numbers: why there are none, and which transactions failed.
    fn went_wrong(&self) -> impl Iterator<Item = String> {
        let mut said = Vec::new();
        if let Some((status, why)) = &self.status {
            let broken = self.broken.iter().cloned().collect::<Vec<_>>();
            let why = if broken.is_empty() { why.clone() } else { broken.join("; ") };
            said.push(format!("{}: {why}", status.name()));
        }
        let errors = self.values.iter().filter_map(|((metric, load), rounds)| {
            let count: f64 = rounds.values().sum();
            let of_a_load = metric == "errors" && !load.is_empty() && !load.contains('/');
            (of_a_load && count > 0.0).then(|| format!("{count} of {load}"))
        });
        let errors: Vec<_> = errors.collect();
        if !errors.is_empty() {
            said.push(format!("transactions failed: {}", errors.join(", ")));
        }
        said.into_iter()
    }

    fn has_failed(&self) -> bool {
        self.status.as_ref().is_some_and(|(status, _)| *status == Status::Failed)
    }

    /// The values of a metric, one for each repetition; none where the case failed.
    fn values(&self, metric: &str, transaction: &str) -> Option<Vec<f64>> {
        if self.has_failed() {
            return None;
        }
        let rounds = self.values.get(&(metric.to_owned(), transaction.to_owned()))?;
        Some(rounds.values().copied().collect())
    }

    /// Whether anything is known of a load of rows, if only why there is nothing.
    fn has_load(&self, load: &str) -> bool {
        let key = ("row_us".to_owned(), load.to_owned());
        self.lacking.contains_key(load)
            || self.values.contains_key(&key)
            || self.failed.contains(load)
    }

    fn median(&self, metric: &str, transaction: &str) -> Option<f64> {
        median(&self.values(metric, transaction)?)
    }

    fn spread(&self, metric: &str, transaction: &str) -> Option<f64> {
        half_range_percent(&self.values(metric, transaction)?)
    }

    fn word(&self) -> Option<&'static str> {
        self.status.as_ref().map(|(status, _)| status.name())
    }
}

/// Says of each case by what it differs from the others of its benchmark.
fn label(subjects: &mut [Subject]) {
    let parts = |case: &Case| {
        [
            case.isolation.to_string(),
            case.durability.to_string(),
            format!("{} clients", case.clients),
            format!("scale {}", case.scale),
            case.statements.to_string(),
            if case.pipeline { "pipelined".to_owned() } else { String::new() },
            case.engine_version.clone(),
        ]
    };
    let all: Vec<_> = subjects.iter().map(|subject| subject.case.clone()).collect();
    for subject in subjects {
        let same = |case: &&Case| {
            case.benchmark == subject.case.benchmark && case.target == subject.case.target
        };
        let others: Vec<_> = all.iter().filter(same).map(parts).collect();
        let own = parts(&subject.case);
        let differs = |place: &usize| others.iter().any(|other| other[*place] != own[*place]);
        let differing = (0..own.len()).filter(differs).map(|place| own[place].clone());
        let words = std::iter::once(subject.case.target.clone()).chain(differing);
        subject.label = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
    }
}

#[cfg(test)]
mod tests;
