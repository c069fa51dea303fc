//! The TPC-B-like transaction of pgbench, its built-in script `tpcb-like`.
//!
//! Statements, their order, the ranges and the uniform distribution of the inputs are those of
//! the PostgreSQL manual, pgbench, "What is the 'Transaction' Actually Performed in pgbench?".

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Tally, Workload};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::random::Rng;
use dbdyno_core::{
    Access, DbError, Returning, Row, Scale, Session, Statement, StatementId, Steps, Value,
};
use dbdyno_datasets::Dataset;

use crate::benchmark::{Benchmark, Check, LoadBenchmark, Procedure, State, WorkloadContext};

const TRANSACTIONS: [&str; 1] = ["tpcb_like"];
/// The tables of fixed size, with the key and the balance of each.
const BALANCES: [(&str, &str, &str); 3] = [
    ("pgbench_branches", "bid", "bbalance"),
    ("pgbench_tellers", "tid", "tbalance"),
    ("pgbench_accounts", "aid", "abalance"),
];
/// Rows of `pgbench_history`.
const HISTORY_ROWS: &str = "history_rows";
/// An amount is drawn from `-DELTA..=DELTA`.
pub(crate) const DELTA: i64 = 5000;

pub(crate) const UPDATE_ACCOUNT: StatementId = 0;
pub(crate) const SELECT_ACCOUNT: StatementId = 1;
pub(crate) const UPDATE_TELLER: StatementId = 2;
pub(crate) const UPDATE_BRANCH: StatementId = 3;
pub(crate) const INSERT_HISTORY: StatementId = 4;
/// The only statement where the transaction is a stored procedure.
const CALL: StatementId = 0;

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct TpcB;

impl Benchmark for TpcB {
    fn name(&self) -> &'static str {
        "tpcb"
    }

    fn summary(&self) -> &'static str {
        "Three updates, a select and an insert in a transaction, contended on the branches \
         (pgbench -b tpcb-like)"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &dbdyno_datasets::tpcb::TpcB
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Load(self)
    }
}

#[async_trait]
impl LoadBenchmark for TpcB {
    fn workload(&self, context: &WorkloadContext, _before: &State) -> Arc<dyn Workload> {
        let rows =
            |table| i64::try_from(self.dataset().rows(table, context.scale)).unwrap_or(i64::MAX);
        let [branches, tellers, accounts] = BALANCES.map(|(table, _, _)| rows(table));
        let ranges = Ranges { branches, tellers, accounts };
        let native = context.native.unwrap_or_default();
        let (account, statements) = match (&context.called, native.returning) {
            (Some(called), _) => (Account::Called, called.calls.clone()),
            (None, Returning::Nothing) => (Account::Selected, statements(Account::Selected)),
            (None, _) => (Account::Returned, statements(Account::Returned)),
        };
        Arc::new(TpcbWorkload { ranges, account, statements })
    }

    async fn state(&self, session: &mut dyn Session, scale: Scale) -> Result<State, DbError> {
        let mut state = State::default();
        for (table, key, balance) in BALANCES {
            let expected = self.dataset().rows(table, scale);
            let rows = scalar_sql(session, &format!("SELECT COUNT(*) FROM {table}")).await?;
            state.checks.push(Check::new(
                format!("{}_row_count", short(table)),
                u64::try_from(rows) == Ok(expected),
                format!("{table} must have {expected} rows and has {rows}"),
            ));
            state.checks.push(equals_history(session, table, key, balance).await?);
        }
        let sql = "SELECT COUNT(*) FROM pgbench_history";
        state.counters.insert(HISTORY_ROWS, scalar_sql(session, sql).await?);
        Ok(state)
    }

    fn account(
        &self,
        before: &State,
        after: &State,
        _counted: &BTreeMap<&'static str, i64>,
        tally: &Tally,
    ) -> Vec<Check> {
        let moved = after.counter(HISTORY_ROWS) - before.counter(HISTORY_ROWS);
        let total = tally.total();
        let what = "rows added to pgbench_history";
        vec![Check::accounted("history_rows", what, moved, total.committed, total.unknown)]
    }
}

