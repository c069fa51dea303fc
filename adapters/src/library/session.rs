//! A session on a library's connection.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use dbdyno_core::{
    Access, DbError, ErrorClass, Request, RowVisitor, Session, Statement, StatementId,
};
use self_cell::{MutBorrow, self_cell};

use super::connection::{Answer, Asked, Connection};
use super::tally::Tally;

/// A session on a library's connection.
///
/// An error that ends a transaction is remembered, so that a commit after it is refused whether or not
/// the library tells that the server rolled back instead.
pub struct LibrarySession {
    home: Home,
    pending: Pending,
    tally: Tally,
    /// A transaction was begun, and neither committed nor rolled back.
    open: bool,
    /// The error that keeps it from being committed.
    spoiled: Option<DbError>,
}

/// Where the connection is.
enum Home {
    /// Here, and nothing is asked of it.
    Here(Box<dyn Connection>),
    /// With the answer that borrows it.
    Answering(Answering),
    /// Gone, and why.
    Lost(DbError),
    /// With a call that was not waited for.
    Away,
}

type Borrowed<'c> = Box<dyn Answer + 'c>;

self_cell!(
    struct Answering {
        owner: MutBorrow<Box<dyn Connection>>,
        #[not_covariant]
        dependent: Borrowed,
    }
);

/// What is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Begin,
    Commit,
    /// A commit that cannot be: a rollback is asked for in its place.
    Spoiled,
    Rollback,
    Statement,
}

enum Pending {
    Nothing,
    Begin(Access),
    Commit,
    Run(StatementId),
    Refused(DbError),
    /// Under way.
    Asked(Kind),
}

impl LibrarySession {
    /// A session on an open connection.
    pub fn new(connection: Box<dyn Connection>) -> Self {
        Self {
            home: Home::Here(connection),
            pending: Pending::Nothing,
            tally: Tally::default(),
            open: false,
            spoiled: None,
        }
    }

    /// Ends the session, and leaves its connection to the pool that it belongs to.
    pub fn give_back(self) {
        if let (Home::Here(mut connection), false) = (self.home, self.open) {
            connection.release();
        }
    }

    /// The connection, with nothing asked of it.
    ///
    /// # Errors
    /// It is gone, or an answer was not waited for.
    fn take(&mut self) -> Result<Box<dyn Connection>, DbError> {
        match std::mem::replace(&mut self.home, Home::Away) {
            Home::Here(connection) => Ok(connection),
            Home::Lost(why) => {
                self.home = Home::Lost(why.clone());
                Err(why)
            }
            Home::Answering(_) | Home::Away => {
                let why = abandoned();
                self.home = Home::Lost(why.clone());
                Err(why)
            }
        }
    }

    /// Asks the connection for something.
    #[inline]
    fn ask(&mut self, kind: Kind, asked: Asked<'_>) -> Result<(), DbError> {
        let connection = self.take()?;
        self.tally = Tally::default();
        let answering = Answering::new(MutBorrow::new(connection), |connection| {
            connection.borrow_mut().ask(asked)
        });
        self.home = Home::Answering(answering);
        self.pending = Pending::Asked(kind);
        Ok(())
    }

