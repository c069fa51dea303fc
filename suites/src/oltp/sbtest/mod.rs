//! The `oltp_*` benchmarks of sysbench 1.0, on its table `sbtest1`.
//!
//! Statements, their order and their numbers per transaction are those of sysbench 1.0.20,
//! `src/lua/oltp_common.lua` and the scripts that use it, at their default options. So are the
//! distribution that rows are chosen by (`--rand-type=special`) and the use of transactions
//! (`--skip_trx=off`): what is one statement commits by itself, all else is a transaction.

mod reads;
mod statements;
mod writes;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, LoadReport, Tally, Witness, Workload};
use dbdyno_core::query::row_sql;
use dbdyno_core::random::Rng;
use dbdyno_core::{Better, DbError, Measurement, NativeSql, Row, Scale, Session, Statement};
use dbdyno_datasets::Dataset;

use super::last_writes::LastWrites;
use super::ledger::Ledgers;
use super::samples::{self, Sample};
use crate::benchmark::{
    AfterUse, Benchmark, Check, DEFAULT_CLIENTS, LoadBenchmark, Procedure, SWEEP_CLIENTS, State,
    WorkloadContext,
};
use reads::Reader;
use statements::Places;
use writes::{Accounts, Writer};

/// Rows in the table, at the time of looking.
const ROWS: &str = "rows";
/// The sum of `k` over all rows.
const SUM_OF_K: &str = "sum_of_k";
/// Updates of sampled rows that matched none though no other client had replaced the row.
const MISSED: &str = "missed";

/// One benchmark of the family: how often its transaction runs each statement.
#[derive(Clone, Copy, Debug)]
pub struct Sbtest {
    name: &'static str,
    /// The name of its one transaction type.
    transactions: [&'static str; 1],
    summary: &'static str,
    sweep: bool,
    mix: Mix,
}

/// The statements of a transaction, in the order in which they run. Sysbench's options of the
/// same names give the numbers.
#[derive(Clone, Copy, Debug)]
struct Mix {
    /// Whether `BEGIN` and `COMMIT` stand around them.
    transaction: bool,
    point_selects: usize,
    /// Each of the four kinds of range once.
    ranges: bool,
    index_updates: usize,
    non_index_updates: usize,
    /// A delete and an insert of the same row; one upsert where statements are native.
    delete_inserts: usize,
    /// Inserts of a new row, numbered by the engine.
    inserts: usize,
    deletes: usize,
}

/// What a transaction does, on which rows, and how it is said.
#[derive(Clone, Copy, Debug)]
struct Work {
    mix: Mix,
    places: Places,
    /// Ids run from 1 to this.
    rows: i64,
    /// Rows are replaced by an upsert, not by a delete and an insert.
    upserts: bool,
}

const NOTHING: Mix = Mix {
    transaction: false,
    point_selects: 0,
    ranges: false,
    index_updates: 0,
    non_index_updates: 0,
    delete_inserts: 0,
    inserts: 0,
    deletes: 0,
};
const READS: Mix = Mix { transaction: true, point_selects: 10, ranges: true, ..NOTHING };
const WRITES: Mix =
    Mix { transaction: true, index_updates: 1, non_index_updates: 1, delete_inserts: 1, ..NOTHING };

impl Mix {
    /// Whether it adds or removes rows for good.
    const fn spends(&self) -> bool {
        self.inserts + self.deletes > 0
    }

    const fn writes(&self) -> bool {
        self.index_updates + self.non_index_updates + self.delete_inserts > 0 || self.spends()
    }

    /// The bounds of how it changes the number of rows.
    const fn moves(&self) -> RangeInclusive<i64> {
        -(self.deletes as i64)..=(self.inserts + self.delete_inserts) as i64
    }

    /// Whether it writes `c` of rows that stay.
    const fn overwrites(&self) -> bool {
        self.non_index_updates + self.delete_inserts > 0
    }

