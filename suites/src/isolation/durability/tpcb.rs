//! TPC-B under crashes: pgbench's transaction, with its mark in the filler of its row of history.

use std::sync::Arc;

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{
    Access, Check, DbError, Row, Scale, Session, Statement, StatementId, Steps, Value,
};
use dbdyno_datasets::{Dataset, tpcb};

use super::account::Tables;
use super::journal::Place;
use super::scribe::{Part, Scribe};
use crate::benchmark::LoadBenchmark as _;
use crate::oltp::tpcb::{DELTA, TpcB};

const TRANSACTIONS: [&str; 1] = ["tpcb_like"];

const UPDATE_ACCOUNT: StatementId = 0;
const SELECT_ACCOUNT: StatementId = 1;
const UPDATE_TELLER: StatementId = 2;
const UPDATE_BRANCH: StatementId = 3;
const INSERT_HISTORY: StatementId = 4;

/// The statements of its clients.
pub fn statements() -> Vec<Statement> {
    let update = |name, table: &str, balance: &str, key: &str| {
        let set = format!("{balance} = {balance} + ?");
        Statement::new(name, format!("UPDATE pgbench_{table} SET {set} WHERE {key} = ?"))
    };
    vec![
        update("update_account", "accounts", "abalance", "aid"),
        Statement::new("select_account", "SELECT abalance FROM pgbench_accounts WHERE aid = ?"),
        update("update_teller", "tellers", "tbalance", "tid"),
        update("update_branch", "branches", "bbalance", "bid"),
        Statement::new(
            "insert_history",
            "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime, filler) \
             VALUES (?, ?, ?, ?, CURRENT_TIMESTAMP, ?)",
        ),
    ]
}

/// Looks at history and at the consistency conditions of TPC-B.
///
/// # Errors
/// The engine refuses.
pub async fn look(
    session: &mut dyn Session,
    scale: Scale,
) -> Result<(Tables, Vec<Check>), DbError> {
    let state = TpcB.state(session, scale).await?;
    let mut tables = Tables::default();
    let sql = "SELECT COALESCE(filler, 'NULL') FROM pgbench_history";
    session
        .query_sql(sql, &mut |row| {
            // A `char` comes padded from engines that pad.
            tables.add(Place::History, row.text(0)?.trim_end());
            Ok(())
        })
        .await?;
    Ok((tables, state.checks))
}

/// The workload of a part of a case.
pub fn workload(scale: Scale, part: Part) -> Arc<dyn Workload> {
    Arc::new(Marked { scale, part, statements: statements() })
}

struct Marked {
    scale: Scale,
    part: Part,
    statements: Vec<Statement>,
}

impl Workload for Marked {
    fn transactions(&self) -> &[&'static str] {
        &TRANSACTIONS
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let rows = |table| tpcb::TpcB.rows(table, self.scale) as i64;
        Box::new(MarkedClient {
            keys: ["pgbench_accounts", "pgbench_branches", "pgbench_tellers"].map(rows),
            scribe: Scribe::new(&self.part, index),
            rng,
            inputs: [0; 4],
            mark: String::new(),
        })
    }
}

struct MarkedClient {
    /// The highest keys of accounts, branches and tellers; they run from 1.
    keys: [i64; 3],
    scribe: Scribe,
    rng: Rng,
    /// `aid`, `bid`, `tid` and `delta`.
    inputs: [i64; 4],
    mark: String,
}

impl Client for MarkedClient {
    fn draw(&mut self) -> Draw {
        self.mark = self.scribe.draw(&mut self.rng).to_string();
        let [aid, bid, tid] = self.keys.map(|highest| self.rng.between(1, highest));
        self.inputs = [aid, bid, tid, self.rng.between(-DELTA, DELTA)];
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let [aid, bid, tid, delta] = self.inputs.map(Value::Int);
        let read_balance = |row: &dyn Row| row.int(0).map(drop);
        steps.begin(Access::Write).await?;
        steps.execute_one(UPDATE_ACCOUNT, &[delta, aid]).await?;
        steps.query_one(SELECT_ACCOUNT, &[aid], read_balance).await?;
        steps.execute_one(UPDATE_TELLER, &[delta, tid]).await?;
        steps.execute_one(UPDATE_BRANCH, &[delta, bid]).await?;
        let row = [tid, bid, aid, delta, Value::Text(&self.mark)];
        steps.execute_one(INSERT_HISTORY, &row).await?;
        self.scribe.end(steps, &[Place::History]).await
    }
}
