//! A client: draws a transaction and its customers, then runs it.

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{Client, Draw, Outcome};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, Session};
use dbdyno_datasets::smallbank::{CUSTOMERS, write_name};

use super::super::ledger::Ledger;
use super::balances::ClientBalances;
use super::transactions::{self, End};

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
    rng: Rng,
    ledger: Arc<Ledger>,
    balances: Arc<ClientBalances>,
    transaction: usize,
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
        rng: Rng,
        ledger: Arc<Ledger>,
        balances: Arc<ClientBalances>,
    ) -> Self {
        Self {
            customers,
            rng,
            ledger,
            balances,
            transaction: BALANCE,
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

    async fn transaction(&self, session: &mut dyn Session) -> Result<End, DbError> {
        let (name, other) = (self.name.as_str(), self.other.as_str());
        match self.transaction {
            BALANCE => transactions::balance(session, name).await,
            DEPOSIT_CHECKING => transactions::deposit_checking(session, name, DEPOSIT).await,
            TRANSACT_SAVINGS => transactions::transact_savings(session, name, self.savings).await,
            AMALGAMATE => transactions::amalgamate(session, name, other).await,
            WRITE_CHECK => transactions::write_check(session, name, CHECK).await,
            _ => transactions::send_payment(session, name, other, PAYMENT).await,
        }
    }
}

#[async_trait]
impl Client for SmallBankClient {
    fn draw(&mut self) -> Draw {
        self.transaction = self.draw_transaction();
        if self.transaction == TRANSACT_SAVINGS {
            self.savings = if self.rng.below(2) == 0 { SAVINGS } else { -SAVINGS };
        }
        let first = self.draw_customer();
        write_name(first, &mut self.name);
        if !matches!(self.transaction, BALANCE | DEPOSIT_CHECKING | TRANSACT_SAVINGS | WRITE_CHECK)
        {
            let mut second = self.draw_customer();
            while second == first {
                second = self.draw_customer();
            }
            write_name(second, &mut self.other);
        }
        Draw::now(self.transaction)
    }

    async fn run(&mut self, session: &mut dyn Session) -> Result<Outcome, DbError> {
        let access = if self.transaction == BALANCE { Access::Read } else { Access::Write };
        session.begin(access).await?;
        match self.transaction(session).await? {
            End::Commit(moves) => {
                let total = moves.iter().flatten().map(|change| change.cents).sum();
                let committing = self.balances.committing(moves);
                let committed = self.ledger.commit(session, total).await;
                committing.settle(&committed);
                committed.map(|()| Outcome::Committed)
            }
            End::RollBack => {
                session.rollback().await?;
                Ok(Outcome::RolledBack)
            }
        }
    }
}
