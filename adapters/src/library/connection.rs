//! What a library's connection does for a session.

use std::task::{Context, Poll};

use async_trait::async_trait;
use dbdyno_core::{Access, DbError, ErrorClass, RowVisitor, Statement, StatementId, Value};

use super::tally::Tally;

/// What a connection is asked.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// Begin a transaction.
    Begin(Access),
    /// Commit the transaction.
    Commit,
    /// Roll the transaction back; no error where the engine has ended it.
    Rollback,
    /// Run a prepared statement with the parameters that were bound last.
    Run(StatementId),
    /// Run statements in the engine's own SQL, whose rows are of no interest.
    Script(&'a str),
    /// Run a query in the engine's own SQL.
    Query(&'a str),
}

/// A client library's connection, with the statements that are prepared on it. It is asked one thing at
/// a time; to drop it, or what it answers, in the middle of an answer breaks it off.
#[async_trait]
pub trait Connection: Send {
    /// Prepares statements, which replace those of an earlier call.
    ///
    /// # Errors
    /// The engine refuses one, or the connection broke.
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError>;

    /// The names of the columns that a prepared statement answers, none where it answers no rows.
    ///
    /// # Errors
    /// It is not prepared.
    fn columns(&self, id: StatementId) -> Result<Vec<String>, DbError>;

    /// Binds the parameters with which a prepared statement is [run](Asked::Run) next.
    ///
    /// # Errors
    /// It is not prepared, or the parameters do not fit it.
    fn bind(&mut self, id: StatementId, parameters: &[Value<'_>]) -> Result<(), DbError>;

    /// Asks for something, to be answered by polling. Nothing is sent before that.
    fn ask<'c>(&'c mut self, asked: Asked<'_>) -> Box<dyn Answer + 'c>;

    /// Whether an error within a transaction keeps it from being committed, or may have.
    fn ends_transaction(&self, error: &DbError) -> bool;

    /// A pool's connection may be lent again once it is dropped, which it is next. What is dropped without
    /// this may be amidst a transaction or an answer.
    fn release(&mut self) {}
}

/// What a connection answers.
pub trait Answer: Send {
    /// Reads the answer to its end: rows and sets of them go to the tally.
    ///
    /// # Errors
    /// The engine's, or the connection broke. What a visitor refuses is the tally's.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        tally: &mut Tally,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<(), DbError>>;
}

/// What an engine's sessions are told when they are opened, whatever library opens them.
#[derive(Clone, Debug)]
pub struct SetUp {
    /// Run first.
    pub statements: Vec<String>,
    /// What begins a transaction that only reads.
    pub begin_read: &'static str,
    /// What begins a transaction that may write.
    pub begin_write: &'static str,
    /// Run before statements are prepared, and again after it: a time limit is for statements that run.
    pub around_prepare: Option<(String, String)>,
}

impl SetUp {
    /// What begins a transaction.
    pub fn begin(&self, access: Access) -> &'static str {
        match access {
            Access::Read => self.begin_read,
            Access::Write => self.begin_write,
        }
    }
}

impl Default for SetUp {
    fn default() -> Self {
        let begin = "BEGIN";
        let (begin_read, begin_write) = (begin, begin);
        Self { statements: Vec::new(), begin_read, begin_write, around_prepare: None }
    }
}

/// The answer to what a connection does not ask its server.
pub struct Refused(Option<DbError>);

impl Refused {
    /// Refuses, and says why.
    pub fn new(why: DbError) -> Self {
        Self(Some(why))
    }
}

impl Answer for Refused {
    fn poll(
        &mut self,
        _: &mut Context<'_>,
        _: &mut Tally,
        _: &mut RowVisitor<'_>,
    ) -> Poll<Result<(), DbError>> {
        let again = || DbError::unexpected("an answer was asked for twice");
        Poll::Ready(Err(self.0.take().unwrap_or_else(again)))
    }
}

/// The error of a statement that nobody has prepared.
#[cold]
pub fn not_prepared(id: StatementId) -> DbError {
    DbError::unexpected(format!("no statement number {id} has been prepared"))
}

/// Sees that a statement is given as many parameters as it takes.
///
/// # Errors
/// It is not.
#[inline]
pub fn check_count(name: &str, wanted: usize, given: usize) -> Result<(), DbError> {
    #[cold]
    fn miscounted(name: &str, wanted: usize, given: usize) -> DbError {
        DbError::unexpected(format!(
            "statement `{name}` takes {wanted} parameters and was given {given}"
        ))
    }
    if wanted == given { Ok(()) } else { Err(miscounted(name, wanted, given)) }
}

/// The error of a parameter that does not fit its place, counted from 0.
#[cold]
pub fn misfit(name: &str, index: usize, why: &str) -> DbError {
    DbError::unexpected(format!("statement `{name}`: parameter {}: {why}", index + 1))
}

/// The error of a statement, with its name where it is the statement that is wrong.
#[cold]
pub fn named(mut why: DbError, name: &str) -> DbError {
    if why.class == ErrorClass::Other {
        why.message = format!("statement `{name}`: {}", why.message);
    }
    why
}
