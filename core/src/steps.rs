//! The steps of a transaction: said once, sent one by one, or together where the session pipelines.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::error::DbError;
use crate::rows::Row;
use crate::session::{Access, Request, Session, StatementId};
use crate::value::Value;

/// Takes steps on a session.
///
/// A step outside of a batch waits for its answer. Steps that do not need each other's answers
/// make a batch: `while steps.pass()? { … }` around them. On a session that does not pipeline its
/// body runs once, and each step waits for its answer as if there were no batch. On one that does,
/// the body runs twice: first every step makes its request, then every step reads its answer, one
/// round trip for all. So a body must take the same steps both times, keep what it reads in
/// variables for after the batch, and not fail by itself while requests are made.
///
/// A step is to be awaited at once: most make their request when they are called, and are futures of
/// the answer.
///
/// With `COMMIT` in a batch, the accounting's "the commit is about to be sent" belongs right before
/// [`commit`](Self::commit): there it comes before anything is sent in either mode.
pub struct Steps<'s> {
    session: &'s mut dyn Session,
    pipelines: bool,
    pass: Pass,
    /// The first answer of the batch that was not as it must be. The others are read all the same.
    failure: Option<DbError>,
    /// The batch's commit was acknowledged.
    committed: bool,
}

/// What the steps do at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// There is no batch: each waits for its answer.
    Outside,
    /// There is one on a session that does not pipeline: each waits for its answer.
    Only,
    /// Each makes its request.
    Request,
    /// Each reads its answer.
    Answer,
}

impl<'s> Steps<'s> {
    /// Steps on a session.
    pub fn new(session: &'s mut dyn Session) -> Self {
        let pipelines = session.pipelines();
        Self::known(session, pipelines)
    }

    /// Steps on a session of which it is known whether it pipelines.
    #[inline]
    pub(crate) fn known(session: &'s mut dyn Session, pipelines: bool) -> Self {
        Self { session, pipelines, pass: Pass::Outside, failure: None, committed: false }
    }

    /// The session, for steps that are taken elsewhere.
    pub fn session(&mut self) -> &mut dyn Session {
        self.session
    }

    /// Whether the steps of a batch go out together.
    pub fn pipelines(&self) -> bool {
        self.pipelines
    }

    /// Begins a pass over a batch; false, the batch done, where there is none left.
    ///
    /// # Errors
    /// An answer of the batch was not as it must be. If the batch's commit took effect nevertheless,
    /// the error says so and counts as an unknown outcome, so that no account calls it rolled back.
    #[inline]
    pub fn pass(&mut self) -> Result<bool, DbError> {
        if self.pass == Pass::Outside {
            self.committed = false;
        }
        self.pass = match self.pass {
            Pass::Outside if self.pipelines => Pass::Request,
            Pass::Outside => Pass::Only,
            Pass::Request => Pass::Answer,
            Pass::Only | Pass::Answer => Pass::Outside,
        };
        match self.failure.take() {
            Some(failure) => Err(self.after_all(failure)),
            None => Ok(self.pass != Pass::Outside),
        }
    }

    /// Whether steps make requests in this pass: what is to be noted once per request is noted now.
    pub fn makes_requests(&self) -> bool {
        self.pass != Pass::Answer
    }

    /// Begins a transaction at the session's isolation level.
    ///
    /// # Errors
    /// The engine refuses, or the connection broke.
    #[inline]
    pub fn begin(&mut self, access: Access) -> impl Step {
        self.step(Request::Begin(access), no_row, |_| Ok(()))
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// The engine rolled back instead, or the connection broke and the outcome is unknown.
    #[inline]
    pub async fn commit(&mut self) -> Result<(), DbError> {
        self.step(Request::Commit, no_row, |_| Ok(())).await?;
        self.committed = self.pass == Pass::Answer;
        Ok(())
    }

    /// Rolls back the transaction; never part of a batch.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn rollback(&mut self) -> Result<(), DbError> {
        self.session.rollback().await
    }

