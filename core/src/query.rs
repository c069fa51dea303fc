//! What workloads and checks ask of a session again and again: exactly one row, at most one, one
//! number.

use crate::driver::{Session, StatementId};
use crate::error::DbError;
use crate::rows::Row;
use crate::value::Value;

/// Runs a prepared query that must answer one row; gives what `read` makes of it.
///
/// # Errors
/// The engine refuses, `read` fails, or there is no row or more than one.
pub async fn query_one<T: Send>(
    session: &mut dyn Session,
    id: StatementId,
    params: &[Value<'_>],
    read: impl FnMut(&dyn Row) -> Result<T, DbError> + Send,
) -> Result<T, DbError> {
    match query_first(session, id, params, read).await? {
        (1, Some(found)) => Ok(found),
        (rows, _) => Err(wrong_count(id, params, "answered", rows)),
    }
}

/// Runs a prepared query that may answer one row or none; gives what `read` makes of it.
///
/// # Errors
/// The engine refuses, `read` fails, or there is more than one row.
pub async fn query_optional<T: Send>(
    session: &mut dyn Session,
    id: StatementId,
    params: &[Value<'_>],
    read: impl FnMut(&dyn Row) -> Result<T, DbError> + Send,
) -> Result<Option<T>, DbError> {
    match query_first(session, id, params, read).await? {
        (0 | 1, found) => Ok(found),
        (rows, _) => Err(wrong_count(id, params, "answered", rows)),
    }
}

/// Runs a prepared statement that must match one row.
///
/// # Errors
/// The engine refuses, or no row was matched or more than one.
pub async fn execute_one(
    session: &mut dyn Session,
    id: StatementId,
    params: &[Value<'_>],
) -> Result<(), DbError> {
    match session.execute(id, params).await? {
        1 => Ok(()),
        rows => Err(wrong_count(id, params, "matched", rows)),
    }
}

/// Runs a query in the engine's own SQL that must answer one row; gives what `read` makes of it.
/// For set-up work and checks.
///
/// # Errors
/// The engine refuses, `read` fails, or there is no row or more than one.
pub async fn row_sql<T: Send>(
    session: &mut dyn Session,
    sql: &str,
    mut read: impl FnMut(&dyn Row) -> Result<T, DbError> + Send,
) -> Result<T, DbError> {
    let mut first = None;
    let mut visit = |row: &dyn Row| {
        if first.is_none() {
            first = Some(read(row)?);
        }
        Ok(())
    };
    let rows = session.query_sql(sql, &mut visit).await?;
    match (rows, first) {
        (1, Some(found)) => Ok(found),
        _ => Err(DbError::unexpected(format!("{rows} rows, not one, are the answer to: {sql}"))),
    }
}

/// Runs a query in the engine's own SQL that answers one whole number.
///
/// # Errors
/// As `row_sql`, or the answer is not a whole number.
pub async fn scalar_sql(session: &mut dyn Session, sql: &str) -> Result<i64, DbError> {
    row_sql(session, sql, |row| row.int(0)).await
}

/// How many rows there were, and what `read` made of the first.
async fn query_first<T: Send>(
    session: &mut dyn Session,
    id: StatementId,
    params: &[Value<'_>],
    mut read: impl FnMut(&dyn Row) -> Result<T, DbError> + Send,
) -> Result<(u64, Option<T>), DbError> {
    let mut first = None;
    let mut visit = |row: &dyn Row| {
        if first.is_none() {
            first = Some(read(row)?);
        }
        Ok(())
    };
    let rows = session.query(id, params, &mut visit).await?;
    Ok((rows, first))
}

fn wrong_count(id: StatementId, params: &[Value<'_>], verb: &str, rows: u64) -> DbError {
    DbError::unexpected(format!(
        "statement number {id} with the parameters {params:?} {verb} {rows} rows, not one"
    ))
}
