//! A session is one SQLite connection.

use std::str::Utf8Error;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use dbdyno_core::{
    Access, DbError, Dialect, Request, Row, RowVisitor, Session, Statement, StatementId, Value,
};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};

use super::dialect::SqliteDialect;
use super::errors::translate;
use super::prepared::{Control, Prepared, Sql, WorkloadStatement, not_prepared};

/// One open SQLite connection.
pub struct SqliteSession {
    home: Home,
    begin_write: &'static str,
    asked: Asked,
    /// Why what was asked cannot be.
    refused: Option<DbError>,
    /// Keeps a temporary file's folder for as long as a session uses it.
    _keep: Option<Arc<dyn Send + Sync>>,
}

/// Where the connection is.
enum Home {
    /// By itself: no statements are prepared.
    Alone(Connection),
    /// With its compiled statements.
    Prepared(Prepared),
    /// Nowhere: preparing statements was cut off.
    Lost,
}

/// What is to be answered.
#[derive(Clone, Copy)]
enum Asked {
    Nothing,
    Control(Control),
    /// A statement whose parameters are bound.
    Run(StatementId),
    Refused,
}

impl SqliteSession {
    /// A session on an open connection. `begin_write` begins a transaction that may write.
    pub(super) fn new(
        connection: Connection,
        begin_write: &'static str,
        keep: Option<Arc<dyn Send + Sync>>,
    ) -> Self {
        Self {
            home: Home::Alone(connection),
            begin_write,
            asked: Asked::Nothing,
            refused: None,
            _keep: keep,
        }
    }

    fn control(&mut self, control: Control) -> Result<(), DbError> {
        let sql = control.sql(self.begin_write);
        match &mut self.home {
            Home::Prepared(prepared) => prepared.with(|_, compiled| {
                compiled.control(control)?.raw_execute().map(|_| ()).map_err(translate)
            }),
            _ => {
                self.with_connection(|connection| connection.execute_batch(sql).map_err(translate))
            }
        }
    }

    /// Works with the connection, wherever it is.
    fn with_connection<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        match &mut self.home {
            Home::Alone(connection) => work(connection),
            Home::Prepared(prepared) => prepared.with(|connection, _| work(connection)),
            Home::Lost => Err(DbError::unexpected("the session has lost its connection")),
        }
    }

    /// Works with a prepared statement.
    #[inline]
    fn with_statement<T>(
        &mut self,
        id: StatementId,
        work: impl FnOnce(&mut WorkloadStatement<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        match &mut self.home {
            Home::Prepared(prepared) => prepared.with(|_, compiled| work(compiled.workload(id)?)),
            _ => Err(not_prepared(id)),
        }
    }

    /// Binds the parameters of a prepared statement.
    #[inline]
    fn bind(&mut self, id: StatementId, params: &[Value<'_>]) -> Result<(), DbError> {
        self.with_statement(id, |prepared| {
            if prepared.parameters != params.len() {
                return Err(wrong_count(prepared, params.len()));
            }
            for (index, value) in params.iter().enumerate() {
                let statement = &mut prepared.statement;
                let bound = match *value {
                    Value::Int(int) => statement.raw_bind_parameter(index + 1, int),
                    other => statement.raw_bind_parameter(index + 1, Parameter(other)),
                };
                bound.map_err(translate)?;
            }
            Ok(())
        })
    }

    /// Runs a prepared statement whose parameters are bound.
    #[inline]
    fn run(&mut self, id: StatementId, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        self.with_statement(id, |WorkloadStatement { statement, is_query, .. }| {
            if *is_query {
                visit_rows(statement.raw_query(), visit)
            } else {
                statement.raw_execute().map(|rows| rows as u64).map_err(translate)
            }
        })
    }
}

#[cold]
fn wrong_count(prepared: &WorkloadStatement<'_>, given: usize) -> DbError {
    let WorkloadStatement { name, parameters, .. } = prepared;
    DbError::unexpected(format!(
        "statement `{name}` takes {parameters} parameters and was given {given}"
    ))
}

#[async_trait]
impl Session for SqliteSession {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        let connection = match std::mem::replace(&mut self.home, Home::Lost) {
            Home::Alone(connection) => connection,
            Home::Prepared(prepared) => prepared.release(),
            Home::Lost => return Err(DbError::unexpected("the session has lost its connection")),
        };
        let workload: Vec<(&'static str, String)> = statements
            .iter()
            .map(|statement| (statement.name, SqliteDialect.statement(&statement.sql)))
            .collect();
        let sql = Sql { begin_write: self.begin_write, workload: &workload };
        let (home, result) = match Prepared::new(connection, &sql) {
            Ok(prepared) => (Home::Prepared(prepared), Ok(())),
            Err(refused) => (Home::Alone(refused.0), Err(refused.1)),
        };
        self.home = home;
        result
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        // SQLite rolls back by itself after some errors, such as a full disk.
        let none = self.with_connection(|connection| Ok(connection.is_autocommit()))?;
        if none { Ok(()) } else { self.control(Control::Rollback) }
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        self.with_connection(|connection| {
            let before = connection.total_changes();
            let mut statement = connection.prepare(sql).map_err(translate)?;
            // A pragma may answer a row where nobody asked for one.
            query(&mut statement, &mut |_| Ok(()))?;
            let changed = connection.total_changes() != before;
            Ok(if changed { connection.changes() } else { 0 })
        })
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare(sql).map_err(translate)?;
            query(&mut statement, visit)
        })
    }

    #[inline]
    fn request(&mut self, request: Request<'_>) {
        self.asked = match request {
            Request::Begin(Access::Read) => Asked::Control(Control::BeginRead),
            Request::Begin(Access::Write) => Asked::Control(Control::BeginWrite),
            Request::Commit => Asked::Control(Control::Commit),
            Request::Run(id, params) => match self.bind(id, params) {
                Ok(()) => Asked::Run(id),
                Err(why) => {
                    self.refused = Some(why);
                    Asked::Refused
                }
            },
        };
    }

    #[inline]
    fn poll_answer(
        &mut self,
        _context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        let asked = std::mem::replace(&mut self.asked, Asked::Nothing);
        Poll::Ready(match asked {
            Asked::Control(control) => self.control(control).map(|()| 0),
            Asked::Run(id) => self.run(id, visit),
            Asked::Nothing | Asked::Refused => Err(self.refused.take().unwrap_or_else(|| {
                DbError::unexpected("an answer was asked for without a request")
            })),
        })
    }
}

