//! A compiled statement, used by SQLite's own calls (<https://www.sqlite.org/c3ref/stmt.html>).
//!
//! What rusqlite's statement does more for each column of each row shows beside an engine that is in
//! the same process: it asks for the number of columns, and then three times for the same value.

#![expect(unsafe_code, reason = "SQLite is a C library")]

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;

use dbdyno_core::{DbError, Row, RowVisitor, Value};
use rusqlite::{Connection, ffi};

use super::errors::failed;

/// A compiled statement of a connection.
pub struct SqliteStatement<'c> {
    raw: NonNull<ffi::sqlite3_stmt>,
    parameters: usize,
    /// How many columns its answer has; none where it answers no rows.
    columns: c_int,
    connection: PhantomData<&'c Connection>,
}

impl<'c> SqliteStatement<'c> {
    /// Compiles the one statement of `sql`.
    ///
    /// # Errors
    /// SQLite refuses it, or it is not one statement.
    pub fn new(connection: &'c Connection, sql: &str) -> Result<Self, DbError> {
        let not_one = || DbError::unexpected(format!("`{sql}` is not one statement"));
        let length = c_int::try_from(sql.len()).map_err(|_| not_one())?;
        let (mut raw, mut rest) = (ptr::null_mut(), ptr::null::<c_char>());
        // SAFETY: the connection is open as long as it is borrowed, the text is as long as is said,
        // and both places can be written.
        let code = unsafe {
            let (handle, text) = (connection.handle(), sql.as_ptr().cast());
            ffi::sqlite3_prepare_v2(handle, text, length, &raw mut raw, &raw mut rest)
        };
        if code != ffi::SQLITE_OK {
            // SAFETY: the connection is open.
            let mut error = unsafe { error_of(connection.handle()) };
            error.message = format!("{} in `{sql}`", error.message);
            return Err(error);
        }
        // What SQLite did not read begins within the text, or where it ends.
        let read = (rest as usize).saturating_sub(sql.as_ptr() as usize);
        let raw = NonNull::new(raw).ok_or_else(not_one)?;
        // SAFETY: it was compiled.
        let (parameters, columns) = unsafe {
            let parameters = ffi::sqlite3_bind_parameter_count(raw.as_ptr());
            (parameters as usize, ffi::sqlite3_column_count(raw.as_ptr()))
        };
        let statement = Self { raw, parameters, columns, connection: PhantomData };
        match sql.get(read..).unwrap_or_default().trim().is_empty() {
            true => Ok(statement),
            false => Err(not_one()),
        }
    }

    /// How many parameters it takes.
    #[inline]
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Whether running it leaves the database as it is. What begins and ends transactions does, unless it
    /// takes a lock (<https://www.sqlite.org/c3ref/stmt_readonly.html>).
    pub fn is_readonly(&self) -> bool {
        // SAFETY: the statement is compiled.
        unsafe { ffi::sqlite3_stmt_readonly(self.raw.as_ptr()) != 0 }
    }

    /// The names of the columns that it answers.
    pub fn column_names(&self) -> Vec<String> {
        let name = |column| {
            // SAFETY: the statement is compiled, and SQLite checks the column. The name lasts until the
            // statement is compiled again, which only running it can do.
            unsafe {
                let name = ffi::sqlite3_column_name(self.raw.as_ptr(), column);
                if name.is_null() {
                    return String::new();
                }
                CStr::from_ptr(name).to_string_lossy().into_owned()
            }
        };
        (0..self.columns).map(name).collect()
    }

