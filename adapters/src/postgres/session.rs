//! One open connection to PostgreSQL.

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use dbdyno_core::{
    Access, DbError, Dialect, ErrorClass, Row, RowVisitor, Session, Statement, StatementId, Value,
};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use tokio_postgres::{Client, RowStream, SimpleQueryMessage};

use super::dialect::PostgresDialect;
use super::endpoint::Connection;
use super::errors::db_error;
use super::values::{Column, Param};

/// A session: a client of tokio-postgres, whose connection is a task on the runtime that the
/// session was opened on.
pub(super) struct PostgresSession {
    client: Client,
    end: Arc<OnceLock<DbError>>,
    statements: Vec<Prepared>,
    transaction: Transaction,
    /// A statement was sent and its answer not read to the end. Where the caller gave up waiting,
    /// it stays so, and whether that statement failed is not known.
    unanswered: bool,
}

/// Cheap to clone: the statement is shared.
#[derive(Clone)]
struct Prepared {
    name: &'static str,
    statement: tokio_postgres::Statement,
}

/// What the session knows of its transaction. tokio-postgres does not tell the tag of an answer,
/// so that `COMMIT` answered with `ROLLBACK`, as it is in a failed transaction, has to be
/// foreseen.
enum Transaction {
    None,
    Open,
    Failed(DbError),
}

impl PostgresSession {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            client: connection.client,
            end: connection.end,
            statements: Vec::new(),
            transaction: Transaction::None,
            unanswered: false,
        }
    }

    fn prepared(&self, id: StatementId) -> Result<&Prepared, DbError> {
        self.statements
            .get(id)
            .ok_or_else(|| DbError::unexpected(format!("statement {id} was never prepared")))
    }

    /// The error of a statement, remembered where it spoils the transaction.
    fn failed(&mut self, error: &tokio_postgres::Error, name: Option<&str>) -> DbError {
        let mut error = self.explained(error);
        if let (ErrorClass::Other, Some(name)) = (error.class, name) {
            error.message = format!("statement `{name}`: {}", error.message);
        }
        match self.transaction {
            Transaction::None => error.during_commit(),
            Transaction::Open => {
                self.transaction = Transaction::Failed(error.clone());
                error
            }
            Transaction::Failed(_) => error,
        }
    }

    /// An error; for a connection that ended, with the reason for its end.
    fn explained(&self, error: &tokio_postgres::Error) -> DbError {
        match self.end.get() {
            Some(end) if error.is_closed() => {
                DbError { class: ErrorClass::Disconnected, ..end.clone() }
            }
            _ => db_error(error),
        }
    }

    /// Why the transaction cannot be committed, if it cannot.
    fn spoiled(&self) -> Option<DbError> {
        match &self.transaction {
            Transaction::Failed(cause) => Some(DbError {
                message: format!("nothing was committed, since before: {}", cause.message),
                ..cause.clone()
            }),
            Transaction::Open if self.unanswered => Some(DbError::unexpected(
                "nothing was committed, since a statement's answer was not waited for",
            )),
            _ => None,
        }
    }

    async fn simple(&self, sql: &str) -> Result<u64, tokio_postgres::Error> {
        let mut rows = 0;
        let mut answer = pin!(self.client.simple_query_raw(sql).await?);
        while let Some(message) = answer.try_next().await? {
            if let SimpleQueryMessage::CommandComplete(count) = message {
                rows += count;
            }
        }
        Ok(rows)
    }
}

#[async_trait]
impl Session for PostgresSession {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        let client = &self.client;
        let prepared = try_join_all(statements.iter().map(|statement| async move {
            let sql = PostgresDialect.statement(&statement.sql);
            match client.prepare(&sql).await {
                Ok(prepared) => Ok(Prepared { name: statement.name, statement: prepared }),
                Err(why) => Err((why, statement.name)),
            }
        }))
        .await;
        match prepared {
            Ok(prepared) => {
                self.statements = prepared;
                Ok(())
            }
            Err((why, name)) => Err(self.failed(&why, Some(name))),
        }
    }

    async fn begin(&mut self, _access: Access) -> Result<(), DbError> {
        // Set before the answer: a session that is abandoned in between is not taken for idle.
        self.transaction = Transaction::Open;
        self.unanswered = false;
        let answer = self.client.batch_execute("BEGIN").await;
        answer.map_err(|why| self.failed(&why, None))
    }

    async fn commit(&mut self) -> Result<(), DbError> {
        if let Some(why) = self.spoiled() {
            self.rollback().await?;
            return Err(why);
        }
        let answer = self.client.batch_execute("COMMIT").await;
        self.transaction = Transaction::None;
        answer.map_err(|why| self.explained(&why).during_commit())
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        if matches!(self.transaction, Transaction::None) {
            return Ok(());
        }
        let answer = self.client.batch_execute("ROLLBACK").await;
        self.transaction = Transaction::None;
        answer.map_err(|why| self.explained(&why))
    }

    async fn execute(&mut self, id: StatementId, params: &[Value<'_>]) -> Result<u64, DbError> {
        let Prepared { name, statement } = self.prepared(id)?.clone();
        self.unanswered = true;
        let answer = self.client.execute_raw(&statement, params.iter().map(Param)).await;
        self.unanswered = false;
        answer.map_err(|why| self.failed(&why, Some(name)))
    }

    async fn query(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        visit: &mut RowVisitor<'_>,
    ) -> Result<u64, DbError> {
        let Prepared { name, statement } = self.prepared(id)?.clone();
        self.unanswered = true;
        let answer = match self.client.query_raw(&statement, params.iter().map(Param)).await {
            Ok(rows) => read_rows(rows, visit).await,
            Err(why) => Err(why),
        };
        self.unanswered = false;
        answer.map_err(|why| self.failed(&why, Some(name)))?
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        self.unanswered = true;
        let answer = self.simple(sql).await;
        self.unanswered = false;
        answer.map_err(|why| self.failed(&why, None))
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        let none: [(Param<'_>, postgres_types::Type); 0] = [];
        self.unanswered = true;
        let answer = match self.client.query_typed_raw(sql, none).await {
            Ok(rows) => read_rows(rows, visit).await,
            Err(why) => Err(why),
        };
        self.unanswered = false;
        answer.map_err(|why| self.failed(&why, None))?
    }
}

/// Reads every row. The outer error is the server's, the inner one the visitor's.
async fn read_rows(
    rows: RowStream,
    visit: &mut RowVisitor<'_>,
) -> Result<Result<u64, DbError>, tokio_postgres::Error> {
    let mut rows = pin!(rows);
    let (mut count, mut visited) = (0, Ok(()));
    while let Some(row) = rows.try_next().await? {
        count += 1;
        if visited.is_ok() {
            visited = visit(&PostgresRow(row));
        }
    }
    Ok(visited.map(|()| count))
}

struct PostgresRow(tokio_postgres::Row);

impl Row for PostgresRow {
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        let Column(value) = self.0.try_get(index).map_err(|why| db_error(&why))?;
        Ok(value)
    }
}
