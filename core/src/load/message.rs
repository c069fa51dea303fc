//! What workers tell the collector.

use crate::error::{DbError, Error, Result};

use super::recording::Interval;

/// A message from a worker.
#[derive(Debug)]
pub enum Message {
    /// A client has its session and waits for the start.
    Ready,
    /// A client could not get its session: there will be no start.
    NotReady(DbError),
    /// The worker's counts of `second`; all seconds before `done_until` are complete.
    Flush { worker: usize, second: u64, done_until: u64, intervals: Vec<Interval> },
    /// A busy worker lets others have their turn on its thread.
    Turn,
    /// A client lost its connection.
    Lost { at_ns: u64, error: DbError },
    /// A client has a connection again.
    Back { at_ns: u64 },
    /// A throwaway server that died was started again, or ran all the time (`false`).
    Restarted(Result<bool>),
    /// A client cannot go on, so the case cannot.
    Fatal(Error),
    /// All clients of the worker have ended; `abandoned` transactions, by type, never did. `ended_well` has
    /// the number of each client and how many of its transactions ended well in the window.
    Done { worker: usize, abandoned: Vec<usize>, ended_well: Vec<(u32, u64)> },
}
