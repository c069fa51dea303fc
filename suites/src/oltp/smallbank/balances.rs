//! How far the clients moved the balances. Customers are put into groups, all of them, and every
//! group's savings and checking accounts are added up: what moves money between customers moves
//! two of the sums, so that none of it can be lost unnoticed as long as the two are not in one
//! group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dbdyno_core::load::Witness;
use dbdyno_core::{DbError, Row, Session};

/// Groups of customers; a customer's is the remainder of its number.
const GROUPS: usize = 1_000;

/// The accounts that each customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    Savings,
    Checking,
}

const ACCOUNTS: [(Account, &str); 2] =
    [(Account::Savings, "savings"), (Account::Checking, "checking")];

/// What a transaction does to an account.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    pub account: Account,
    pub customer: i64,
    pub cents: i64,
    pub how: How,
}

/// How a transaction makes a move.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// By adding, with its last statements.
    Adding,
    /// By setting the balance to zero, with its last statements.
    Emptying,
    /// By an earlier statement.
    Done,
}

impl Move {
    /// A move that is to be made by adding.
    pub const fn adding(account: Account, customer: i64, cents: i64) -> Self {
        Self { account, customer, cents, how: How::Adding }
    }
}

/// The most accounts that a transaction writes.
const MOST_MOVES: usize = 3;

/// All that a transaction does.
pub type Moves = [Option<Move>; MOST_MOVES];

/// How far all clients of a case moved the balances.
#[derive(Debug, Default)]
pub struct Balances {
    clients: Mutex<Vec<Arc<ClientBalances>>>,
}

/// How far one client moved the balances, in cents by account and group. Only the client writes.
#[derive(Debug)]
pub struct ClientBalances {
    moved: Box<[AtomicI64]>,
    /// Places in `moved` that transactions of unknown outcome would have touched.
    unknown: Mutex<BTreeSet<usize>>,
}

/// A transaction about to end. One whose commit was sent and that is dropped without being settled
/// is of unknown outcome.
#[derive(Debug)]
#[must_use]
pub struct Committing<'c> {
    balances: &'c ClientBalances,
    moves: Moves,
}

impl Balances {
    /// For one more client.
    pub fn open(&self) -> Arc<ClientBalances> {
        let moved = (0..ACCOUNTS.len() * GROUPS).map(|_| AtomicI64::new(0)).collect();
        let client = Arc::new(ClientBalances { moved, unknown: Mutex::default() });
        lock(&self.clients).push(Arc::clone(&client));
        client
    }

    /// How far each sum was moved, by its name.
    pub fn witnessed(&self) -> BTreeMap<String, Witness> {
        let clients = lock(&self.clients);
        let unknown: BTreeSet<usize> =
            clients.iter().flat_map(|client| lock(&client.unknown).clone()).collect();
        let moved = |place: usize| -> i64 {
            clients.iter().map(|client| client.moved[place].load(Ordering::Relaxed)).sum()
        };
        let witness = |place| match moved(place) {
            _ if unknown.contains(&place) => Some(Witness::Unknown),
            0 => None,
            cents => Some(Witness::Moved(cents)),
        };
        (0..ACCOUNTS.len() * GROUPS)
            .filter_map(|place| {
                let (_, table) = ACCOUNTS[place / GROUPS];
                witness(place).map(|witness| (name(table, place % GROUPS), witness))
            })
            .collect()
    }
}

/// The sums in the tables, in cents by name.
pub async fn sums(session: &mut dyn Session) -> Result<BTreeMap<String, i64>, DbError> {
    let mut sums = BTreeMap::new();
    for (_, table) in ACCOUNTS {
        let sql =
            format!("SELECT custid % {GROUPS}, SUM(bal) FROM {table} GROUP BY custid % {GROUPS}");
        let mut visit = |row: &dyn Row| {
            let group = usize::try_from(row.int(0)?).unwrap_or(usize::MAX);
            sums.insert(name(table, group), row.decimal(1, 2)?);
            Ok(())
        };
        session.query_sql(&sql, &mut visit).await?;
    }
    Ok(sums)
}

fn name(table: &str, group: usize) -> String {
    format!("cents in {table} of all custid % {GROUPS} = {group}")
}

impl ClientBalances {
    /// A transaction about to end.
    pub fn committing(&self) -> Committing<'_> {
        Committing { balances: self, moves: Moves::default() }
    }
}

impl Committing<'_> {
    /// Notes that the commit is about to be sent.
    pub const fn sending_commit(&mut self, moves: Moves) {
        self.moves = moves;
    }

    /// Notes how the commit ended.
    pub fn settle(mut self, result: &Result<(), DbError>) {
        if result.as_ref().is_err_and(|error| error.outcome_unknown) {
            return;
        }
        let moves = std::mem::take(&mut self.moves);
        if result.is_ok() {
            for change in moves.iter().flatten() {
                let moved = &self.balances.moved[place(change)];
                moved.fetch_add(change.cents, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        if self.moves.iter().any(Option::is_some) {
            lock(&self.balances.unknown).extend(self.moves.iter().flatten().map(place));
        }
    }
}

/// Where a move counts.
const fn place(change: &Move) -> usize {
    change.account as usize * GROUPS + (change.customer.unsigned_abs() % GROUPS as u64) as usize
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