    /// Binds a parameter; the first is 1. A decimal becomes REAL (a DECIMAL column has numeric
    /// affinity, so whole amounts become integers), a timestamp or a date text that sorts by time.
    ///
    /// # Errors
    /// There is no such parameter, or the value is too long or an array.
    #[inline]
    pub fn bind(&mut self, place: usize, value: Value<'_>) -> Result<(), DbError> {
        let (raw, place) = (self.raw.as_ptr(), place as c_int);
        // SAFETY: the statement is compiled, and SQLite checks the place.
        let code = unsafe {
            match value {
                Value::Int(int) => ffi::sqlite3_bind_int64(raw, place, int),
                Value::Null => ffi::sqlite3_bind_null(raw, place),
                Value::Float(float) => ffi::sqlite3_bind_double(raw, place, float),
                Value::Decimal(decimal) => ffi::sqlite3_bind_double(raw, place, decimal.to_f64()),
                Value::Text(text) => bind_text(raw, place, text),
                Value::Timestamp(moment) => bind_text(raw, place, &moment.to_string()),
                Value::Date(date) => bind_text(raw, place, &date.to_string()),
                // SAFETY: SQLite copies as many bytes as is said before it answers.
                Value::Bytes(bytes) => ffi::sqlite3_bind_blob64(
                    raw,
                    place,
                    bytes.as_ptr().cast(),
                    bytes.len() as u64,
                    ffi::SQLITE_TRANSIENT(),
                ),
                Value::Ints(_) => return Err(DbError::unexpected("SQLite has no arrays")),
            }
        };
        if code == ffi::SQLITE_OK { Ok(()) } else { Err(self.error()) }
    }

    /// Runs it, calls `visit` with each row, and makes it ready to run again. Gives the number of
    /// rows that it answered, or where it answers none, that were changed by it: by the last
    /// statement that changes rows, where it is not one itself.
    ///
    /// Always inlined: each function around a call that ends in the kernel is one more return that
    /// the processor predicts wrongly.
    ///
    /// # Errors
    /// SQLite refuses, or `visit` does.
    #[inline(always)]
    pub fn run(&mut self, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        let (raw, columns) = (self.raw.as_ptr(), self.columns);
        let (mut rows, mut failure) = (0, None);
        loop {
            // SAFETY: the statement is compiled.
            match unsafe { ffi::sqlite3_step(raw) } {
                ffi::SQLITE_ROW => {
                    rows += 1;
                    if failure.is_none() {
                        failure = visit(&StatementRow { raw: self.raw, columns }).err();
                    }
                }
                ffi::SQLITE_DONE => break,
                _ => {
                    failure = Some(self.error());
                    break;
                }
            }
        }
        // SAFETY: the statement is compiled. The answer repeats the error of the step.
        unsafe { ffi::sqlite3_reset(raw) };
        match failure {
            Some(failure) => Err(failure),
            None if columns > 0 => Ok(rows),
            // SAFETY: a statement's connection is open.
            None => Ok(unsafe { ffi::sqlite3_changes64(ffi::sqlite3_db_handle(raw)) } as u64),
        }
    }

    #[cold]
    fn error(&self) -> DbError {
        // SAFETY: a statement's connection is open.
        unsafe { error_of(ffi::sqlite3_db_handle(self.raw.as_ptr())) }
    }
}