/// Every balance began at 0 and moved by what history tells of its row, so the balances of a table
/// sum up to all of history (TPC-B rev. 2.0, clause 2.3), and row by row to that row's part.
async fn equals_history(
    session: &mut dyn Session,
    table: &str,
    key: &str,
    balance: &str,
) -> Result<Check, DbError> {
    let sum = format!("SELECT COALESCE(SUM({balance}), 0) FROM {table}");
    let in_balances = scalar_sql(session, &sum).await?;
    let sum = "SELECT COALESCE(SUM(delta), 0) FROM pgbench_history";
    let in_history = scalar_sql(session, sum).await?;
    // A row without history must be at 0, and history must be of rows that are there. One
    // aggregate, for the plan of a join of both tables depends on what the server believes of
    // history, which grows fast: PostgreSQL took minutes for it.
    let differing = format!(
        "SELECT (SELECT COUNT(*) FROM (SELECT {key} FROM \
         (SELECT {key}, {balance} AS moved FROM {table} WHERE {balance} <> 0 \
         UNION ALL SELECT {key}, -delta FROM pgbench_history) AS moves \
         GROUP BY {key} HAVING SUM(moved) <> 0) AS unequal) \
         + (SELECT COUNT(*) FROM pgbench_history AS h \
         WHERE NOT EXISTS (SELECT 1 FROM {table} AS t WHERE t.{key} = h.{key}))"
    );
    let differing = scalar_sql(session, &differing).await?;
    Ok(Check::new(
        format!("{}_equal_history", short(table)),
        in_balances == in_history && differing == 0,
        format!(
            "{balance} in {table} sums up to {in_balances}, delta in pgbench_history to \
             {in_history}; {differing} rows have another balance than their part of history"
        ),
    ))
}

/// `branches` for `pgbench_branches`.
fn short(table: &str) -> &str {
    table.trim_start_matches("pgbench_")
}

/// How the new balance of an account is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Account {
    /// By a query.
    Selected,
    /// It is what the update answers.
    Returned,
    /// It is what the procedure answers that does all.
    Called,
}

impl Account {
    /// Where a statement stands. Without the query those after it move up.
    const fn place(self, id: StatementId) -> StatementId {
        match self {
            Self::Returned if id > SELECT_ACCOUNT => id - 1,
            _ => id,
        }
    }
}

fn statements(account: Account) -> Vec<Statement> {
    let update = "UPDATE pgbench_accounts SET abalance = abalance + ? WHERE aid = ?";
    let mut list = match account {
        Account::Selected => vec![
            Statement::new("update_account", update),
            Statement::new("select_account", "SELECT abalance FROM pgbench_accounts WHERE aid = ?"),
        ],
        Account::Returned | Account::Called => {
            vec![Statement::new("update_account", format!("{update} RETURNING abalance"))]
        }
    };
    list.extend([
        Statement::new(
            "update_teller",
            "UPDATE pgbench_tellers SET tbalance = tbalance + ? WHERE tid = ?",
        ),
        Statement::new(
            "update_branch",
            "UPDATE pgbench_branches SET bbalance = bbalance + ? WHERE bid = ?",
        ),
        Statement::new(
            "insert_history",
            "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) \
             VALUES (?, ?, ?, ?, CURRENT_TIMESTAMP)",
        ),
    ]);
    list
}

struct TpcbWorkload {
    ranges: Ranges,
    account: Account,
    statements: Vec<Statement>,
}

/// Keys run from 1 to these.
#[derive(Clone, Copy, Debug)]
struct Ranges {
    branches: i64,
    tellers: i64,
    accounts: i64,
}

impl Workload for TpcbWorkload {
    fn transactions(&self) -> &[&'static str] {
        &TRANSACTIONS
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, _index: u32, rng: Rng) -> Box<dyn AnyClient> {
        Box::new(TpcbClient::new(self.ranges, self.account, rng))
    }
}

struct TpcbClient {
    ranges: Ranges,
    account: Account,
    rng: Rng,
    aid: i64,
    bid: i64,
    tid: i64,
    delta: i64,
}

