//! A session is one SQLite connection.

use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use dbdyno_core::{
    Access, DbError, Dialect, Request, RowVisitor, Session, Statement, StatementId, Value,
};
use rusqlite::Connection;

use super::counted::Counting;
use super::dialect::SqliteDialect;
use super::limit::Limit;
use super::opened::Opened;
use super::prepared::{Control, Prepared, Sql, WorkloadStatement, not_prepared};
use super::statement::SqliteStatement;

/// One open SQLite connection.
pub struct SqliteSession {
    home: Home,
    /// What it counts of its work. It comes after the connection, which is closed first.
    counting: Counting,
    begin_write: &'static str,
    /// How long a statement may run.
    limit: Option<Limit>,
    asked: Asked,
    /// Why what was asked cannot be.
    refused: Option<DbError>,
    /// Keeps a temporary file's folder for as long as a session uses it.
    _keep: Option<Arc<dyn Send + Sync>>,
}

/// Where the connection is.
enum Home {
    /// By itself: no statements are prepared.
    Alone(Opened),
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
        connection: Opened,
        begin_write: &'static str,
        limit: Option<Limit>,
        counting: Counting,
        keep: Option<Arc<dyn Send + Sync>>,
    ) -> Self {
        Self {
            home: Home::Alone(connection),
            counting,
            begin_write,
            limit,
            asked: Asked::Nothing,
            refused: None,
            _keep: keep,
        }
    }

    pub(super) fn control(&mut self, control: Control) -> Result<(), DbError> {
        let sql = control.sql(self.begin_write);
        match &mut self.home {
            Home::Prepared(prepared) => prepared
                .with(|_, compiled| compiled.control(control)?.run(&mut |_| Ok(())).map(|_| ())),
            _ => self.with_connection(|connection| run_once(connection, sql)),
        }
    }

    /// Works with the connection, wherever it is.
    pub(super) fn with_connection<T>(
        &mut self,
        work: impl FnOnce(&Opened) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        match &mut self.home {
            Home::Alone(connection) => work(connection),
            Home::Prepared(prepared) => prepared.with(|connection, _| work(connection)),
            Home::Lost => Err(DbError::unexpected("the session has lost its connection")),
        }
    }

    /// Works with a prepared statement.
    #[inline]
    pub(super) fn with_statement<T>(
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
            if prepared.statement.parameters() != params.len() {
                return Err(wrong_count(prepared, params.len()));
            }
            for (index, value) in params.iter().enumerate() {
                prepared.statement.bind(index + 1, *value)?;
            }
            Ok(())
        })
    }

    /// Runs a prepared statement whose parameters are bound.
    #[inline]
    fn run(&mut self, id: StatementId, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        if let Some(limit) = &self.limit {
            limit.begin();
        }
        let answered = self.with_statement(id, |prepared| prepared.statement.run(visit));
        if let Some(limit) = &self.limit {
            limit.end();
        }
        answered
    }
}

impl SqliteSession {
    /// Runs one statement that is not prepared; gives the rows that it changed.
    pub(super) fn run_once(&mut self, sql: &str) -> Result<u64, DbError> {
        self.with_connection(|connection| {
            let before = connection.total_changes();
            run_once(connection, sql)?;
            let changed = connection.total_changes() != before;
            Ok(if changed { connection.changes() } else { 0 })
        })
    }

    /// Answers what was asked.
    #[inline]
    pub(super) fn answer(&mut self, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        let answered = match std::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Control(control) => self.control(control).map(|()| 0),
            Asked::Run(id) => self.run(id, visit),
            Asked::Nothing | Asked::Refused => Err(self.refused.take().unwrap_or_else(|| {
                DbError::unexpected("an answer was asked for without a request")
            })),
        };
        if self.counting.is_due() {
            self.count(Counting::count);
        }
        answered
    }

    #[cold]
    fn count(&mut self, count: fn(&mut Counting, &Connection)) {
        let counting = &mut self.counting;
        match &mut self.home {
            Home::Alone(connection) => count(counting, connection),
            Home::Prepared(prepared) => prepared.with(|connection, _| count(counting, connection)),
            Home::Lost => {}
        }
    }
}

impl Drop for SqliteSession {
    /// Its last work counts, too.
    fn drop(&mut self) {
        self.count(Counting::finish);
    }
}

/// Runs a statement that is not prepared. A pragma may answer a row where nobody asked for one.
fn run_once(connection: &Opened, sql: &str) -> Result<(), DbError> {
    SqliteStatement::new(connection, sql)?.run(&mut |_| Ok(())).map(|_| ())
}

#[cold]
fn wrong_count(prepared: &WorkloadStatement<'_>, given: usize) -> DbError {
    let WorkloadStatement { name, statement } = prepared;
    let parameters = statement.parameters();
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

    fn columns(&self, id: StatementId) -> Result<Vec<String>, DbError> {
        match &self.home {
            Home::Prepared(prepared) => prepared.look(|compiled| compiled.column_names(id)),
            _ => Err(not_prepared(id)),
        }
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        // SQLite rolls back by itself after some errors, such as a full disk.
        let none = self.with_connection(|connection| Ok(connection.is_autocommit()))?;
        if none { Ok(()) } else { self.control(Control::Rollback) }
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        self.run_once(sql)
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        self.with_connection(|connection| SqliteStatement::new(connection, sql)?.run(visit))
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
        Poll::Ready(self.answer(visit))
    }
}