    /// Runs a prepared statement that answers no rows; `matched` is told how many it matched.
    ///
    /// # Errors
    /// The engine refuses, `matched` fails, or the connection broke.
    #[inline]
    pub fn execute<'a, C: Counted>(
        &'a mut self,
        id: StatementId,
        params: &[Value<'_>],
        matched: C,
    ) -> impl Step + use<'a, 's, C> {
        self.step(Request::Run(id, params), no_row, matched)
    }

    /// Runs a prepared statement that must match `rows` rows.
    ///
    /// # Errors
    /// The engine refuses, another number of rows was matched, or the connection broke.
    #[inline]
    pub fn execute_rows(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        rows: usize,
    ) -> impl Step {
        self.execute(id, params, move |matched| match matched {
            _ if matched == rows as u64 => Ok(()),
            _ => Err(wrong_count(id, params, "matched", matched, rows)),
        })
    }

    /// Runs a prepared statement that must match one row.
    ///
    /// # Errors
    /// The engine refuses, no row was matched or more than one, or the connection broke.
    #[inline]
    pub fn execute_one(&mut self, id: StatementId, params: &[Value<'_>]) -> impl Step {
        self.execute_rows(id, params, 1)
    }

    /// Runs a prepared query; `visit` is called with each row, and `answered` told how many there
    /// were.
    ///
    /// # Errors
    /// The engine refuses, `visit` or `answered` fails, or the connection broke.
    #[inline]
    pub fn query<'a, V: Visit, C: Counted>(
        &'a mut self,
        id: StatementId,
        params: &[Value<'_>],
        visit: V,
        answered: C,
    ) -> impl Step + use<'a, 's, V, C> {
        self.step(Request::Run(id, params), visit, answered)
    }

    /// Runs a prepared query that must answer `rows` rows, and reads each.
    ///
    /// # Errors
    /// The engine refuses, `read` fails, another number of rows is answered, or the connection broke.
    #[inline]
    pub fn query_rows(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        rows: usize,
        read: impl Visit,
    ) -> impl Step {
        self.query(id, params, read, move |answered| match answered {
            _ if answered == rows as u64 => Ok(()),
            _ => Err(wrong_count(id, params, "answered", answered, rows)),
        })
    }

    /// Runs a prepared query that must answer one row, and reads it.
    ///
    /// # Errors
    /// The engine refuses, `read` fails, there is no row or more than one, or the connection broke.
    #[inline]
    pub fn query_one(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        read: impl Visit,
    ) -> impl Step {
        self.query_rows(id, params, 1, first(read))
    }

    /// Runs a prepared query that may answer one row or none, and reads it.
    ///
    /// # Errors
    /// The engine refuses, `read` fails, there is more than one row, or the connection broke.
    #[inline]
    pub fn query_optional(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        read: impl Visit,
    ) -> impl Step {
        self.query(id, params, first(read), move |rows| match rows {
            0 | 1 => Ok(()),
            _ => Err(wrong_count(id, params, "answered", rows, 1)),
        })
    }

    /// Runs a prepared statement that commits by itself, changes one row and answers it; never part
    /// of a batch.
    ///
    /// # Errors
    /// As [`query_one`](Self::query_one). Where the answer was not as it must be, the error says that
    /// the change took effect nevertheless, as that of [`pass`](Self::pass) does.
    pub async fn change_one(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        read: impl Visit,
    ) -> Result<(), DbError> {
        self.session.request(Request::Run(id, params));
        let answering = Answering {
            steps: self,
            visit: first(read),
            counted: Some(|rows| match rows {
                1 => Ok(()),
                _ => Err(wrong_count(id, params, "answered", rows, 1)),
            }),
            of_batch: true,
        };
        answering.await?;
        self.committed = true;
        match self.failure.take() {
            Some(failure) => Err(self.after_all(failure)),
            None => Ok(()),
        }
    }

    #[inline]
    fn step<'a, V: Visit, C: Counted>(
        &'a mut self,
        request: Request<'_>,
        visit: V,
        counted: C,
    ) -> Answering<'a, 's, V, C> {
        let (asks, answers, of_batch) = match self.pass {
            Pass::Outside | Pass::Only => (true, true, false),
            Pass::Request => (true, false, false),
            Pass::Answer => (false, true, true),
        };
        if asks {
            self.session.request(request);
        }
        Answering { steps: self, visit, counted: answers.then_some(counted), of_batch }
    }

