//! Backups: what an engine's own tools make of its data, and having it back from that alone.
//!
//! All of it blocks; none of it is for the load path.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::driver::Driver;
use crate::error::{DbError, Error, Result};
use crate::session::Session;
use crate::stop::Stop;

/// The backups that can be made of a target.
pub trait Backups: Send + Sync {
    /// The methods that there are for the engine, in the order in which they are listed. One whose tool is
    /// not installed is listed.
    fn methods(&self) -> Vec<BackupMethod>;

    /// Gets everything ready that is done long before a backup: its folder, and what it goes out from, such
    /// as the full backup before an incremental one, or a log that is kept from now on.
    ///
    /// # Errors
    /// There is no such method, its tool is not installed or cannot be used on this target (unsupported, with
    /// what to do), or something of it fails.
    fn prepare(&self, method: &str, plan: &BackupPlan) -> Result<Box<dyn Backup>>;

    /// The size of the tables and indexes that a backup by `method` has in it, as the engine tells it, in bytes:
    /// of the namespace, or of all namespaces where the method takes all there is.
    ///
    /// # Errors
    /// The engine cannot be asked.
    fn data_bytes(&self, method: &str, namespace: &str) -> Result<u64>;
}

/// A way to make a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupMethod {
    /// Its name, after the tool: `pg_basebackup`, `vacuum-into`.
    pub name: &'static str,
    /// What is done and what is restored from it, in one sentence.
    pub summary: &'static str,
    /// The state that it promises to give back.
    pub promise: BackupPromise,
}

/// The state that a backup promises to give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupPromise {
    /// All that was committed at one moment between its start and its end, and nothing else.
    Snapshot,
    /// All that was committed before a moment marked after its end, and nothing else.
    PointInTime,
}

/// Of what a backup is made, and where.
#[derive(Clone, Debug)]
pub struct BackupPlan {
    /// The namespace whose tables must be in it. A method that takes all there is takes the others, too.
    pub namespace: String,
    /// The folder in which it gets a folder of its own; one for temporary files that is likely on a disk
    /// where `None`.
    pub base: Option<PathBuf>,
    /// How long each of its tools may take.
    pub limit: Duration,
    /// What ends them sooner.
    pub stop: Stop,
    /// Whether somebody wants to know which rows must be in it ([`Backup::twin`]): others change them while it is made.
    pub with_twin: bool,
}

/// How long something may take that goes through so many bytes: `least`, and what they take on a disk as slow as a
/// memory card.
pub fn limit(least: Duration, bytes: u64) -> Duration {
    least + Duration::from_secs(bytes / SLOWEST_BYTES_PER_S)
}

/// The sequential write speed that the slowest class of memory cards is sold by, in bytes per second (SD
/// Specifications, part 1, 4.13: class 4).
const SLOWEST_BYTES_PER_S: u64 = 4_000_000;

/// One backup: first to be made, then to be restored. Dropping it removes it, and ends what still works on
/// it.
pub trait Backup: Send + Sync {
    /// Where its files are.
    fn folder(&self) -> &Path;

    /// The files and folders that do not change any more once it is made, and that it cannot be restored without:
    /// its own, and what it goes out from.
    fn files(&self) -> Vec<PathBuf> {
        vec![self.folder().to_owned()]
    }

    /// The same of the log that is kept beside it, once that is [closed](Self::close).
    fn log_files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Whether the source writes or sends a log for it that it would not otherwise, from when it was
    /// [prepared](Backups::prepare) until it is dropped: that costs a load something at all times.
    fn needs_log(&self) -> bool {
        false
    }

    /// Begins to watch which locks it holds, before it is [started](Self::start); `None` where the engine has
    /// nothing to tell.
    ///
    /// # Errors
    /// The engine cannot be asked.
    fn watch_locks(&self) -> Result<Option<Box<dyn LockWatch>>> {
        Ok(None)
    }

    /// What a person has to know about its tool, such as the version; empty where there is nothing.
    fn detail(&self) -> String {
        String::new()
    }

    /// Begins to make it. It is made once.
    ///
    /// # Errors
    /// The tool does not start.
    fn start(&self) -> Result<Box<dyn RunningBackup>>;

    /// Who has the rows that a backup must have that was made just now, where its [plan](BackupPlan::with_twin) wanted
    /// that: it is given away once. `None` where nobody can have them.
    ///
    /// # Errors
    /// It could not be set up, which keeps nobody from making the backup and restoring it.
    fn twin(&self) -> Result<Option<Twin>> {
        Ok(None)
    }

    /// Marks this moment as the one to be recovered to. Of methods that promise a
    /// [point in time](BackupPromise::PointInTime), after the backup was made.
    ///
    /// # Errors
    /// The engine refuses, or the method has no such thing.
    fn mark(&self) -> Result<()> {
        Err(Error::new("mark a point in time", "the method recovers its snapshot alone"))
    }

    /// Has all that was logged until now kept beside the backup, and nothing from now on; gives the size of
    /// what is kept, in bytes. 0 where the method keeps no log.
    ///
    /// # Errors
    /// The log cannot be had.
    fn close(&self) -> Result<u64> {
        Ok(0)
    }

