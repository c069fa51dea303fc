//! What SQLite's result codes mean in the words that all engines share.

use dbdyno_core::{DbError, ErrorClass};
use rusqlite::{Error, ffi};

/// An error of SQLite as dbdyno reports it. The code is the extended result code
/// (<https://www.sqlite.org/rescode.html>).
#[cold]
pub fn translate(error: Error) -> DbError {
    match error {
        Error::SqliteFailure(failure, words) => {
            let words = words.unwrap_or_else(|| failure.to_string());
            failed(failure.extended_code, words)
        }
        Error::SqlInputError { error, msg, sql, .. } => {
            failed(error.extended_code, format!("{msg} in `{sql}`"))
        }
        other => DbError::unexpected(other.to_string()),
    }
}

/// The class of an extended result code.
pub fn class(extended: i32) -> ErrorClass {
    match (extended, extended & 0xff) {
        // A reader that wants to write after somebody else did: the snapshot is stale and waiting
        // cannot help (https://www.sqlite.org/rescode.html#busy_snapshot).
        (ffi::SQLITE_BUSY_SNAPSHOT, _) => ErrorClass::Serialization,
        (_, ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED) => ErrorClass::LockTimeout,
        (_, ffi::SQLITE_CONSTRAINT) => ErrorClass::Constraint,
        // Nothing but a time limit interrupts what dbdyno runs.
        (_, ffi::SQLITE_INTERRUPT) => ErrorClass::StatementTimeout,
        _ => ErrorClass::Other,
    }
}

/// The error of an extended result code, in SQLite's words and ours.
#[cold]
pub fn failed(extended: i32, words: String) -> DbError {
    let message = match remedy(extended) {
        Some(remedy) => format!("{words}: {remedy}"),
        None => words,
    };
    DbError::new(class(extended), Some(extended.to_string()), message)
}

/// What a person should know or do about an error whose own words are too short.
fn remedy(extended: i32) -> Option<&'static str> {
    match extended & 0xff {
        ffi::SQLITE_FULL => Some(
            "the disk is full, or the file has reached `max_page_count`; free some space or \
             lower --scale",
        ),
        ffi::SQLITE_IOERR => Some(
            "the operating system could not read or write the file; look for a full or failing \
             disk",
        ),
        ffi::SQLITE_READONLY => Some("the file or its folder cannot be written"),
        ffi::SQLITE_CANTOPEN => Some("the file or its folder cannot be opened"),
        // Nothing but what records change sets refuses statements.
        ffi::SQLITE_AUTH => Some(
            "a replica is sent the rows that change and nothing else: tables and indexes are made \
             before it is",
        ),
        ffi::SQLITE_CORRUPT => Some("the file is damaged; remove it and load again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_codes_have_their_class() {
        for (code, expected) in [
            (ffi::SQLITE_BUSY_SNAPSHOT, ErrorClass::Serialization),
            (ffi::SQLITE_BUSY, ErrorClass::LockTimeout),
            (ffi::SQLITE_BUSY_TIMEOUT, ErrorClass::LockTimeout),
            (ffi::SQLITE_LOCKED_SHAREDCACHE, ErrorClass::LockTimeout),
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ErrorClass::Constraint),
            (ffi::SQLITE_FULL, ErrorClass::Other),
            (ffi::SQLITE_IOERR_FSYNC, ErrorClass::Other),
        ] {
            assert_eq!(class(code), expected, "{code}");
        }
    }
}
