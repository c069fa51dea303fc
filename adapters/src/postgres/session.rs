//! One open connection to PostgreSQL.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::{
    DbError, Dialect, ErrorClass, Request, RowVisitor, Session, SessionOptions, Statement,
    StatementId,
};
use postgres_protocol::message::backend::{
    BIND_COMPLETE_TAG, COMMAND_COMPLETE_TAG, DATA_ROW_TAG, EMPTY_QUERY_RESPONSE_TAG,
    ERROR_RESPONSE_TAG, PARSE_COMPLETE_TAG, READY_FOR_QUERY_TAG,
};
use postgres_protocol::message::frontend;

use super::control::Control;
use super::dialect::PostgresDialect;
use super::messages::{Span, rows_of_tag};
use super::prepare::{Wanted, prepare};
use super::row::PostgresRow;
use super::set_up::limit_statements;
use super::statement::{Prepared, SYNC};
use super::unprepared;
use super::wire::{Status, Wire};

/// A session: a connection, its statements, and what it was asked.
///
/// Requests are put into the connection's buffer as they are made. They are sent as a batch, which
/// ends with the server's ReadyForQuery: one request where the session does not pipeline.
pub(super) struct PostgresSession {
    wire: Wire,
    statements: Arc<[Prepared]>,
    /// The server keeps statements; else it is sent each anew.
    keeps_statements: bool,
    /// How many statements the server may know.
    named: usize,
    control: Control,
    pipelines: bool,
    statement_timeout: Option<Duration>,
    /// The requests that have no answer yet, the oldest first.
    asked: VecDeque<Asked>,
    /// How many of them, the oldest, are in the batch that was sent.
    in_flight: usize,
    /// The batch is not sent to its end.
    sending: bool,
    /// Why the last of `asked` could not be put.
    refusal: Option<DbError>,
    /// What was read so far of the oldest answer.
    answer: Answer,
    columns: Vec<Span>,
    /// An answer is being waited for. Where the caller gave up, it stays so.
    waiting: bool,
    /// The error that keeps the transaction from being committed.
    spoiled: Option<DbError>,
}

#[derive(Clone, Copy)]
enum Asked {
    Begin,
    Commit,
    Run(StatementId),
    Refused,
}

#[derive(Default)]
struct Answer {
    rows: u64,
    /// The engine's error.
    failure: Option<DbError>,
    /// The visitor's error.
    unread: Option<DbError>,
}

impl PostgresSession {
    /// A session that was opened; `set_up` is what it runs first, if anything.
    ///
    /// # Errors
    /// The server refuses the set-up, or the connection broke.
    pub(super) async fn new(
        mut wire: Wire,
        set_up: &str,
        options: &SessionOptions,
    ) -> Result<Self, DbError> {
        if !set_up.is_empty() {
            wire.simple(set_up).await?;
        }
        let control = Control::new(&mut wire).await?;
        Ok(Self::over(wire, control, true, options))
    }

    /// A session that was opened on a server that forgets statements after each use, with those that another
    /// session has prepared on the same server.
    ///
    /// # Errors
    /// None that a server can cause.
    pub(super) fn unnamed(
        wire: Wire,
        statements: Option<Arc<[Prepared]>>,
        options: &SessionOptions,
    ) -> Result<Self, DbError> {
        let session = Self::over(wire, Control::unnamed()?, false, options);
        Ok(Self { statements: statements.unwrap_or_default(), ..session })
    }

    fn over(
        wire: Wire,
        control: Control,
        keeps_statements: bool,
        options: &SessionOptions,
    ) -> Self {
        Self {
            wire,
            statements: Arc::default(),
            keeps_statements,
            named: 0,
            control,
            pipelines: options.pipeline,
            statement_timeout: options.statement_timeout,
            asked: VecDeque::with_capacity(1),
            in_flight: 0,
            sending: false,
            refusal: None,
            answer: Answer::default(),
            columns: Vec::new(),
            waiting: false,
            spoiled: None,
        }
    }

    /// The statements that it has prepared, for others on the same server.
    pub(super) fn statements(&self) -> Arc<[Prepared]> {
        Arc::clone(&self.statements)
    }

