//! What differs between sqlx's engines.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::{DbError, Dialect, Driver, SessionOptions, Value};
use sqlx::database::HasStatementCache;
use sqlx::error::DatabaseError;
use sqlx::{Connection, Database, IntoArguments};

use crate::library::SetUp;
use crate::sqlite::Limit;

/// An engine of sqlx's.
pub(crate) trait Engine:
    Database<Connection: Sync, Arguments: IntoArguments<Self>> + HasStatementCache + Sync
{
    /// The engine's own driver.
    type Own: Driver + 'static;

    /// What is known of a place for a parameter.
    type Parameter: Clone + Send + Sync;

    /// What is known of the columns of an answer.
    type Columns: Default + Send + Sync;

    /// Whether a query that is not prepared answers text.
    const TEXT_QUERIES: bool;

    /// Whether somebody else can see a connection wait for a lock.
    const WATCHABLE: bool = true;

    /// Its SQL.
    fn dialect() -> &'static dyn Dialect;

    /// Opens a connection on the target of the engine's own driver, and tells how sqlx opens another.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses the user or a setting.
    fn open(
        own: &Self::Own,
        options: &SessionOptions,
    ) -> impl Future<Output = Result<(Self::Connection, Way<Self>), DbError>> + Send;

    /// Limits the time of a connection's statements, where [what it is told first](Way::set_up) does not.
    ///
    /// # Errors
    /// The connection broke.
    fn limit(
        _connection: &mut Self::Connection,
        _limit: Duration,
    ) -> impl Future<Output = Result<Option<Limit>, DbError>> + Send {
        async { Ok(None) }
    }

    /// Why a pool's connection could not be opened, with what the engine's own driver knows of it.
    fn refused(_own: &Self::Own, why: DbError) -> DbError {
        why
    }

    /// The places of a statement's parameters.
    fn parameters(statement: &Self::Statement) -> Vec<Self::Parameter>;

    /// Adds a parameter to those that are bound.
    ///
    /// # Errors
    /// It does not fit its place.
    fn bind(
        arguments: &mut Self::Arguments,
        value: Value<'_>,
        place: &Self::Parameter,
    ) -> Result<(), String>;

    /// Looks at the columns of an answer's first row, which may be those of the statement's last answer;
    /// `text` where it comes as text.
    fn learn(columns: &mut Self::Columns, row: &Self::Row, text: bool);

    /// A column of a row.
    ///
    /// # Errors
    /// There is no such column, or it has a type that [`Value`] does not cover.
    fn value<'r>(
        row: &'r Self::Row,
        columns: &Self::Columns,
        index: usize,
    ) -> Result<Value<'r>, String>;

    /// How many rows a statement matched.
    fn matched(result: &Self::QueryResult) -> u64;

    /// What the engine said of a failure.
    fn said(error: &dyn DatabaseError) -> Option<DbError>;

    /// Whether an error within a transaction keeps it from being committed, or may have.
    fn ends_transaction(error: &DbError) -> bool;

    /// Whether an error says that there is no transaction to be rolled back.
    fn is_without_transaction(_error: &DbError) -> bool {
        false
    }
}

/// How connections of a target are opened.
pub(crate) struct Way<DB: Engine> {
    /// As sqlx has it.
    pub connect: <DB::Connection as Connection>::Options,
    /// What each is told first.
    pub set_up: SetUp,
    /// What must be there as long as one is open.
    pub keep: Option<Arc<dyn Send + Sync>>,
}