/// Runs a query that is not on the load path, which has a [`visit_rows`] of its own in its midst.
fn query(
    statement: &mut rusqlite::Statement<'_>,
    visit: &mut RowVisitor<'_>,
) -> Result<u64, DbError> {
    visit_rows(statement.raw_query(), visit)
}

/// Calls `visit` with each row. Always inlined: each function around a call that ends in the kernel
/// is one more return that the processor predicts wrongly.
#[inline(always)]
fn visit_rows(mut rows: rusqlite::Rows<'_>, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
    let (mut count, mut failure) = (0, None);
    while let Some(row) = rows.next().map_err(translate)? {
        count += 1;
        if failure.is_none() {
            failure = visit(&SqliteRow(row)).err();
        }
    }
    failure.map_or(Ok(count), Err)
}

struct SqliteRow<'r, 's>(&'r rusqlite::Row<'s>);

impl Row for SqliteRow<'_, '_> {
    #[inline]
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        Ok(match self.0.get_ref(index).map_err(translate)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(int) => Value::Int(int),
            ValueRef::Real(real) => Value::Float(real),
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Value::Text(text),
                Err(why) => return Err(not_utf8(index, why)),
            },
            ValueRef::Blob(bytes) => Value::Bytes(bytes),
        })
    }
}

#[cold]
fn no_arrays() -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure("SQLite has no arrays".into())
}

#[cold]
fn not_utf8(index: usize, why: Utf8Error) -> DbError {
    DbError::unexpected(format!("column {index} of the answer is not UTF-8: {why}"))
}

/// A parameter as SQLite stores it: decimals as REAL (a DECIMAL column has numeric affinity, so
/// whole amounts become integers), timestamps as text that sorts by time.
pub(super) struct Parameter<'a>(pub(super) Value<'a>);

impl ToSql for Parameter<'_> {
    #[inline]
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Int(int) => ToSqlOutput::Borrowed(ValueRef::Integer(int)),
            Value::Float(float) => ToSqlOutput::Borrowed(ValueRef::Real(float)),
            Value::Decimal(decimal) => ToSqlOutput::Borrowed(ValueRef::Real(decimal.to_f64())),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Value::Timestamp(moment) => moment.to_string().into(),
            Value::Ints(_) => return Err(no_arrays()),
        })
    }
}
