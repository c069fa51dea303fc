//! Takes change sets from a socket and applies them to the replica, each as one transaction, in the order in
//! which they come.
//!
//! Whatever goes wrong ends it: a change set that does not fit is never left out. Whoever sends is told why.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use dbdyno_core::{DbError, Error, Result};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::super::driver::SqliteDriver;
use super::super::errors::translate;
use super::apply::apply;
use super::frame::{self, Frame};
use super::gate::Gate;
use super::outbox::Amount;

/// Applies what comes in by a socket.
pub struct Inbox {
    shared: Arc<Shared>,
    socket: PathBuf,
    listening: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    replica: Arc<SqliteDriver>,
    gate: Arc<Gate>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was applied, by the process that had sent it.
    applied: BTreeMap<u64, Amount>,
    /// Whose change set was applied last.
    last: Option<u64>,
    /// Those that send, with the threads that apply what they do.
    streams: Vec<(UnixStream, JoinHandle<()>)>,
    /// No other comes in.
    is_closed: bool,
    /// Why nothing is applied any more.
    failed: Option<String>,
}

impl Inbox {
    /// Listens on a socket that is made.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn listen(socket: &Path, replica: Arc<SqliteDriver>, gate: Arc<Gate>) -> Result<Self> {
        let failed = |why: std::io::Error| {
            Error::new(format!("listen for change sets on {}", socket.display()), why)
        };
        let listener = UnixListener::bind(socket).map_err(failed)?;
        let shared = Arc::new(Shared { replica, gate, state: Mutex::new(State::default()) });
        let its = Arc::clone(&shared);
        let listening = thread::Builder::new().name("change-sets-in".to_owned());
        let listening = listening.spawn(move || its.listen(&listener)).map_err(failed)?;
        let listening = Mutex::new(Some(listening));
        Ok(Self { shared, socket: socket.to_owned(), listening })
    }

    /// What was applied of what a process sent.
    ///
    /// # Errors
    /// Something did not fit, and nothing is applied any more.
    pub fn applied(&self, sender: u64) -> Result<Amount, DbError> {
        let state = self.shared.lock();
        match &state.failed {
            Some(why) => Err(DbError::unexpected(why.clone())),
            None => Ok(state.applied.get(&sender).copied().unwrap_or_default()),
        }
    }

    /// Lets nobody else in. Whoever had come before may go on to send.
    pub fn close(&self) {
        self.shared.lock().is_closed = true;
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listening) = listening.take() {
            // Wakes the thread, which otherwise waits for somebody to come. Where it cannot be woken, it goes
            // with the process.
            if UnixStream::connect(&self.socket).is_ok() {
                let _ = listening.join();
            }
        }
    }

    /// Whether all that those sent who came has been applied, and they are gone.
    ///
    /// # Errors
    /// Something did not fit, and nothing is applied any more.
    pub fn is_drained(&self) -> Result<bool, DbError> {
        let state = self.shared.lock();
        match &state.failed {
            Some(why) => Err(DbError::unexpected(why.clone())),
            None => Ok(state.streams.iter().all(|(_, applying)| applying.is_finished())),
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.shared.gate.take_away();
        self.close();
        let streams = std::mem::take(&mut self.shared.lock().streams);
        for (stream, _) in &streams {
            // It may be gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        for (_, applying) in streams {
            let _ = applying.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Self>, listener: &UnixListener) {
        for stream in listener.incoming() {
            self.let_in(stream);
            if self.lock().is_closed {
                break;
            }
        }
        // Who came before it was closed, and was not seen yet.
        if listener.set_nonblocking(true).is_ok() {
            while let Ok((stream, _)) = listener.accept() {
                self.let_in(stream.set_nonblocking(false).map(|()| stream));
            }
        }
    }

    fn let_in(self: &Arc<Self>, stream: std::io::Result<UnixStream>) {
        let applying = stream.and_then(|stream| {
            let (its, from) = (Arc::clone(self), stream.try_clone()?);
            let applying = thread::Builder::new().name("apply".to_owned());
            Ok((stream, applying.spawn(move || its.take_all(from))?))
        });
        match applying {
            Ok(applying) => self.lock().streams.push(applying),
            Err(error) => self.fail(&format!("whoever sends cannot be let in: {error}")),
        }
    }

    fn fail(&self, why: &str) {
        self.lock().failed.get_or_insert_with(|| why.to_owned());
    }

    fn take_all(&self, mut from: UnixStream) {
        if let Err(why) = self.apply_all(&from) {
            tracing::error!("the replica applies nothing any more: {why}");
            self.fail(&why.message);
            // Whoever sent is told why, where there is somebody still.
            let _ = from.write_all(why.message.as_bytes());
        }
        let _ = from.shutdown(Shutdown::Both);
    }

    fn apply_all(&self, from: &UnixStream) -> Result<(), DbError> {
        let unread = |why| DbError::unexpected(format!("a change set cannot be read: {why}"));
        let mut from = BufReader::new(from);
        let Some(sender) = frame::read_number(&mut from).map_err(unread)? else { return Ok(()) };
        let mut databases = BTreeMap::new();
        while self.gate.pass() {
            let Some(frame) = frame::read(&mut from).map_err(unread)? else { return Ok(()) };
            // Reading may have waited for long.
            if !self.gate.pass() {
                return Ok(());
            }
            self.come_next(sender)?;
            if !databases.contains_key(&frame.database) {
                let database = Database::open(&self.replica, &frame.database)?;
                databases.insert(frame.database.clone(), database);
            }
            if let Some(database) = databases.get(&frame.database) {
                database.apply(&frame)?;
            }
            let mut state = self.lock();
            state.applied.entry(sender).or_default().add(frame::length(&frame));
        }
        Ok(())
    }

    /// Has a process be the one that sends. Each has an order of its own: one that comes back after another
    /// one has no place in it.
    fn come_next(&self, sender: u64) -> Result<(), DbError> {
        let mut state = self.lock();
        if let Some(why) = &state.failed {
            return Err(DbError::unexpected(why.clone()));
        }
        if state.last != Some(sender) && state.applied.contains_key(&sender) {
            let why =
                "two processes write on the primary, and the order of their commits is not known";
            return Err(DbError::unexpected(why));
        }
        state.last = Some(sender);
        Ok(())
    }
}

/// A database of the replica.
struct Database {
    connection: Connection,
    tables: BTreeSet<String>,
}

impl Database {
    /// Rows were checked, and triggers fired, on the primary: what they did is part of the change set.
    fn open(replica: &SqliteDriver, name: &str) -> Result<Self, DbError> {
        let connection = replica.open(Some(name))?;
        for config in
            [DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER]
        {
            connection.set_db_config(config, false).map_err(translate)?;
        }
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table'";
        let mut statement = connection.prepare(sql).map_err(translate)?;
        let names = statement.query_map([], |row| row.get(0)).map_err(translate)?;
        let tables = names.collect::<Result<_, _>>().map_err(translate)?;
        drop(statement);
        Ok(Self { connection, tables })
    }

    fn apply(&self, frame: &Frame) -> Result<(), DbError> {
        apply(&self.connection, &frame.set, &self.tables)
    }
}
