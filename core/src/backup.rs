//! Backups: what an engine's own tools make of its data, and having it back from that alone.
//!
//! All of it blocks; none of it is for the load path.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::driver::Driver;
use crate::error::{Error, Result};
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

    /// The size of a namespace's tables and indexes as the engine tells it, in bytes.
    ///
    /// # Errors
    /// The engine cannot be asked.
    fn data_bytes(&self, namespace: &str) -> Result<u64>;
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
}

/// One backup: first to be made, then to be restored. Dropping it removes it, and ends what still works on
/// it.
pub trait Backup: Send + Sync {
    /// Where its files are.
    fn folder(&self) -> &Path;

    /// What a person has to know about its tool, such as the version; empty where there is nothing.
    fn detail(&self) -> String {
        String::new()
    }

    /// Begins to make it. It is made once.
    ///
    /// # Errors
    /// The tool does not start.
    fn start(&self) -> Result<Box<dyn RunningBackup>>;

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
    /// A tool finds it damaged or fails, or the server does not come up on it: what was said is part of the
    /// error.
    fn restore(&self) -> Result<Restored>;
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
}
