//! A session is one SQLite connection.

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::{
    Access, DbError, Dialect, Row, RowVisitor, Session, Statement, StatementId, Value,
};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};

use super::dialect::SqliteDialect;
use super::errors::translate;

/// How many statements rusqlite keeps beside those of the workload: `BEGIN`, `COMMIT`, …
const OWN_STATEMENTS: usize = 4;

/// One open SQLite connection.
pub struct SqliteSession {
    connection: Connection,
    statements: Vec<Prepared>,
    begin_write: &'static str,
    /// Keeps a temporary file's folder for as long as a session uses it.
    _keep: Option<Arc<dyn Send + Sync>>,
}

/// A statement of the workload. rusqlite keeps its compiled form, found by its text: a compiled
/// statement borrows the connection and is not `Send`, so it cannot live in the session itself.
struct Prepared {
    name: &'static str,
    sql: String,
}

impl SqliteSession {
    /// A session on an open connection. `begin_write` begins a transaction that may write.
    pub(super) fn new(
        connection: Connection,
        begin_write: &'static str,
        keep: Option<Arc<dyn Send + Sync>>,
    ) -> Self {
        Self { connection, statements: Vec::new(), begin_write, _keep: keep }
    }

    fn control(&self, sql: &str) -> Result<(), DbError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(translate)?;
        statement.raw_execute().map(|_| ()).map_err(translate)
    }

    fn bound(
        &self,
        id: StatementId,
        params: &[Value<'_>],
    ) -> Result<rusqlite::CachedStatement<'_>, DbError> {
        let prepared = self.statements.get(id).ok_or_else(|| {
            DbError::unexpected(format!("no statement number {id} has been prepared"))
        })?;
        let mut statement = self.connection.prepare_cached(&prepared.sql).map_err(translate)?;
        let wanted = statement.parameter_count();
        if wanted != params.len() {
            return Err(DbError::unexpected(format!(
                "statement `{}` takes {wanted} parameters and was given {}",
                prepared.name,
                params.len()
            )));
        }
        for (index, value) in params.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, Parameter(*value)).map_err(translate)?;
        }
        Ok(statement)
    }
}

#[async_trait]
impl Session for SqliteSession {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        self.connection.flush_prepared_statement_cache();
        self.connection.set_prepared_statement_cache_capacity(statements.len() + OWN_STATEMENTS);
        self.statements.clear();
        for statement in statements {
            let sql = SqliteDialect.statement(&statement.sql);
            self.connection.prepare_cached(&sql).map_err(|error| {
                let mut error = translate(error);
                error.message = format!("statement `{}`: {}", statement.name, error.message);
                error
            })?;
            self.statements.push(Prepared { name: statement.name, sql });
        }
        Ok(())
    }

    async fn begin(&mut self, access: Access) -> Result<(), DbError> {
        self.control(match access {
            Access::Read => "BEGIN",
            Access::Write => self.begin_write,
        })
    }

    async fn commit(&mut self) -> Result<(), DbError> {
        self.control("COMMIT")
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        // SQLite rolls back by itself after some errors, such as a full disk.
        if self.connection.is_autocommit() { Ok(()) } else { self.control("ROLLBACK") }
    }

    async fn execute(&mut self, id: StatementId, params: &[Value<'_>]) -> Result<u64, DbError> {
        let mut statement = self.bound(id, params)?;
        statement.raw_execute().map(|rows| rows as u64).map_err(translate)
    }

    async fn query(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        visit: &mut RowVisitor<'_>,
    ) -> Result<u64, DbError> {
        let mut statement = self.bound(id, params)?;
        visit_rows(statement.raw_query(), visit)
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        let before = self.connection.total_changes();
        let mut statement = self.connection.prepare(sql).map_err(translate)?;
        // A pragma may answer a row where nobody asked for one.
        visit_rows(statement.raw_query(), &mut |_| Ok(()))?;
        let changed = self.connection.total_changes() != before;
        Ok(if changed { self.connection.changes() } else { 0 })
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        let mut statement = self.connection.prepare(sql).map_err(translate)?;
        visit_rows(statement.raw_query(), visit)
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
        })
    }
}
