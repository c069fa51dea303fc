//! Updates of many rows in one transaction: what a replica has to do at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Tally, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, Scale, Session, Statement, Steps, Value};
use dbdyno_datasets::{Dataset, tpcb};

use crate::backup::content::Content;
use crate::benchmark::{Benchmark, Check, LoadBenchmark, Procedure, State, WorkloadContext};
use crate::oltp::tpcb::TpcB;

/// Rows in a transaction, where each client has as many.
const ROWS: i64 = 10_000;
const TRANSACTIONS: [&str; 1] = ["bulk_update"];
/// The sample that is about what is updated.
const FILLERS: &str = "account_fillers";

/// The filler of [`ROWS`] accounts in a row is overwritten in one statement. Each client has accounts of its own: how
/// fast an engine finds deadlocks is not what a replica is asked.
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
        let accounts = self.dataset().rows("pgbench_accounts", context.scale);
        let accounts = i64::try_from(accounts).unwrap_or(i64::MAX);
        let sql = "UPDATE pgbench_accounts SET filler = ? WHERE aid BETWEEN ? AND ?";
        Arc::new(Bulk {
            share: (accounts / i64::from(context.clients.max(1))).max(1),
            statements: vec![Statement::new("update_accounts", sql)],
        })
    }

    /// What TPC-B looks at, and a sum of hashes over the key and the filler of every account.
    async fn state(&self, session: &mut dyn Session, scale: Scale) -> Result<State, DbError> {
        let mut state = TpcB.state(session, scale).await?;
        let mut content = Content::default();
        let sql = "SELECT aid, filler FROM pgbench_accounts";
        session.query_sql(sql, &mut |row| content.add(row, 2)).await?;
        state.samples.insert(FILLERS.to_owned(), content.sum().cast_signed());
        Ok(state)
    }

    /// Balances and history stay as they are, which the conditions of TPC-B say; fillers do not, where
    /// anything was committed.
    fn account(
        &self,
        before: &State,
        after: &State,
        _counted: &BTreeMap<&'static str, i64>,
        tally: &Tally,
    ) -> Vec<Check> {
        let detail = format!("history had {:?} rows and has {:?}", before.counters, after.counters);
        let untouched = Check::new("history_untouched", before.counters == after.counters, detail);
        let committed = tally.total().committed;
        let moved = before.samples.get(FILLERS) != after.samples.get(FILLERS);
        let detail =
            format!("{committed} updates were committed, and the fillers are what they were");
        vec![untouched, Check::new("fillers_updated", moved || committed == 0, detail)]
    }
}

struct Bulk {
    /// How many accounts each client has.
    share: i64,
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
        Box::new(BulkClient::new(self.share, index, rng))
    }
}

struct BulkClient {
    share: i64,
    /// How many accounts a transaction updates.
    rows: i64,
    index: u32,
    rng: Rng,
    first: i64,
    filler: String,
}

impl BulkClient {
    fn new(share: i64, index: u32, rng: Rng) -> Self {
        Self { share, rows: ROWS.min(share), index, rng, first: 1, filler: String::new() }
    }
}

impl Client for BulkClient {
    fn draw(&mut self) -> Draw {
        let before = i64::from(self.index) * self.share;
        self.first = before + self.rng.between(1, self.share - self.rows + 1);
        self.filler = format!("{} {:016x}", self.index, self.rng.bits());
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let (first, last) = (Value::Int(self.first), Value::Int(self.first + self.rows - 1));
        let rows = usize::try_from(self.rows).unwrap_or(usize::MAX);
        steps.begin(Access::Write).await?;
        steps.execute_rows(0, &[Value::Text(&self.filler), first, last], rows).await?;
        steps.commit().await?;
        Ok(Outcome::Committed)
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::load::Client as _;
    use dbdyno_core::random::Rng;

    use super::BulkClient;

    #[test]
    fn no_client_updates_what_another_does() {
        for share in [1, 9_999, 10_000, 25_000] {
            for index in 0..4 {
                let mut client = BulkClient::new(share, index, Rng::new(7, &[index.into()]));
                let (first, end) = (i64::from(index) * share + 1, i64::from(index + 1) * share);
                for _ in 0..1_000 {
                    client.draw();
                    let last = client.first + client.rows - 1;
                    assert!(first <= client.first && last <= end, "{} to {last}", client.first);
                }
            }
        }
    }
}
