//! What a session is asked, and how it answers.

use std::future::poll_fn;
use std::task::{Context, Poll};

use async_trait::async_trait;

use crate::error::DbError;
use crate::rows::RowVisitor;
use crate::value::Value;

/// A statement that sessions prepare once and address by its place in the list.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its name, for `dbdyno list --sql` and error messages.
    pub name: &'static str,
    /// Portable SQL, as [`Dialect::statement`](crate::Dialect::statement) reads it.
    pub sql: String,
}

impl Statement {
    /// A named statement.
    pub fn new(name: &'static str, sql: impl Into<String>) -> Self {
        Self { name, sql: sql.into() }
    }
}

/// The place of a statement in the list given to [`Session::prepare`].
pub type StatementId = usize;

/// Whether a transaction writes. Only engines that must know beforehand are told (SQLite takes
/// the write lock at `BEGIN IMMEDIATE`); on others both begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Read,
    /// It may write.
    Write,
}

/// What a session is asked on the load path.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Begin a transaction at the session's isolation level.
    Begin(Access),
    /// Commit the transaction.
    Commit,
    /// Run a prepared statement with these parameters.
    Run(StatementId, &'a [Value<'a>]),
}

/// One open connection. Its methods are called one at a time. A method that fails with
/// [`ErrorClass::Disconnected`](crate::ErrorClass) leaves a session that is good for nothing but
/// being dropped.
///
/// Statements outside of `begin` … `commit` commit by themselves; a connection lost in one of them
/// is an error whose outcome is unknown, as in `commit`.
///
/// An adapter implements the methods of the trait. The load path is [`request`](Self::request) and
/// [`poll_answer`](Self::poll_answer), which allocate nothing, not even a future. Workloads take
/// [`Steps`](crate::Steps) over them; the methods of `dyn Session` are for whoever has one statement to
/// run, and no transaction that might be pipelined.
#[async_trait]
pub trait Session: Send {
    /// Prepares a list of statements, replacing those of an earlier call.
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError>;

    /// The names of the columns that a prepared statement answers, none where it answers no rows. Not for
    /// the load path.
    ///
    /// # Errors
    /// It is not prepared, or the driver cannot tell.
    fn columns(&self, _id: StatementId) -> Result<Vec<String>, DbError> {
        Err(DbError::unexpected("the driver does not tell the names of columns"))
    }

    /// Rolls back the transaction; does nothing where there is none.
    async fn rollback(&mut self) -> Result<(), DbError>;

    /// Runs one statement in the engine's own SQL, unprepared: set-up work.
    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError>;

    /// Runs one query in the engine's own SQL, without parameters: set-up work and checks.
    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError>;

    /// Whether requests may be made before the answers to earlier ones were read: the session was
    /// opened with [`SessionOptions::pipeline`](crate::SessionOptions) on a driver that can.
    fn pipelines(&self) -> bool {
        false
    }

    /// Makes a request, to be answered by [`poll_answer`](Self::poll_answer). An error, such as a
    /// parameter that does not fit, is the answer's. Only a session that pipelines takes another
    /// one before the answer; they are sent together once an answer is asked for.
    ///
    /// A session whose answer is not waited for is as good as disconnected.
    fn request(&mut self, request: Request<'_>);

    /// The answer to the oldest request that has none: the number of rows answered or, for a
    /// statement without rows, matched; `visit` is called with each row. Every row is read even
    /// where `visit` fails; the first failure is returned.
    ///
    /// After an engine's error the requests made with it before this call are void: nothing that
    /// came after the failed one takes effect, and none of them is answered any more.
    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>>;
}

impl<'s> dyn Session + 's {
    /// Begins a transaction at the session's isolation level.
    ///
    /// # Errors
    /// The engine refuses, or the connection broke.
    #[inline]
    pub async fn begin(&mut self, access: Access) -> Result<(), DbError> {
        self.request(Request::Begin(access));
        self.answer(&mut |_| Ok(())).await.map(|_| ())
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// The engine rolled back instead, or the connection broke and the outcome is unknown.
    #[inline]
    pub async fn commit(&mut self) -> Result<(), DbError> {
        self.request(Request::Commit);
        self.answer(&mut |_| Ok(())).await.map(|_| ())
    }

    /// Runs a prepared statement that answers no rows; gives the number of rows it matched.
    ///
    /// # Errors
    /// The engine refuses, or the connection broke.
    #[inline]
    pub async fn execute(&mut self, id: StatementId, params: &[Value<'_>]) -> Result<u64, DbError> {
        self.request(Request::Run(id, params));
        self.answer(&mut |_| Ok(())).await
    }

    /// Runs a prepared query, calling `visit` with each row; gives the number of rows. Every row
    /// is read even where `visit` fails; the first failure is returned.
    ///
    /// # Errors
    /// The engine refuses, `visit` fails, or the connection broke.
    #[inline]
    pub async fn query(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        visit: &mut RowVisitor<'_>,
    ) -> Result<u64, DbError> {
        self.request(Request::Run(id, params));
        self.answer(visit).await
    }

    /// Waits for the answer to the oldest request that has none.
    ///
    /// # Errors
    /// The engine refuses, `visit` fails, or the connection broke.
    #[inline]
    pub async fn answer(&mut self, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        poll_fn(|context| self.poll_answer(context, visit)).await
    }
}