    /// Whether every row asked for must be found. Not where rows are deleted: a statement that
    /// waited for another client's delete and insert may see neither the old row nor the new one
    /// (PostgreSQL manual, 13.2.1 "Read Committed Isolation Level"). Sysbench does not look.
    const fn finds_all(&self) -> bool {
        self.delete_inserts + self.deletes == 0
    }
}

/// `oltp_point_select.lua`.
pub const POINT_SELECT: Sbtest = Sbtest {
    name: "point-select",
    transactions: ["point_select"],
    summary: "One row by its primary key per transaction, autocommitted (sysbench oltp_point_select)",
    sweep: false,
    mix: Mix { point_selects: 1, ..NOTHING },
};

/// `oltp_read_only.lua` with `--point_selects=0`.
pub const RANGE_SELECT: Sbtest = Sbtest {
    name: "range-select",
    transactions: ["range_select"],
    summary: "Four ranges of 100 rows in a transaction: plain, summed, ordered, distinct \
              (sysbench oltp_read_only with point_selects=0)",
    sweep: false,
    mix: Mix { point_selects: 0, ..READS },
};

/// `oltp_read_only.lua`.
pub const READ_ONLY: Sbtest = Sbtest {
    name: "read-only",
    transactions: ["read_only"],
    summary: "Ten point selects and four ranges in a transaction (sysbench oltp_read_only)",
    sweep: false,
    mix: READS,
};

/// `oltp_write_only.lua`.
pub const WRITE_ONLY: Sbtest = Sbtest {
    name: "write-only",
    transactions: ["write_only"],
    summary: "An update of an indexed column, one of another, and a delete and insert of the same \
              row in a transaction (sysbench oltp_write_only)",
    sweep: false,
    mix: WRITES,
};

/// `oltp_read_write.lua`.
pub const READ_WRITE: Sbtest = Sbtest {
    name: "read-write",
    transactions: ["read_write"],
    summary: "The statements of read-only and then those of write-only in one transaction \
              (sysbench oltp_read_write)",
    sweep: false,
    mix: Mix { point_selects: 10, ranges: true, ..WRITES },
};

/// `oltp_update_index.lua`.
pub const UPDATE_INDEX: Sbtest = Sbtest {
    name: "update-index",
    transactions: ["update_index"],
    summary: "One update of an indexed column by primary key, autocommitted (sysbench \
              oltp_update_index)",
    sweep: false,
    mix: Mix { index_updates: 1, ..NOTHING },
};

/// `oltp_update_non_index.lua`.
pub const UPDATE_NON_INDEX: Sbtest = Sbtest {
    name: "update-non-index",
    transactions: ["update_non_index"],
    summary: "One update of a column without an index by primary key, autocommitted (sysbench \
              oltp_update_non_index)",
    sweep: false,
    mix: Mix { non_index_updates: 1, ..NOTHING },
};

/// `oltp_insert.lua`.
pub const INSERT: Sbtest = Sbtest {
    name: "insert",
    transactions: ["insert"],
    summary: "One insert of a row that the engine numbers, autocommitted (sysbench oltp_insert)",
    sweep: false,
    mix: Mix { inserts: 1, ..NOTHING },
};

/// `oltp_delete.lua`.
pub const DELETE: Sbtest = Sbtest {
    name: "delete",
    transactions: ["delete"],
    summary: "One delete by primary key, autocommitted; the row may be gone already (sysbench \
              oltp_delete)",
    sweep: false,
    mix: Mix { deletes: 1, ..NOTHING },
};

/// The transaction of [`POINT_SELECT`] at a growing number of clients.
pub const READS_SWEEP: Sbtest = Sbtest {
    name: "reads",
    transactions: ["point_select"],
    summary: "How reads scale: point-select at 1, 2, 4, … clients. The smallest read there is \
              leaves nothing but the engine and its protocol to limit the curve",
    sweep: true,
    mix: POINT_SELECT.mix,
};

/// The transaction of [`WRITE_ONLY`] at a growing number of clients.
pub const WRITES_SWEEP: Sbtest = Sbtest {
    name: "writes",
    transactions: ["write_only"],
    summary: "How writes scale: write-only at 1, 2, 4, … clients. Its transaction meets all that \
              limits the curve: row locks, two indexes, and one log flush for all its writes",
    sweep: true,
    mix: WRITES,
};

impl Benchmark for Sbtest {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &dbdyno_datasets::sbtest::Sbtest
    }

    fn after_use(&self) -> AfterUse {
        if self.mix.spends() { AfterUse::Spent } else { AfterUse::Reusable }
    }

    fn default_clients(&self) -> &'static [u32] {
        if self.sweep { &SWEEP_CLIENTS } else { &[DEFAULT_CLIENTS] }
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Load(self)
    }
}

#[async_trait]
impl LoadBenchmark for Sbtest {
    /// How many rows a delete found: once most are gone, a fast delete is one that does nothing,
    /// in sysbench as here. More rows (`--scale`) keep it near 1.
    fn metrics(
        &self,
        report: &LoadReport,
        _: &WorkloadContext,
        before: &State,
        after: &State,
    ) -> Vec<Measurement> {
        let committed = report.tally.total().committed;
        if self.mix.deletes == 0 || committed == 0 {
            return Vec::new();
        }
        let deleted = before.counter(ROWS) - after.counter(ROWS);
        let found = deleted as f64 / committed as f64;
        vec![Measurement::new("rows_deleted_per_transaction", found, "1", Better::Neither)]
    }

    fn workload(&self, context: &WorkloadContext, _before: &State) -> Arc<dyn Workload> {
        let rows = self.dataset().rows("sbtest1", context.scale);
        Arc::new(SbtestWorkload::new(*self, rows, context.native))
    }

    async fn state(&self, session: &mut dyn Session, scale: Scale) -> Result<State, DbError> {
        let sql = "SELECT COUNT(*), COALESCE(SUM(k), 0) FROM sbtest1";
        let (rows, sum_of_k) = row_sql(session, sql, |row| Ok((row.int(0)?, row.int(1)?))).await?;
        let mut state = State::default();
        state.counters.insert(ROWS, rows);
        state.counters.insert(SUM_OF_K, sum_of_k);
        if !self.mix.spends() {
            let expected = self.dataset().rows("sbtest1", scale);
            state.checks.push(Check::new(
                "row_count",
                u64::try_from(rows) == Ok(expected),
                format!("sbtest1 must have {expected} rows and has {rows}"),
            ));
        }
        if self.mix.overwrites() {
            let sample = Sample::of(self.dataset().rows("sbtest1", scale));
            state.samples = values_of_c(session, sample).await?;
        }
        Ok(state)
    }