    /// Restores it into a throwaway server or file of its own.
    ///
    /// # Errors
    /// A promise is [broken](Error::broken) where a tool finds the backup damaged or cannot read it, or the server
    /// does not come up on it: what was said is part of the error. Any other error says that it could not be
    /// tried: the disk is full, a program is gone, it was killed, the end was asked for.
    fn restore(&self) -> Result<Restored>;
}

/// Who has the rows that a backup must have which others changed while it was made.
pub enum Twin {
    /// A session that began to read at the moment that the backup is of: it is asked as soon as that is made.
    Session(TwinSession),
    /// A server that is brought to that moment once the backup is restored and nothing is measured any more.
    Server(Box<dyn TwinServer>),
}

/// A session that sees what a backup has in it, for both began to read at one moment. The engine keeps that moment's rows
/// until it is dropped.
pub struct TwinSession {
    session: Box<dyn Session>,
    // Dropped last: the session runs on it.
    runtime: Runtime,
}

impl TwinSession {
    /// Over a session that `open` opens.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(
        open: impl AsyncFnOnce() -> Result<Box<dyn Session>, DbError>,
    ) -> Result<Self, DbError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|why| DbError::unexpected(why.to_string()))?;
        let session = runtime.block_on(open())?;
        Ok(Self { session, runtime })
    }

    /// Asks the session.
    ///
    /// # Errors
    /// As `ask` has them.
    pub fn ask<T>(
        &mut self,
        ask: impl AsyncFnOnce(&mut dyn Session) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.runtime.block_on(ask(&mut *self.session))
    }
}

/// A server that has the rows of before a backup, from an earlier one of its own, and that follows the log of the source
/// from there: nothing of the backup itself is in it. The backup must still be there, for it may keep that log.
pub trait TwinServer: Send {
    /// Starts it, and has it follow the log to the moment that the backup is of which was `restored`.
    ///
    /// # Errors
    /// That moment is not known, or the server does not get there.
    fn recover(self: Box<Self>, restored: &Restored) -> Result<Arc<dyn Driver>>;
}

/// Looks at the locks that a backup holds, from a session of its own.
pub trait LockWatch: Send {
    /// Looks once.
    ///
    /// # Errors
    /// The engine cannot be asked any more.
    fn look(&mut self) -> Result<LocksSeen, DbError>;
}

/// What locks the sessions of a backup's tool held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocksSeen {
    /// How many; `None` where the engine does not tell.
    pub held: Option<u32>,
    /// The strongest of them; `None` where there was none.
    pub strongest: Option<Lock>,
    /// How many other sessions waited for one of them; `None` where the engine does not tell.
    pub waiting: Option<u32>,
}

/// A lock, of which the stronger is the greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lock {
    /// How strong it is among the engine's.
    pub rank: usize,
    /// In the engine's words.
    pub mode: String,
}

/// A backup that is being made.
pub trait RunningBackup: Send {
    /// The process that makes it; `None` where dbdyno's own does.
    fn process(&self) -> Option<u32>;

    /// How much there is of it, in bytes.
    fn bytes(&self) -> u64;

    /// Ends it as a crash of its tool would. [`wait`](Self::wait) gives an error then.
    fn kill(&self);

    /// Waits until it is made; kills it after `limit`, or once `stop` is asked for.
    ///
    /// # Errors
    /// The tool failed, was killed, or took too long; what it said is part of the error.
    fn wait(self: Box<Self>, limit: Duration, stop: &Stop) -> Result<BackupMade>;
}

/// A backup that was made.
#[derive(Clone, Copy, Debug)]
pub struct BackupMade {
    /// How long it took.
    pub took: Duration,
    /// Processor time of the tool's processes, in user and kernel mode; what the server did for it is no part
    /// of that.
    pub cpu: Duration,
    /// Its size: the sum of its files', in bytes.
    pub bytes: u64,
}

/// What a backup was restored into.
pub struct Restored {
    /// Its driver; dropping the last one stops the server and removes the data.
    pub driver: Arc<dyn Driver>,
    /// When restoring began.
    pub began: Instant,
    /// How long it took until everything was in its place; a server that recovers first is not up then.
    pub placed: Duration,
    /// The moment of the source that it recovered to, as the engine names a place in its log; `None` where the server
    /// does not tell.
    pub position: Option<String>,
    /// Whether what an engine or the system said of a failure is about something else than the backup: a disk that is
    /// full, a process that was killed.
    pub is_outside: fn(&str) -> bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_data_is_given_more_time() {
        let least = Duration::from_secs(120);
        assert_eq!(limit(least, 0), least);
        assert_eq!(limit(least, 100_000_000), Duration::from_secs(145));
        assert!(limit(least, 1_000_000_000_000) > Duration::from_secs(48 * 3_600));
    }

    #[test]
    fn of_two_locks_the_stronger_is_the_greater() {
        let lock = |rank, mode: &str| Lock { rank, mode: mode.to_owned() };
        assert!(lock(1, "a") > lock(0, "b"));
    }
}
