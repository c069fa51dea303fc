//! The core workloads A to F of YCSB (Cooper et al., "Benchmarking Cloud Serving Systems with
//! YCSB", SoCC 2010, section 4), as files `workloads/workload[a-f]` of its repository set them: the
//! proportions, the request distributions, all fields read, one field written.
//!
//! Statements are those of YCSB's JDBC binding. Two things differ: the read and the write of a
//! read-modify-write are one transaction, and the zipfian choice of workload E is made among the
//! records loaded, while YCSB widens it by twice the inserts that its operation count lets it
//! expect.

mod client;
mod keys;
mod statements;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Tally, Witness, Workload};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, Row, Scale, Session, Statement};
use dbdyno_datasets::Dataset;
use dbdyno_datasets::ycsb::{FIELDS, write_key};

use super::last_writes::LastWrites;
use super::samples::{self, Sample};
use crate::benchmark::{
    AfterUse, Benchmark, Check, LoadBenchmark, Procedure, State, WorkloadContext,
};
use client::{Shared, YcsbClient};
use keys::NewKeys;

/// Rows in the table, at the time of looking.
const ROWS: &str = "rows";

/// One of the core workloads.
#[derive(Clone, Copy, Debug)]
pub struct Ycsb {
    name: &'static str,
    summary: &'static str,
    requests: Requests,
    mix: &'static Mix,
}

/// The operations of a workload with the percentage of each.
#[derive(Debug)]
struct Mix {
    /// The names of `operations`, in the same order.
    names: &'static [&'static str],
    operations: &'static [(Operation, u64)],
}

/// What a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Read,
    Update,
    Insert,
    Scan,
    ReadModifyWrite,
}

/// How the record of a request is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Requests {
    /// Few records are asked for often, wherever they lie.
    Zipfian,
    /// The newest records are asked for most.
    Latest,
}

impl Ycsb {
    fn uses(&self, operation: Operation) -> bool {
        self.mix.operations.iter().any(|(used, _)| *used == operation)
    }

    fn overwrites(&self) -> bool {
        self.uses(Operation::Update) || self.uses(Operation::ReadModifyWrite)
    }
}

/// Workload A.
pub const A: Ycsb = Ycsb {
    name: "ycsb-a",
    summary: "Half reads, half updates of one field, zipfian (YCSB workload A, update heavy)",
    requests: Requests::Zipfian,
    mix: &Mix {
        names: &["read", "update"],
        operations: &[(Operation::Read, 50), (Operation::Update, 50)],
    },
};

/// Workload B.
pub const B: Ycsb = Ycsb {
    name: "ycsb-b",
    summary: "95 % reads, 5 % updates of one field, zipfian (YCSB workload B, read mostly)",
    requests: Requests::Zipfian,
    mix: &Mix {
        names: &["read", "update"],
        operations: &[(Operation::Read, 95), (Operation::Update, 5)],
    },
};

/// Workload C.
pub const C: Ycsb = Ycsb {
    name: "ycsb-c",
    summary: "Reads of one record, zipfian (YCSB workload C, read only)",
    requests: Requests::Zipfian,
    mix: &Mix { names: &["read"], operations: &[(Operation::Read, 100)] },
};

/// Workload D.
pub const D: Ycsb = Ycsb {
    name: "ycsb-d",
    summary: "95 % reads of the newest records, 5 % inserts (YCSB workload D, read latest)",
    requests: Requests::Latest,
    mix: &Mix {
        names: &["read", "insert"],
        operations: &[(Operation::Read, 95), (Operation::Insert, 5)],
    },
};

/// Workload E.
pub const E: Ycsb = Ycsb {
    name: "ycsb-e",
    summary: "95 % scans of 1 to 100 records, 5 % inserts, zipfian (YCSB workload E, short ranges)",
    requests: Requests::Zipfian,
    mix: &Mix {
        names: &["scan", "insert"],
        operations: &[(Operation::Scan, 95), (Operation::Insert, 5)],
    },
};

/// Workload F.
pub const F: Ycsb = Ycsb {
    name: "ycsb-f",
    summary: "Half reads, half reads and updates of one record in a transaction, zipfian (YCSB \
              workload F, read-modify-write)",
    requests: Requests::Zipfian,
    mix: &Mix {
        names: &["read", "read_modify_write"],
        operations: &[(Operation::Read, 50), (Operation::ReadModifyWrite, 50)],
    },
};

impl Benchmark for Ycsb {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &dbdyno_datasets::ycsb::Ycsb
    }

    fn after_use(&self) -> AfterUse {
        if self.uses(Operation::Insert) { AfterUse::Spent } else { AfterUse::Reusable }
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Load(self)
    }
}