    /// Has the server cancel statements that run longer; does nothing where no limit was asked for.
    async fn limit_statements(&mut self, limit: Option<Duration>) -> Result<(), DbError> {
        if self.statement_timeout.is_none() {
            return Ok(());
        }
        self.wire.simple(&limit_statements(limit)).await.map(|_| ())
    }

    /// Puts a request's messages into the buffer.
    #[inline]
    fn put(&mut self, request: Request<'_>) -> Result<Asked, DbError> {
        let out = self.wire.outbound();
        match request {
            Request::Begin(_) => {
                self.spoiled = None;
                out.extend_from_slice(&self.control.begin);
                Ok(Asked::Begin)
            }
            Request::Commit => {
                // The server fails a transaction by its own errors only, not by a parameter that
                // was never sent.
                let message = match self.spoiled {
                    None => &self.control.commit,
                    Some(_) => &self.control.rollback,
                };
                out.extend_from_slice(message);
                Ok(Asked::Commit)
            }
            Request::Run(id, params) => {
                let Some(statement) = self.statements.get(id) else { return Err(not_prepared(id)) };
                statement.put(params, out)?;
                Ok(Asked::Run(id))
            }
        }
    }

    /// A request that could not be put: it fails its transaction as the server's errors do.
    #[cold]
    fn refuse(&mut self, why: DbError) {
        let open = self.wire.status != Status::Idle
            || self.asked.iter().any(|asked| matches!(asked, Asked::Begin));
        if open {
            self.spoiled.get_or_insert_with(|| why.clone());
        }
        self.refusal = Some(why);
        self.asked.push_back(Asked::Refused);
    }

    /// Makes a batch of what was asked; the refusal, once its turn has come.
    #[inline]
    fn begin_batch(&mut self) -> Result<(), DbError> {
        self.in_flight = self.asked.len() - usize::from(self.refusal.is_some());
        if self.in_flight == 0 {
            self.asked.clear();
            let none = || DbError::unexpected("an answer was asked for without a request");
            return Err(self.refusal.take().unwrap_or_else(none));
        }
        self.wire.outbound().extend_from_slice(&SYNC);
        self.sending = true;
        Ok(())
    }

    /// Reads the answer to the oldest request.
    #[inline]
    fn poll_oldest(
        &mut self,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        if let Some(end) = self.wire.end() {
            let end = end.clone();
            return Poll::Ready(Err(self.lost(end)));
        }
        if self.in_flight == 0
            && let Err(why) = self.begin_batch()
        {
            return Poll::Ready(Err(why));
        }
        if self.sending {
            if let Err(why) = ready!(self.wire.poll_send(context)) {
                return Poll::Ready(Err(self.lost(why)));
            }
            self.sending = false;
        }
        loop {
            let (tag, length) = match ready!(self.wire.poll_message(context)) {
                Ok(message) => message,
                Err(why) => return Poll::Ready(Err(self.lost(why))),
            };
            match tag {
                BIND_COMPLETE_TAG | PARSE_COMPLETE_TAG => self.wire.take(length),
                DATA_ROW_TAG => {
                    if let Err(why) = self.read_row(length, visit) {
                        return Poll::Ready(Err(self.lost(why)));
                    }
                }
                COMMAND_COMPLETE_TAG | EMPTY_QUERY_RESPONSE_TAG => {
                    self.complete(length);
                    if self.in_flight > 1 {
                        self.asked.pop_front();
                        self.in_flight -= 1;
                        return Poll::Ready(self.take_answer());
                    }
                }
                READY_FOR_QUERY_TAG => {
                    if let Err(why) = self.wire.take_ready(length) {
                        return Poll::Ready(Err(self.lost(why)));
                    }
                    self.asked.pop_front();
                    self.in_flight = 0;
                    return Poll::Ready(self.take_answer());
                }
                ERROR_RESPONSE_TAG => {
                    let error = self.wire.take_error(length);
                    if self.wire.end().is_some() {
                        return Poll::Ready(Err(self.lost(error)));
                    }
                    self.fail(error);
                }
                _ => {
                    let why = self.wire.out_of_place(tag);
                    return Poll::Ready(Err(self.lost(why)));
                }
            }
        }
    }

