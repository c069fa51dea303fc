//! Applying a change set (<https://www.sqlite.org/session/sqlite3changeset_apply.html>).

#![expect(unsafe_code, reason = "SQLite is a C library")]

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use dbdyno_core::DbError;
use rusqlite::{Connection, ffi};

use super::super::errors::translate;
use super::super::opened::check;

/// What is looked for while a change set is applied, and what was found to be wrong.
struct Watch<'t> {
    tables: &'t BTreeSet<String>,
    trouble: Option<String>,
}

/// Applies a change set as one transaction, or leaves everything as it was. `tables` are those that there are:
/// changes of another one SQLite would leave out, with no more than a line in a log that nobody keeps.
///
/// # Errors
/// A row is not as it was where the change set was made, a table is unknown, or SQLite refuses.
pub fn apply(
    connection: &Connection,
    change_set: &[u8],
    tables: &BTreeSet<String>,
) -> Result<(), DbError> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(translate)?;
    let applied = apply_all(connection, change_set, tables)
        .and_then(|()| connection.execute_batch("COMMIT").map_err(translate));
    if applied.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(translate)?;
    }
    applied
}

fn apply_all(
    connection: &Connection,
    change_set: &[u8],
    tables: &BTreeSet<String>,
) -> Result<(), DbError> {
    let too_long = |_| DbError::unexpected("a change set is longer than 2 GiB");
    let length = c_int::try_from(change_set.len()).map_err(too_long)?;
    let mut watch = Watch { tables, trouble: None };
    // SAFETY: the connection is open, and the change set as long as is said; SQLite reads it and does not write
    // there. The functions are given the watch, which is there until all is applied and nobody else has.
    let code = unsafe {
        ffi::sqlite3changeset_apply(
            connection.handle(),
            length,
            change_set.as_ptr().cast_mut().cast(),
            Some(is_known),
            Some(on_conflict),
            (&raw mut watch).cast(),
        )
    };
    match watch.trouble {
        Some(trouble) => Err(DbError::unexpected(trouble)),
        None => check(code),
    }
}

/// SQLite asks whether the changes of a table are to be applied.
///
/// # Safety
/// `watch` must be a [`Watch`] that nobody else uses, and `table` a text that ends in a zero.
unsafe extern "C" fn is_known(watch: *mut c_void, table: *const c_char) -> c_int {
    // SAFETY: both are what `apply_all` and SQLite give.
    let (watch, table) = unsafe { (&mut *watch.cast::<Watch<'_>>(), CStr::from_ptr(table)) };
    let table = table.to_string_lossy();
    if watch.tables.contains(&*table) {
        return 1;
    }
    watch.trouble.get_or_insert(format!("the replica has no table `{table}`"));
    0
}

/// SQLite tells of a row that is not as it was where the change set was made.
///
/// # Safety
/// `watch` must be a [`Watch`] that nobody else uses, and `change` where SQLite is in the change set.
unsafe extern "C" fn on_conflict(
    watch: *mut c_void,
    conflict: c_int,
    change: *mut ffi::sqlite3_changeset_iter,
) -> c_int {
    let (mut table, mut columns, mut kind) = (ptr::null(), 0, 0);
    // SAFETY: the watch is what `apply_all` gives; SQLite is at a change, and all places can be written. Where it
    // is at none it says no table.
    let (watch, table) = unsafe {
        let (to_columns, to_kind) = (&raw mut columns, &raw mut kind);
        ffi::sqlite3changeset_op(change, &raw mut table, to_columns, to_kind, ptr::null_mut());
        let name = match table.is_null() {
            true => "some table".into(),
            false => CStr::from_ptr(table).to_string_lossy(),
        };
        (&mut *watch.cast::<Watch<'_>>(), name)
    };
    let change = match kind {
        ffi::SQLITE_INSERT => "an insert into",
        ffi::SQLITE_DELETE => "a delete from",
        _ => "an update of",
    };
    let what = match conflict {
        ffi::SQLITE_CHANGESET_DATA => "the row is not what it was on the primary",
        ffi::SQLITE_CHANGESET_NOTFOUND => "the row is not there",
        ffi::SQLITE_CHANGESET_CONFLICT => "a row with its key is there already",
        ffi::SQLITE_CHANGESET_FOREIGN_KEY => "rows refer to others that are not there",
        _ => "a constraint refuses it",
    };
    watch.trouble.get_or_insert(format!("conflict in {change} `{table}` on the replica: {what}"));
    ffi::SQLITE_CHANGESET_ABORT
}
