//! What a driver is to others: by itself, one whose commits are sent, or one that they are applied to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dbdyno_core::{DbError, Error, Result, Session};
use rusqlite::Connection;

use super::super::counted::Counting;
use super::super::driver::SqliteDriver;
use super::super::errors::translate;
use super::super::limit::Limit;
use super::super::opened::Opened;
use super::super::session::SqliteSession;
use super::gate::Gate;
use super::outbox::Outbox;
use super::session::{RecordedSession, record};

/// What a driver is to others.
#[derive(Default)]
pub enum Role {
    /// Nothing.
    #[default]
    Alone,
    /// Its sessions' commits are sent.
    Primary(Primary),
    /// What others committed is applied to it.
    Replica(Replica),
}

/// One whose commits are sent.
pub struct Primary {
    pub outbox: Arc<Outbox>,
    socket: PathBuf,
    /// Whether sessions that are opened now are recorded.
    is_recorded: AtomicBool,
    /// Held by each session that is not.
    plain: Arc<()>,
}

/// One that change sets are applied to.
#[derive(Default)]
pub struct Replica {
    pub gate: Arc<Gate>,
    /// Whether its sessions may write.
    is_promoted: AtomicBool,
}

impl Role {
    /// One whose sessions' commits are sent to a socket: from now on, or once it is told to.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn primary(socket: &Path, is_recorded: bool) -> Result<Self> {
        Ok(Self::Primary(Primary {
            outbox: Arc::new(Outbox::connect(socket)?),
            socket: socket.to_owned(),
            is_recorded: AtomicBool::new(is_recorded),
            plain: Arc::new(()),
        }))
    }

    /// Where commits are sent.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Primary(primary) => Some(&primary.socket),
            _ => None,
        }
    }

    /// Whether rows may be changed by other ways than a session.
    ///
    /// # Errors
    /// It would not be known on the replica.
    pub fn check_bulk(&self) -> Result<(), DbError> {
        let is_recorded =
            matches!(self, Self::Primary(primary) if primary.is_recorded.load(Ordering::SeqCst));
        if is_recorded || matches!(self, Self::Replica(_)) {
            let why = "rows are loaded before their changes are recorded: a bulk load is none";
            return Err(DbError::unexpected(why));
        }
        Ok(())
    }

    /// A session of such a driver on an open connection, which is the last parameter, and so the first to go where
    /// this fails: its handlers use what it is counted with until it is closed.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn session(
        &self,
        driver: &SqliteDriver,
        database: String,
        (limit, counting): (Option<Limit>, Counting),
        connection: Connection,
    ) -> Result<Box<dyn Session>, DbError> {
        if let Self::Replica(replica) = self
            && !replica.is_promoted.load(Ordering::SeqCst)
        {
            connection.execute_batch("PRAGMA query_only = ON").map_err(translate)?;
        }
        let keep = driver.place().keep();
        let session = |connection: Opened, keep: Option<Arc<dyn Send + Sync>>| {
            SqliteSession::new(connection, driver.begin_write(), limit, counting, keep)
        };
        match self {
            Self::Alone | Self::Replica(_) => {
                Ok(Box::new(session(Opened::plain(connection), keep)))
            }
            Self::Primary(primary) => {
                // Taken first: whoever has sessions recorded from now on sees that there is one.
                let held = Arc::clone(&primary.plain);
                if !primary.is_recorded.load(Ordering::SeqCst) {
                    let keep = Some(Arc::new((keep, held)) as Arc<dyn Send + Sync>);
                    return Ok(Box::new(session(Opened::plain(connection), keep)));
                }
                let (opened, is_announced) = record(connection)?;
                let (session, outbox) = (session(opened, keep), Arc::clone(&primary.outbox));
                Ok(Box::new(RecordedSession::new(session, is_announced, database, outbox)))
            }
        }
    }
}

impl Primary {
    /// Has sessions that are opened from now on recorded.
    ///
    /// # Errors
    /// There is one that is not, whose commits would not be known on the replica.
    pub fn record(&self) -> Result<()> {
        self.is_recorded.store(true, Ordering::SeqCst);
        let unrecorded = Arc::strong_count(&self.plain) - 1;
        if unrecorded > 0 {
            self.is_recorded.store(false, Ordering::SeqCst);
            let why = format!("{unrecorded} sessions are open whose changes are not recorded");
            return Err(Error::new("record changes on the primary", why));
        }
        Ok(())
    }
}

impl Replica {
    /// Has sessions that are opened from now on write.
    pub fn promote(&self) {
        self.is_promoted.store(true, Ordering::SeqCst);
    }
}
