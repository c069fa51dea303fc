//! A case whose loads and findings are told apart by their transaction: how its rows are taken together.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::{Case, Status};

use crate::metric::middle;
use crate::record::Record;
use crate::statistics::{Round, half_range_percent};

/// The load of a case that a transaction type belongs to: `both` of `both/new_order`; empty where the case is one load.
pub(crate) fn load_of(transaction: &str) -> &str {
    transaction.rsplit_once('/').map_or("", |(load, _)| load)
}

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
    broken: BTreeSet<(String, String)>,
    /// Where there are parts: metrics and transactions whose values are of a part that failed.
    spoiled: BTreeSet<(String, String)>,
    /// Whether what is wrong with one part is of that part alone.
    in_parts: bool,
}

/// The cases of records. Targets stand in the order of `targets`, and others behind them.
pub(crate) fn subjects(records: &[Record], targets: &[String]) -> Vec<Subject> {
    gather(records, targets, false)
}

/// The same of a suite whose cases have parts that stand for themselves: what is wrong with one takes
/// nothing from the numbers of the others. A check whose name ends in `_` and a part's is about that part.
pub(crate) fn subjects_in_parts(records: &[Record], targets: &[String]) -> Vec<Subject> {
    let mut subjects = gather(records, targets, true);
    subjects.iter_mut().for_each(Subject::assign_checks);
    subjects
}

fn gather(records: &[Record], targets: &[String], in_parts: bool) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = Vec::new();
    for record in records {
        let place = match subjects.iter().position(|subject| subject.is_of(record)) {
            Some(place) => place,
            None => {
                subjects.push(Subject::new(&record.case, in_parts));
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
    fn new(case: &Case, in_parts: bool) -> Self {
        Self {
            case: case.clone(),
            label: String::new(),
            status: None,
            values: BTreeMap::new(),
            details: BTreeMap::new(),
            lacking: BTreeMap::new(),
            failed: BTreeSet::new(),
            broken: BTreeSet::new(),
            spoiled: BTreeSet::new(),
            in_parts,
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
            (Status::Failed, value) if self.in_parts && of_a_load => {
                let load = record.transaction.to_string();
                match value {
                    Some(_) => drop(self.spoiled.insert((record.metric.to_string(), load))),
                    None => drop(self.lacking.insert(load, record.detail.to_string())),
                }
            }
            (status, _) => {
                let check = record.metric.strip_prefix("check_");
                if let Some(check) = check {
                    self.broken.insert((check.to_owned(), record.detail.to_string()));
                }
                if !(self.in_parts && check.is_some()) {
                    self.status.get_or_insert_with(|| (status, record.detail.to_string()));
                }
            }
        }
    }

    /// Has a check that did not hold fail the case, unless it is about one part.
    fn assign_checks(&mut self) {
        let parts: BTreeSet<String> =
            self.transactions().into_iter().map(|name| part_of(name).to_owned()).collect();
        for (check, detail) in &self.broken {
            let is_about = |part: &&String| {
                check.strip_suffix(part.as_str()).is_some_and(|name| name.ends_with('_'))
            };
            if !parts.iter().any(|part| is_about(&part)) {
                self.status.get_or_insert_with(|| (Status::Failed, detail.clone()));
            }
        }
    }

    /// Whether a value is worth nothing in any repetition, as a promise about it was broken.
    pub(crate) fn is_spoiled(&self, metric: &str, transaction: &str) -> bool {
        self.spoiled.contains(&(metric.to_owned(), transaction.to_owned()))
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
        let broken = self.broken.iter().map(|(check, detail)| format!("{check}: {detail}"));
        let broken = broken.collect::<Vec<_>>().join("; ");
        let (status, why) = match &self.status {
            Some((status, why)) if broken.is_empty() => (*status, why.clone()),
            Some((status, _)) => (*status, broken),
            None if broken.is_empty() => return None,
            None => (Status::Failed, broken),
        };
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
        middle(metric, &self.values(metric, transaction)?)
    }

    /// The greatest over all repetitions.
    pub(crate) fn greatest(&self, metric: &str, transaction: &str) -> Option<f64> {
        self.values(metric, transaction)?.into_iter().max_by(f64::total_cmp)
    }

    pub(crate) fn spread(&self, metric: &str, transaction: &str) -> Option<f64> {
        half_range_percent(&self.values(metric, transaction)?)
    }

    pub(crate) fn word(&self) -> Option<&'static str> {
        self.status.as_ref().map(|(status, _)| status.name())
    }
}

/// The part of a case that a load belongs to: `async` of `async/replica-1` and of `async 10ms`.
fn part_of(load: &str) -> &str {
    load.split(['/', ' ']).next().unwrap_or(load)
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
