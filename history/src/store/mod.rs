//! A history in memory, small: numbers for keys and values, and each list once.
//!
//! A million transactions of four operations take about 150 MB. Every list that was read is a place
//! in the tree of the lists of its key ([`Lists`]), so that its length does not matter.

mod build;
mod lists;
mod memory;
mod read;
mod show;
mod writes;

use crate::atom::{Atom, Names};
pub use crate::attempt::Outcome;
pub use lists::{Lists, Version};
pub(crate) use read::MEND;
pub use read::ReadOptions;
pub use writes::Writes;

/// What the operations of a history are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Values are appended to lists, and whole lists are read.
    ListAppend,
    /// Registers are written and read.
    RwRegister,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::ListAppend, Self::RwRegister];

    /// The word used on the command line, which is Elle's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ListAppend => "list-append",
            Self::RwRegister => "rw-register",
        }
    }
}

/// A number that stands for none.
pub const NONE: u32 = u32::MAX;

/// A history, ready to be checked.
#[derive(Debug)]
pub struct History {
    pub(crate) source: String,
    pub(crate) kind: Kind,
    pub(crate) names: Names,
    pub(crate) keys: Vec<Atom>,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) processes: Vec<i64>,
    pub(crate) writes: Writes,
    pub(crate) lists: Lists,
    pub(crate) events: u32,
}

/// A transaction: one attempt of one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transaction {
    /// Its operations reach from here to the next transaction's.
    pub first: u32,
    /// Its place among the processes, or [`NONE`].
    pub process: u32,
    /// The place of its invocation among all events; [`NONE`] where the history has none.
    pub invoked: u32,
    /// The place of its completion; [`NONE`] where it never came.
    pub completed: u32,
    /// The number that its last event has in its file.
    pub index: u32,
    pub outcome: Outcome,
}

/// An operation. What `value` and `length` mean depends on what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    action_and_key: u32,
    value: u32,
    length: u32,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Appends or writes the value of this write.
    Write(u32),
    /// Read this version of a list.
    ReadList(Version),
    /// Read the register that this write made, or [`NONE`] made.
    ReadRegister(u32),
    /// Was to read; the answer is not known.
    ReadUnknown,
}

/// Keys that a history may have.
pub(crate) const MOST_KEYS: usize = 1 << 30;

impl Operation {
    pub fn new(key: u32, action: Action) -> Self {
        let (tag, value, length) = match action {
            Action::Write(write) => (0, write, 0),
            Action::ReadList(version) => (1, version.branch, version.length),
            Action::ReadRegister(write) => (2, write, 0),
            Action::ReadUnknown => (3, 0, 0),
        };
        Self { action_and_key: tag << 30 | key, value, length }
    }

    #[inline]
    pub fn key(self) -> u32 {
        self.action_and_key & (MOST_KEYS as u32 - 1)
    }

    #[inline]
    pub fn action(self) -> Action {
        match self.action_and_key >> 30 {
            0 => Action::Write(self.value),
            1 => Action::ReadList(Version { branch: self.value, length: self.length }),
            2 => Action::ReadRegister(self.value),
            _ => Action::ReadUnknown,
        }
    }
}

impl History {
    /// What it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What its operations are about.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many transactions there are, attempts that were aborted included.
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// How many transactions ended in `outcome`.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.transactions.iter().filter(|transaction| transaction.outcome == outcome).count()
    }

    /// How many operations there are.
    pub fn operations(&self) -> usize {
        self.operations.len()
    }

    /// The places of a transaction's operations.
    #[inline]
    pub(crate) fn range(&self, transaction: u32) -> std::ops::Range<usize> {
        let at = transaction as usize;
        let end =
            self.transactions.get(at + 1).map_or(self.operations.len() as u32, |next| next.first);
        self.transactions[at].first as usize..end as usize
    }

    #[inline]
    pub(crate) fn operations_of(&self, transaction: u32) -> &[Operation] {
        &self.operations[self.range(transaction)]
    }

    #[inline]
    pub(crate) fn outcome(&self, transaction: u32) -> Outcome {
        self.transactions[transaction as usize].outcome
    }

    /// The numbers of all transactions that were committed.
    pub(crate) fn committed(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.transactions.len() as u32)
            .filter(|number| self.outcome(*number) == Outcome::Committed)
    }

    /// Whether a write is followed by another of its transaction to the same key.
    pub(crate) fn is_intermediate(&self, write: u32) -> bool {
        let write = self.writes.get(write);
        let end = self.range(write.transaction).end;
        self.operations[write.operation as usize + 1..end].iter().any(|operation| {
            operation.key() == write.key && matches!(operation.action(), Action::Write(_))
        })
    }
}

impl History {
    /// Where an operation stands in its transaction, from 0.
    pub(crate) fn position(&self, transaction: u32, operation: u32) -> Option<usize> {
        (operation as usize).checked_sub(self.transactions[transaction as usize].first as usize)
    }

    /// Where a transaction makes a write, from 0.
    pub(crate) fn position_of_write(&self, transaction: u32, write: u32) -> Option<usize> {
        let operations = self.operations_of(transaction);
        operations.iter().position(|operation| operation.action() == Action::Write(write))
    }
}

impl History {
    /// Whether a transaction had been committed before another began.
    pub(crate) fn precedes(&self, one: u32, other: u32) -> bool {
        let ended = self.transactions[one as usize].completed;
        let began = self.transactions[other as usize].invoked;
        ended != NONE && began != NONE && ended < began
    }
}
