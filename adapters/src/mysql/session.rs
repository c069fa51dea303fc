//! A session is one connection to a server.

use async_trait::async_trait;
use dbdyno_core::{Access, DbError, Dialect, RowVisitor, Session, Statement, StatementId, Value};
use mysql_async::prelude::{Protocol, Queryable};
use mysql_async::{Conn, Params, QueryResult};

use super::dialect::MysqlDialect;
use super::errors::translate;
use super::values::{MysqlRow, parameter};

/// One open connection.
pub struct MysqlSession {
    connection: Conn,
    statements: Vec<mysql_async::Statement>,
    in_transaction: bool,
}

impl MysqlSession {
    /// A session on an open connection.
    pub(super) fn new(connection: Conn) -> Self {
        Self { connection, statements: Vec::new(), in_transaction: false }
    }

    /// Where no transaction was begun, a statement commits by itself, and losing the connection
    /// leaves open whether it did.
    fn failed(&self, error: mysql_async::Error) -> DbError {
        let error = translate(error);
        if self.in_transaction { error } else { error.during_commit() }
    }
}

fn prepared(
    statements: &[mysql_async::Statement],
    id: StatementId,
) -> Result<&mysql_async::Statement, DbError> {
    statements
        .get(id)
        .ok_or_else(|| DbError::unexpected(format!("no statement number {id} has been prepared")))
}

fn parameters(values: &[Value<'_>]) -> Params {
    if values.is_empty() {
        return Params::Empty;
    }
    Params::Positional(values.iter().map(parameter).collect())
}

#[async_trait]
impl Session for MysqlSession {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        for statement in std::mem::take(&mut self.statements) {
            self.connection.close(statement).await.map_err(translate)?;
        }
        for statement in statements {
            let sql = MysqlDialect.statement(&statement.sql);
            let prepared = self.connection.prep(sql).await.map_err(|error| {
                let mut error = translate(error);
                error.message = format!("statement `{}`: {}", statement.name, error.message);
                error
            })?;
            self.statements.push(prepared);
        }
        Ok(())
    }

    async fn begin(&mut self, _access: Access) -> Result<(), DbError> {
        self.connection.query_drop("BEGIN").await.map_err(translate)?;
        self.in_transaction = true;
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), DbError> {
        let done = self.connection.query_drop("COMMIT").await;
        done.map_err(|error| translate(error).during_commit())?;
        self.in_transaction = false;
        Ok(())
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        if self.in_transaction {
            self.connection.query_drop("ROLLBACK").await.map_err(translate)?;
            self.in_transaction = false;
        }
        Ok(())
    }

    async fn execute(&mut self, id: StatementId, params: &[Value<'_>]) -> Result<u64, DbError> {
        let statement = prepared(&self.statements, id)?;
        let done = self.connection.exec_drop(statement, parameters(params)).await;
        done.map_err(|error| self.failed(error))?;
        Ok(self.connection.affected_rows())
    }

    async fn query(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        visit: &mut RowVisitor<'_>,
    ) -> Result<u64, DbError> {
        let statement = prepared(&self.statements, id)?;
        let answered = match self.connection.exec_iter(statement, parameters(params)).await {
            Ok(result) => visit_rows(result, visit).await,
            Err(error) => Err(error),
        };
        answered.map_err(|error| self.failed(error))?
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        let done = self.connection.query_drop(sql).await;
        done.map_err(|error| self.failed(error))?;
        Ok(self.connection.affected_rows())
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        let answered = match self.connection.query_iter(sql).await {
            Ok(result) => visit_rows(result, visit).await,
            Err(error) => Err(error),
        };
        answered.map_err(|error| self.failed(error))?
    }
}

/// Visits every row; the outer error is the connection's, the inner one the visitor's.
async fn visit_rows<P: Protocol>(
    mut result: QueryResult<'_, '_, P>,
    visit: &mut RowVisitor<'_>,
) -> mysql_async::Result<Result<u64, DbError>> {
    let (mut count, mut failure) = (0, None);
    while let Some(row) = result.next().await? {
        count += 1;
        if failure.is_none() {
            failure = visit(&MysqlRow(&row)).err();
        }
    }
    result.drop_result().await?;
    Ok(failure.map_or(Ok(count), Err))
}
