//! What set-up work and checks ask of a session again and again: exactly one row, one number.

use std::time::Duration;

use crate::error::{DbError, ErrorClass};
use crate::rows::Row;
use crate::session::Session;

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

/// Waits for an answer no longer than `limit`: a server that stands still gives none. The session that was
/// asked is of no more use then.
///
/// # Errors
/// It failed, or there was none in time.
pub async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answered) => answered,
        Err(_) => {
            let why = format!("the server did not answer within {} s", limit.as_secs_f64());
            Err(DbError::new(ErrorClass::StatementTimeout, None, why))
        }
    }
}
