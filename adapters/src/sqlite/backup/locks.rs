//! The locks that the connection of a backup holds on the database (<https://www.sqlite.org/c3ref/txn_state.html>).
//!
//! SQLite does not tell one connection about another, and `BEGIN IMMEDIATE` with no patience says under a load that
//! somebody holds the write lock, which is always so. The connection itself knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use dbdyno_core::DbError;
use dbdyno_core::backup::{Lock, LockWatch, LocksSeen};
use rusqlite::{Connection, TransactionState};

/// What it may hold, the weakest first: in WAL mode readers keep nobody from anything but reusing the log.
const STATES: [&str; 3] = ["", "READ", "WRITE"];

/// What a connection holds: a place in [`STATES`].
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Arc<AtomicU8>);

impl Held {
    /// Notes what the connection says that it holds now.
    pub(super) fn note(&self, connection: &Connection) {
        let state = connection.transaction_state(None::<&str>);
        self.0.store(
            match state {
                Ok(TransactionState::Write) => 2,
                Ok(TransactionState::Read) => 1,
                Ok(_) | Err(_) => 0,
            },
            Ordering::Relaxed,
        );
    }

    /// Notes that the connection reads within the one statement that it is about to run, in whose midst it cannot be
    /// asked.
    pub(super) fn note_reading(&self) {
        self.0.store(1, Ordering::Relaxed);
    }
}

impl LockWatch for Held {
    fn look(&mut self) -> Result<LocksSeen, DbError> {
        let rank = usize::from(self.0.load(Ordering::Relaxed));
        let mode = STATES.get(rank).filter(|mode| !mode.is_empty());
        let strongest = mode.map(|mode| Lock { rank, mode: (*mode).to_owned() });
        Ok(LocksSeen { held: Some(u32::from(strongest.is_some())), strongest, waiting: None })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use super::*;

    #[test]
    fn a_connection_knows_what_it_holds() {
        let connection = Connection::open_in_memory().unwrap();
        let mut held = Held::default();
        for (statement, mode) in [
            ("CREATE TABLE t (a)", None),
            ("BEGIN; SELECT * FROM t", Some("READ")),
            ("COMMIT; BEGIN IMMEDIATE", Some("WRITE")),
            ("ROLLBACK", None),
        ] {
            connection.execute_batch(statement).unwrap();
            held.note(&connection);
            let seen = held.look().unwrap();
            assert_eq!(seen.strongest.map(|lock| lock.mode).as_deref(), mode, "{statement}");
            assert_eq!(seen.held, Some(u32::from(mode.is_some())));
        }
    }
}
