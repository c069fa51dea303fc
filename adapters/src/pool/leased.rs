//! A session on a connection that belongs to a pool.

use std::task::{Context, Poll};

use async_trait::async_trait;
use dbdyno_core::{DbError, ErrorClass, Request, RowVisitor, Session, Statement, StatementId};

/// Who keeps a connection for as long as it is lent. Dropping it gives the connection back.
pub(crate) trait Keeper: Send {
    /// The connection; none once it has gone back.
    fn session(&self) -> Option<&dyn Session>;

    /// The connection, to ask something.
    fn session_mut(&mut self) -> Option<&mut dyn Session>;

    /// Has the pool be rid of the connection.
    fn discard(self);
}

/// A session that goes back to its pool when it is dropped, if whoever has it next finds it as new.
pub(crate) struct Leased<K: Keeper> {
    /// There until it is dropped.
    keeper: Option<K>,
    /// Requests without an answer.
    unanswered: usize,
    /// One of them, the last, is a commit.
    committing: bool,
    /// A transaction is open.
    open: bool,
    broken: bool,
}

impl<K: Keeper> Leased<K> {
    pub(crate) fn new(keeper: K) -> Self {
        Self { keeper: Some(keeper), unanswered: 0, committing: false, open: false, broken: false }
    }

    fn session(&mut self) -> Result<&mut dyn Session, DbError> {
        self.keeper.as_mut().and_then(Keeper::session_mut).ok_or_else(given_back)
    }

    /// The connection, for something that leaves it amidst an answer where nobody waits for its end.
    fn busy(&mut self) -> Result<&mut dyn Session, DbError> {
        self.unanswered += 1;
        self.session()
    }

    /// Notes what the end of that says of the connection.
    fn done<T>(&mut self, answer: Result<T, DbError>) -> Result<T, DbError> {
        (self.unanswered, self.committing) = (0, false);
        self.broken |= answer.as_ref().is_err_and(is_gone);
        answer
    }

    /// Notes an answer on the load path.
    #[inline]
    fn answered(&mut self, answer: &Result<u64, DbError>) {
        match answer {
            Ok(_) => {
                self.unanswered = self.unanswered.saturating_sub(1);
                if self.unanswered == 0 && std::mem::take(&mut self.committing) {
                    self.open = false;
                }
            }
            Err(error) => {
                // Those that came after it are void.
                (self.unanswered, self.committing) = (0, false);
                self.broken |= is_gone(error);
            }
        }
    }
}

/// Whether an error is the last of a connection. A pool that is a program in front of the server takes leave
/// of clients for which it has no connection.
fn is_gone(error: &DbError) -> bool {
    matches!(error.class, ErrorClass::Disconnected | ErrorClass::PoolTimeout)
}

#[cold]
fn given_back() -> DbError {
    DbError::unexpected("the connection was given back")
}

impl<K: Keeper> Drop for Leased<K> {
    fn drop(&mut self) {
        let Some(keeper) = self.keeper.take() else { return };
        if self.broken || self.open || self.unanswered > 0 {
            keeper.discard();
        }
    }
}

#[async_trait]
impl<K: Keeper> Session for Leased<K> {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        let prepared = self.busy()?.prepare(statements).await;
        self.done(prepared)
    }

    fn columns(&self, id: StatementId) -> Result<Vec<String>, DbError> {
        self.keeper.as_ref().and_then(Keeper::session).ok_or_else(given_back)?.columns(id)
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        let rolled_back = self.busy()?.rollback().await;
        self.open &= rolled_back.is_err();
        self.done(rolled_back)
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        let answer = self.busy()?.run_sql(sql).await;
        self.done(answer)
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        let answer = self.busy()?.query_sql(sql, visit).await;
        self.done(answer)
    }

    fn pipelines(&self) -> bool {
        self.keeper.as_ref().and_then(Keeper::session).is_some_and(|session| session.pipelines())
    }

    #[inline]
    fn request(&mut self, request: Request<'_>) {
        match request {
            Request::Begin(_) => self.open = true,
            Request::Commit => self.committing = true,
            Request::Run(..) => {}
        }
        self.unanswered += 1;
        if let Ok(session) = self.session() {
            session.request(request);
        }
    }

    #[inline]
    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        let polled = match self.session() {
            Ok(session) => session.poll_answer(context, visit),
            Err(error) => Poll::Ready(Err(error)),
        };
        if let Poll::Ready(answer) = &polled {
            self.answered(answer);
        }
        polled
    }
}
