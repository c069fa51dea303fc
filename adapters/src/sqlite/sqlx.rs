//! SQLite through sqlx: every connection has a thread of its own, to which statements and rows go over
//! channels.

use std::time::Duration;

use ::sqlx::error::DatabaseError;
use ::sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteError, SqliteQueryResult,
    SqliteRow, SqliteStatement,
};
use ::sqlx::{
    Arguments as _, ConnectOptions as _, Decode, Either, Row as _, Sqlite, Statement as _,
    TypeInfo as _, ValueRef as _,
};
use dbdyno_core::{DbError, Dialect, SessionOptions, Value};
use rusqlite::ffi;

use super::dialect::SqliteDialect;
use super::driver::{SqliteDriver, ToOpen};
use super::errors::failed;
use super::limit::{INSTRUCTIONS, Limit};
use crate::library::SetUp;
use crate::sqlx::{Engine, STATEMENT_CACHE, Way, error};

/// Has SQLite interrupt what runs once its time is over.
async fn watch(
    connection: &mut SqliteConnection,
    is_over: impl Fn() -> bool + Send + 'static,
) -> Result<(), DbError> {
    let mut handle = connection.lock_handle().await.map_err(|why| error::<Sqlite>(&why))?;
    // Other than SQLite itself, sqlx takes false for an interruption.
    handle.set_progress_handler(INSTRUCTIONS, move || !is_over());
    Ok(())
}

impl Engine for Sqlite {
    type Own = SqliteDriver;
    /// SQLite takes values of any type everywhere.
    type Parameter = ();
    /// Every value has a type of its own.
    type Columns = ();

    const TEXT_QUERIES: bool = true;

    /// SQLite asks whether to wait for a lock on the thread that waits, which is sqlx's.
    const WATCHABLE: bool = false;

    fn dialect() -> &'static dyn Dialect {
        &SqliteDialect
    }

    async fn open(
        own: &SqliteDriver,
        options: &SessionOptions,
    ) -> Result<(SqliteConnection, Way<Self>), DbError> {
        let ToOpen { file, shared_cache, begin_write, statements, keep, first } =
            own.prepare(options)?;
        let connect = SqliteConnectOptions::new()
            .filename(file)
            .shared_cache(shared_cache)
            .statement_cache_capacity(STATEMENT_CACHE)
            .disable_statement_logging();
        let connection = connect.connect().await.map_err(|why| error::<Self>(&why))?;
        drop(first);
        let set_up = SetUp { statements, begin_write, ..SetUp::default() };
        Ok((connection, Way { connect, set_up, keep }))
    }

    async fn limit(
        connection: &mut SqliteConnection,
        limit: Duration,
    ) -> Result<Option<Limit>, DbError> {
        let (limit, is_over) = Limit::new(limit);
        watch(connection, is_over).await?;
        Ok(Some(limit))
    }

    fn parameters(statement: &SqliteStatement) -> Vec<()> {
        match statement.parameters() {
            Some(Either::Right(count)) => vec![(); count],
            _ => Vec::new(),
        }
    }

    /// As values are bound by the engine's own driver: a decimal as REAL, moments and days as text.
    #[inline]
    fn bind(arguments: &mut SqliteArguments, value: Value<'_>, _: &()) -> Result<(), String> {
        let added = match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Int(int) => arguments.add(int),
            Value::Float(float) => arguments.add(float),
            Value::Decimal(decimal) => arguments.add(decimal.to_f64()),
            Value::Text(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Timestamp(moment) => arguments.add(moment.to_string()),
            Value::Date(date) => arguments.add(date.to_string()),
            Value::Ints(_) => return Err("it is an array, and SQLite has none".to_owned()),
        };
        added.map_err(|why| why.to_string())
    }

    #[inline]
    fn learn(_: &mut (), _: &SqliteRow, _: bool) {}

    #[inline]
    fn value<'r>(row: &'r SqliteRow, _: &(), index: usize) -> Result<Value<'r>, String> {
        let raw = row.try_get_raw(index).map_err(|why| why.to_string())?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let ty = raw.type_info();
        let read = match ty.name() {
            "INTEGER" => <i64 as Decode<'_, Sqlite>>::decode(raw).map(Value::Int),
            "REAL" => <f64 as Decode<'_, Sqlite>>::decode(raw).map(Value::Float),
            "TEXT" => <&str as Decode<'_, Sqlite>>::decode(raw).map(Value::Text),
            _ => <&[u8] as Decode<'_, Sqlite>>::decode(raw).map(Value::Bytes),
        };
        read.map_err(|why| why.to_string())
    }

    fn matched(result: &SqliteQueryResult) -> u64 {
        result.rows_affected()
    }

    fn said(error: &dyn DatabaseError) -> Option<DbError> {
        error.try_downcast_ref::<SqliteError>()?;
        let code = error.code().and_then(|code| code.parse().ok())?;
        Some(failed(code, error.message().to_owned()))
    }

    /// A commit without a transaction is refused by SQLite itself.
    fn ends_transaction(_: &DbError) -> bool {
        false
    }

    /// SQLite rolls back by itself after some errors, such as a full disk, and has no code of its own for
    /// there being nothing left.
    fn is_without_transaction(error: &DbError) -> bool {
        error.code.as_deref() == Some(&ffi::SQLITE_ERROR.to_string())
            && error.message.contains("no transaction is active")
    }
}
