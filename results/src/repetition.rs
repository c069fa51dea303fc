//! The rows of one measured execution of a case, taken together.

use std::collections::BTreeMap;

use dbdyno_core::{Case, Status};

use crate::record::Record;

/// One repetition of one case.
#[derive(Debug, Default)]
pub(crate) struct Repetition<'r> {
    /// By transaction and metric. Counts by engine code have several rows of one name.
    rows: BTreeMap<(&'r str, &'r str), Vec<&'r Record>>,
}

/// What a repetition has to say about a metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sample {
    /// Nothing.
    Missing,
    /// A number that counts.
    Value(f64),
    /// It did not go well: how, and a sentence about it.
    Status(Status, String),
}

impl<'r> Repetition<'r> {
    pub(crate) fn add(&mut self, record: &'r Record) {
        self.rows.entry((&record.transaction, &record.metric)).or_default().push(record);
    }

    pub(crate) fn row(&self, transaction: &str, metric: &str) -> Option<&'r Record> {
        self.rows.get(&(transaction, metric)).and_then(|rows| rows.first().copied())
    }

    fn all(&self) -> impl Iterator<Item = &'r Record> {
        self.rows.values().flatten().copied()
    }

    /// Whether the target truly cannot do it.
    pub(crate) fn is_unsupported(&self) -> bool {
        self.all().all(|row| row.status == Status::Unsupported)
    }

    /// The number of a metric. Counts of several rows, one per engine code, add up; of anything
    /// else that was written more than once, the last counts.
    fn value(&self, transaction: &str, metric: &str) -> Option<f64> {
        let rows = self.rows.get(&(transaction, metric))?;
        let mut values = rows.iter().filter_map(|row| row.value).peekable();
        values.peek()?;
        let is_count = rows.first()?.unit == "1" && !metric.starts_with("check_");
        if is_count { Some(values.sum()) } else { values.last() }
    }

    /// The case, as its first row has it.
    pub(crate) fn case(&self) -> Option<&'r Case> {
        self.all().next().map(|row| &row.case)
    }

    /// The transaction types that have a row, the whole case (empty) among them.
    pub(crate) fn transactions(&self) -> impl Iterator<Item = &'r str> {
        self.rows.keys().map(|(transaction, _)| *transaction)
    }

    /// The names of the metrics that `transaction` has a number of.
    pub(crate) fn metrics(&self, transaction: &str) -> impl Iterator<Item = &'r str> {
        let rows = self.all().filter(move |row| row.transaction == transaction);
        rows.filter(|row| row.value.is_some()).map(|row| row.metric.as_str())
    }

    /// A broken promise anywhere in a repetition spoils all its numbers: a fast wrong answer is
    /// not an answer. A repetition without any number stands for every metric as what it is.
    pub(crate) fn sample(&self, transaction: &str, metric: &str) -> Sample {
        if let Some(why) = self.failure() {
            return Sample::Status(Status::Failed, why);
        }
        match self.row(transaction, metric) {
            Some(row) if row.status != Status::Ok => Sample::Status(row.status, sentence(row)),
            Some(_) => self.value(transaction, metric).map_or(Sample::Missing, Sample::Value),
            None if self.all().any(|row| row.value.is_some()) => Sample::Missing,
            None => match self.all().max_by_key(|row| row.status) {
                Some(row) if row.status != Status::Ok => Sample::Status(row.status, sentence(row)),
                _ => Sample::Missing,
            },
        }
    }
}

/// How many failed checks are named; the rest is in `results.csv`.
const NAMED: usize = 3;

impl Repetition<'_> {
    /// Why the repetition failed, if it did: the checks that did not hold, or else what the first
    /// failed row says.
    fn failure(&self) -> Option<String> {
        let failed = || self.all().filter(|row| row.status == Status::Failed);
        let first = failed().next()?;
        let checks: Vec<_> = failed().filter(|row| is_check(row)).map(sentence).collect();
        match checks.len() {
            0 => Some(sentence(first)),
            few if few <= NAMED => Some(checks.join("; ")),
            many => Some(format!("{}; and {} more", checks[..NAMED].join("; "), many - NAMED)),
        }
    }
}

fn is_check(row: &Record) -> bool {
    row.metric.starts_with("check_")
}

/// What a row says of itself; a failed check is named.
fn sentence(row: &Record) -> String {
    let what = if is_check(row) { row.metric.as_str() } else { "" };
    match (what.is_empty(), row.detail.is_empty()) {
        (true, _) => row.detail.clone(),
        (false, true) => format!("{what} did not hold"),
        (false, false) => format!("{what}: {}", row.detail),
    }
}
