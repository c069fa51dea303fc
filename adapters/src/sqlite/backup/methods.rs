//! How the file is copied.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::DbError;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, OpenFlags};

use super::super::errors::translate;
use super::super::file::open;
use super::locks::Held;
use super::twin::{Candidate, Versions};
use super::working::Cancel;
use crate::backup::{cpu_of_children, cpu_of_thread, sync};

/// Pages that are copied between two looks at whether the end is asked for.
const PAGES: i32 = 1_000;
/// How often a running copy is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// How long is waited for a lock that others hold.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a copy took.
pub(super) struct Cost {
    pub(super) took: Duration,
    pub(super) cpu: Duration,
}

/// One attempt at a copy: its time and its processor time are counted from the same moment.
struct Attempt {
    began: Instant,
    own: Duration,
    children: Duration,
}

impl Attempt {
    fn begin() -> Result<Self, DbError> {
        let (own, children) = (cpu_of_thread().map_err(io)?, cpu_of_children().map_err(io)?);
        Ok(Self { began: Instant::now(), own, children })
    }

    /// What it took until now, that of a program which did it included.
    fn cost(&self, by_program: bool) -> Result<Cost, DbError> {
        let took = self.began.elapsed();
        let own = cpu_of_thread().map_err(io)?.saturating_sub(self.own);
        let children = match by_program {
            true => cpu_of_children().map_err(io)?.saturating_sub(self.children),
            false => Duration::ZERO,
        };
        Ok(Cost { took, cpu: own + children })
    }
}

fn io(why: std::io::Error) -> DbError {
    DbError::unexpected(why.to_string())
}

/// What else there is to a copy.
pub(super) struct Beside {
    cancel: Cancel,
    held: Held,
    /// What is to see the same as it: nothing where nobody wants that, or afterwards where it does not; or why there is
    /// nothing, which keeps nobody from copying.
    pub(super) candidate: Result<Option<Candidate>, DbError>,
    /// The attempt that is under way.
    attempt: Attempt,
}

impl Beside {
    /// On the thread that copies.
    pub(super) fn new(
        cancel: Cancel,
        held: Held,
        candidate: Result<Option<Candidate>, DbError>,
    ) -> Result<Self, DbError> {
        Ok(Self { cancel, held, candidate, attempt: Attempt::begin()? })
    }

    /// Does something with the candidate, where there is one; one that fails is left away.
    fn with_candidate<T>(
        &mut self,
        work: impl FnOnce(&mut Candidate) -> Result<T, DbError>,
    ) -> Option<T> {
        let Ok(Some(candidate)) = &mut self.candidate else { return None };
        work(candidate).map_err(|why| self.candidate = Err(why)).ok()
    }

    /// After it began at another moment than the copy: ends it, and leaves it away once that came about often enough.
    fn try_again(&mut self) -> Result<(), DbError> {
        self.cancel.check()?;
        if self.with_candidate(|candidate| candidate.end().map(|()| candidate.is_late()))
            == Some(true)
        {
            self.candidate = Ok(None);
        }
        self.attempt = Attempt::begin()?;
        Ok(())
    }
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Online,
    VacuumInto,
    WalCopy,
}

impl Method {
    /// Copies the file `from` to `to` by the connection; gives what the attempt took that came to its end.
    pub(super) fn run(
        self,
        connection: &Connection,
        from: &Path,
        to: &Path,
        beside: &mut Beside,
    ) -> Result<Cost, DbError> {
        match self {
            Self::Online => online(connection, to, beside)?,
            Self::VacuumInto => vacuum(connection, to, beside)?,
            Self::WalCopy => copy(connection, from, to, beside)?,
        }
        beside.held.note(connection);
        sync(to.parent().unwrap_or(to)).map_err(io)?;
        // What was killed at the last moment was killed, too.
        beside.cancel.check()?;
        beside.attempt.cost(self == Self::WalCopy)
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
fn online(connection: &Connection, to: &Path, beside: &mut Beside) -> Result<(), DbError> {
    begin(connection, beside)?;
    beside.held.note(connection);
    let mut copy = open(to, OpenFlags::SQLITE_OPEN_CREATE)?;
    {
        let backup = Backup::new(connection, &mut copy).map_err(translate)?;
        loop {
            beside.cancel.check()?;
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

/// Begins to read.
fn begin(connection: &Connection, beside: &mut Beside) -> Result<(), DbError> {
    loop {
        beside.with_candidate(Candidate::begin);
        connection.execute_batch("BEGIN").map_err(translate)?;
        let seen = look(connection)?;
        let is_same = beside.with_candidate(|candidate| candidate.versions().are_the_same());
        if is_same.unwrap_or(true) {
            tracing::debug!("the backup has {seen} tables and indexes");
            return Ok(());
        }
        connection.execute_batch("ROLLBACK").map_err(translate)?;
        beside.try_again()?;
    }
}

/// Has a connection know the tables that there are.
fn look(connection: &Connection) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM sqlite_schema";
    connection.query_row(sql, [], |row| row.get(0)).map_err(translate)
}

fn vacuum(connection: &Connection, to: &Path, beside: &mut Beside) -> Result<(), DbError> {
    let name = to.to_str().ok_or_else(|| DbError::unexpected("its path is not UTF-8"))?;
    beside.held.note_reading();
    let run = || connection.execute("VACUUM INTO ?", [name]).map(drop).map_err(translate);
    loop {
        look(connection)?;
        let began = beside
            .with_candidate(|candidate| candidate.begin().map(|()| candidate.versions().clone()));
        let Some(versions) = began else { return run() };
        let first_look = part_at_first_look(connection, versions)?;
        let ran = run();
        connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).map_err(translate)?;
        match first_look.get() {
            Some(false) => {}
            Some(true) => return ran,
            // Nothing is known of the moment at which it began.
            None => {
                beside.candidate = Ok(None);
                return ran;
            }
        }
        for file in [to.to_owned(), with_suffix(to, "-journal")] {
            if file.exists() {
                let gone = std::fs::remove_file(&file);
                gone.map_err(|why| DbError::unexpected(format!("{}: {why}", file.display())))?;
            }
        }
        beside.try_again()?;
    }
}

/// Has `VACUUM INTO` break off where it has begun to read at another moment than others did; gives whether it began at
/// the same, once it has begun. It begins to read right before it asks for the tables that there are, in the first of
/// its own statements that selects (`sqlite3RunVacuum` in SQLite's `vacuum.c`), which is looked at as all statements are.
fn part_at_first_look(
    connection: &Connection,
    versions: Versions,
) -> Result<Arc<OnceLock<bool>>, DbError> {
    let is_same = Arc::new(OnceLock::new());
    let told = Arc::clone(&is_same);
    let look = move |context: AuthContext<'_>| {
        if context.action == AuthAction::Select {
            told.get_or_init(|| versions.are_the_same().unwrap_or(false));
        }
        match told.get() {
            Some(false) => Authorization::Deny,
            Some(true) | None => Authorization::Allow,
        }
    };
    connection.authorizer(Some(look)).map_err(translate)?;
    Ok(is_same)
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
    beside: &mut Beside,
) -> Result<(), DbError> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(translate)?;
    beside.held.note(connection);
    beside.with_candidate(Candidate::begin);
    let (log, cancel) = (with_suffix(from, "-wal"), &beside.cancel);
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
