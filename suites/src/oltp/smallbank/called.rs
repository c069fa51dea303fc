//! The transactions as stored procedures. A call answers one row: whether the transaction went through,
//! the numbers of its customer and of the other one, and by how many cents it moved the customer's savings
//! and checking accounts. What leaves those goes to the other customer, where there is one.

use std::ops::RangeInclusive;

use dbdyno_core::load::Outcome;
use dbdyno_core::{DbError, Decimal, Row, StatementId, Steps, Value};

use super::super::ledger::Ledger;
use super::balances::{Account, ClientBalances, Move, Moves};
use super::transactions::PENALTY;

/// The most parameters of a call.
const MOST_PARAMETERS: usize = 3;

/// A transaction to be called.
pub struct Call<'c> {
    parameters: [Value<'c>; MOST_PARAMETERS],
    count: usize,
    /// The accounts that it may write, should nobody ever know whether it did.
    may_write: Moves,
    /// By how much it may move the sum of all balances.
    total: RangeInclusive<i64>,
    /// Whether what leaves the customer's accounts goes to another's.
    is_transfer: bool,
    /// Whether it only reads.
    reads: bool,
}

/// What a call answers.
#[derive(Default)]
struct Answer {
    done: bool,
    customers: [i64; 2],
    savings: i64,
    checking: i64,
}

impl<'c> Call<'c> {
    fn new<const N: usize>(parameters: [Value<'c>; N], may_write: &[(Account, i64)]) -> Self {
        let mut all = [Value::Null; MOST_PARAMETERS];
        all[..N].copy_from_slice(&parameters);
        let mut moves = Moves::default();
        for (place, (account, customer)) in moves.iter_mut().zip(may_write) {
            *place = Some(Move::adding(*account, *customer, 0));
        }
        Self {
            parameters: all,
            count: N,
            may_write: moves,
            total: 0..=0,
            is_transfer: false,
            reads: false,
        }
    }

    pub fn balance(name: &'c str) -> Self {
        Self { reads: true, ..Self::new([Value::Text(name)], &[]) }
    }

    pub fn deposit_checking([customer, _]: [i64; 2], name: &'c str, amount: i64) -> Self {
        let call = Self::new([Value::Text(name), cents(amount)], &[(Account::Checking, customer)]);
        Self { total: amount..=amount, ..call }
    }

    pub fn transact_savings([customer, _]: [i64; 2], name: &'c str, amount: i64) -> Self {
        let call = Self::new([Value::Text(name), cents(amount)], &[(Account::Savings, customer)]);
        Self { total: amount.min(0)..=amount.max(0), ..call }
    }

    pub fn amalgamate([customer, other]: [i64; 2], from: &'c str, to: &'c str) -> Self {
        let accounts = [
            (Account::Savings, customer),
            (Account::Checking, customer),
            (Account::Checking, other),
        ];
        let call = Self::new([Value::Text(from), Value::Text(to)], &accounts);
        Self { is_transfer: true, ..call }
    }

    pub fn write_check([customer, _]: [i64; 2], name: &'c str, amount: i64) -> Self {
        let call = Self::new([Value::Text(name), cents(amount)], &[(Account::Checking, customer)]);
        Self { total: -amount - PENALTY..=-amount, ..call }
    }

    pub fn send_payment(
        [customer, other]: [i64; 2],
        from: &'c str,
        to: &'c str,
        amount: i64,
    ) -> Self {
        let accounts = [(Account::Checking, customer), (Account::Checking, other)];
        let call = Self::new([Value::Text(from), Value::Text(to), cents(amount)], &accounts);
        Self { is_transfer: true, ..call }
    }

    /// Calls the procedure of this place in the list, and accounts for what it did.
    pub async fn run(
        &self,
        id: StatementId,
        (ledger, balances): (&Ledger, &ClientBalances),
        steps: &mut Steps<'_>,
    ) -> Result<Outcome, DbError> {
        let mut committing = balances.committing();
        let pending = ledger.pending(self.total.clone());
        committing.sending_commit(self.may_write);
        let mut answer = Answer::default();
        let read = |row: &dyn Row| answer.read(row);
        let called = steps.change_one(id, &self.parameters[..self.count], read).await;
        let moves = if called.is_ok() { self.moves(&answer) } else { Moves::default() };
        if called.is_ok() {
            committing.sending_commit(moves);
        }
        let total = moves.iter().flatten().map(|change| change.cents).sum();
        let result = pending.settle(called.map(|()| total)).map(|_| ());
        committing.settle(&result);
        result.map(|()| if answer.done { Outcome::Committed } else { Outcome::RolledBack })
    }

    /// What the call says that it moved.
    fn moves(&self, answer: &Answer) -> Moves {
        if self.reads || !answer.done {
            return Moves::default();
        }
        let Answer { customers: [customer, other], savings, checking, .. } = *answer;
        let received = if self.is_transfer { -(savings + checking) } else { 0 };
        [
            (Account::Savings, customer, savings),
            (Account::Checking, customer, checking),
            (Account::Checking, other, received),
        ]
        .map(|(account, customer, cents)| {
            (cents != 0).then(|| Move::adding(account, customer, cents))
        })
    }
}

impl Answer {
    fn read(&mut self, row: &dyn Row) -> Result<(), DbError> {
        *self = Self {
            done: row.int(0)? != 0,
            customers: [row.int(1)?, row.int(2)?],
            savings: row.decimal(3, 2)?,
            checking: row.decimal(4, 2)?,
        };
        Ok(())
    }
}

const fn cents(cents: i64) -> Value<'static> {
    Value::Decimal(Decimal::cents(cents))
}
