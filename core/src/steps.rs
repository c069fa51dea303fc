//! The steps of a transaction: said once, sent one by one, or together where the session pipelines.

use crate::error::DbError;
use crate::rows::{Row, RowVisitor};
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
/// With `COMMIT` in a batch, the accounting's "the commit is about to be sent" belongs right before
/// [`commit`](Self::commit): there it comes before anything is sent in either mode.
pub struct Steps<'s> {
    session: &'s mut dyn Session,
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
        Self { session, pass: Pass::Outside, failure: None, committed: false }
    }

    /// Whether the steps of a batch go out together.
    pub fn pipelines(&self) -> bool {
        self.session.pipelines()
    }

    /// Begins a pass over a batch; false, the batch done, where there is none left.
    ///
    /// # Errors
    /// An answer of the batch was not as it must be. If the batch's commit took effect nevertheless,
    /// the error says so and counts as an unknown outcome, so that no account calls it rolled back.
    #[inline]
    pub fn pass(&mut self) -> Result<bool, DbError> {
        self.pass = match self.pass {
            Pass::Outside if self.session.pipelines() => Pass::Request,
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
    pub async fn begin(&mut self, access: Access) -> Result<(), DbError> {
        self.step(Request::Begin(access), &mut |_| Ok(()), |_| Ok(())).await
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// The engine rolled back instead, or the connection broke and the outcome is unknown.
    #[inline]
    pub async fn commit(&mut self) -> Result<(), DbError> {
        self.step(Request::Commit, &mut |_| Ok(()), |_| Ok(())).await?;
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
    pub async fn execute(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        matched: impl FnOnce(u64) -> Result<(), DbError> + Send,
    ) -> Result<(), DbError> {
        self.step(Request::Run(id, params), &mut |_| Ok(()), matched).await
    }

    /// Runs a prepared statement that must match `rows` rows.
    ///
    /// # Errors
    /// The engine refuses, another number of rows was matched, or the connection broke.
    #[inline]
    pub async fn execute_rows(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        rows: usize,
    ) -> Result<(), DbError> {
        self.execute(id, params, |matched| match matched {
            _ if matched == rows as u64 => Ok(()),
            _ => Err(wrong_count(id, params, "matched", matched, rows)),
        })
        .await
    }

    /// Runs a prepared statement that must match one row.
    ///
    /// # Errors
    /// The engine refuses, no row was matched or more than one, or the connection broke.
    #[inline]
    pub async fn execute_one(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
    ) -> Result<(), DbError> {
        self.execute_rows(id, params, 1).await
    }

    /// Runs a prepared query; `visit` is called with each row, and `answered` told how many there
    /// were.
    ///
    /// # Errors
    /// The engine refuses, `visit` or `answered` fails, or the connection broke.
    #[inline]
    pub async fn query(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        mut visit: impl FnMut(&dyn Row) -> Result<(), DbError> + Send,
        answered: impl FnOnce(u64) -> Result<(), DbError> + Send,
    ) -> Result<(), DbError> {
        self.step(Request::Run(id, params), &mut visit, answered).await
    }

    /// Runs a prepared query that must answer `rows` rows, and reads each.
    ///
    /// # Errors
    /// The engine refuses, `read` fails, another number of rows is answered, or the connection broke.
    #[inline]
    pub async fn query_rows(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        rows: usize,
        read: impl FnMut(&dyn Row) -> Result<(), DbError> + Send,
    ) -> Result<(), DbError> {
        self.query(id, params, read, |answered| match answered {
            _ if answered == rows as u64 => Ok(()),
            _ => Err(wrong_count(id, params, "answered", answered, rows)),
        })
        .await
    }

    /// Runs a prepared query that must answer one row, and reads it.
    ///
    /// # Errors
    /// The engine refuses, `read` fails, there is no row or more than one, or the connection broke.
    #[inline]
    pub async fn query_one(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        read: impl FnMut(&dyn Row) -> Result<(), DbError> + Send,
    ) -> Result<(), DbError> {
        self.query_rows(id, params, 1, first(read)).await
    }

    /// Runs a prepared query that may answer one row or none, and reads it.
    ///
    /// # Errors
    /// The engine refuses, `read` fails, there is more than one row, or the connection broke.
    #[inline]
    pub async fn query_optional(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        read: impl FnMut(&dyn Row) -> Result<(), DbError> + Send,
    ) -> Result<(), DbError> {
        self.query(id, params, first(read), |rows| match rows {
            0 | 1 => Ok(()),
            _ => Err(wrong_count(id, params, "answered", rows, 1)),
        })
        .await
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
        read: impl FnMut(&dyn Row) -> Result<(), DbError> + Send,
    ) -> Result<(), DbError> {
        self.session.request(Request::Run(id, params));
        self.read(&mut first(read), |rows| match rows {
            1 => Ok(()),
            _ => Err(wrong_count(id, params, "answered", rows, 1)),
        })
        .await?;
        self.committed = true;
        match self.failure.take() {
            Some(failure) => Err(self.after_all(failure)),
            None => Ok(()),
        }
    }

    #[inline]
    async fn step(
        &mut self,
        request: Request<'_>,
        visit: &mut RowVisitor<'_>,
        check: impl FnOnce(u64) -> Result<(), DbError> + Send,
    ) -> Result<(), DbError> {
        match self.pass {
            Pass::Outside | Pass::Only => {
                self.session.request(request);
                check(self.session.answer(visit).await?)
            }
            Pass::Request => {
                self.session.request(request);
                Ok(())
            }
            Pass::Answer => self.read(visit, check).await,
        }
    }

    /// Reads an answer of a batch. An engine's error ends the batch, for nothing after it took
    /// effect; an answer that is not as it must be does not, and is kept until the end.
    async fn read(
        &mut self,
        visit: &mut RowVisitor<'_>,
        check: impl FnOnce(u64) -> Result<(), DbError> + Send,
    ) -> Result<(), DbError> {
        let failure = &mut self.failure;
        let mut keep = |row: &dyn Row| {
            if failure.is_none() {
                *failure = visit(row).err();
            }
            Ok(())
        };
        let rows = self.session.answer(&mut keep).await?;
        if self.failure.is_none() {
            self.failure = check(rows).err();
        }
        Ok(())
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

/// Reads the first row alone; the number of rows is checked elsewhere.
fn first(
    mut read: impl FnMut(&dyn Row) -> Result<(), DbError> + Send,
) -> impl FnMut(&dyn Row) -> Result<(), DbError> + Send {
    let mut is_first = true;
    move |row| if std::mem::take(&mut is_first) { read(row) } else { Ok(()) }
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
