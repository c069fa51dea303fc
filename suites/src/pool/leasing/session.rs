//! A session without a connection of its own.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use async_trait::async_trait;
use dbdyno_core::{
    Access, DbError, ErrorClass, Pool, PoolWait, Request, RowVisitor, Session, Statement,
    StatementId, Value,
};

use super::Shared;
use super::log::{Page, TurnEnd};
use crate::parameter::Parameter;

/// A connection about to be had.
type Acquiring = Pin<Box<dyn Future<Output = Result<Box<dyn Session>, DbError>> + Send>>;

/// A session that has a connection from its `BEGIN` to the answer to its `COMMIT` or `ROLLBACK`, or for one
/// statement outside of a transaction.
pub struct LeasingSession {
    pool: Arc<dyn Pool>,
    wait: PoolWait,
    shared: Arc<Shared>,
    page: Arc<Page>,
    connection: Connection,
    /// What the next answer is the answer to.
    asked: Asked,
    /// The parameters of a statement that waits for a connection.
    parameters: Vec<Parameter>,
    /// A transaction is open.
    open: bool,
}

enum Connection {
    None,
    /// Asked for at that moment.
    Awaited(Acquiring, Instant),
    /// It was asked for at that moment, and is to be had with the first answer.
    Unanswered(Box<dyn Session>, Instant),
    Had(Box<dyn Session>),
}

#[derive(Clone, Copy)]
enum Asked {
    Begin(Access),
    Commit,
    Run(StatementId),
}

impl LeasingSession {
    pub fn new(pool: Arc<dyn Pool>, wait: PoolWait, shared: Arc<Shared>) -> Self {
        let page = shared.log.page();
        Self {
            pool,
            wait,
            shared,
            page,
            connection: Connection::None,
            asked: Asked::Commit,
            parameters: Vec::new(),
            open: false,
        }
    }

    fn acquire(&mut self) {
        let pool = Arc::clone(&self.pool);
        let asked_at = self.shared.log.asks(&self.page);
        let acquiring = Box::pin(async move { pool.acquire().await });
        self.connection = Connection::Awaited(acquiring, asked_at);
    }

    /// Waits for the connection that was asked for, and asks it what waits.
    fn poll_connection(&mut self, context: &mut Context<'_>) -> Poll<Result<(), DbError>> {
        let Connection::Awaited(acquiring, asked_at) = &mut self.connection else {
            return Poll::Ready(Ok(()));
        };
        let (acquired, asked_at) = (ready!(acquiring.as_mut().poll(context)), *asked_at);
        let mut session = match acquired {
            Ok(session) => session,
            Err(error) => {
                self.connection = Connection::None;
                self.waited(asked_at, Some(&error));
                return Poll::Ready(Err(error));
            }
        };
        match self.asked {
            Asked::Begin(access) => session.request(Request::Begin(access)),
            Asked::Commit => session.request(Request::Commit),
            Asked::Run(id) => {
                let values: Vec<Value<'_>> = self.parameters.iter().map(Parameter::value).collect();
                session.request(Request::Run(id, &values));
            }
        }
        self.connection = match self.wait {
            PoolWait::FirstAnswer => Connection::Unanswered(session, asked_at),
            PoolWait::Acquiring => {
                self.waited(asked_at, None);
                Connection::Had(session)
            }
        };
        Poll::Ready(Ok(()))
    }

    /// Notes the end of a wait.
    fn waited(&self, asked_at: Instant, error: Option<&DbError>) {
        let end = match error {
            None => TurnEnd::Acquired,
            Some(error) if error.class == ErrorClass::PoolTimeout => TurnEnd::TimedOut,
            Some(_) => TurnEnd::Failed,
        };
        self.shared.log.ends(&self.page, asked_at, end);
    }

    /// Looks at what an answer leaves of the connection.
    fn answered(&mut self, answer: &Result<u64, DbError>) {
        if let Connection::Unanswered(..) = &self.connection
            && let Connection::Unanswered(session, asked_at) =
                mem::replace(&mut self.connection, Connection::None)
        {
            // The engine's refusal of what was asked comes from a connection that was had.
            let error = answer.as_ref().err().filter(|error| is_gone(error));
            self.waited(asked_at, error);
            self.connection = Connection::Had(session);
        }
        match (answer, self.asked) {
            (Err(error), _) if is_gone(error) => self.give_back(),
            (Ok(_), Asked::Begin(_)) => self.open = true,
            (Ok(_), Asked::Commit) => {
                self.shared.log.served(&self.page);
                self.give_back();
            }
            (Ok(_), Asked::Run(_)) if !self.open => {
                self.shared.log.served(&self.page);
                self.give_back();
            }
            (Err(_), Asked::Run(_)) if !self.open => self.give_back(),
            // A transaction that failed has its connection until it is rolled back.
            (Err(_) | Ok(_), _) => {}
        }
    }

    fn give_back(&mut self) {
        self.open = false;
        match mem::replace(&mut self.connection, Connection::None) {
            Connection::None | Connection::Awaited(..) => {}
            Connection::Unanswered(session, _) | Connection::Had(session) => {
                self.shared.take_back(session);
            }
        }
    }

    /// A connection for set-up work: the one that it has, or another.
    async fn borrow(&mut self) -> Result<&mut Box<dyn Session>, DbError> {
        if !matches!(self.connection, Connection::Had(_)) {
            self.connection = Connection::Had(self.pool.acquire().await?);
        }
        match &mut self.connection {
            Connection::Had(session) => Ok(session),
            _ => Err(DbError::unexpected("the connection is gone")),
        }
    }
}

/// Whether an error is the end of the connection.
fn is_gone(error: &DbError) -> bool {
    matches!(error.class, ErrorClass::Disconnected | ErrorClass::PoolTimeout)
}

#[async_trait]
impl Session for LeasingSession {
    /// The pool prepares the statements on each of its connections, those of its plan. One is opened now, so
    /// that what is wrong with them, or with the server, is known before there is a load.
    async fn prepare(&mut self, _: &[Statement]) -> Result<(), DbError> {
        match self.pool.acquire().await {
            Err(error) if error.class != ErrorClass::PoolTimeout => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        match &mut self.connection {
            Connection::Had(session) => {
                let rolled_back = session.rollback().await;
                self.give_back();
                rolled_back
            }
            _ => {
                self.give_back();
                Ok(())
            }
        }
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        let answer = self.borrow().await?.run_sql(sql).await;
        if !self.open {
            self.give_back();
        }
        answer
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        let answer = self.borrow().await?.query_sql(sql, visit).await;
        if !self.open {
            self.give_back();
        }
        answer
    }

    fn request(&mut self, request: Request<'_>) {
        self.asked = match request {
            Request::Begin(access) => Asked::Begin(access),
            Request::Commit => Asked::Commit,
            Request::Run(id, _) => Asked::Run(id),
        };
        if let Connection::Had(session) = &mut self.connection {
            session.request(request);
            return;
        }
        if let Request::Run(_, values) = request {
            self.parameters.clear();
            self.parameters.extend(values.iter().copied().map(Parameter::from));
        }
        self.acquire();
    }

    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        if let Err(error) = ready!(self.poll_connection(context)) {
            return Poll::Ready(Err(error));
        }
        let (Connection::Unanswered(session, _) | Connection::Had(session)) = &mut self.connection
        else {
            let why = "an answer was asked for without a request";
            return Poll::Ready(Err(DbError::unexpected(why)));
        };
        let answer = ready!(session.poll_answer(context, visit));
        self.answered(&answer);
        Poll::Ready(answer)
    }
}
