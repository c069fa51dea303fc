//! A client: draws a transaction and its customers, then runs it.

use std::sync::Arc;

use dbdyno_core::load::{Client, Draw, Outcome};
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, Steps};
use dbdyno_datasets::smallbank::{CUSTOMERS, write_name};

use super::super::ledger::{Ledger, Pending};
use super::balances::{ClientBalances, Committing, Moves};
use super::called::Call;
use super::transactions::{End, Transactions};

/// The transactions, as numbers in the order of `MIX`.
pub const TRANSACTIONS: [&str; 6] = [
    "balance",
    "deposit_checking",
    "transact_savings",
    "amalgamate",
    "write_check",
    "send_payment",
];
const BALANCE: usize = 0;
const DEPOSIT_CHECKING: usize = 1;
const TRANSACT_SAVINGS: usize = 2;
const AMALGAMATE: usize = 3;
const WRITE_CHECK: usize = 4;
/// The percentage of each; the rest are payments. BenchBase's sample configurations: 25 % of
/// SendPayment, 15 % of each other.
const MIX: [u64; 5] = [15; 5];

/// Percent of customers that are chosen from the hotspot.
const HOT_PERCENT: f64 = 90.0;
/// Of `CUSTOMERS` customers, so many are the hotspot.
const HOT: u64 = 1_000;

/// The amounts in cents, from BenchBase's `SmallBankConstants`.
const DEPOSIT: i64 = 130;
/// Deposited in savings or withdrawn from them.
const SAVINGS: i64 = 2_020;
const CHECK: i64 = 500;
const PAYMENT: i64 = 500;

pub struct SmallBankClient {
    customers: u64,
    /// `None` where they are stored procedures.
    transactions: Option<Transactions>,
    rng: Rng,
    ledger: Arc<Ledger>,
    balances: Arc<ClientBalances>,
    transaction: usize,
    /// The numbers of the customers that were drawn.
    numbers: [u64; 2],
    /// What TransactSavings adds, in cents.
    savings: i64,
    /// The customer's name.
    name: String,
    /// Another customer's name, where there are two.
    other: String,
}

impl SmallBankClient {
    pub fn new(
        customers: u64,
        transactions: Option<Transactions>,
        rng: Rng,
        ledger: Arc<Ledger>,
        balances: Arc<ClientBalances>,
    ) -> Self {
        Self {
            customers,
            transactions,
            rng,
            ledger,
            balances,
            transaction: BALANCE,
            numbers: [0; 2],
            savings: SAVINGS,
            name: String::new(),
            other: String::new(),
        }
    }

    fn draw_transaction(&mut self) -> usize {
        let mut percent = self.rng.below(100);
        for (transaction, share) in MIX.into_iter().enumerate() {
            if percent < share {
                return transaction;
            }
            percent -= share;
        }
        MIX.len()
    }

    /// Draws a customer: customers are numbered from 0, and the hotspot is the first of them.
    fn draw_customer(&mut self) -> u64 {
        let hot = (self.customers * HOT / CUSTOMERS).max(1);
        if self.rng.percent(HOT_PERCENT) {
            self.rng.below(hot)
        } else {
            hot + self.rng.below(self.customers - hot)
        }
    }

    async fn transaction(
        &self,
        transactions: &Transactions,
        steps: &mut Steps<'_>,
    ) -> Result<End, DbError> {
        let (name, other) = (self.name.as_str(), self.other.as_str());
        match self.transaction {
            BALANCE => transactions.balance(steps, name).await,
            DEPOSIT_CHECKING => transactions.deposit_checking(steps, name, DEPOSIT).await,
            TRANSACT_SAVINGS => transactions.transact_savings(steps, name, self.savings).await,
            AMALGAMATE => transactions.amalgamate(steps, name, other).await,
            WRITE_CHECK => transactions.write_check(steps, name, CHECK).await,
            _ => transactions.send_payment(steps, name, other, PAYMENT).await,
        }
    }

    /// The drawn transaction as a call, and what it may do.
    fn call(&self) -> Call<'_> {
        let (name, other) = (self.name.as_str(), self.other.as_str());
        let customers = self.numbers.map(|number| number as i64);
        match self.transaction {
            BALANCE => Call::balance(name),
            DEPOSIT_CHECKING => Call::deposit_checking(customers, name, DEPOSIT),
            TRANSACT_SAVINGS => Call::transact_savings(customers, name, self.savings),
            AMALGAMATE => Call::amalgamate(customers, name, other),
            WRITE_CHECK => Call::write_check(customers, name, CHECK),
            _ => Call::send_payment(customers, name, other, PAYMENT),
        }
    }

    /// Makes the moves that are still to be made, commits, and accounts for all.
    async fn commit(
        &self,
        transactions: &Transactions,
        steps: &mut Steps<'_>,
        moves: Moves,
    ) -> Result<(), DbError> {
        let mut committing = self.balances.committing();
        let mut pending = self.ledger.pending(0..=0);
        let batch = Batch { transactions, moves };
        let result = batch.run(steps, &mut committing, &mut pending).await;
        let result = pending.settle(result).map(|_| ());
        committing.settle(&result);
        result
    }
}

/// The last requests of a transaction that moves money.
struct Batch<'b> {
    transactions: &'b Transactions,
    moves: Moves,
}

impl Batch<'_> {
    /// Gives by how much the moves change the sum of all balances.
    async fn run(
        &self,
        steps: &mut Steps<'_>,
        committing: &mut Committing<'_>,
        pending: &mut Pending<'_>,
    ) -> Result<i64, DbError> {
        let total = self.moves.iter().flatten().map(|change| change.cents).sum();
        while steps.pass()? {
            for change in self.moves.iter().flatten() {
                self.transactions.make(steps, change).await?;
            }
            committing.sending_commit(self.moves);
            pending.sending_commit(total..=total);
            steps.commit().await?;
        }
        Ok(total)
    }
}

impl Client for SmallBankClient {
    fn draw(&mut self) -> Draw {
        self.transaction = self.draw_transaction();
        if self.transaction == TRANSACT_SAVINGS {
            self.savings = if self.rng.below(2) == 0 { SAVINGS } else { -SAVINGS };
        }
        let first = self.draw_customer();
        self.numbers = [first; 2];
        write_name(first, &mut self.name);
        if !matches!(self.transaction, BALANCE | DEPOSIT_CHECKING | TRANSACT_SAVINGS | WRITE_CHECK)
        {
            let mut second = self.draw_customer();
            while second == first {
                second = self.draw_customer();
            }
            self.numbers[1] = second;
            write_name(second, &mut self.other);
        }
        Draw::now(self.transaction)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let Some(transactions) = &self.transactions else {
            let accounts = (&*self.ledger, &*self.balances);
            return self.call().run(self.transaction, accounts, steps).await;
        };
        match self.transaction(transactions, steps).await? {
            End::Committed => Ok(Outcome::Committed),
            End::Commit(moves) => {
                self.commit(transactions, steps, moves).await.map(|()| Outcome::Committed)
            }
            End::RollBack => steps.rollback().await.map(|()| Outcome::RolledBack),
        }
    }
}
