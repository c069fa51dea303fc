//! How the file is copied.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use dbdyno_core::DbError;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::super::errors::translate;
use super::super::file::open;
use super::locks::Held;
use super::working::Cancel;
use crate::backup::{cpu_of_children, cpu_of_thread, sync};

/// Pages that are copied between two looks at whether the end is asked for.
const PAGES: i32 = 1_000;
/// How often a running copy is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// How long is waited for a lock that others hold.
const PATIENCE: Duration = Duration::from_secs(60);

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Online,
    VacuumInto,
    WalCopy,
}

impl Method {
    /// Copies the file `from` to `to` by the connection; gives the processor time that it took.
    pub(super) fn run(
        self,
        connection: &Connection,
        from: &Path,
        to: &Path,
        (cancel, held): (&Cancel, &Held),
    ) -> Result<Duration, DbError> {
        let io = |why: std::io::Error| DbError::unexpected(why.to_string());
        let (own, others) = (cpu_of_thread().map_err(io)?, cpu_of_children().map_err(io)?);
        match self {
            Self::Online => online(connection, to, cancel, held)?,
            Self::VacuumInto => {
                let name =
                    to.to_str().ok_or_else(|| DbError::unexpected("its path is not UTF-8"))?;
                held.note_reading();
                connection.execute("VACUUM INTO ?", [name]).map_err(translate)?;
            }
            Self::WalCopy => copy(connection, from, to, cancel, held)?,
        }
        held.note(connection);
        sync(to.parent().unwrap_or(to)).map_err(io)?;
        // What was killed at the last moment was killed, too.
        cancel.check()?;
        let own = cpu_of_thread().map_err(io)?.saturating_sub(own);
        Ok(match self {
            Self::WalCopy => own + cpu_of_children().map_err(io)?.saturating_sub(others),
            Self::Online | Self::VacuumInto => own,
        })
    }
}

/// A connection that a backup is made by.
pub(super) fn connect(from: &Path) -> Result<Connection, DbError> {
    let connection = open(from, OpenFlags::empty())?;
    connection.busy_timeout(PATIENCE).map_err(translate)?;
    Ok(connection)
}

/// A backup begins anew whenever another connection has written
/// (<https://www.sqlite.org/c3ref/backup_finish.html>, `sqlite3_backup_step`), which under a load it would do
/// for ever: a read transaction keeps the connection at what it saw first.
fn online(connection: &Connection, to: &Path, cancel: &Cancel, held: &Held) -> Result<(), DbError> {
    connection.execute_batch("BEGIN").map_err(translate)?;
    let seen: i64 = connection
        .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(translate)?;
    tracing::debug!("the backup has {seen} tables and indexes");
    held.note(connection);
    let mut copy = open(to, OpenFlags::SQLITE_OPEN_CREATE)?;
    {
        let backup = Backup::new(connection, &mut copy).map_err(translate)?;
        loop {
            cancel.check()?;
            match backup.step(PAGES).map_err(translate)? {
                StepResult::Done => break,
                // Somebody has a lock for a moment.
                StepResult::Busy | StepResult::Locked => thread::sleep(LOOK_AGAIN),
                _ => {}
            }
        }
    }
    connection.execute_batch("ROLLBACK").map_err(translate)
}

/// Copies while nobody can write: "while no transaction is in progress" is when a copy is safe
/// (<https://www.sqlite.org/howtocorrupt.html>, 1.2). A checkpoint of a connection that wrote before may still
/// bring pages from the log into the file; all of them are in the log that is copied, too, which wins.
///
/// Another process copies: closing a file drops all locks that a process has on it (ibid., 2.2).
fn copy(
    connection: &Connection,
    from: &Path,
    to: &Path,
    cancel: &Cancel,
    held: &Held,
) -> Result<(), DbError> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(translate)?;
    held.note(connection);
    let log = with_suffix(from, "-wal");
    run_copy(from, to, cancel)?;
    if log.exists() {
        run_copy(&log, &with_suffix(to, "-wal"), cancel)?;
    }
    connection.execute_batch("ROLLBACK").map_err(translate)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn run_copy(from: &Path, to: &Path, cancel: &Cancel) -> Result<(), DbError> {
    let io = |why: std::io::Error| DbError::unexpected(format!("cp: {why}"));
    let mut command = Command::new("cp");
    command.arg(from).arg(to).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(io)?;
    while child.try_wait().map_err(io)?.is_none() {
        if let Err(cancelled) = cancel.check() {
            child.kill().and_then(|()| child.wait()).map_err(io)?;
            return Err(cancelled);
        }
        thread::sleep(LOOK_AGAIN);
    }
    let output = child.wait_with_output().map_err(io)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(DbError::unexpected(format!("cp ended with {}: {}", output.status, said.trim())))
}
