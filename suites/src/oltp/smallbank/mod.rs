//! SmallBank (Alomari, Cahill, Fekete and Röhm, "The Cost of Serializability on Platforms That Use
//! Snapshot Isolation", ICDE 2008), a bank whose five transactions can go wrong under
//! snapshot isolation, with the sixth, SendPayment, that H-Store and BenchBase added.
//!
//! From the paper: what the transactions do, that each looks its customers up by name first, and
//! the hotspot: 90 % of the customers chosen come uniformly from 1,000 of each 18,000, the others
//! uniformly from the rest. From BenchBase (`config/*/sample_smallbank_config.xml`,
//! `SmallBankConstants`): the mix and the amounts. Some points need a word:
//! - Amalgamate sets both balances that it read to zero, so at levels that allow lost updates a
//!   deposit in between would vanish. It reads them with a row lock; it is about to write those
//!   rows, so the lock forbids nothing that the write would not, and no money is lost at any level.
//! - WriteCheck takes 1 more than the check where funds are short, as the paper says (BenchBase
//!   takes 1 less).
//! - TransactSavings deposits or withdraws, as the paper says, with equal chances; BenchBase only
//!   withdraws, and since nothing else fills the savings that Amalgamate empties, nearly all of its
//!   withdrawals would soon find no funds.
//! - Amalgamate gathers the money on ever fewer customers, so more and more payments roll back for
//!   want of funds the longer a case runs, and the next case starts on new data.

mod balances;
mod called;
mod client;
mod statements;
mod transactions;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Tally, Witness, Workload};
use dbdyno_core::query::{row_sql, scalar_sql};
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, Scale, Session, Statement};
use dbdyno_datasets::Dataset;

use super::ledger::Ledgers;
use super::samples;
use crate::benchmark::{
    AfterUse, Benchmark, Check, LoadBenchmark, Procedure, State, WorkloadContext,
};
use balances::Balances;
use client::SmallBankClient;
use statements::Form;
use transactions::Transactions;

/// The money on all accounts, in cents.
const TOTAL: &str = "total_cents";

const TABLES: [&str; 3] = ["accounts", "savings", "checking"];

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct SmallBank;

impl Benchmark for SmallBank {
    fn name(&self) -> &'static str {
        "smallbank"
    }

    fn summary(&self) -> &'static str {
        "Six short transactions of a bank, 90 % of them on a hotspot (Alomari et al., ICDE 2008; \
         the mix of BenchBase)"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &dbdyno_datasets::smallbank::SmallBank
    }

    fn after_use(&self) -> AfterUse {
        AfterUse::Spent
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Load(self)
    }
}

#[async_trait]
impl LoadBenchmark for SmallBank {
    fn workload(&self, context: &WorkloadContext, _before: &State) -> Arc<dyn Workload> {
        let form = Form::of(context.native);
        let (statements, places) = statements::of(form);
        let is_called = context.called.is_some();
        Arc::new(SmallBankWorkload {
            customers: self.dataset().rows("accounts", context.scale),
            statements: context.called.as_ref().map_or(statements, |called| called.calls.clone()),
            transactions: (!is_called).then_some(Transactions { form, places }),
            ledgers: Ledgers::default(),
            balances: Balances::default(),
        })
    }

    async fn state(&self, session: &mut dyn Session, scale: Scale) -> Result<State, DbError> {
        let mut state = State::default();
        for table in TABLES {
            let expected = self.dataset().rows(table, scale);
            let rows = scalar_sql(session, &format!("SELECT COUNT(*) FROM {table}")).await?;
            state.checks.push(Check::new(
                format!("{table}_row_count"),
                u64::try_from(rows) == Ok(expected),
                format!("{table} must have {expected} rows and has {rows}"),
            ));
        }
        let sum = "SELECT (SELECT SUM(bal) FROM savings), (SELECT SUM(bal) FROM checking)";
        let (savings, checking) =
            row_sql(session, sum, |row| Ok((row.decimal(0, 2)?, row.decimal(1, 2)?))).await?;
        state.counters.insert(TOTAL, savings + checking);
        state.samples = balances::sums(session).await?;
        Ok(state)
    }

    fn account(
        &self,
        before: &State,
        after: &State,
        counted: &BTreeMap<&'static str, i64>,
        _tally: &Tally,
    ) -> Vec<Check> {
        let moved = after.counter(TOTAL) - before.counter(TOTAL);
        let what = "cents on all accounts together";
        vec![Ledgers::check("money_conserved", what, moved, counted)]
    }

    /// Two transactions move money only between accounts, which the sum of all does not tell.
    fn account_samples(
        &self,
        before: &State,
        after: &State,
        witnessed: &BTreeMap<String, Witness>,
    ) -> Vec<Check> {
        vec![samples::check("balances_accounted", before, after, witnessed)]
    }
}

struct SmallBankWorkload {
    customers: u64,
    statements: Vec<Statement>,
    /// `None` where they are stored procedures.
    transactions: Option<Transactions>,
    ledgers: Ledgers,
    balances: Balances,
}

impl Workload for SmallBankWorkload {
    fn transactions(&self) -> &[&'static str] {
        &client::TRANSACTIONS
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, _index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let (ledger, balances) = (self.ledgers.open(), self.balances.open());
        let transactions = self.transactions;
        Box::new(SmallBankClient::new(self.customers, transactions, rng, ledger, balances))
    }

    fn witnessed(&self) -> BTreeMap<String, Witness> {
        self.balances.witnessed()
    }

    fn counted(&self) -> BTreeMap<&'static str, i64> {
        self.ledgers.counted()
    }
}

#[cfg(test)]
mod tests;
