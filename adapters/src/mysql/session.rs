//! A session is one connection to a server.

use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use dbdyno_core::{
    DbError, Dialect, ErrorClass, Request, RowVisitor, Session, Statement, StatementId, Value,
};

use super::answers::Status;
use super::columns::Columns;
use super::connection::{Connection, Prepared};
use super::dialect::MYSQL;

/// `COM_QUERY` with `BEGIN`, as a packet.
const BEGIN: &[u8] = b"\x06\0\0\0\x03BEGIN";
/// `COM_QUERY` with `COMMIT`, as a packet.
const COMMIT: &[u8] = b"\x07\0\0\0\x03COMMIT";
/// `COM_PING`, as a packet; the answer tells the session's state.
const PING: &[u8] = b"\x01\0\0\0\x0e";

/// One open connection.
pub struct MysqlSession {
    connection: Connection,
    statements: Vec<(&'static str, Prepared)>,
    asked: Asked,
    /// A transaction was begun, and neither committed nor rolled back.
    begun: bool,
}

/// What is to be answered.
enum Asked {
    Nothing,
    Begin,
    Commit,
    /// Whether there still is a transaction to be committed: an error may have ended it.
    Whether,
    Run(StatementId),
    Refused(DbError),
}

impl MysqlSession {
    /// A session on an open connection.
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, statements: Vec::new(), asked: Asked::Nothing, begun: false }
    }

    /// Asks for a commit, where there is a transaction to be committed. The server's `COMMIT`
    /// succeeds without one
    /// (<https://dev.mysql.com/doc/refman/8.0/en/innodb-error-handling.html>: a deadlock rolls back
    /// the whole transaction, other errors the statement).
    #[inline]
    fn ask_commit(&mut self) -> Result<Asked, DbError> {
        match self.connection.status().map(Status::in_transaction) {
            Some(false) if self.begun => Err(ended_before()),
            None if self.begun => self.connection.write_ready(PING).map(|()| Asked::Whether),
            _ => self.connection.write_ready(COMMIT).map(|()| Asked::Commit),
        }
    }

    #[inline]
    fn ask_run(&mut self, id: StatementId, params: &[Value<'_>]) -> Result<Asked, DbError> {
        let Some((name, statement)) = self.statements.get_mut(id) else {
            return Err(not_prepared(id));
        };
        if params.len() != statement.parameters() {
            return Err(misfit(name, statement.parameters(), params.len()));
        }
        if params.iter().any(|value| matches!(value, Value::Ints(_))) {
            return Err(no_arrays(name));
        }
        self.connection.write_execute(statement, params).map(|()| Asked::Run(id))
    }

    /// Where no transaction is open, a statement commits by itself, and losing the connection
    /// leaves open whether it did.
    #[cold]
    fn failed(error: DbError, before: Option<Status>) -> DbError {
        match before {
            Some(status) if status.in_transaction() => error,
            _ => error.during_commit(),
        }
    }
}

#[cold]
fn not_prepared(id: StatementId) -> DbError {
    DbError::unexpected(format!("no statement number {id} has been prepared"))
}

#[cold]
fn misfit(name: &str, wanted: usize, given: usize) -> DbError {
    DbError::unexpected(format!(
        "statement `{name}` takes {wanted} parameters and was given {given}"
    ))
}

#[cold]
fn ended_before() -> DbError {
    DbError::unexpected(
        "nothing was committed, since the server had ended the transaction before, by an error or \
         by a statement that commits by itself",
    )
}

/// The error of a commit. InnoDB breaks deadlocks in statements, and never in `COMMIT`: there the number is
/// Galera's, whose nodes found a conflict (<https://mariadb.com/kb/en/certification-based-replication/>).
#[cold]
fn commit_failed(error: DbError) -> DbError {
    let mut error = error.during_commit();
    if error.class == ErrorClass::Deadlock {
        error.class = ErrorClass::Certification;
    }
    error
}

#[cold]
fn no_arrays(name: &str) -> DbError {
    DbError::unexpected(format!("statement `{name}` was given an array, and MySQL has none"))
}

/// The error of a statement, with its name where it is the statement that is wrong.
#[cold]
fn named(mut error: DbError, name: &str) -> DbError {
    if error.class == ErrorClass::Other {
        error.message = format!("statement `{name}`: {}", error.message);
    }
    error
}

#[async_trait]
impl Session for MysqlSession {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        for (_, statement) in std::mem::take(&mut self.statements) {
            self.connection.close(&statement);
        }
        for statement in statements {
            let sql = MYSQL.statement(&statement.sql);
            match self.connection.prepare(&sql).await {
                Ok(prepared) => self.statements.push((statement.name, prepared)),
                Err(error) => return Err(named(error, statement.name)),
            }
        }
        Ok(())
    }

    fn columns(&self, id: StatementId) -> Result<Vec<String>, DbError> {
        let statement = self.statements.get(id).ok_or_else(|| not_prepared(id))?;
        Ok(statement.1.column_names())
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        let open = self.connection.status().is_none_or(Status::in_transaction);
        if self.begun || open {
            self.connection.run("ROLLBACK").await?;
            self.begun = false;
        }
        Ok(())
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        let before = self.connection.status();
        self.connection.run(sql).await.map_err(|error| Self::failed(error, before))
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        let before = self.connection.status();
        let answered = self.connection.query(sql, visit).await;
        answered.map_err(|error| Self::failed(error, before))?
    }

    #[inline]
    fn request(&mut self, request: Request<'_>) {
        let asked = match request {
            Request::Begin(_) => self.connection.write_ready(BEGIN).map(|()| Asked::Begin),
            Request::Commit => self.ask_commit(),
            Request::Run(id, params) => self.ask_run(id, params),
        };
        self.asked = asked.unwrap_or_else(Asked::Refused);
    }

    #[inline]
    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        let before = self.connection.status();
        let answered = match &self.asked {
            Asked::Run(id) => {
                let (name, statement) = &mut self.statements[*id];
                match ready!(statement.poll_answer(&mut self.connection, context, visit)) {
                    Ok(answered) => answered,
                    Err(error) => Err(Self::failed(named(error, name), before)),
                }
            }
            Asked::Begin => {
                let done = ready!(self.poll_control(context));
                self.begun = done.is_ok();
                done
            }
            Asked::Commit => {
                let done = ready!(self.poll_control(context)).map_err(commit_failed);
                self.begun = done.is_err();
                done
            }
            Asked::Whether => {
                let known = ready!(self.poll_control(context));
                match known.and_then(|_| self.ask_commit()) {
                    Ok(asked) => {
                        self.asked = asked;
                        return self.poll_answer(context, visit);
                    }
                    Err(error) => Err(error),
                }
            }
            Asked::Refused(_) | Asked::Nothing => self.refused(),
        };
        self.asked = Asked::Nothing;
        Poll::Ready(answered)
    }
}

impl MysqlSession {
    #[inline]
    fn poll_control(&mut self, context: &mut Context<'_>) -> Poll<Result<u64, DbError>> {
        let mut columns = Columns::default();
        let done = ready!(self.connection.poll_answer(context, &mut columns, &mut |_| Ok(())));
        Poll::Ready(done.map(|_| 0))
    }

    #[cold]
    fn refused(&mut self) -> Result<u64, DbError> {
        match std::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Refused(why) => Err(why),
            _ => Err(DbError::unexpected("an answer was asked for without a request")),
        }
    }
}