    fn account(
        &self,
        before: &State,
        after: &State,
        counted: &BTreeMap<&'static str, i64>,
        tally: &Tally,
    ) -> Vec<Check> {
        let moved = |counter| after.counter(counter) - before.counter(counter);
        let total = tally.total();
        let mut checks = Vec::new();
        if self.mix.writes() {
            checks.push(Ledgers::check("rows_moved", "rows of sbtest1", moved(ROWS), counted));
        }
        if self.mix.inserts > 0 {
            let what = "rows inserted into sbtest1";
            let moved = moved(ROWS);
            checks.push(Check::accounted("inserts", what, moved, total.committed, total.unknown));
        }
        // Where rows are also inserted, their random k moves the sum too.
        if self.mix.index_updates > 0 && self.mix.delete_inserts == 0 {
            let (what, moved) = ("increments of k in sbtest1", moved(SUM_OF_K));
            checks.push(Check::accounted("updates", what, moved, total.committed, total.unknown));
        }
        if self.mix.overwrites() && !self.mix.finds_all() {
            let missed = counted.get(MISSED).copied().unwrap_or(0);
            checks.push(Check::new(
                "updates_matched",
                missed == 0,
                format!(
                    "{missed} updates of sampled rows of sbtest1 matched no row though no other \
                     client had just replaced it"
                ),
            ));
        }
        checks
    }

    fn account_samples(
        &self,
        before: &State,
        after: &State,
        witnessed: &BTreeMap<String, Witness>,
    ) -> Vec<Check> {
        if !self.mix.overwrites() {
            return Vec::new();
        }
        vec![samples::check("last_writes_kept", before, after, witnessed)]
    }
}

/// The values of `c` of the rows in a sample.
async fn values_of_c(
    session: &mut dyn Session,
    sample: Sample,
) -> Result<BTreeMap<String, i64>, DbError> {
    let ids: Vec<String> = sample.numbers().map(|number| (number + 1).to_string()).collect();
    let sql = format!("SELECT id, c FROM sbtest1 WHERE id IN ({})", ids.join(", "));
    let mut values = BTreeMap::new();
    let mut visit = |row: &dyn Row| {
        values.insert(name_of_c(number(row.int(0)?)), samples::hash(row.text(1)?));
        Ok(())
    };
    session.query_sql(&sql, &mut visit).await?;
    Ok(values)
}

/// What the value of `c` of a row is called.
fn name_of_c(number: u64) -> String {
    format!("c of sbtest1 with id {}", number + 1)
}

/// Rows are numbered from 0, ids from 1.
fn number(id: i64) -> u64 {
    id.saturating_sub(1).unsigned_abs()
}

struct SbtestWorkload {
    benchmark: Sbtest,
    rows: i64,
    statements: Vec<Statement>,
    places: Places,
    /// Rows are replaced by an upsert.
    upserts: bool,
    ledgers: Ledgers,
    sample: Sample,
    last_writes: LastWrites,
}

impl SbtestWorkload {
    fn new(benchmark: Sbtest, rows: u64, native: Option<NativeSql>) -> Self {
        let upsert = native.map(|native| native.upsert);
        let (statements, places) = statements::of(&benchmark.mix, upsert);
        let (sample, rows) = (Sample::of(rows), i64::try_from(rows).unwrap_or(i64::MAX));
        let (ledgers, last_writes) = (Ledgers::default(), LastWrites::default());
        let upserts = upsert.is_some();
        Self { benchmark, rows, statements, places, upserts, ledgers, sample, last_writes }
    }
}

impl Workload for SbtestWorkload {
    fn transactions(&self) -> &[&'static str] {
        &self.benchmark.transactions
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, _index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let (mix, places, rows) = (self.benchmark.mix, self.places, self.rows);
        let work = Work { mix, places, rows, upserts: self.upserts };
        if !mix.writes() {
            return Box::new(Reader::new(work, rng));
        }
        let accounts = Accounts {
            ledger: self.ledgers.open(),
            sample: self.sample,
            last_writes: self.last_writes.open(),
        };
        Box::new(Writer::new(work, rng, accounts))
    }

    fn counted(&self) -> BTreeMap<&'static str, i64> {
        let mut counted = self.ledgers.counted();
        let missed = self.last_writes.missed_without_cause();
        counted.insert(MISSED, i64::try_from(missed).unwrap_or(i64::MAX));
        counted
    }

    fn witnessed(&self) -> BTreeMap<String, Witness> {
        self.last_writes.witnessed(|place| name_of_c(self.sample.number(place)))
    }
}

#[cfg(test)]
mod tests;