impl TpcbClient {
    const fn new(ranges: Ranges, account: Account, rng: Rng) -> Self {
        Self { ranges, account, rng, aid: 0, bid: 0, tid: 0, delta: 0 }
    }
}

impl Client for TpcbClient {
    fn draw(&mut self) -> Draw {
        let Self { ranges, rng, .. } = self;
        self.aid = rng.between(1, ranges.accounts);
        self.bid = rng.between(1, ranges.branches);
        self.tid = rng.between(1, ranges.tellers);
        self.delta = rng.between(-DELTA, DELTA);
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let [aid, bid, tid, delta] = [self.aid, self.bid, self.tid, self.delta].map(Value::Int);
        let account = self.account;
        if account == Account::Called {
            steps.change_one(CALL, &[aid, bid, tid, delta], read_balance).await?;
            return Ok(Outcome::Committed);
        }
        while steps.pass()? {
            steps.begin(Access::Write).await?;
            match account {
                Account::Selected => {
                    steps.execute_one(UPDATE_ACCOUNT, &[delta, aid]).await?;
                    steps.query_one(SELECT_ACCOUNT, &[aid], read_balance).await?;
                }
                Account::Returned | Account::Called => {
                    steps.query_one(UPDATE_ACCOUNT, &[delta, aid], read_balance).await?;
                }
            }
            steps.execute_one(account.place(UPDATE_TELLER), &[delta, tid]).await?;
            steps.execute_one(account.place(UPDATE_BRANCH), &[delta, bid]).await?;
            steps.execute_one(account.place(INSERT_HISTORY), &[tid, bid, aid, delta]).await?;
            steps.commit().await?;
        }
        Ok(Outcome::Committed)
    }
}