    #[cold]
    fn after_all(&mut self, mut failure: DbError) -> DbError {
        if std::mem::take(&mut self.committed) {
            failure.message.push_str("; the transaction had been committed by then");
            failure.outcome_unknown = true;
        }
        failure
    }
}

/// A step under way: the answer is as it must be, or an error.
pub trait Step: Future<Output = Result<(), DbError>> {}

impl<F: Future<Output = Result<(), DbError>>> Step for F {}

/// What looks at each row of an answer.
pub trait Visit: FnMut(&dyn Row) -> Result<(), DbError> + Send {}

impl<F: FnMut(&dyn Row) -> Result<(), DbError> + Send> Visit for F {}

/// What looks at the number of rows of an answer.
pub trait Counted: FnOnce(u64) -> Result<(), DbError> {}

impl<F: FnOnce(u64) -> Result<(), DbError>> Counted for F {}

/// Waits for the answer of a step. It is a future written by hand, so that a statement costs one
/// call of its session's `poll_answer` and not a state machine for each layer above it.
struct Answering<'a, 's, V, C> {
    steps: &'a mut Steps<'s>,
    visit: V,
    /// None where no answer is waited for, or once it is there.
    counted: Option<C>,
    /// An answer that is not as it must be is kept until the end of the batch. An engine's error ends
    /// the batch, for nothing after it took effect.
    of_batch: bool,
}

// Nothing in it is ever pinned.
impl<V, C> Unpin for Answering<'_, '_, V, C> {}

impl<V: Visit, C: Counted> Future for Answering<'_, '_, V, C> {
    type Output = Result<(), DbError>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { steps, visit, counted, of_batch } = self.get_mut();
        if counted.is_none() {
            return Poll::Ready(Ok(()));
        }
        if *of_batch {
            return steps.poll_of_batch(context, visit, counted);
        }
        let rows = ready!(steps.session.poll_answer(context, visit))?;
        Poll::Ready(counted.take().map_or(Ok(()), |counted| counted(rows)))
    }
}

impl Steps<'_> {
    fn poll_of_batch(
        &mut self,
        context: &mut Context<'_>,
        visit: &mut impl Visit,
        counted: &mut Option<impl Counted>,
    ) -> Poll<Result<(), DbError>> {
        let failure = &mut self.failure;
        let mut keep = |row: &dyn Row| {
            if failure.is_none() {
                *failure = visit(row).err();
            }
            Ok(())
        };
        let rows = ready!(self.session.poll_answer(context, &mut keep))?;
        if let (None, Some(counted)) = (&self.failure, counted.take()) {
            self.failure = counted(rows).err();
        }
        Poll::Ready(Ok(()))
    }
}

fn no_row(_: &dyn Row) -> Result<(), DbError> {
    Ok(())
}

/// Reads the first row alone; the number of rows is checked elsewhere.
fn first(mut read: impl Visit) -> impl Visit {
    let mut is_first = true;
    move |row: &dyn Row| if std::mem::take(&mut is_first) { read(row) } else { Ok(()) }
}

#[cold]
fn wrong_count(
    id: StatementId,
    params: &[Value<'_>],
    verb: &str,
    rows: u64,
    wanted: usize,
) -> DbError {
    let wanted = if wanted == 1 { "one".to_owned() } else { wanted.to_string() };
    DbError::unexpected(format!(
        "statement number {id} with the parameters {params:?} {verb} {rows} rows, not {wanted}"
    ))
}
