//! What the load engine runs: transactions, said once for all engines.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::check::Check;
use crate::error::DbError;
use crate::random::Rng;
use crate::session::{Session, Statement};
use crate::steps::Steps;

use super::client::Seat;

/// A benchmark made ready for one case: its transaction types, its statements and its clients.
pub trait Workload: Send + Sync {
    /// The names of its transaction types; [`Draw::transaction`] counts in this list.
    fn transactions(&self) -> &[&'static str];

    /// The statements that every session prepares; clients address them by place.
    fn statements(&self) -> &[Statement];

    /// Client number `index`, counted from 0, with a random stream of its own.
    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient>;

    /// The number of measured transactions that client `index` runs where that is the workload's matter
    /// and [`Length::Transactions`](super::Length::Transactions) is not divided evenly.
    fn quota(&self, _index: u32) -> Option<u64> {
        None
    }

    /// What the clients counted beyond the number of their commits, such as rows deleted: for the
    /// benchmark's accounting.
    fn counted(&self) -> BTreeMap<&'static str, i64> {
        BTreeMap::new()
    }

    /// What the clients know of single values in the tables, by the name that the benchmark gives
    /// to each: for its accounting, once the load is over.
    fn witnessed(&self) -> BTreeMap<String, Witness> {
        BTreeMap::new()
    }

    /// Whether what the clients were answered is what they should have been, once the load is over.
    /// Where that did not come to its end, being `whole`, what they were never answered is no fault.
    fn checks(&self, _whole: bool) -> Vec<Check> {
        Vec::new()
    }
}

/// What the clients of a case know of one value in the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witness {
    /// It was overwritten. The last version of it was the last that its client wrote, so it is one
    /// of these. A text is told by its hash.
    Written {
        /// The last acknowledged write of each client that has one.
        acknowledged: Vec<i64>,
        /// All writes of unknown outcome.
        unknown: Vec<i64>,
    },
    /// Acknowledged commits moved it by this much, and nothing else did.
    Moved(i64),
    /// A transaction of unknown outcome may have moved it.
    Unknown,
}

/// One simulated user.
///
/// The engine calls `draw`, waits for the keying time, calls `run`, again with the same inputs for
/// each retry, and then waits for the think time.
pub trait Client: 'static {
    /// Chooses the next transaction and draws all its inputs. They stay the same until the next
    /// call, so that a retry repeats them, and so that inputs depend on the seed alone.
    fn draw(&mut self) -> Draw;

    /// Runs the drawn transaction once, from `begin` to `commit`. The engine rolls back after an
    /// error and decides whether to call again.
    fn run(&mut self, steps: &mut Steps<'_>) -> impl Future<Output = Result<Outcome, DbError>>;

    /// How long the user thinks after the transaction; not part of any latency.
    fn think_time(&mut self) -> Duration {
        Duration::ZERO
    }
}

/// A [`Client`] of any type. The load engine's loop is compiled for each type of client, so that
/// it runs transactions without asking for the type, or for memory, at each one.
pub trait AnyClient {
    /// See [`Client::draw`].
    fn draw(&mut self) -> Draw;

    /// Runs the drawn transaction once on a session, see [`Client::run`].
    fn run<'c>(&'c mut self, session: &'c mut dyn Session) -> Running<'c>;

    /// See [`Client::think_time`].
    fn think_time(&mut self) -> Duration;

    /// Runs transactions until the load ends.
    #[doc(hidden)]
    fn work(self: Box<Self>, seat: Seat) -> Pin<Box<dyn Future<Output = ()>>>;
}

/// A transaction that runs.
pub type Running<'c> = Pin<Box<dyn Future<Output = Result<Outcome, DbError>> + 'c>>;

impl<C: Client> AnyClient for C {
    fn draw(&mut self) -> Draw {
        Client::draw(self)
    }

    fn run<'c>(&'c mut self, session: &'c mut dyn Session) -> Running<'c> {
        Box::pin(async move { Client::run(self, &mut Steps::new(session)).await })
    }

    fn think_time(&mut self) -> Duration {
        Client::think_time(self)
    }

    fn work(self: Box<Self>, seat: Seat) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(super::client::work(*self, seat))
    }
}

/// A transaction about to run.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Its type: a place in [`Workload::transactions`].
    pub transaction: usize,
    /// How long the user types before it is sent; not part of any latency.
    pub keying_time: Duration,
}

impl Draw {
    /// A transaction of the given type, sent at once.
    pub const fn now(transaction: usize) -> Self {
        Self { transaction, keying_time: Duration::ZERO }
    }
}

/// How a transaction ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It committed.
    Committed,
    /// It rolled back because its inputs ask for that (TPC-C 2.4.1.4).
    RolledBack,
}

/// Every transaction that the clients of a case saw end, warm-up and all, by type: what the tables
/// must account for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Counts by transaction type.
    pub transactions: BTreeMap<&'static str, TallyEntry>,
}

/// The ends of the transactions of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TallyEntry {
    /// The commit was acknowledged.
    pub committed: u64,
    /// Rolled back as the workload meant to.
    pub rolled_back: u64,
    /// The connection broke during the commit, so that it may have taken effect or not.
    pub unknown: u64,
}

impl Tally {
    /// The counts of one type.
    pub fn of(&self, transaction: &str) -> TallyEntry {
        self.transactions.get(transaction).copied().unwrap_or_default()
    }

    /// The counts of all types together.
    pub fn total(&self) -> TallyEntry {
        self.transactions.values().fold(TallyEntry::default(), |sum, entry| TallyEntry {
            committed: sum.committed + entry.committed,
            rolled_back: sum.rolled_back + entry.rolled_back,
            unknown: sum.unknown + entry.unknown,
        })
    }
}
