//! Binary logs beside a dump, and recovery to a position in them
//! (<https://mariadb.com/kb/en/using-mariadb-binlog/>,
//! <https://dev.mysql.com/doc/refman/8.0/en/point-in-time-recovery-positions.html>).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use dbdyno_core::backup::{Backup, LockWatch, Restored, RunningBackup};
use dbdyno_core::{Driver as _, Error, Result, Row};

use super::dump::{self, Dump};
use super::{Source, ask, told_version};
use crate::backup::bytes_of;
use crate::mysql::driver::MysqlDriver;
use crate::mysql::private::BinaryLog;
use crate::mysql::programs::Product;

/// So many lines at the beginning of a dump may come before the position.
const LINES: usize = 100;

/// A place in the logs: after all that was committed before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Position {
    file: String,
    offset: u64,
}

/// A dump, and the logs from its position on.
pub(super) struct Binlog {
    dump: Dump,
    reader: PathBuf,
    logs: PathBuf,
    marked: Mutex<Option<Position>>,
    // Dropped last: the server writes no more logs then.
    _log: BinaryLog,
}

/// Has the server write binary logs, for which it is started again.
///
/// # Errors
/// A program is not installed, or the server is not dbdyno's (unsupported); it does not come up again.
pub(super) fn prepare(driver: &MysqlDriver, source: Source) -> Result<Binlog> {
    let reader = source.program("mariadb-binlog", "mysqlbinlog")?;
    let logs = source.place().folder().join("logs");
    source.vault.make_folder(&logs)?;
    let method = source.method.clone();
    let dump = dump::prepare(source)?;
    let doing = || format!("make a backup of {} by {method}", driver.target());
    let log = driver.write_binary_log()?.ok_or_else(|| {
        let why = "dbdyno starts no server again, for it to write a log, that somebody else runs";
        Error::unsupported(doing(), why)
    })?;
    Ok(Binlog { dump, reader, logs, marked: Mutex::new(None), _log: log })
}

impl Backup for Binlog {
    fn folder(&self) -> &Path {
        self.dump.folder()
    }

    fn log_files(&self) -> Vec<PathBuf> {
        vec![self.logs.clone()]
    }

    fn watch_locks(&self) -> Result<Option<Box<dyn LockWatch>>> {
        self.dump.watch_locks()
    }

    fn detail(&self) -> String {
        told_version(&self.reader)
    }

    /// The dump says its position in the logs, in a comment.
    fn start(&self) -> Result<Box<dyn RunningBackup>> {
        let mut command = self.dump.command();
        command.arg(match self.dump.source.origin.product {
            Product::Mariadb => "--master-data=2",
            Product::Mysql => "--source-data=2",
        });
        self.dump.begin(command)
    }

    fn mark(&self) -> Result<()> {
        let doing = "ask for the position in the binary log";
        let connector = &self.dump.source.connector;
        let read = |row: &dyn Row| {
            let (file, offset) = (row.text(0)?.to_owned(), row.int(1)?.unsigned_abs());
            Ok(Position { file, offset })
        };
        // The name since MySQL 8.2, and the one before and of MariaDB.
        let position = ask(connector, "SHOW BINARY LOG STATUS", read)
            .or_else(|_| ask(connector, "SHOW MASTER STATUS", read))
            .map_err(|why| Error::new(doing, why))?;
        *self.marked.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
        Ok(())
    }

    /// The server sends its logs as they are.
    fn close(&self) -> Result<u64> {
        let from = self.dumped_at()?;
        let mut command = self.dump.source.connecting(&self.reader);
        command.args(["--read-from-remote-server", "--raw", "--to-last-log"]);
        // What is named so begins the names of the files.
        let mut prefix = std::ffi::OsString::from("--result-file=");
        prefix.push(self.logs.join(""));
        command.arg(prefix).arg(from.file);
        self.dump.source.bounds().run(&mut command, "copy the binary logs")?;
        Ok(bytes_of(&self.logs))
    }

    fn restore(&self) -> Result<Restored> {
        let (from, to) = (self.dumped_at()?, self.marked()?);
        self.dump.replay(|client| {
            let statements = self.dump.source.place().folder().join("replay.sql");
            let mut command = self.dump.source.place().command(&self.reader);
            command.arg("--no-defaults");
            command.arg(format!("--start-position={}", from.offset));
            command.arg(format!("--stop-position={}", to.offset));
            command.arg("--result-file").arg(&statements);
            // The positions are those of the first file and of the last.
            command.args(self.files(&from, &to)?);
            let bounds = self.dump.source.bounds();
            bounds.read_backup(&mut command, "read the binary logs")?;
            let replayed = client.run(&statements);
            // What the tool wrote for the client is no part of the backup.
            let _ = std::fs::remove_file(&statements);
            replayed
        })
    }
}

impl Binlog {
    fn marked(&self) -> Result<Position> {
        let marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        marked.ok_or_else(|| Error::new("recover to a point in time", "none was marked"))
    }

    fn dumped_at(&self) -> Result<Position> {
        let file = self.dump.file();
        let doing = || format!("find the position in {}", file.display());
        let failed = |why: std::io::Error| Error::new(doing(), why);
        let lines = BufReader::new(File::open(&file).map_err(failed)?).lines().take(LINES);
        for line in lines {
            if let Some(position) = position(&line.map_err(failed)?) {
                return Ok(position);
            }
        }
        Err(Error::broken(doing(), "it does not tell of any"))
    }

    /// The logs from one to another, whose names end in numbers of so many digits that they sort.
    fn files(&self, from: &Position, to: &Position) -> Result<Vec<PathBuf>> {
        let failed = |why| Error::new(format!("list {}", self.logs.display()), why);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.logs).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_string_lossy().into_owned();
            if (from.file.as_str()..=to.file.as_str()).contains(&name.as_str()) {
                files.push(self.logs.join(name));
            }
        }
        files.sort();
        Ok(files)
    }
}

/// Reads `CHANGE MASTER TO MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=331;`, or what MySQL says since 8.0.23
/// (`CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE=…`).
fn position(line: &str) -> Option<Position> {
    let (_, rest) = line.split_once("_LOG_FILE='")?;
    let (file, rest) = rest.split_once('\'')?;
    let (_, rest) = rest.split_once("_LOG_POS=")?;
    let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
    Some(Position { file: file.to_owned(), offset: digits.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_both_makers_write_them() {
        let expected = Some(Position { file: "binlog.000002".to_owned(), offset: 331 });
        for line in [
            "-- CHANGE MASTER TO MASTER_LOG_FILE='binlog.000002', MASTER_LOG_POS=331;",
            "-- CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE='binlog.000002', SOURCE_LOG_POS=331;",
        ] {
            assert_eq!(position(line), expected);
        }
        for line in
            ["", "-- Position to start replication", "MASTER_LOG_FILE='a', MASTER_LOG_POS=;"]
        {
            assert_eq!(position(line), None);
        }
    }
}
