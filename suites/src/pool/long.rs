//! TPC-B-like transactions of which a few hold their connection for long: they look something up, wait for
//! something that is not the database, and write then, as a checkout does that asks a payment service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Tally, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, Scale, Session, Statement, Steps, Value};
use dbdyno_datasets::Dataset;

use crate::benchmark::{Benchmark, Check, LoadBenchmark, Procedure, State, WorkloadContext};
use crate::oltp::tpcb::{
    DELTA, INSERT_HISTORY, SELECT_ACCOUNT, TpcB, UPDATE_ACCOUNT, UPDATE_BRANCH, UPDATE_TELLER,
    read_balance,
};

const TRANSACTIONS: [&str; 2] = ["short", "long"];
const SHORT: usize = 0;
const LONG: usize = 1;
/// One in so many transactions is long.
const LONG_ONE_IN: u64 = 20;
/// How long it holds its connection without asking anything, in two pauses, in microseconds.
const HOLD_US: (i64, i64) = (20_000, 50_000);

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct LongTransactions;

impl Benchmark for LongTransactions {
    fn name(&self) -> &'static str {
        "long-transactions"
    }

    fn summary(&self) -> &'static str {
        "TPC-B-like transactions, 5 % of which wait for 20 to 50 ms in their midst"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        TpcB.dataset()
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Load(self)
    }
}

#[async_trait]
impl LoadBenchmark for LongTransactions {
    fn workload(&self, context: &WorkloadContext, before: &State) -> Arc<dyn Workload> {
        // The portable statements, whatever the engine could say better: the pauses are what matters.
        let portable = WorkloadContext { native: None, ..context.clone() };
        let statements = TpcB.workload(&portable, before).statements().to_vec();
        let rows = |table: &str| {
            i64::try_from(self.dataset().rows(table, context.scale)).unwrap_or(i64::MAX)
        };
        let highest = ["pgbench_accounts", "pgbench_tellers", "pgbench_branches"].map(rows);
        Arc::new(LongWorkload { statements, highest })
    }

    async fn state(&self, session: &mut dyn Session, scale: Scale) -> Result<State, DbError> {
        TpcB.state(session, scale).await
    }

    fn account(
        &self,
        before: &State,
        after: &State,
        counted: &BTreeMap<&'static str, i64>,
        tally: &Tally,
    ) -> Vec<Check> {
        TpcB.account(before, after, counted, tally)
    }
}

struct LongWorkload {
    statements: Vec<Statement>,
    /// The highest keys of accounts, tellers and branches.
    highest: [i64; 3],
}

impl Workload for LongWorkload {
    fn transactions(&self) -> &[&'static str] {
        &TRANSACTIONS
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, _index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let pauses = None;
        Box::new(LongClient { rng, highest: self.highest, keys: [0; 3], delta: 0, pauses })
    }
}

struct LongClient {
    rng: Rng,
    highest: [i64; 3],
    keys: [i64; 3],
    delta: i64,
    /// Before and after it looks again; none in a short transaction.
    pauses: Option<[Duration; 2]>,
}

impl Client for LongClient {
    fn draw(&mut self) -> Draw {
        let Self { rng, highest, .. } = self;
        self.keys = highest.map(|highest| rng.between(1, highest));
        self.delta = rng.between(-DELTA, DELTA);
        if rng.below(LONG_ONE_IN) > 0 {
            self.pauses = None;
            return Draw::now(SHORT);
        }
        let hold_us = rng.between(HOLD_US.0, HOLD_US.1);
        let first_us = rng.between(0, hold_us);
        self.pauses =
            Some([first_us, hold_us - first_us].map(|us| Duration::from_micros(us.unsigned_abs())));
        Draw::now(LONG)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let [aid, tid, bid] = self.keys.map(Value::Int);
        let delta = Value::Int(self.delta);
        steps.begin(Access::Write).await?;
        for pause in self.pauses.iter().flatten() {
            steps.query_one(SELECT_ACCOUNT, &[aid], read_balance).await?;
            tokio::time::sleep(*pause).await;
        }
        steps.execute_one(UPDATE_ACCOUNT, &[delta, aid]).await?;
        steps.query_one(SELECT_ACCOUNT, &[aid], read_balance).await?;
        steps.execute_one(UPDATE_TELLER, &[delta, tid]).await?;
        steps.execute_one(UPDATE_BRANCH, &[delta, bid]).await?;
        steps.execute_one(INSERT_HISTORY, &[tid, bid, aid, delta]).await?;
        steps.commit().await?;
        Ok(Outcome::Committed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_twenty_is_long_and_holds_for_as_long_as_is_said() {
        let mut client = LongClient {
            rng: Rng::new(3, &[]),
            highest: [100, 10, 1],
            keys: [0; 3],
            delta: 0,
            pauses: None,
        };
        let (mut long, draws) = (0u32, 20_000u32);
        for _ in 0..draws {
            let draw = Client::draw(&mut client);
            assert_eq!(draw.transaction == LONG, client.pauses.is_some());
            if let Some(pauses) = client.pauses {
                long += 1;
                let hold_us = pauses.iter().sum::<Duration>().as_micros();
                assert!((20_000..=50_000).contains(&hold_us), "{hold_us}");
            }
        }
        // Four standard deviations of a binomial distribution.
        let (mean, deviation) = (f64::from(draws) * 0.05, (f64::from(draws) * 0.05 * 0.95).sqrt());
        assert!((f64::from(long) - mean).abs() < 4.0 * deviation, "{long}");
    }
}
