//! What differs between sqlx's engines.

use std::any::Any;

use dbdyno_core::{DbError, Dialect, Value};
use sqlx::Database;
use sqlx::database::HasStatementCache;
use sqlx::error::DatabaseError;

use crate::library::SetUp;
use crate::sqlite::Limit;

/// An engine of sqlx's.
pub(crate) trait Engine: Database + HasStatementCache {
    /// What is known of a place for a parameter.
    type Parameter: Send + Sync;

    /// What is known of the columns of an answer.
    type Columns: Default + Send + Sync;

    /// Whether a query that is not prepared answers text.
    const TEXT_QUERIES: bool;

    /// Its SQL.
    fn dialect() -> &'static dyn Dialect;

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

/// A connection that was opened, and what belongs to it.
pub(crate) struct Opened<C> {
    /// The connection, or what owns it.
    pub connection: C,
    /// What it is told first.
    pub set_up: SetUp,
    /// How long statements may run, where the engine does not see to that itself.
    pub limit: Option<Limit>,
    /// What must be there as long as it is open.
    pub _keep: Option<Box<dyn Any + Send + Sync>>,
}