#[async_trait]
impl LoadBenchmark for Ycsb {
    fn workload(&self, context: &WorkloadContext, _before: &State) -> Arc<dyn Workload> {
        let records = self.dataset().rows("usertable", context.scale);
        let native = context.native.unwrap_or_default();
        Arc::new(YcsbWorkload {
            benchmark: *self,
            records,
            statements: statements::of(self, native),
            reads_and_writes: statements::reads_and_writes(self, native),
            new_keys: Arc::new(NewKeys::after(records)),
            last_writes: LastWrites::default(),
        })
    }

    async fn state(&self, session: &mut dyn Session, scale: Scale) -> Result<State, DbError> {
        let rows = scalar_sql(session, "SELECT COUNT(*) FROM usertable").await?;
        let mut state = State::default();
        state.counters.insert(ROWS, rows);
        if !self.uses(Operation::Insert) {
            let expected = self.dataset().rows("usertable", scale);
            state.checks.push(Check::new(
                "row_count",
                u64::try_from(rows) == Ok(expected),
                format!("usertable must have {expected} rows and has {rows}"),
            ));
        }
        if self.overwrites() {
            let sample = Sample::of(self.dataset().rows("usertable", scale));
            state.samples = fields(session, sample).await?;
        }
        Ok(state)
    }

    fn account(
        &self,
        before: &State,
        after: &State,
        _counted: &BTreeMap<&'static str, i64>,
        tally: &Tally,
    ) -> Vec<Check> {
        if !self.uses(Operation::Insert) {
            return Vec::new();
        }
        let moved = after.counter(ROWS) - before.counter(ROWS);
        let inserts = tally.of("insert");
        let what = "rows inserted into usertable";
        vec![Check::accounted("inserts", what, moved, inserts.committed, inserts.unknown)]
    }

    fn account_samples(
        &self,
        before: &State,
        after: &State,
        witnessed: &BTreeMap<String, Witness>,
    ) -> Vec<Check> {
        if !self.overwrites() {
            return Vec::new();
        }
        vec![samples::check("last_writes_kept", before, after, witnessed)]
    }
}

/// The fields of the records in a sample.
async fn fields(
    session: &mut dyn Session,
    sample: Sample,
) -> Result<BTreeMap<String, i64>, DbError> {
    let mut key = String::new();
    let keys: Vec<String> =
        sample.numbers().map(|number| format!("'{}'", write_key(number, &mut key))).collect();
    let columns = FIELDS.join(", ");
    let sql = format!(
        "SELECT ycsb_key, {columns} FROM usertable WHERE ycsb_key IN ({})",
        keys.join(", ")
    );
    let mut values = BTreeMap::new();
    let mut visit = |row: &dyn Row| {
        let key = row.text(0)?;
        for (field, name) in FIELDS.iter().enumerate() {
            values.insert(name_of_field(key, name), samples::hash(row.text(field + 1)?));
        }
        Ok(())
    };
    session.query_sql(&sql, &mut visit).await?;
    Ok(values)
}

/// What a field of a record is called.
fn name_of_field(key: &str, field: &str) -> String {
    format!("{field} of {key}")
}

/// The place of a field of the record at a place in the sample.
const fn place_of_field(place: u32, field: usize) -> u32 {
    place * FIELDS.len() as u32 + field as u32
}

struct YcsbWorkload {
    benchmark: Ycsb,
    /// Records loaded: numbers 0 to one below.
    records: u64,
    statements: Vec<Statement>,
    /// A read-modify-write is one statement.
    reads_and_writes: bool,
    new_keys: Arc<NewKeys>,
    last_writes: LastWrites,
}

impl Workload for YcsbWorkload {
    fn transactions(&self) -> &[&'static str] {
        self.benchmark.mix.names
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, _index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let (new_keys, last_writes) = (Arc::clone(&self.new_keys), self.last_writes.open());
        let shared = Shared { records: self.records, new_keys, last_writes };
        Box::new(YcsbClient::new(self.benchmark, self.reads_and_writes, rng, shared))
    }

    fn witnessed(&self) -> BTreeMap<String, Witness> {
        let (sample, fields) = (Sample::of(self.records), FIELDS.len() as u32);
        self.last_writes.witnessed(|place| {
            let mut key = String::new();
            write_key(sample.number(place / fields), &mut key);
            name_of_field(&key, FIELDS[(place % fields) as usize])
        })
    }
}

#[cfg(test)]
mod tests;
