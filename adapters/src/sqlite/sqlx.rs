//! SQLite through sqlx: every connection has a thread of its own, to which statements and rows go over
//! channels.

use std::sync::Arc;

use ::sqlx::error::DatabaseError;
use ::sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteError, SqliteQueryResult,
    SqliteRow, SqliteStatement,
};
use ::sqlx::{
    Arguments as _, ConnectOptions as _, Decode, Either, Row as _, Sqlite, Statement as _,
    TypeInfo as _, ValueRef as _,
};
use async_trait::async_trait;
use dbdyno_core::{DbError, Dialect, SessionOptions, Value};
use rusqlite::ffi;

use super::dialect::SqliteDialect;
use super::driver::{SqliteDriver, ToOpen};
use super::errors::failed;
use super::limit::{INSTRUCTIONS, Limit};
use crate::library::{Connection, Library, LibraryDriver, SetUp};
use crate::sqlx::{Engine, NAME, NO_PIPELINE, Opened, STATEMENT_CACHE, SqlxConnection, error};

/// The driver on a target that was opened.
pub(super) fn driver(engine: Arc<SqliteDriver>) -> LibraryDriver {
    LibraryDriver::new(Arc::<SqliteDriver>::clone(&engine), Sqlx(engine))
}

struct Sqlx(Arc<SqliteDriver>);

#[async_trait]
impl Library for Sqlx {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lacks_pipeline(&self) -> &'static str {
        NO_PIPELINE
    }

    /// SQLite asks whether to wait for a lock on the thread that waits, which is sqlx's.
    fn can_be_watched(&self) -> bool {
        false
    }

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Connection>, DbError> {
        if options.watched {
            let why = "sqlx does not let anybody look at a connection that waits for a lock";
            return Err(DbError::unexpected(why));
        }
        let ToOpen { file, shared_cache, begin_write, statements, keep, first } =
            self.0.prepare(options)?;
        let connect = SqliteConnectOptions::new()
            .filename(file)
            .shared_cache(shared_cache)
            .statement_cache_capacity(STATEMENT_CACHE)
            .disable_statement_logging();
        let mut connection = connect.connect().await.map_err(|why| error::<Sqlite>(&why))?;
        drop(first);
        let limit = match options.statement_timeout {
            Some(limit) => {
                let (limit, is_over) = Limit::new(limit);
                watch(&mut connection, is_over).await?;
                Some(limit)
            }
            None => None,
        };
        let set_up = SetUp { statements, begin_write, ..SetUp::default() };
        let _keep = keep.map(|keep| Box::new(keep) as Box<_>);
        let opened = Opened { connection: Box::new(connection), set_up, limit, _keep };
        Ok(Box::new(SqlxConnection::<Sqlite, _>::new(opened).await?))
    }
}

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
    /// SQLite takes values of any type everywhere.
    type Parameter = ();
    /// Every value has a type of its own.
    type Columns = ();

    const TEXT_QUERIES: bool = true;

    fn dialect() -> &'static dyn Dialect {
        &SqliteDialect
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