impl Drop for SqliteStatement<'_> {
    fn drop(&mut self) {
        // SAFETY: it was compiled, and nobody uses it after this. The answer repeats the error of
        // its last run.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// Binds text.
///
/// # Safety
/// The statement must be compiled.
#[inline]
unsafe fn bind_text(raw: *mut ffi::sqlite3_stmt, place: c_int, text: &str) -> c_int {
    // SAFETY: SQLite copies as many bytes as is said before it answers.
    unsafe {
        ffi::sqlite3_bind_text64(
            raw,
            place,
            text.as_ptr().cast(),
            text.len() as u64,
            ffi::SQLITE_TRANSIENT(),
            ffi::SQLITE_UTF8 as u8,
        )
    }
}

/// What went wrong last.
///
/// # Safety
/// The connection must be open.
#[cold]
unsafe fn error_of(connection: *mut ffi::sqlite3) -> DbError {
    // SAFETY: the connection is open; the words are copied before anything else is asked of it.
    let (code, words) = unsafe {
        let words = CStr::from_ptr(ffi::sqlite3_errmsg(connection)).to_string_lossy().into_owned();
        (ffi::sqlite3_extended_errcode(connection), words)
    };
    failed(code, words)
}

/// The row that a statement is at.
struct StatementRow {
    raw: NonNull<ffi::sqlite3_stmt>,
    columns: c_int,
}

impl Row for StatementRow {
    #[inline]
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        if index >= self.columns as usize {
            return Err(no_column(index));
        }
        // SAFETY: the statement is at a row, which stays while it is looked at, and has this
        // column. Nothing else uses the connection meanwhile, which is what it takes to look into
        // a value of `sqlite3_column_value` (https://www.sqlite.org/c3ref/column_blob.html).
        unsafe {
            let value = ffi::sqlite3_column_value(self.raw.as_ptr(), index as c_int);
            Ok(match ffi::sqlite3_value_type(value) {
                ffi::SQLITE_INTEGER => Value::Int(ffi::sqlite3_value_int64(value)),
                ffi::SQLITE_TEXT => {
                    let start = ffi::sqlite3_value_text(value);
                    if start.is_null() {
                        return Err(no_memory(index));
                    }
                    match std::str::from_utf8(bytes(start, value)) {
                        Ok(text) => Value::Text(text),
                        Err(why) => return Err(not_utf8(index, why)),
                    }
                }
                ffi::SQLITE_FLOAT => Value::Float(ffi::sqlite3_value_double(value)),
                ffi::SQLITE_BLOB => {
                    Value::Bytes(bytes(ffi::sqlite3_value_blob(value).cast(), value))
                }
                _ => Value::Null,
            })
        }
    }
}

/// The bytes of a text or a blob. An empty blob has no start.
///
/// # Safety
/// `start` must be what SQLite has just answered for `value`.
#[inline]
unsafe fn bytes<'v>(start: *const u8, value: *mut ffi::sqlite3_value) -> &'v [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: SQLite says how many there are.
    unsafe { slice::from_raw_parts(start, ffi::sqlite3_value_bytes(value) as usize) }
}

#[cold]
fn no_memory(index: usize) -> DbError {
    DbError::unexpected(format!("SQLite has no memory left for column {index} of the answer"))
}

#[cold]
fn no_column(index: usize) -> DbError {
    DbError::unexpected(format!("the answer has no column {index}"))
}

#[cold]
fn not_utf8(index: usize, why: std::str::Utf8Error) -> DbError {
    DbError::unexpected(format!("column {index} of the answer is not UTF-8: {why}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn only_one_statement_is_compiled() {
        let connection = Connection::open_in_memory().unwrap();
        for sql in ["", " ", "-- nothing", "SELECT 1; SELECT 2"] {
            let error = SqliteStatement::new(&connection, sql).err().unwrap();
            assert!(error.message.contains("is not one statement"), "{error}");
        }
        assert_eq!(SqliteStatement::new(&connection, "SELECT ?, ?; ").unwrap().parameters(), 2);
    }

    #[test]
    fn values_come_back_as_they_were_bound() {
        let connection = Connection::open_in_memory().unwrap();
        let mut select = SqliteStatement::new(&connection, "SELECT ?").unwrap();
        for bound in [
            Value::Null,
            Value::Int(i64::MIN),
            Value::Float(0.5),
            Value::Text(""),
            Value::Text("a\0b\u{e9}"),
            Value::Bytes(&[]),
            Value::Bytes(&[0, 255]),
        ] {
            select.bind(1, bound).unwrap();
            let mut visit = |row: &dyn Row| {
                assert_eq!(row.value(0)?, bound);
                assert!(row.value(1).is_err());
                Ok(())
            };
            assert_eq!(select.run(&mut visit).unwrap(), 1);
        }
        assert!(select.bind(2, Value::Null).is_err());
    }
}
