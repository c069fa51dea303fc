//! One row of `results.csv`: its columns, and how a record becomes a row; `parse.rs` is the way back.
//! `docs/results-csv.md` is the contract that this module keeps.

use std::sync::Arc;

use dbdyno_core::measurement::pipeline_name;
use dbdyno_core::{Better, Case, Measurement, Status};

use crate::redact::redact;
use crate::shared_text::SharedText;

/// The version of the run folder's files. It is raised when a column is removed, renamed or given
/// another meaning; added columns leave it as it is.
pub const SCHEMA_VERSION: u32 = 1;

/// The columns that name a case, in every CSV file of a run folder; together with
/// [`ADDED_CASE_COLUMNS`].
pub const CASE_COLUMNS: [&str; 13] = [
    "suite",
    "benchmark",
    "engine",
    "engine_version",
    "driver",
    "target",
    "isolation",
    "durability",
    "clients",
    "rate",
    "scale",
    "seed",
    "repetition",
];

/// Columns that name a case and were added to the schema later. They come last in every file, so
/// that the others keep their places.
pub const ADDED_CASE_COLUMNS: [&str; 5] = ["statements", "pipeline", "keys", "cache", "streams"];

/// The columns of `results.csv`, in the order in which they are written.
pub const COLUMNS: [&str; 27] = [
    "run_id",
    "started_at",
    "suite",
    "benchmark",
    "engine",
    "engine_version",
    "driver",
    "target",
    "isolation",
    "durability",
    "clients",
    "rate",
    "scale",
    "seed",
    "repetition",
    "transaction",
    "metric",
    "value",
    "unit",
    "better",
    "status",
    "detail",
    "statements",
    "pipeline",
    "keys",
    "cache",
    "streams",
];

/// One number of one repetition of a case, as a row of `results.csv` tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The run it belongs to.
    pub run_id: SharedText,
    /// When the run began, RFC 3339 in UTC.
    pub started_at: SharedText,
    /// What was measured. All rows of a repetition that was read from a file share it.
    pub case: Arc<Case>,
    /// The transaction type; empty for the case as a whole.
    pub transaction: SharedText,
    /// The metric's name, unit last.
    pub metric: SharedText,
    /// The number, always finite; `None` where there is none.
    pub value: Option<f64>,
    /// Its unit: `us`, `1/s`, `1`, `bytes`.
    pub unit: SharedText,
    /// Which direction is better.
    pub better: Better,
    /// What became of it.
    pub status: Status,
    /// A sentence about it, empty where there is nothing to say.
    pub detail: SharedText,
}

/// Takes some rows out of others; of millions there is no second copy.
pub(crate) fn take_out(
    records: &mut Vec<Record>,
    is_taken: impl Fn(&Record) -> bool,
) -> Vec<Record> {
    if records.iter().all(&is_taken) {
        return std::mem::take(records);
    }
    records.extract_if(.., |record| is_taken(record)).collect()
}

impl Record {
    /// The record of a measurement. A value that is not finite becomes none, for no reader of
    /// CSV agrees with another on infinities.
    pub fn new(run_id: &str, started_at: &str, case: &Case, row: &Measurement) -> Self {
        Self {
            run_id: run_id.into(),
            started_at: started_at.into(),
            case: Arc::new(case.clone()),
            transaction: row.transaction.as_str().into(),
            metric: row.metric.as_str().into(),
            value: row.value.filter(|value| value.is_finite()),
            unit: row.unit.into(),
            better: row.better,
            status: row.status,
            detail: row.detail.as_str().into(),
        }
    }

    /// The benchmark with its suite: `oltp/tpcc`.
    pub fn benchmark(&self) -> String {
        format!("{}/{}", self.case.suite, self.case.benchmark)
    }

    /// Whether it says of a promise whether it was kept.
    pub(crate) fn is_check(&self) -> bool {
        self.metric.starts_with("check_")
    }

    /// Whether it failed, or is a check whose number says that it did not hold.
    pub(crate) fn is_failed(&self) -> bool {
        self.status == Status::Failed || (self.is_check() && self.value == Some(0.0))
    }

    /// The fields in the order of [`COLUMNS`]. Passwords in texts are masked.
    pub fn fields(&self) -> Vec<String> {
        let mut fields = vec![self.run_id.to_string(), self.started_at.to_string()];
        fields.extend(case_fields(&self.case));
        fields.extend([
            self.transaction.to_string(),
            self.metric.to_string(),
            optional(self.value),
            self.unit.to_string(),
            self.better.name().to_owned(),
            self.status.name().to_owned(),
            redact(&self.detail),
        ]);
        fields.extend(added_case_fields(&self.case));
        fields
    }
}

/// The fields of a case in the order of [`CASE_COLUMNS`]. Passwords in texts are masked.
pub(crate) fn case_fields(case: &Case) -> [String; 13] {
    [
        case.suite.clone(),
        case.benchmark.clone(),
        case.engine.clone(),
        case.engine_version.clone(),
        case.driver.clone(),
        redact(&case.target),
        case.isolation.name().to_owned(),
        case.durability.name().to_owned(),
        case.clients.to_string(),
        optional(case.rate),
        case.scale.to_string(),
        case.seed.to_string(),
        case.repetition.to_string(),
    ]
}

/// The fields of a case in the order of [`ADDED_CASE_COLUMNS`].
pub(crate) fn added_case_fields(case: &Case) -> [String; ADDED_CASE_COLUMNS.len()] {
    [
        case.statements.name().to_owned(),
        pipeline_name(case.pipeline).to_owned(),
        case.keys.name().to_owned(),
        case.cache.name().to_owned(),
        case.streams.to_string(),
    ]
}

/// A number as the shortest text that reads back as the same; empty for none.
pub(crate) fn optional(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{ADDED_CASE_COLUMNS, CASE_COLUMNS, COLUMNS};

    #[test]
    fn case_columns_stand_together_and_added_ones_last() {
        assert_eq!(COLUMNS[2..15], CASE_COLUMNS);
        assert_eq!(COLUMNS[22..], ADDED_CASE_COLUMNS);
    }
}
