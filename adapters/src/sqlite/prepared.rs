//! Compiled statements, kept with their connection and addressed by place. rusqlite's statement
//! cache would do without that, at the price of hashing and copying a statement's text for every
//! execution.

use dbdyno_core::{DbError, StatementId};
use self_cell::self_cell;

use super::opened::Opened;
use super::statement::SqliteStatement;

/// The statements of a session, all compiled.
pub struct Compiled<'c> {
    /// Those that begin and end transactions, in the order of [`Control`].
    control: Vec<SqliteStatement<'c>>,
    /// Those of the workload.
    workload: Vec<WorkloadStatement<'c>>,
}

/// A statement of the workload, with its name.
pub struct WorkloadStatement<'c> {
    pub name: &'static str,
    pub statement: SqliteStatement<'c>,
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
    fn new(connection: &'c Opened, sql: &Sql<'_>) -> Result<Self, DbError> {
        let controls =
            [Control::BeginRead, Control::BeginWrite, Control::Commit, Control::Rollback];
        let control = controls
            .iter()
            .map(|control| SqliteStatement::new(connection, control.sql(sql.begin_write)))
            .collect::<Result<_, _>>()?;
        let workload = sql
            .workload
            .iter()
            .map(|(name, sql)| {
                let statement = SqliteStatement::new(connection, sql).map_err(|mut error| {
                    error.message = format!("statement `{name}`: {}", error.message);
                    error
                })?;
                Ok(WorkloadStatement { name, statement })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { control, workload })
    }

    /// The statement that begins or ends a transaction.
    #[inline]
    pub fn control(&mut self, control: Control) -> Result<&mut SqliteStatement<'c>, DbError> {
        self.control.get_mut(control as usize).ok_or_else(|| not_prepared(control as usize))
    }

    /// The names of the columns that a statement of the workload answers.
    pub fn column_names(&self, id: StatementId) -> Result<Vec<String>, DbError> {
        let found = self.workload.get(id).ok_or_else(|| not_prepared(id))?;
        Ok(found.statement.column_names())
    }

    /// A statement of the workload.
    #[inline]
    pub fn workload(&mut self, id: StatementId) -> Result<&mut WorkloadStatement<'c>, DbError> {
        self.workload.get_mut(id).ok_or_else(|| not_prepared(id))
    }
}

/// The error for a statement that nobody has prepared.
#[cold]
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
        owner: Opened,
        #[not_covariant]
        dependent: Compiled,
    }
);

/// A connection with its compiled statements.
pub struct Prepared(Held);

// SAFETY: statements stay on their thread because they borrow their connection, which others might
// use there meanwhile. Here the statements are all that borrows it: nobody else has
// access to the connection, and both move as one. SQLite lets any thread use a connection and its
// statements, one thread at a time (https://www.sqlite.org/threadsafe.html), and `&mut self` is
// what it takes to use these.
#[expect(unsafe_code, reason = "the compiler cannot see that both move as one")]
unsafe impl Send for Prepared {}

/// A connection whose statements could not be compiled, and why.
pub type Refused = (Opened, DbError);

impl Prepared {
    /// Compiles statements on a connection. An error gives the connection back.
    pub fn new(connection: Opened, sql: &Sql<'_>) -> Result<Self, Box<Refused>> {
        Held::try_new_or_recover(connection, |connection| Compiled::new(connection, sql))
            .map(Self)
            .map_err(Box::new)
    }

    /// Works with the connection and its statements.
    #[inline]
    pub fn with<T>(&mut self, work: impl for<'c> FnOnce(&'c Opened, &mut Compiled<'c>) -> T) -> T {
        self.0.with_dependent_mut(work)
    }

    /// Looks at its statements.
    pub fn look<T>(&self, look: impl for<'c> FnOnce(&Compiled<'c>) -> T) -> T {
        self.0.with_dependent(|_, compiled| look(compiled))
    }

    /// Gives the connection back, its statements dropped.
    pub fn release(self) -> Opened {
        self.0.into_owner()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use dbdyno_core::Row;

    use super::*;

    fn prepared(sql: &str) -> Result<Prepared, Box<Refused>> {
        let connection = Opened::plain(rusqlite::Connection::open_in_memory().unwrap());
        let workload = [("only", sql.to_owned())];
        Prepared::new(connection, &Sql { begin_write: "BEGIN IMMEDIATE", workload: &workload })
    }

    fn answer(prepared: &mut Prepared) -> i64 {
        prepared.with(|_, compiled| {
            let mut answer = 0;
            let mut visit = |row: &dyn Row| {
                answer = row.int(0)?;
                Ok(())
            };
            assert_eq!(compiled.workload(0).unwrap().statement.run(&mut visit).unwrap(), 1);
            answer
        })
    }

    #[test]
    fn statements_move_to_another_thread_with_their_connection() {
        let mut here = prepared("SELECT total_changes() + 7").unwrap();
        assert_eq!(answer(&mut here), 7);
        let there = std::thread::spawn(move || (answer(&mut here), here));
        let (answered, back) = there.join().unwrap();
        assert_eq!(answered, 7);
        assert!(back.release().is_autocommit());
    }

    #[test]
    fn what_sqlite_says_of_a_statement_is_kept() {
        let mut prepared = prepared("SELECT ?1, ?2").unwrap();
        prepared.with(|_, compiled| {
            let statement = compiled.workload(0).unwrap();
            assert_eq!((statement.name, statement.statement.parameters()), ("only", 2));
            assert!(compiled.workload(1).is_err());
        });
    }

    #[test]
    fn a_bad_statement_gives_the_connection_back() {
        let (connection, error) = *prepared("SELEC").err().unwrap();
        assert!(error.message.contains("`only`"), "{error}");
        assert!(connection.is_autocommit());
    }
}
