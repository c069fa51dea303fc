//! Updates of many rows in one transaction: what a replica has to do at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Tally, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, Scale, Session, Statement, Steps, Value};
use dbdyno_datasets::{Dataset, tpcb};

use crate::benchmark::{Benchmark, Check, LoadBenchmark, Procedure, State, WorkloadContext};
use crate::oltp::tpcb::TpcB;

/// Rows in a transaction.
const ROWS: i64 = 10_000;
const TRANSACTIONS: [&str; 1] = ["bulk_update"];

/// The filler of [`ROWS`] accounts in a row is overwritten in one statement.
#[derive(Clone, Copy, Debug)]
pub struct BulkUpdate;

impl Benchmark for BulkUpdate {
    fn name(&self) -> &'static str {
        "bulk-update"
    }

    fn summary(&self) -> &'static str {
        "updates of ten thousand rows at once"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &tpcb::TpcB
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Load(self)
    }
}

#[async_trait]
impl LoadBenchmark for BulkUpdate {
    fn workload(&self, context: &WorkloadContext, _before: &State) -> Arc<dyn Workload> {
        let rows = self.dataset().rows("pgbench_accounts", context.scale);
        let sql = "UPDATE pgbench_accounts SET filler = ? WHERE aid BETWEEN ? AND ?";
        Arc::new(Bulk {
            accounts: i64::try_from(rows).unwrap_or(i64::MAX),
            statements: vec![Statement::new("update_accounts", sql)],
        })
    }

    async fn state(&self, session: &mut dyn Session, scale: Scale) -> Result<State, DbError> {
        TpcB.state(session, scale).await
    }

    /// Balances and history stay as they are, which the conditions of TPC-B say.
    fn account(
        &self,
        before: &State,
        after: &State,
        _counted: &BTreeMap<&'static str, i64>,
        _tally: &Tally,
    ) -> Vec<Check> {
        let detail = format!("history had {:?} rows and has {:?}", before.counters, after.counters);
        vec![Check::new("history_untouched", before.counters == after.counters, detail)]
    }
}

struct Bulk {
    accounts: i64,
    statements: Vec<Statement>,
}

impl Workload for Bulk {
    fn transactions(&self) -> &[&'static str] {
        &TRANSACTIONS
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        Box::new(BulkClient {
            accounts: self.accounts,
            index,
            rng,
            first: 1,
            filler: String::new(),
        })
    }
}

struct BulkClient {
    accounts: i64,
    index: u32,
    rng: Rng,
    first: i64,
    filler: String,
}

impl Client for BulkClient {
    fn draw(&mut self) -> Draw {
        let last = (self.accounts - ROWS + 1).max(1);
        self.first = self.rng.between(1, last);
        self.filler = format!("{} {:016x}", self.index, self.rng.bits());
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let rows = [Value::Int(self.first), Value::Int(self.first + ROWS - 1)];
        steps.begin(Access::Write).await?;
        steps
            .execute_rows(0, &[Value::Text(&self.filler), rows[0], rows[1]], ROWS as usize)
            .await?;
        steps.commit().await?;
        Ok(Outcome::Committed)
    }
}
