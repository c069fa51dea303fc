//! Compiled statements, kept with their connection and addressed by place.
//!
//! A compiled statement of rusqlite borrows its connection, and neither may leave its thread while
//! the other is borrowed. A session, though, must be free to move before it is used. So from the
//! moment its statements are prepared, a session's connection lives in its thread's own storage
//! and the session holds no more than the place of it there. rusqlite's statement cache would do
//! without that, at the price of hashing and copying a statement's text for every execution.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use dbdyno_core::{DbError, ErrorClass, StatementId};
use rusqlite::{Connection, Statement};
use self_cell::self_cell;

use super::errors::translate;

/// The statements of a session, all compiled.
pub struct Compiled<'c> {
    /// Those that begin and end transactions, in the order of [`Control`].
    control: Vec<Statement<'c>>,
    /// Those of the workload.
    workload: Vec<Statement<'c>>,
}

/// A statement that begins or ends a transaction.
#[derive(Clone, Copy, Debug)]
pub enum Control {
    /// Begins one that only reads.
    BeginRead,
    /// Begins one that may write.
    BeginWrite,
    /// Commits.
    Commit,
    /// Rolls back.
    Rollback,
}

impl Control {
    /// Its SQL, with what begins a transaction that may write.
    pub fn sql(self, begin_write: &'static str) -> &'static str {
        match self {
            Self::BeginRead => "BEGIN",
            Self::BeginWrite => begin_write,
            Self::Commit => "COMMIT",
            Self::Rollback => "ROLLBACK",
        }
    }
}

impl<'c> Compiled<'c> {
    fn new(connection: &'c Connection, sql: &Sql<'_>) -> Result<Self, DbError> {
        let controls =
            [Control::BeginRead, Control::BeginWrite, Control::Commit, Control::Rollback];
        let control = controls
            .iter()
            .map(|control| connection.prepare(control.sql(sql.begin_write)).map_err(translate))
            .collect::<Result<_, _>>()?;
        let workload = sql
            .workload
            .iter()
            .map(|(name, sql)| {
                connection.prepare(sql).map_err(|error| {
                    let mut error = translate(error);
                    error.message = format!("statement `{name}`: {}", error.message);
                    error
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { control, workload })
    }

    /// The statement that begins or ends a transaction.
    pub fn control(&mut self, control: Control) -> Result<&mut Statement<'c>, DbError> {
        self.control.get_mut(control as usize).ok_or_else(|| not_prepared(control as usize))
    }

    /// A statement of the workload.
    pub fn workload(&mut self, id: StatementId) -> Result<&mut Statement<'c>, DbError> {
        self.workload.get_mut(id).ok_or_else(|| not_prepared(id))
    }
}

/// The error for a statement that nobody has prepared.
pub fn not_prepared(id: StatementId) -> DbError {
    DbError::unexpected(format!("no statement number {id} has been prepared"))
}

/// What a session compiles.
pub struct Sql<'s> {
    /// Begins a transaction that may write.
    pub begin_write: &'static str,
    /// Names and texts of the workload's statements.
    pub workload: &'s [(&'static str, String)],
}

self_cell!(
    struct Held {
        owner: Connection,
        #[not_covariant]
        dependent: Compiled,
    }
);

/// The connections of one thread, by place.
struct Places {
    thread: u64,
    held: RefCell<Vec<Option<Held>>>,
}

thread_local! {
    static PLACES: Places = {
        static THREADS: AtomicU64 = AtomicU64::new(0);
        let thread = THREADS.fetch_add(1, Ordering::Relaxed);
        Places { thread, held: RefCell::new(Vec::new()) }
    };
}

/// Where a connection with compiled statements is: a place in the storage of one thread. It is
/// closed when this is dropped on that thread, or when the thread ends.
pub struct Place {
    thread: u64,
    index: usize,
}

/// A connection whose statements could not be compiled, and why.
pub type Refused = (Connection, DbError);

impl Place {
    /// Compiles statements on a connection and keeps both on this thread. An error gives the
    /// connection back.
    pub fn keep(connection: Connection, sql: &Sql<'_>) -> Result<Self, Box<Refused>> {
        let held =
            Held::try_new_or_recover(connection, |connection| Compiled::new(connection, sql))
                .map_err(Box::new)?;
        Ok(PLACES.with(|places| {
            let mut slots = places.held.borrow_mut();
            let index = match slots.iter().position(Option::is_none) {
                Some(free) => free,
                None => {
                    slots.push(None);
                    slots.len() - 1
                }
            };
            slots[index] = Some(held);
            Self { thread: places.thread, index }
        }))
    }

    /// Works with the connection and its statements.
    pub fn with<T>(
        &self,
        work: impl for<'c> FnOnce(&'c Connection, &mut Compiled<'c>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        // Taken out meanwhile, so that `work` may use other sessions of this thread.
        let mut held = self.take()?;
        let result = held.with_dependent_mut(work);
        PLACES.with(|places| {
            if let Some(slot) = places.held.borrow_mut().get_mut(self.index) {
                *slot = Some(held);
            }
        });
        result
    }

    /// Takes the connection away, its statements dropped.
    pub fn release(self) -> Result<Connection, DbError> {
        self.take().map(Held::into_owner)
    }

    fn take(&self) -> Result<Held, DbError> {
        PLACES
            .try_with(|places| {
                let mut slots = places.held.borrow_mut();
                let own = places.thread == self.thread;
                slots.get_mut(self.index).filter(|_| own).and_then(Option::take)
            })
            .ok()
            .flatten()
            .ok_or_else(|| {
                DbError::new(
                    ErrorClass::Disconnected,
                    None,
                    "an SQLite session is used on another thread than the one that prepared its \
                     statements, or was given up there",
                )
            })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing is there after `release`, or where the thread has ended.
        drop(self.take());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn keep(sql: &str) -> Result<Place, Box<Refused>> {
        let connection = Connection::open_in_memory().unwrap();
        let workload = [("only", sql.to_owned())];
        Place::keep(connection, &Sql { begin_write: "BEGIN IMMEDIATE", workload: &workload })
    }

    fn answer(place: &Place) -> Result<i64, DbError> {
        place.with(|_, compiled| {
            compiled.workload(0)?.query_row([], |row| row.get(0)).map_err(translate)
        })
    }

    #[test]
    fn places_are_used_again() {
        let first = keep("SELECT 1").unwrap();
        let second = keep("SELECT 2").unwrap();
        let index = first.index;
        // One session may be used while another is.
        let sum = first.with(|_, _| answer(&second)).unwrap() + answer(&first).unwrap();
        assert_eq!(sum, 3);
        drop(first);
        let third = keep("SELECT 3").unwrap();
        assert_eq!(third.index, index);
        assert_eq!((answer(&second).unwrap(), answer(&third).unwrap()), (2, 3));
        assert!(second.release().is_ok());
    }

    #[test]
    fn another_thread_is_told_what_is_wrong() {
        let place = keep("SELECT 1").unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let _own = keep("SELECT 2").unwrap();
                answer(&place)
            });
            let error = other.join().unwrap().unwrap_err();
            assert!(error.message.contains("another thread"), "{error}");
        });
        assert_eq!(answer(&place).unwrap(), 1);
    }

    #[test]
    fn a_bad_statement_gives_the_connection_back() {
        let (connection, error) = *keep("SELEC").err().unwrap();
        assert!(error.message.contains("`only`"), "{error}");
        assert!(connection.is_autocommit());
    }
}