    /// Asks for what was requested.
    #[inline]
    fn begin_answer(&mut self) -> Result<Kind, DbError> {
        let (kind, asked) = match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Asked(kind) => {
                self.pending = Pending::Asked(kind);
                return Ok(kind);
            }
            Pending::Begin(access) => (Kind::Begin, Asked::Begin(access)),
            Pending::Commit if self.spoiled.is_some() => (Kind::Spoiled, Asked::Rollback),
            Pending::Commit => (Kind::Commit, Asked::Commit),
            Pending::Run(id) => (Kind::Statement, Asked::Run(id)),
            Pending::Refused(why) => return Err(why),
            Pending::Nothing => {
                return Err(DbError::unexpected("an answer was asked for without a request"));
            }
        };
        self.ask(kind, asked).map(|()| kind)
    }

    /// Reads the answer to what was asked.
    #[inline]
    fn poll(
        &mut self,
        kind: Kind,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        let Self { home, tally, .. } = self;
        let Home::Answering(answering) = home else { return Poll::Ready(Err(abandoned())) };
        let done = answering.with_dependent_mut(|_, answer| answer.poll(context, tally, visit));
        let done = ready!(done);
        self.pending = Pending::Nothing;
        if let Home::Answering(answering) = std::mem::replace(&mut self.home, Home::Away) {
            self.home = Home::Here(answering.into_owner().into_inner());
        }
        Poll::Ready(match done {
            Ok(()) => self.done(kind),
            Err(why) => Err(self.failed(kind, why)),
        })
    }

    #[inline]
    fn done(&mut self, kind: Kind) -> Result<u64, DbError> {
        match kind {
            Kind::Statement => return self.tally.take(),
            Kind::Begin => {
                self.open = true;
                self.spoiled = None;
            }
            Kind::Commit => self.open = false,
            Kind::Rollback | Kind::Spoiled => {
                self.open = false;
                let cause = self.spoiled.take();
                if let (Kind::Spoiled, Some(cause)) = (kind, cause) {
                    return Err(nothing_committed(cause));
                }
            }
        }
        Ok(0)
    }

    /// What an error leaves of the session and its transaction.
    #[cold]
    fn failed(&mut self, kind: Kind, mut why: DbError) -> DbError {
        let commits = kind == Kind::Commit || (kind == Kind::Statement && !self.open);
        if commits {
            why = why.during_commit();
        }
        self.note(why)
    }

    /// Remembers an error as far as it lasts.
    #[cold]
    fn note(&mut self, why: DbError) -> DbError {
        if why.is_disconnected() {
            self.home = Home::Lost(why.clone());
        } else if let (true, Home::Here(connection)) = (self.open, &self.home)
            && connection.ends_transaction(&why)
        {
            self.spoiled.get_or_insert_with(|| why.clone());
        }
        why
    }

    #[inline]
    fn bind(&mut self, request: Request<'_>) -> Result<Pending, DbError> {
        match request {
            Request::Begin(access) => Ok(Pending::Begin(access)),
            Request::Commit => Ok(Pending::Commit),
            Request::Run(id, parameters) => match &mut self.home {
                Home::Here(connection) => {
                    connection.bind(id, parameters).map(|()| Pending::Run(id))
                }
                // Asking it says why.
                _ => Ok(Pending::Run(id)),
            },
        }
    }

    async fn answered(
        &mut self,
        kind: Kind,
        asked: Asked<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Result<u64, DbError> {
        self.ask(kind, asked)?;
        poll_fn(|context| self.poll(kind, context, visit)).await
    }
}

#[cold]
fn abandoned() -> DbError {
    let why = "an earlier statement's answer was not waited for";
    DbError::new(ErrorClass::Disconnected, None, why)
}

/// The error of a commit in a transaction that failed before.
#[cold]
fn nothing_committed(mut cause: DbError) -> DbError {
    cause.message.insert_str(0, "nothing was committed, since before: ");
    cause
}

#[async_trait]
impl Session for LibrarySession {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        let mut connection = self.take()?;
        let prepared = connection.prepare(statements).await;
        self.home = Home::Here(connection);
        prepared.map_err(|why| self.note(why))
    }

    fn columns(&self, id: StatementId) -> Result<Vec<String>, DbError> {
        match &self.home {
            Home::Here(connection) => connection.columns(id),
            Home::Lost(why) => Err(why.clone()),
            Home::Answering(_) | Home::Away => Err(abandoned()),
        }
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        if matches!(self.home, Home::Here(_)) && !self.open {
            return Ok(());
        }
        self.answered(Kind::Rollback, Asked::Rollback, &mut |_| Ok(())).await.map(|_| ())
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        self.answered(Kind::Statement, Asked::Script(sql), &mut |_| Ok(())).await
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        self.answered(Kind::Statement, Asked::Query(sql), visit).await
    }

    #[inline]
    fn request(&mut self, request: Request<'_>) {
        self.pending = match self.bind(request) {
            Ok(pending) => pending,
            Err(why) => Pending::Refused(self.note(why)),
        };
    }

    #[inline]
    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        match self.begin_answer() {
            Ok(kind) => self.poll(kind, context, visit),
            Err(why) => Poll::Ready(Err(why)),
        }
    }
}
