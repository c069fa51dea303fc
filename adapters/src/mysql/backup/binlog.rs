//! Binary logs beside a dump, and recovery to a position in them
//! (<https://dev.mysql.com/doc/refman/8.0/en/point-in-time-recovery-positions.html>).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use dbdyno_core::backup::{Backup, LockWatch, Restored, RunningBackup};
use dbdyno_core::{Driver as _, Error, Result};

use super::dump::{self, Dump};
use super::logs::{Logs, Position};
use super::{Source, told_version};
use crate::mysql::driver::MysqlDriver;
use crate::mysql::private::BinaryLog;

/// A dump, and the logs from its position on.
pub(super) struct Binlog {
    dump: Dump,
    logs: Logs,
    marked: Mutex<Option<Position>>,
    // Dropped last: the server writes no more logs then.
    _log: BinaryLog,
}

/// Has the server write binary logs, for which it is started again.
///
/// # Errors
/// A program is not installed, or the server is not dbdyno's (unsupported); it does not come up again.
pub(super) fn prepare(driver: &MysqlDriver, source: Source) -> Result<Binlog> {
    let logs = Logs::prepare(&source)?;
    let method = source.method.clone();
    let dump = dump::prepare(source)?.with_position();
    let doing = || format!("make a backup of {} by {method}", driver.target());
    let log = driver.write_binary_log()?.ok_or_else(|| {
        let why = "dbdyno starts no server again, for it to write a log, that somebody else runs";
        Error::unsupported(doing(), why)
    })?;
    Ok(Binlog { dump, logs, marked: Mutex::new(None), _log: log })
}

impl Backup for Binlog {
    fn folder(&self) -> &Path {
        self.dump.folder()
    }

    fn log_files(&self) -> Vec<PathBuf> {
        vec![self.logs.folder.clone()]
    }

    fn needs_log(&self) -> bool {
        true
    }

    fn watch_locks(&self) -> Result<Option<Box<dyn LockWatch>>> {
        self.dump.watch_locks()
    }

    fn detail(&self) -> String {
        told_version(&self.logs.reader)
    }

    fn start(&self) -> Result<Box<dyn RunningBackup>> {
        self.dump.start()
    }

    fn mark(&self) -> Result<()> {
        let position = Position::of_server(&self.dump.source.connector)?;
        *self.marked.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
        Ok(())
    }

    fn close(&self) -> Result<u64> {
        self.logs.keep(&self.dump.source, &self.dump.position()?)
    }

    fn restore(&self) -> Result<Restored> {
        let (from, to) = (self.dump.position()?, self.marked()?);
        self.dump.replay(|client| self.logs.replay(&self.dump.source, client, (&from, &to)))
    }
}

impl Binlog {
    fn marked(&self) -> Result<Position> {
        let marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        marked.ok_or_else(|| Error::new("recover to a point in time", "none was marked"))
    }
}
