//! A session whose commits are sent to a replica.
//!
//! The change set of a transaction is taken before its commit, while nobody else can write, and takes its place in
//! the queue then. A statement outside of a transaction gets one of its own, for there is no such moment in
//! between otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use dbdyno_core::{DbError, Request, RowVisitor, Session, Statement, StatementId};
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::super::errors::translate;
use super::super::opened::Opened;
use super::super::prepared::Control;
use super::super::session::SqliteSession;
use super::super::statement::SqliteStatement;
use super::outbox::Outbox;

/// A session whose commits are sent.
pub struct RecordedSession {
    session: SqliteSession,
    database: String,
    outbox: Arc<Outbox>,
    /// Whether a commit is one that has its place in the queue.
    is_announced: Arc<AtomicBool>,
    asked: Asked,
}

/// What is to be answered.
#[derive(Clone, Copy)]
enum Asked {
    Begin,
    Commit,
    Run(StatementId),
}

/// Has a connection record its changes. It refuses what change sets do not tell, and commits that have no place in
/// the queue: nothing may be missing on the replica without a word.
///
/// # Errors
/// SQLite refuses.
pub fn record(connection: Connection) -> Result<(Opened, Arc<AtomicBool>), DbError> {
    let is_announced = Arc::new(AtomicBool::new(false));
    let announced = Arc::clone(&is_announced);
    let rolls_back = move || !announced.load(Ordering::Relaxed);
    connection.commit_hook(Some(rolls_back)).map_err(translate)?;
    connection.authorizer(Some(authorize)).map_err(translate)?;
    Ok((Opened::recorded(connection)?, is_announced))
}

/// Change sets hold rows of tables; everything else would be on the primary alone.
fn authorize(context: AuthContext<'_>) -> Authorization {
    use AuthAction as Action;
    match context.action {
        Action::CreateIndex { .. }
        | Action::CreateTable { .. }
        | Action::CreateTrigger { .. }
        | Action::CreateView { .. }
        | Action::CreateVtable { .. }
        | Action::DropIndex { .. }
        | Action::DropTable { .. }
        | Action::DropTrigger { .. }
        | Action::DropView { .. }
        | Action::DropVtable { .. }
        | Action::AlterTable { .. }
        | Action::Analyze { .. }
        | Action::Attach { .. } => Authorization::Deny,
        Action::Pragma { pragma_name, pragma_value: Some(_) } if is_unrecorded(pragma_name) => {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }
}

/// Whether a pragma, where it is given a value, changes the file past its rows or lets statements do so
/// (<https://www.sqlite.org/pragma.html>).
fn is_unrecorded(pragma: &str) -> bool {
    let all = ["application_id", "schema_version", "user_version", "writable_schema"];
    all.iter().any(|name| name.eq_ignore_ascii_case(pragma))
}

impl RecordedSession {
    /// A session on a connection that [records](record) its changes. Change sets go by the name of the
    /// `database`.
    pub fn new(
        session: SqliteSession,
        is_announced: Arc<AtomicBool>,
        database: String,
        outbox: Arc<Outbox>,
    ) -> Self {
        Self { session, database, outbox, is_announced, asked: Asked::Begin }
    }

    /// Forgets what was recorded in a transaction that is over, where that was not done.
    fn record_anew(&mut self) -> Result<(), DbError> {
        self.session.with_connection(|connection| match connection.is_fresh() {
            true => Ok(()),
            false => connection.record_anew(),
        })
    }

    fn commit(&mut self) -> Result<(), DbError> {
        let set = self.session.with_connection(|connection| match connection.is_fresh() {
            true => Ok(Vec::new()),
            false => connection.change_set(),
        })?;
        let place = match set.is_empty() {
            true => None,
            false => Some(self.outbox.place(&self.database, &set)?),
        };
        self.is_announced.store(true, Ordering::Relaxed);
        let committed = self.session.control(Control::Commit);
        self.is_announced.store(false, Ordering::Relaxed);
        committed?;
        if let Some(place) = place {
            place.committed();
        }
        // It is committed, whatever becomes of this; the next transaction tries again.
        let _ = self.record_anew();
        Ok(())
    }

    /// Does something that writes, in a transaction of its own.
    fn alone<T>(
        &mut self,
        work: impl FnOnce(&mut SqliteSession) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.record_anew()?;
        self.session.control(Control::BeginWrite)?;
        let done = work(&mut self.session).and_then(|done| self.commit().map(|()| done));
        if done.is_err() {
            // What went wrong before is what matters.
            let _ = self.roll_back();
        }
        done
    }

    fn roll_back(&mut self) -> Result<(), DbError> {
        // SQLite rolls back by itself after some errors.
        let none = self.session.with_connection(|connection| Ok(connection.is_autocommit()))?;
        if !none {
            self.session.control(Control::Rollback)?;
        }
        self.record_anew()
    }

    /// Whether a prepared statement would commit by itself.
    fn commits(&mut self, id: StatementId) -> bool {
        let is_outside = self.session.with_connection(|connection| Ok(connection.is_autocommit()));
        let writes = |session: &mut SqliteSession| {
            session.with_statement(id, |prepared| Ok(!prepared.statement.is_readonly()))
        };
        // One that is not prepared tells that itself.
        is_outside.unwrap_or(false) && writes(&mut self.session).unwrap_or(false)
    }
}

#[async_trait]
impl Session for RecordedSession {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        self.session.prepare(statements).await
    }

    fn columns(&self, id: StatementId) -> Result<Vec<String>, DbError> {
        self.session.columns(id)
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        self.roll_back()
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        let commits = self.session.with_connection(|connection| {
            let writes = !SqliteStatement::new(connection, sql)?.is_readonly();
            Ok(writes && connection.is_autocommit())
        })?;
        match commits {
            true => self.alone(|session| session.run_once(sql)),
            false => self.session.run_once(sql),
        }
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        self.session.query_sql(sql, visit).await
    }

    fn request(&mut self, request: Request<'_>) {
        self.asked = match request {
            Request::Begin(_) => Asked::Begin,
            Request::Commit => Asked::Commit,
            Request::Run(id, _) => Asked::Run(id),
        };
        self.session.request(request);
    }

    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        let asked = self.asked;
        match asked {
            Asked::Begin => match self.record_anew() {
                Ok(()) => self.session.poll_answer(context, visit),
                Err(why) => Poll::Ready(Err(why)),
            },
            Asked::Commit => Poll::Ready(self.commit().map(|()| 0)),
            Asked::Run(id) if self.commits(id) => {
                Poll::Ready(self.alone(|session| session.answer(visit)))
            }
            Asked::Run(_) => self.session.poll_answer(context, visit),
        }
    }
}
