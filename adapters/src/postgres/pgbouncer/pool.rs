//! Clients of PgBouncer, who are themselves what the pool lends: a connection to it, by which a client has one
//! to the server when it needs it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use dbdyno_core::{
    DbError, Error, Pool, PoolPlan, PoolState, Result, Session, SessionOptions, Statement,
};
use tokio::runtime::{Handle, Id};

use super::config::{self, Mode, PORT, Server};
use super::console::pool_state;
use super::program::{Installed, PgBouncerProgram, console};
use crate::pool::{Keeper, Leased};
use crate::postgres::driver::ThrowawayServer;
use crate::postgres::endpoint::Endpoint;
use crate::postgres::server::USER;
use crate::postgres::session::PostgresSession;
use crate::postgres::set_up::session_settings;
use crate::postgres::statement::Prepared;
use crate::postgres::wire::Wire;
use crate::throwaway::Throwaway;

/// Starts it. That blocks, so it is done on a thread for that.
pub(super) async fn open(
    server: ThrowawayServer<'_>,
    mode: Mode,
    plan: PoolPlan,
) -> Result<Arc<dyn Pool>> {
    let installed = Installed::look()?;
    let style = Style::of(mode, &installed);
    let set_up = set_up(&plan.session);
    let (socket_folder, port) = (server.folder.to_owned(), server.port);
    let (told, of_server) = (plan.clone(), set_up.clone());
    let config = move |folder: &std::path::Path| {
        let server = Server { socket_folder: &socket_folder, port };
        let set_up = if mode == Mode::Transaction { &of_server } else { "" };
        config::file(server, folder, mode, style == Style::Named, &told, set_up)
    };
    let program = PgBouncerProgram { installed: installed.clone(), config: Box::new(config) };
    let starting = tokio::task::spawn_blocking(move || Throwaway::start(Box::new(program)));
    let process = starting.await.map_err(|why| Error::new("start PgBouncer", why))??;
    let folder = process.place().folder();
    let bouncer = PgBouncer {
        endpoint: Endpoint::throwaway(folder, PORT, USER, server.round_trip)?,
        console: console(folder)?,
        asked: tokio::sync::Mutex::new(None),
        installed,
        mode,
        style,
        set_up,
        session: SessionOptions { statement_timeout: None, ..plan.session },
        statements: plan.statements,
        prepared: Mutex::new(None),
        idle: Arc::default(),
        _process: process,
    };
    Ok(Arc::new(bouncer))
}

/// What a session is told first, all that it needs among it.
fn set_up(options: &SessionOptions) -> String {
    let mut sql = session_settings(options);
    if let Some(limit) = options.statement_timeout {
        let ms = limit.as_millis().clamp(1, i32::MAX as u128);
        sql.push_str(&format!("; SET statement_timeout = {ms}"));
    }
    sql
}

/// How clients send statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Prepared once for each client, and known to whatever connection it is given.
    Named,
    /// Parsed anew each time: what is prepared is lost with the connection to the server.
    Unnamed,
}

impl Style {
    fn of(mode: Mode, installed: &Installed) -> Self {
        match mode {
            Mode::Transaction if installed.keeps_statements() => Self::Named,
            Mode::Transaction | Mode::Session => Self::Unnamed,
        }
    }
}

struct PgBouncer {
    endpoint: Endpoint,
    console: Endpoint,
    /// The connection that asks the console, and the event loop that it belongs to.
    asked: tokio::sync::Mutex<Option<(Id, Wire)>>,
    installed: Installed,
    mode: Mode,
    style: Style,
    /// What a client in session mode says first.
    set_up: String,
    session: SessionOptions,
    statements: Arc<[Statement]>,
    /// What the statements are, as the server told the first client.
    prepared: Mutex<Option<Arc<[Prepared]>>>,
    /// Clients' connections in transaction mode that nobody uses.
    idle: Arc<Mutex<Idle>>,
    // Dropped last: clients take leave of it.
    _process: Throwaway,
}

#[derive(Default)]
struct Idle {
    sessions: Vec<PostgresSession>,
    closed: bool,
}

impl PgBouncer {
    /// A connection of a client.
    async fn connect(&self) -> Result<PostgresSession, DbError> {
        let mut wire = self.endpoint.connect_at(self.session.round_trip).await?;
        wire.wait_on(self.session.thread)?;
        if self.mode == Mode::Session {
            wire.simple(&self.set_up).await?;
        }
        match self.style {
            Style::Named => {
                let mut session = PostgresSession::new(wire, "", &self.session).await?;
                session.prepare(&self.statements).await?;
                Ok(session)
            }
            Style::Unnamed => {
                let known = lock(&self.prepared).clone();
                if let Some(prepared) = known {
                    return PostgresSession::unnamed(wire, Some(prepared), &self.session);
                }
                let mut session = PostgresSession::unnamed(wire, None, &self.session)?;
                session.prepare(&self.statements).await?;
                *lock(&self.prepared) = Some(session.statements());
                Ok(session)
            }
        }
    }
}

#[async_trait]
impl Pool for PgBouncer {
    async fn acquire(&self) -> Result<Box<dyn Session>, DbError> {
        let reused = {
            let mut idle = lock(&self.idle);
            if idle.closed {
                return Err(DbError::unexpected("the pool has been closed"));
            }
            idle.sessions.pop()
        };
        let session = match reused {
            Some(session) => session,
            None => self.connect().await?,
        };
        let home = (self.mode == Mode::Transaction).then(|| Arc::clone(&self.idle));
        Ok(Box::new(Leased::new(Client { session: Some(session), home })))
    }

    async fn state(&self) -> Result<PoolState, DbError> {
        let here = Handle::current().id();
        let mut asked = self.asked.lock().await;
        let mut wire = match asked.take() {
            Some((there, wire)) if there == here => wire,
            Some(_) | None => self.console.connect().await?,
        };
        let state = pool_state(&mut wire).await?;
        *asked = Some((here, wire));
        Ok(state)
    }

    async fn close(&self) {
        let mut idle = lock(&self.idle);
        idle.closed = true;
        idle.sessions.clear();
    }

    fn detail(&self) -> String {
        let statements = match (self.style, self.mode) {
            (Style::Named, _) => "statements are prepared once for each client",
            (Style::Unnamed, Mode::Session) => {
                "statements are parsed each time, for each transaction has a session of its own"
            }
            (Style::Unnamed, Mode::Transaction) => {
                "statements are parsed each time, for before 1.21 prepared ones do not outlast a transaction"
            }
        };
        format!("PgBouncer {}: {statements}", self.installed.version)
    }
}

/// A client's connection.
struct Client {
    /// There until it goes back.
    session: Option<PostgresSession>,
    /// Where it goes back to; in session mode it ends with the transaction.
    home: Option<Arc<Mutex<Idle>>>,
}

impl Keeper for Client {
    fn session(&self) -> Option<&dyn Session> {
        self.session.as_ref().map(|session| session as &dyn Session)
    }

    fn session_mut(&mut self) -> Option<&mut dyn Session> {
        self.session.as_mut().map(|session| session as &mut dyn Session)
    }

    fn discard(mut self) {
        self.session = None;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let (Some(session), Some(home)) = (self.session.take(), &self.home) else { return };
        let mut idle = lock(home);
        if !idle.closed {
            idle.sessions.push(session);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
