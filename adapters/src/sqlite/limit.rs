//! How long a statement may run: SQLite asks now and then whether to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dbdyno_core::DbError;
use rusqlite::Connection;

use super::errors::translate;

/// Instructions of SQLite's virtual machine between two looks at the clock: some 50 us.
pub const INSTRUCTIONS: i32 = 5_000;

/// The time limit of a connection's statements
/// (<https://www.sqlite.org/c3ref/progress_handler.html>).
pub struct Limit {
    limit: Duration,
    epoch: Instant,
    /// When the statement that runs is to be interrupted, in nanoseconds after `epoch`.
    end_ns: Arc<AtomicU64>,
}

impl Limit {
    /// A limit for statements that run between [`begin`](Self::begin) and [`end`](Self::end), and what
    /// SQLite is to ask every [`INSTRUCTIONS`]: whether the time is over.
    pub fn new(limit: Duration) -> (Self, impl Fn() -> bool + Send + 'static) {
        let (epoch, end_ns) = (Instant::now(), Arc::new(AtomicU64::new(u64::MAX)));
        let end = Arc::clone(&end_ns);
        let is_over = move || nanos(epoch.elapsed()) >= end.load(Ordering::Relaxed);
        (Self { limit, epoch, end_ns }, is_over)
    }

    /// Limits the statements of a connection of rusqlite's.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn of(connection: &Connection, limit: Duration) -> Result<Self, DbError> {
        let (limit, is_over) = Self::new(limit);
        connection.progress_handler(INSTRUCTIONS, Some(is_over)).map_err(translate)?;
        Ok(limit)
    }

    /// Gives the statement about to run its time.
    pub fn begin(&self) {
        self.end_ns
            .store(nanos(self.epoch.elapsed().saturating_add(self.limit)), Ordering::Relaxed);
    }

    /// The statement is done: what follows it has no limit.
    pub fn end(&self) {
        self.end_ns.store(u64::MAX, Ordering::Relaxed);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