pub(crate) fn read_balance(row: &dyn Row) -> Result<(), DbError> {
    row.int(0).map(|_| ())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use dbdyno_core::load::TallyEntry;
    use dbdyno_core::{ErrorClass, NativeSql};

    use super::super::recording::{
        Cell, Recording, draw_and_run, native_pages, now, page, pipelined_page, sent,
    };
    use super::*;

    fn workload(scale: u32) -> Arc<dyn Workload> {
        said(scale, None)
    }

    fn said(scale: u32, native: Option<NativeSql>) -> Arc<dyn Workload> {
        let scale = Scale::whole(scale);
        let context = WorkloadContext { scale, native, ..WorkloadContext::default() };
        TpcB.workload(&context, &State::default())
    }

    fn found(_name: &str, _params: &[Value<'_>]) -> Vec<Vec<Cell>> {
        vec![vec![Cell::Int(1)]]
    }

    #[test]
    fn it_sends_these_statements() {
        let workload = workload(3);
        let client = |seed| workload.client(0, Rng::new(seed, &[]));
        let mut session = Recording::new(&*workload, found);
        insta::assert_snapshot!(page(&*workload, &mut *client(1), &mut session, 2));
        let first = sent(&mut *client(1), &mut session, 100);
        assert_eq!(sent(&mut *client(1), &mut session, 100), first);
        assert_ne!(sent(&mut *client(2), &mut session, 100), first);
    }

    #[test]
    fn it_sends_these_native_statements_and_batches() {
        insta::assert_snapshot!("pipelined", pipelined_page(&*workload(3), found, 1));
        let pages = native_pages(|native| said(3, native), found, 1);
        let [(_, page)] = pages.as_slice() else { panic!("{pages:?}") };
        insta::assert_snapshot!("native", page);
    }

    #[test]
    fn a_batch_says_what_became_of_it() {
        let run = |fails: Option<(&'static str, DbError)>, accounts| {
            let workload = workload(1);
            let mut session = Recording::new(&*workload, found);
            session.pipelines = true;
            session.matched.insert("update_account", accounts);
            session.fails.extend(fails);
            let mut client = workload.client(0, Rng::new(1, &[]));
            let result = draw_and_run(&mut *client, &mut session).1;
            // Fails where an answer was left unread.
            now(session.rollback()).unwrap();
            result
        };
        assert_eq!(run(None, 1).unwrap(), Outcome::Committed);

        let error = run(None, 0).unwrap_err();
        assert!(error.message.contains("matched 0 rows, not one"), "{error}");
        assert!(error.message.ends_with("had been committed by then"), "{error}");
        assert!(error.outcome_unknown);

        let deadlock = DbError::new(ErrorClass::Deadlock, None, "deadlock");
        let refused = run(Some(("update_teller", deadlock.clone())), 1).unwrap_err();
        assert!(!refused.outcome_unknown && refused.message == "deadlock", "{refused}");

        // What was read before the engine's error is no commit.
        let refused = run(Some(("commit", deadlock)), 0).unwrap_err();
        assert!(!refused.outcome_unknown && refused.message == "deadlock", "{refused}");
    }

    #[test]
    fn inputs_are_uniform_over_their_ranges() {
        let ranges = Ranges { branches: 2, tellers: 20, accounts: 200 };
        let rng = Rng::new(1, &[]);
        let mut client = TpcbClient::new(ranges, Account::Selected, rng);
        let mut drawn = [const { Vec::new() }; 4];
        for _ in 0..100_000 {
            Client::draw(&mut client);
            let inputs = [client.aid, client.bid, client.tid, client.delta];
            drawn.iter_mut().zip(inputs).for_each(|(all, input)| all.push(input));
        }
        for (inputs, low, high) in
            [(&drawn[0], 1, 200), (&drawn[1], 1, 2), (&drawn[2], 1, 20), (&drawn[3], -5000, 5000)]
        {
            assert_eq!(inputs.iter().min(), Some(&low));
            assert_eq!(inputs.iter().max(), Some(&high));
            let mean = inputs.iter().sum::<i64>() as f64 / inputs.len() as f64;
            let (middle, width) = ((low + high) as f64 / 2.0, (high - low + 1) as f64);
            assert!((mean - middle).abs() < width / 100.0, "{low}..={high}: {mean}");
        }
    }

    #[test]
    fn an_account_that_is_not_there_is_an_error() {
        let workload = workload(1);
        let mut session = Recording::new(&*workload, found);
        session.matched.insert("update_account", 0);
        let mut client = workload.client(0, Rng::new(1, &[]));
        let error = draw_and_run(&mut *client, &mut session).1.unwrap_err();
        assert!(error.message.contains("matched 0 rows"), "{error}");
    }

    #[test]
    fn every_table_is_held_against_history() {
        let sums = |broken: &'static str| {
            move |sql: &str, _: &[Value<'_>]| {
                let value = match sql {
                    _ if sql.contains("UNION") => i64::from(sql.contains(broken)),
                    _ if sql.contains("SUM") => 17,
                    _ if sql.contains("branches") => 2,
                    _ if sql.contains("tellers") => 20,
                    _ => 200_000,
                };
                vec![vec![Cell::Int(value)]]
            }
        };
        for (broken, failing) in
            [("nothing", None), ("pgbench_tellers", Some("tellers_equal_history"))]
        {
            let mut session = Recording::unprepared(sums(broken));
            let state = now(TpcB.state(&mut session, Scale::whole(2))).unwrap();
            let failed: Vec<&str> =
                state.checks.iter().filter(|c| !c.held).map(|c| c.name.as_str()).collect();
            assert_eq!(failed, Vec::from_iter(failing), "{:?}", state.checks);
            assert_eq!(state.checks.len(), 6);
            assert_eq!(state.counter(HISTORY_ROWS), 200_000);
        }
    }

    #[test]
    fn history_accounts_for_every_commit() {
        let history =
            |rows| State { counters: BTreeMap::from([(HISTORY_ROWS, rows)]), ..State::default() };
        let entry = TallyEntry { committed: 10, rolled_back: 0, unknown: 2 };
        let tally = Tally { transactions: BTreeMap::from([(TRANSACTIONS[0], entry)]) };
        let held = [109, 110, 112, 113].map(|rows| {
            TpcB.account(&history(100), &history(rows), &BTreeMap::new(), &tally)[0].held
        });
        assert_eq!(held, [false, true, true, false]);
    }
}
