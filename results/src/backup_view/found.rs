//! What is known of each method of a case. A method that failed takes nothing from the numbers of the others.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::Status;

use super::{SUITE, tells_why};
use crate::metric::middle;
use crate::record::Record;
use crate::statistics::Round;
use crate::subject::Subject;

/// The metric that says that nobody could tell which rows a backup must have, and why.
const ROWS_UNTOLD: &str = "rows_untold";

/// A case.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) subject: Subject,
    /// Values by metric and transaction: a method, or a method and a phase of its load.
    values: BTreeMap<(String, String), BTreeMap<Round, f64>>,
    /// What is to be known of a value, by metric and transaction.
    details: BTreeMap<(String, String), String>,
    /// Why a method gave no number.
    lacking: BTreeMap<String, (Status, String)>,
    /// The conditions of each method, and what was found where one did not hold.
    checks: BTreeMap<String, Vec<(String, Option<String>)>>,
}

/// What became of what a method promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was restored, and all conditions hold.
    Verified,
    /// The same, but for its rows: nobody could tell which it must have.
    ButForRows,
    /// One does not.
    Broken,
    /// It was not made.
    NotMade,
    /// It cannot be made here.
    Unsupported,
    /// It was made, and nothing is known of it: the end was asked for.
    Unknown,
}

impl Found {
    pub(super) fn of(subject: Subject, records: &[Record]) -> Self {
        let mut found = Self {
            subject,
            values: BTreeMap::new(),
            details: BTreeMap::new(),
            lacking: BTreeMap::new(),
            checks: BTreeMap::new(),
        };
        let its: Vec<&Record> =
            records.iter().filter(|record| found.subject.is_of(record)).collect();
        for record in its.iter().filter(|record| !record.transaction.is_empty()) {
            found.add(record);
        }
        let methods: Vec<String> = found.methods().iter().map(|name| (*name).to_owned()).collect();
        for record in its.iter().filter(|record| record.transaction.is_empty()) {
            found.add_check(record, &methods);
        }
        found
    }

    fn add(&mut self, record: &Record) {
        let transaction = record.transaction.to_string();
        match record.value {
            Some(value) => {
                let round = (record.run_id.to_string(), record.case.repetition);
                let key = (record.metric.to_string(), transaction);
                if !record.detail.is_empty() {
                    self.details.insert(key.clone(), record.detail.to_string());
                }
                self.values.entry(key).or_default().insert(round, value);
            }
            None if tells_why(record.status) => {
                self.lacking.insert(transaction, (record.status, record.detail.to_string()));
            }
            None => {}
        }
    }

    fn add_check(&mut self, record: &Record, methods: &[String]) {
        let Some(check) = record.metric.strip_prefix("check_") else { return };
        for method in methods {
            let what = check.strip_suffix(method.as_str()).and_then(|what| what.strip_suffix('_'));
            if let Some(what) = what {
                let wrong = (record.value != Some(1.0)).then(|| record.detail.to_string());
                self.checks.entry(method.clone()).or_default().push((what.to_owned(), wrong));
                return;
            }
        }
    }

    /// The methods, in the order of their names.
    pub(super) fn methods(&self) -> BTreeSet<&str> {
        let measured = self.values.keys().map(|(_, transaction)| transaction.as_str());
        let all = measured.chain(self.lacking.keys().map(String::as_str));
        all.map(|name| name.split_once('/').map_or(name, |(method, _)| method)).collect()
    }

    /// The median over repetitions.
    pub(super) fn median(&self, metric: &str, transaction: &str) -> Option<f64> {
        let rounds = self.values.get(&(metric.to_owned(), transaction.to_owned()))?;
        middle(metric, &rounds.values().copied().collect::<Vec<_>>())
    }

    /// What is to be known of a value; the last repetition that says anything says it.
    pub(super) fn detail(&self, metric: &str, transaction: &str) -> Option<&str> {
        self.details.get(&(metric.to_owned(), transaction.to_owned())).map(String::as_str)
    }

    pub(super) fn verdict(&self, method: &str) -> Verdict {
        let checks = self.checks.get(method).map_or(&[][..], Vec::as_slice);
        if checks.iter().any(|(_, wrong)| wrong.is_some()) {
            return Verdict::Broken;
        }
        match self.lacking.get(method) {
            Some((Status::Unsupported, _)) => Verdict::Unsupported,
            Some(_) => Verdict::NotMade,
            None if !checks.iter().any(|(what, _)| what == "restored") => Verdict::Unknown,
            None if self.median(ROWS_UNTOLD, method).is_some() => Verdict::ButForRows,
            None => Verdict::Verified,
        }
    }

    /// What went wrong, and why methods are missing.
    pub(super) fn notes(&self) -> Vec<String> {
        let name = format!("{SUITE}/{} on {}", self.subject.case.benchmark, self.subject.label);
        let mut notes = Vec::new();
        if self.methods().is_empty() {
            notes.extend(self.subject.failure().map(|what| format!("{name}: {what}")));
        }
        for (method, checks) in &self.checks {
            let wrong = checks.iter().filter_map(|(what, wrong)| Some((what, wrong.as_ref()?)));
            notes.extend(wrong.map(|(what, why)| {
                format!("{name}, {method}: NOT VERIFIED ({what}): {}", on_one_line(why))
            }));
        }
        for (method, (status, why)) in &self.lacking {
            notes.push(format!("{name}, {method}: {}: {}", status.name(), on_one_line(why)));
        }
        for method in self.methods() {
            let untold = self.median(ROWS_UNTOLD, method).map(|_| self.detail(ROWS_UNTOLD, method));
            notes.extend(untold.map(|why| {
                let why = on_one_line(why.unwrap_or_default());
                format!("{name}, {method}: rows not compared: {why}")
            }));
        }
        notes
    }
}

/// What programs said in several lines, in one.
fn on_one_line(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("| "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" | ")
}