    /// Shows a row to the visitor, unless an earlier one was too much for it.
    #[inline]
    fn read_row(&mut self, length: usize, visit: &mut RowVisitor<'_>) -> Result<(), DbError> {
        self.answer.rows += 1;
        if self.answer.unread.is_none() {
            let types = match self.asked.front() {
                Some(Asked::Run(id)) => self.statements.get(*id).map(|found| &found.columns),
                _ => None,
            };
            let types = types.map(Vec::as_slice).unwrap_or_default();
            let body = self.wire.body(length);
            let Some(row) = PostgresRow::read(types, body, &mut self.columns) else {
                return Err(self.wire.violated("has a row that is cut short"));
            };
            self.answer.unread = visit(&row).err();
        }
        self.wire.take(length);
        Ok(())
    }

    /// Takes the end of an answer.
    #[inline]
    fn complete(&mut self, length: usize) {
        let tag = self.wire.body(length);
        match self.asked.front() {
            Some(Asked::Run(_)) => {
                if self.answer.rows == 0 {
                    self.answer.rows = rows_of_tag(tag);
                }
            }
            Some(Asked::Commit) => {
                if tag.starts_with(b"ROLLBACK") {
                    self.answer.failure = Some(nothing_committed(self.spoiled.take()));
                }
                self.wire.status = Status::Idle;
            }
            Some(Asked::Begin) => self.wire.status = Status::Open,
            Some(Asked::Refused) | None => {}
        }
        self.wire.take(length);
    }

    #[inline]
    fn take_answer(&mut self) -> Result<u64, DbError> {
        let rows = std::mem::take(&mut self.answer.rows);
        if self.answer.failure.is_none() && self.answer.unread.is_none() {
            return Ok(rows);
        }
        Err(self.take_failure())
    }

    #[cold]
    fn take_failure(&mut self) -> DbError {
        let Answer { failure, unread, .. } = std::mem::take(&mut self.answer);
        match (failure, unread) {
            (Some(error), _) => {
                self.remember(&error);
                error
            }
            (None, Some(error)) => error,
            (None, None) => DbError::unexpected("an answer is missing"),
        }
    }

    /// Notes the error that failed a transaction.
    #[cold]
    fn remember(&mut self, error: &DbError) {
        match self.wire.status {
            Status::Failed => {
                self.spoiled.get_or_insert_with(|| error.clone());
            }
            Status::Open => {}
            Status::Idle => self.spoiled = None,
        }
    }

    /// The server refuses the oldest request, and passes over the rest of the batch. What was
    /// asked since then is void, too.
    #[cold]
    fn fail(&mut self, mut error: DbError) {
        if let (ErrorClass::Other, Some(Asked::Run(id))) = (error.class, self.asked.front())
            && let Some(statement) = self.statements.get(*id)
        {
            error.message = format!("statement `{}`: {}", statement.name, error.message);
        }
        self.answer.failure.get_or_insert(error);
        self.asked.truncate(1);
        self.in_flight = 1;
        self.refusal = None;
        self.wire.outbound().clear();
    }

    /// The connection is gone, and with it all that was asked.
    #[cold]
    fn lost(&mut self, why: DbError) -> DbError {
        let mut open = self.wire.status != Status::Idle;
        let undecided = self.spoiled.is_none()
            && self.asked.iter().any(|asked| match asked {
                Asked::Begin => {
                    open = true;
                    false
                }
                Asked::Commit => true,
                Asked::Run(_) => !open,
                Asked::Refused => false,
            });
        self.forget();
        self.wire.status = Status::Idle;
        if undecided { why.during_commit() } else { why }
    }

    /// Forgets all that was asked.
    fn forget(&mut self) {
        self.asked.clear();
        self.in_flight = 0;
        self.sending = false;
        self.refusal = None;
        self.answer = Answer::default();
        self.wire.outbound().clear();
    }

    #[cold]
    fn abandon(&mut self) {
        self.forget();
        if self.wire.end().is_none() {
            let why = "an earlier statement's answer was not waited for";
            self.wire.end_with(DbError::new(ErrorClass::Disconnected, None, why));
        }
    }

