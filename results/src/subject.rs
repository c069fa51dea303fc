//! A case whose loads and findings are told apart by their transaction: how its rows are taken together.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::{Case, Status};

use crate::record::Record;
use crate::statistics::{Round, half_range_percent, median};

/// A case, all repetitions of it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) case: Case,
    /// What differs from other cases of the benchmark on the target.
    pub(crate) label: String,
    /// Why there is nothing to show, or why it is worth nothing: the word and the sentence.
    pub(crate) status: Option<(Status, String)>,
    /// Values by metric and transaction.
    values: BTreeMap<(String, String), BTreeMap<Round, f64>>,
    /// What is to be known of a value, or why there is none, by metric and transaction.
    details: BTreeMap<(String, String), String>,
    /// Why a load was not measured.
    pub(crate) lacking: BTreeMap<String, String>,
    /// Loads whose numbers are worth nothing.
    failed: BTreeSet<String>,
    /// The conditions that did not hold, each with what was found.
    broken: BTreeSet<String>,
}

/// The cases of records. Targets stand in the order of `targets`, and others behind them.
pub(crate) fn subjects(records: &[Record], targets: &[String]) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = Vec::new();
    for record in records {
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
    subjects
}

impl Subject {
    fn new(case: &Case) -> Self {
        Self {
            case: case.clone(),
            label: String::new(),
            status: None,
            values: BTreeMap::new(),
            details: BTreeMap::new(),
            lacking: BTreeMap::new(),
            failed: BTreeSet::new(),
            broken: BTreeSet::new(),
        }
    }

    /// Whether a record is of this case.
    pub(crate) fn is_of(&self, record: &Record) -> bool {
        let Case { repetition, seed, .. } = self.case;
        Case { repetition, seed, ..(*record.case).clone() } == self.case
    }

    fn add(&mut self, record: &Record) {
        let of_a_load = !record.transaction.is_empty();
        if record.status == Status::Failed && of_a_load {
            self.failed.insert(record.transaction.to_string());
        }
        if record.status == Status::Ok && !record.detail.is_empty() {
            let key = (record.metric.to_string(), record.transaction.to_string());
            self.details.insert(key, record.detail.to_string());
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
    pub(crate) fn went_wrong(&self) -> impl Iterator<Item = String> {
        let mut said: Vec<String> = self.failure().into_iter().collect();
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

    /// Why there is nothing to show, or why it is worth nothing.
    pub(crate) fn failure(&self) -> Option<String> {
        let (status, why) = self.status.as_ref()?;
        let broken = self.broken.iter().cloned().collect::<Vec<_>>();
        let why = if broken.is_empty() { why.clone() } else { broken.join("; ") };
        Some(format!("{}: {why}", status.name()))
    }

    /// Whether its numbers are worth nothing.
    pub(crate) fn has_failed(&self) -> bool {
        self.status.as_ref().is_some_and(|(status, _)| *status == Status::Failed)
    }

    /// The values of a metric by round; none where the case failed.
    pub(crate) fn rounds(&self, metric: &str, transaction: &str) -> Option<&BTreeMap<Round, f64>> {
        if self.has_failed() {
            return None;
        }
        self.values.get(&(metric.to_owned(), transaction.to_owned()))
    }

    /// The values of a metric, one for each repetition; none where the case failed.
    pub(crate) fn values(&self, metric: &str, transaction: &str) -> Option<Vec<f64>> {
        Some(self.rounds(metric, transaction)?.values().copied().collect())
    }

    /// What is to be known of a value of a load, or why there is none; the last repetition that says
    /// anything says it.
    pub(crate) fn detail(&self, metric: &str, transaction: &str) -> Option<&str> {
        self.details.get(&(metric.to_owned(), transaction.to_owned())).map(String::as_str)
    }

    /// The metrics of a load whose names begin so.
    pub(crate) fn metrics(&self, prefix: &str, transaction: &str) -> Vec<&str> {
        let its = self.values.keys().filter(|(_, of)| of == transaction);
        its.map(|(metric, _)| metric.as_str()).filter(|metric| metric.starts_with(prefix)).collect()
    }

    /// The transactions that there is anything to say of.
    pub(crate) fn transactions(&self) -> BTreeSet<&str> {
        let measured = self.values.keys().map(|(_, transaction)| transaction.as_str());
        let told = self.details.keys().map(|(_, transaction)| transaction);
        let others = told.chain(self.lacking.keys()).chain(&self.failed).map(String::as_str);
        measured.chain(others).filter(|name| !name.is_empty()).collect()
    }

    /// Whether anything is known of a load of rows, if only why there is nothing.
    pub(crate) fn has_load(&self, load: &str) -> bool {
        let key = ("row_us".to_owned(), load.to_owned());
        self.lacking.contains_key(load)
            || self.values.contains_key(&key)
            || self.failed.contains(load)
    }

    pub(crate) fn median(&self, metric: &str, transaction: &str) -> Option<f64> {
        median(&self.values(metric, transaction)?)
    }

    pub(crate) fn spread(&self, metric: &str, transaction: &str) -> Option<f64> {
        half_range_percent(&self.values(metric, transaction)?)
    }

    pub(crate) fn word(&self) -> Option<&'static str> {
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
