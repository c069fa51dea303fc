//! One row of `results.csv`: its columns, and how a row becomes a record and back.
//! `docs/results-csv.md` is the contract that this module keeps.

use std::fmt::Display;
use std::str::FromStr;

use dbdyno_core::measurement::pipeline_name;
use dbdyno_core::schema::Keys;
use dbdyno_core::{
    Better, Cache, Case, Durability, Isolation, Measurement, Scale, StatementForm, Status,
};

use crate::redact::redact;

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
    pub run_id: String,
    /// When the run began, RFC 3339 in UTC.
    pub started_at: String,
    /// What was measured.
    pub case: Case,
    /// The transaction type; empty for the case as a whole.
    pub transaction: String,
    /// The metric's name, unit last.
    pub metric: String,
    /// The number, always finite; `None` where there is none.
    pub value: Option<f64>,
    /// Its unit: `us`, `1/s`, `1`, `bytes`.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// What became of it.
    pub status: Status,
    /// A sentence about it, empty where there is nothing to say.
    pub detail: String,
}

impl Record {
    /// The record of a measurement. A value that is not finite becomes none, for no reader of
    /// CSV agrees with another on infinities.
    pub fn new(run_id: &str, started_at: &str, case: &Case, row: &Measurement) -> Self {
        Self {
            run_id: run_id.to_owned(),
            started_at: started_at.to_owned(),
            case: case.clone(),
            transaction: row.transaction.clone(),
            metric: row.metric.clone(),
            value: row.value.filter(|value| value.is_finite()),
            unit: row.unit.to_owned(),
            better: row.better,
            status: row.status,
            detail: row.detail.clone(),
        }
    }

    /// The benchmark with its suite: `oltp/tpcc`.
    pub fn benchmark(&self) -> String {
        format!("{}/{}", self.case.suite, self.case.benchmark)
    }

    /// The fields in the order of [`COLUMNS`]. Passwords in texts are masked.
    pub fn fields(&self) -> Vec<String> {
        let mut fields = vec![self.run_id.clone(), self.started_at.clone()];
        fields.extend(case_fields(&self.case));
        fields.extend([
            self.transaction.clone(),
            self.metric.clone(),
            optional(self.value),
            self.unit.clone(),
            self.better.name().to_owned(),
            self.status.name().to_owned(),
            redact(&self.detail),
        ]);
        fields.extend(added_case_fields(&self.case));
        fields
    }

    /// Reads a row.
    pub(crate) fn parse(row: &Row<'_>) -> Result<Self, BadField> {
        Ok(Self {
            run_id: row.text("run_id"),
            started_at: row.text("started_at"),
            case: parse_case(row)?,
            transaction: row.text("transaction"),
            metric: row.text("metric"),
            value: row.number("value")?,
            unit: row.text("unit"),
            better: row.word("better", &BETTER, Better::name)?,
            status: row.word("status", &STATUSES, Status::name)?,
            detail: row.text("detail"),
        })
    }
}

const BETTER: [Better; 3] = [Better::Higher, Better::Lower, Better::Neither];
const STATUSES: [Status; 4] =
    [Status::Ok, Status::Unsupported, Status::Interrupted, Status::Failed];

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

fn parse_case(row: &Row<'_>) -> Result<Case, BadField> {
    Ok(Case {
        suite: row.text("suite"),
        benchmark: row.text("benchmark"),
        engine: row.text("engine"),
        engine_version: row.text("engine_version"),
        driver: row.text("driver"),
        target: row.text("target"),
        isolation: row.word("isolation", &Isolation::ALL, Isolation::name)?,
        durability: row.word("durability", &Durability::ALL, Durability::name)?,
        clients: row.whole("clients")?,
        rate: row.number("rate")?,
        statements: row.added_word("statements", &StatementForm::ALL, StatementForm::name)?,
        pipeline: row.added_word("pipeline", &[false, true], pipeline_name)?,
        keys: row.added_word("keys", &Keys::ALL, Keys::name)?,
        cache: row.added_word("cache", &Cache::ALL, Cache::name)?,
        streams: match row.place("streams") {
            Some(_) => row.whole("streams")?,
            None => 0,
        },
        scale: row.scale()?,
        seed: row.whole("seed")?,
        repetition: row.whole("repetition")?,
    })
}

/// A number as the shortest text that reads back as the same; empty for none.
pub(crate) fn optional(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// What is wrong with one field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadField {
    pub(crate) column: &'static str,
    pub(crate) why: String,
}

/// A row under its header.
pub(crate) struct Row<'r> {
    pub(crate) header: &'r csv::StringRecord,
    pub(crate) fields: &'r csv::StringRecord,
}

impl Row<'_> {
    fn place(&self, column: &str) -> Option<usize> {
        self.header.iter().position(|name| name == column)
    }

    /// A field; a column that is not there reads as empty. That the columns are there is for the
    /// reader of the header to see to.
    fn field(&self, column: &str) -> &str {
        self.place(column).and_then(|place| self.fields.get(place)).unwrap_or_default()
    }

    fn text(&self, column: &str) -> String {
        self.field(column).to_owned()
    }

    fn number(&self, column: &'static str) -> Result<Option<f64>, BadField> {
        let field = self.field(column);
        if field.is_empty() {
            return Ok(None);
        }
        match field.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(bad(column, field, "a finite number")),
        }
    }

    fn whole<T: FromStr>(&self, column: &'static str) -> Result<T, BadField> {
        let field = self.field(column);
        field.parse().map_err(|_| bad(column, field, "a whole number in its range"))
    }

    fn scale(&self) -> Result<Scale, BadField> {
        let field = self.field("scale");
        field.parse().map_err(|_| bad("scale", field, "a scale, such as 10 or 0.01"))
    }

    fn word<T: Copy>(
        &self,
        column: &'static str,
        words: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, BadField> {
        let field = self.field(column);
        words.iter().copied().find(|word| name(*word) == field).ok_or_else(|| {
            let known = words.iter().map(|word| match name(*word) {
                "" => "nothing".to_owned(),
                name => format!("`{name}`"),
            });
            bad(column, field, format!("one of {}", known.collect::<Vec<_>>().join(", ")))
        })
    }

    /// A word of a column that older files lack: its default there.
    fn added_word<T: Copy + Default>(
        &self,
        column: &'static str,
        words: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, BadField> {
        match self.place(column) {
            Some(_) => self.word(column, words, name),
            None => Ok(T::default()),
        }
    }
}

fn bad(column: &'static str, field: &str, wanted: impl Display) -> BadField {
    BadField { column, why: format!("`{field}` is not {wanted}") }
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