    /// Reads what is left of the batch, so that something else can be asked.
    async fn rest(&mut self) -> Result<(), DbError> {
        if self.waiting {
            self.abandon();
        }
        if let Some(end) = self.wire.end() {
            return Err(end.clone());
        }
        self.waiting = true;
        while self.in_flight > 0 {
            let (tag, length) = self.wire.message().await?;
            match tag {
                READY_FOR_QUERY_TAG => {
                    self.wire.take_ready(length)?;
                    self.in_flight = 0;
                }
                ERROR_RESPONSE_TAG => {
                    let error = self.wire.take_error(length);
                    if self.wire.end().is_some() {
                        return Err(error);
                    }
                    self.spoiled.get_or_insert(error);
                }
                _ => self.wire.take(length),
            }
        }
        self.forget();
        Ok(())
    }

    /// Ends what [`Self::rest`] began: `result` is the answer to a statement that was alone.
    fn settle(&mut self, result: Result<u64, DbError>, was: Status) -> Result<u64, DbError> {
        self.waiting = false;
        result.map_err(|error| {
            self.remember(&error);
            if was == Status::Idle { error.during_commit() } else { error }
        })
    }
}

/// The error of a COMMIT that the server answered with ROLLBACK, as it does in a transaction that
/// failed before.
#[cold]
fn nothing_committed(cause: Option<DbError>) -> DbError {
    match cause {
        Some(mut cause) => {
            cause.message.insert_str(0, "nothing was committed, since before: ");
            cause
        }
        None => DbError::unexpected("nothing was committed: the server rolled back instead"),
    }
}

#[cold]
fn not_prepared(id: StatementId) -> DbError {
    DbError::unexpected(format!("statement {id} was never prepared"))
}

#[async_trait]
impl Session for PostgresSession {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        self.rest().await?;
        self.statements = Arc::default();
        let keeps = self.keeps_statements;
        let before = std::mem::replace(&mut self.named, if keeps { statements.len() } else { 0 });
        let wanted: Vec<Wanted> = statements
            .iter()
            .enumerate()
            .map(|(number, statement)| Wanted {
                name: statement.name,
                wire_name: if keeps { format!("s{number}") } else { String::new() },
                sql: PostgresDialect.statement(&statement.sql),
            })
            .collect();
        for number in 0..before {
            self.wire.put(|out| frontend::close(b'S', &format!("s{number}"), out))?;
        }
        // The limit is for statements that run: preparing many may take longer.
        self.limit_statements(None).await?;
        let prepared = prepare(&mut self.wire, &wanted).await;
        self.waiting = false;
        match prepared {
            Ok(prepared) => {
                self.statements = prepared.into();
                self.limit_statements(self.statement_timeout).await
            }
            Err(error) => {
                // SQL that cannot be said leaves what was put before it.
                self.forget();
                self.remember(&error);
                Err(error)
            }
        }
    }

    fn columns(&self, id: StatementId) -> Result<Vec<String>, DbError> {
        let statement = self.statements.get(id);
        statement.map(|statement| statement.column_names.clone()).ok_or_else(|| {
            DbError::unexpected(format!("no statement number {id} has been prepared"))
        })
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        self.rest().await?;
        let answer = match self.wire.status {
            Status::Idle => Ok(0),
            Status::Open | Status::Failed => self.wire.simple("ROLLBACK").await,
        };
        self.waiting = false;
        self.spoiled = None;
        answer.map(|_| ())
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        self.rest().await?;
        let was = self.wire.status;
        let answer = self.wire.simple(sql).await;
        self.settle(answer, was)
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        self.rest().await?;
        let was = self.wire.status;
        let answer = unprepared::query(&mut self.wire, sql, &mut self.columns, visit).await;
        self.settle(answer, was)
    }

    fn pipelines(&self) -> bool {
        self.pipelines
    }

    #[inline]
    fn request(&mut self, request: Request<'_>) {
        if self.waiting || (!self.pipelines && !self.asked.is_empty()) {
            self.abandon();
        }
        if self.refusal.is_some() {
            // It comes after one that fails.
            return;
        }
        match self.put(request) {
            Ok(asked) => self.asked.push_back(asked),
            Err(why) => self.refuse(why),
        }
    }

    #[inline]
    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        let answer = self.poll_oldest(context, visit);
        self.waiting = answer.is_pending();
        answer
    }
}
