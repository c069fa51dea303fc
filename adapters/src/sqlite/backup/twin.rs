//! A session that reads what a backup reads.
//!
//! SQLite has no way to give a snapshot to another connection but one that it is not compiled with here
//! (`SQLITE_ENABLE_SNAPSHOT`). Two connections that begin to read one after the other have the same snapshot if nobody
//! commits in between, which `PRAGMA data_version` of a third tells: where somebody did, both begin anew. Nobody is kept
//! from writing for that.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dbdyno_core::backup::{Twin, TwinSession};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{DbError, Session};
use rusqlite::Connection;

use super::super::counted::{Counting, Counts};
use super::super::driver::SqliteDriver;
use super::super::errors::translate;
use super::super::opened::Opened;
use super::super::pragmas;
use super::super::session::SqliteSession;
use super::methods::connect;

/// How long is tried to begin at one moment. Commits of a load are a millisecond apart, and the two a tenth of that.
const PATIENCE: Duration = Duration::from_secs(1);

/// A session that may become the twin of a backup.
pub(super) struct Candidate {
    session: TwinSession,
    versions: Versions,
    /// From when on there is no more use in trying; `None` before the first time.
    deadline: Option<Instant>,
}

/// What tells of commits.
#[derive(Clone)]
pub(super) struct Versions(Arc<Mutex<Known>>);

struct Known {
    connection: Connection,
    /// The version that there was before the session began to read.
    before: i64,
}

impl Candidate {
    /// Opens a session on a file; `None` where it could not read without keeping others from writing: in another journal
    /// mode than WAL.
    pub(super) fn open(driver: &SqliteDriver, file: &Path) -> Result<Option<Self>, DbError> {
        let (reader, versions) = (connect(file)?, connect(file)?);
        if pragmas::read(&reader, "journal_mode")? != "wal" {
            return Ok(None);
        }
        // What it reads is none of the work that is measured.
        let counting = Counting::of(&Arc::<Counts>::default(), &reader, false)?;
        let keep = driver.place().keep();
        let session = SqliteSession::new(Opened::plain(reader), "BEGIN", None, counting, keep);
        let session = TwinSession::open(async || Ok(Box::new(session) as Box<dyn Session>))?;
        let known = Known { connection: versions, before: 0 };
        let versions = Versions(Arc::new(Mutex::new(known)));
        Ok(Some(Self { session, versions, deadline: None }))
    }

    /// Has it read, from now on, what is committed by now.
    pub(super) fn begin(&mut self) -> Result<(), DbError> {
        self.deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
        self.versions.note()?;
        self.session.ask(async |session| {
            session.run_sql("BEGIN").await?;
            // Only who reads has a snapshot.
            scalar_sql(session, "SELECT COUNT(*) FROM sqlite_schema").await.map(|_| ())
        })
    }

    /// Has it read no longer.
    pub(super) fn end(&mut self) -> Result<(), DbError> {
        self.session.ask(async |session| session.run_sql("ROLLBACK").await.map(|_| ()))
    }

    /// Whether there is no more use in trying.
    pub(super) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// What tells whether somebody committed since it began.
    pub(super) fn versions(&self) -> &Versions {
        &self.versions
    }

    /// The twin of a backup that began when it did.
    pub(super) fn into_twin(self) -> Twin {
        Twin::Session(self.session)
    }
}

impl Versions {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self) -> Result<(), DbError> {
        let mut known = self.known();
        known.before = version(&known.connection)?;
        Ok(())
    }

    /// Whether nobody committed anything since the session began: whoever began to read between that and now reads the
    /// same.
    pub(super) fn are_the_same(&self) -> Result<bool, DbError> {
        let known = self.known();
        Ok(version(&known.connection)? == known.before)
    }
}

/// A number that is another one once another connection has committed something
/// (<https://www.sqlite.org/pragma.html#pragma_data_version>).
fn version(connection: &Connection) -> Result<i64, DbError> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0)).map_err(translate)
}
