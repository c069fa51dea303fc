//! sqlx's errors as dbdyno's.

use dbdyno_core::{DbError, ErrorClass};
use sqlx::Error;

use super::engine::Engine;

/// An error of sqlx's on an engine.
#[cold]
pub(crate) fn error<DB: Engine>(error: &Error) -> DbError {
    match error {
        Error::Database(said) => {
            DB::said(said.as_ref()).unwrap_or_else(|| DbError::unexpected(said.to_string()))
        }
        Error::Io(why) => lost(&why.to_string()),
        Error::PoolTimedOut => DbError::new(ErrorClass::PoolTimeout, None, error.to_string()),
        Error::WorkerCrashed => lost("sqlx's thread for it has ended"),
        Error::Tls(why) => DbError::unexpected(format!("TLS failed: {why}")),
        other => DbError::unexpected(other.to_string()),
    }
}

fn lost(why: &str) -> DbError {
    DbError::new(ErrorClass::Disconnected, None, format!("the connection is lost: {why}"))
}
