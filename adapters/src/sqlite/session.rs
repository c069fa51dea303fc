//! A session is one SQLite connection.

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
use super::prepared::{Control, Place, Sql, not_prepared};

/// One open SQLite connection. Once its statements are prepared it is good on that thread alone:
/// a client of a driver whose calls block has a thread of its own anyway.
pub struct SqliteSession {
    home: Home,
    names: Vec<&'static str>,
    begin_write: &'static str,
    asked: Asked,
    /// Keeps a temporary file's folder for as long as a session uses it.
    _keep: Option<Arc<dyn Send + Sync>>,
}

/// Where the connection is.
enum Home {
    /// In the session itself: no statements are prepared.
    Here(Connection),
    /// With its compiled statements.
    Thread(Place),
    /// Nowhere: the session moved to another thread after its statements were prepared.
    Lost,
}

/// What is to be answered.
enum Asked {
    Nothing,
    Control(Control),
    /// A statement whose parameters are bound.
    Run(StatementId),
    Refused(DbError),
}

impl SqliteSession {
    /// A session on an open connection. `begin_write` begins a transaction that may write.
    pub(super) fn new(
        connection: Connection,
        begin_write: &'static str,
        keep: Option<Arc<dyn Send + Sync>>,
    ) -> Self {
        Self {
            home: Home::Here(connection),
            names: Vec::new(),
            begin_write,
            asked: Asked::Nothing,
            _keep: keep,
        }
    }

    fn control(&self, control: Control) -> Result<(), DbError> {
        match &self.home {
            Home::Thread(place) => place.with(|_, compiled| {
                compiled.control(control)?.raw_execute().map(|_| ()).map_err(translate)
            }),
            _ => self.with_connection(|connection| {
                connection.execute_batch(control.sql(self.begin_write)).map_err(translate)
            }),
        }
    }

    /// Works with the connection, wherever it is.
    fn with_connection<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        match &self.home {
            Home::Here(connection) => work(connection),
            Home::Thread(place) => place.with(|connection, _| work(connection)),
            Home::Lost => Err(DbError::unexpected("the session has lost its connection")),
        }
    }

    /// Binds the parameters of a prepared statement.
    fn bind(&self, id: StatementId, params: &[Value<'_>]) -> Result<(), DbError> {
        let Home::Thread(place) = &self.home else { return Err(not_prepared(id)) };
        place.with(|_, compiled| {
            let statement = compiled.workload(id)?;
            let wanted = statement.parameter_count();
            if wanted != params.len() {
                return Err(DbError::unexpected(format!(
                    "statement `{}` takes {wanted} parameters and was given {}",
                    self.names.get(id).unwrap_or(&"?"),
                    params.len()
                )));
            }
            for (index, value) in params.iter().enumerate() {
                statement.raw_bind_parameter(index + 1, Parameter(*value)).map_err(translate)?;
            }
            Ok(())
        })
    }

    /// Runs a prepared statement whose parameters are bound.
    fn run(&self, id: StatementId, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        let Home::Thread(place) = &self.home else { return Err(not_prepared(id)) };
        place.with(|_, compiled| {
            let statement = compiled.workload(id)?;
            if statement.column_count() == 0 {
                statement.raw_execute().map(|rows| rows as u64).map_err(translate)
            } else {
                visit_rows(statement.raw_query(), visit)
            }
        })
    }
}

#[async_trait]
impl Session for SqliteSession {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        let connection = match std::mem::replace(&mut self.home, Home::Lost) {
            Home::Here(connection) => connection,
            Home::Thread(place) => place.release()?,
            Home::Lost => return Err(DbError::unexpected("the session has lost its connection")),
        };
        self.names = statements.iter().map(|statement| statement.name).collect();
        let workload: Vec<(&'static str, String)> = statements
            .iter()
            .map(|statement| (statement.name, SqliteDialect.statement(&statement.sql)))
            .collect();
        let sql = Sql { begin_write: self.begin_write, workload: &workload };
        let (home, result) = match Place::keep(connection, &sql) {
            Ok(place) => (Home::Thread(place), Ok(())),
            Err(refused) => (Home::Here(refused.0), Err(refused.1)),
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
            visit_rows(statement.raw_query(), &mut |_| Ok(()))?;
            let changed = connection.total_changes() != before;
            Ok(if changed { connection.changes() } else { 0 })
        })
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare(sql).map_err(translate)?;
            visit_rows(statement.raw_query(), visit)
        })
    }

    fn request(&mut self, request: Request<'_>) {
        self.asked = match request {
            Request::Begin(Access::Read) => Asked::Control(Control::BeginRead),
            Request::Begin(Access::Write) => Asked::Control(Control::BeginWrite),
            Request::Commit => Asked::Control(Control::Commit),
            Request::Run(id, params) => match self.bind(id, params) {
                Ok(()) => Asked::Run(id),
                Err(why) => Asked::Refused(why),
            },
        };
    }

    fn poll_answer(
        &mut self,
        _context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        Poll::Ready(match std::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Control(control) => self.control(control).map(|()| 0),
            Asked::Run(id) => self.run(id, visit),
            Asked::Refused(why) => Err(why),
            Asked::Nothing => Err(DbError::unexpected("an answer was asked for without a request")),
        })
    }
}

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
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        Ok(match self.0.get_ref(index).map_err(translate)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(int) => Value::Int(int),
            ValueRef::Real(real) => Value::Float(real),
            ValueRef::Text(text) => Value::Text(std::str::from_utf8(text).map_err(|error| {
                DbError::unexpected(format!("column {index} of the answer is not UTF-8: {error}"))
            })?),
            ValueRef::Blob(bytes) => Value::Bytes(bytes),
        })
    }
}

/// A parameter as SQLite stores it: decimals as REAL (a DECIMAL column has numeric affinity, so
/// whole amounts become integers), timestamps as text that sorts by time.
pub(super) struct Parameter<'a>(pub(super) Value<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Int(int) => ToSqlOutput::Borrowed(ValueRef::Integer(int)),
            Value::Float(float) => ToSqlOutput::Borrowed(ValueRef::Real(float)),
            Value::Decimal(decimal) => ToSqlOutput::Borrowed(ValueRef::Real(decimal.to_f64())),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Value::Timestamp(moment) => moment.to_string().into(),
            Value::Ints(_) => {
                let why = "SQLite has no arrays".into();
                return Err(rusqlite::Error::ToSqlConversionFailure(why));
            }
        })
    }
}
