//! Binary logs beside a backup: places in them, keeping them, and running what is in them on another server
//! (<https://mariadb.com/kb/en/using-mariadb-binlog/>,
//! <https://dev.mysql.com/doc/refman/8.0/en/point-in-time-recovery-positions.html>).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result, Row};

use super::restored::Client;
use super::{Source, ask};
use crate::backup::bytes_of;
use crate::mysql::connect::Connector;

/// So many lines at the beginning of a dump may come before the position.
const LINES: usize = 100;
/// Where mariadb-backup writes the position, since version 11.1 and before.
const INFO_FILES: [&str; 2] = ["mariadb_backup_binlog_info", "xtrabackup_binlog_info"];

/// A place in the logs: after all that was committed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) file: String,
    pub(super) offset: u64,
}

impl Position {
    /// The one that the server has reached.
    ///
    /// # Errors
    /// It does not tell.
    pub(super) fn of_server(connector: &Connector) -> Result<Self> {
        let read = |row: &dyn Row| {
            let (file, offset) = (row.text(0)?.to_owned(), row.int(1)?.unsigned_abs());
            Ok(Self { file, offset })
        };
        // The name since MySQL 8.2, and the one before and of MariaDB.
        ask(connector, "SHOW BINARY LOG STATUS", read)
            .or_else(|_| ask(connector, "SHOW MASTER STATUS", read))
            .map_err(|why| Error::new("ask for the position in the binary log", why))
    }

    /// The one that a dump says at its beginning, in a comment.
    ///
    /// # Errors
    /// It cannot be read, or says none: a [broken](Error::broken) promise.
    pub(super) fn of_dump(file: &Path) -> Result<Self> {
        let doing = || format!("find the position in {}", file.display());
        let failed = |why: std::io::Error| Error::new(doing(), why);
        let lines = BufReader::new(File::open(file).map_err(failed)?).lines().take(LINES);
        for line in lines {
            if let Some(position) = position(&line.map_err(failed)?) {
                return Ok(position);
            }
        }
        Err(Error::broken(doing(), "it does not tell of any"))
    }

    /// The one that mariadb-backup has written beside a copy.
    ///
    /// # Errors
    /// It cannot be read, or there is none.
    pub(super) fn of_copy(folder: &Path) -> Result<Self> {
        let doing = || format!("find the position in the binary log in {}", folder.display());
        let files = INFO_FILES.map(|name| folder.join(name));
        let file = files.iter().find(|file| file.exists());
        let file = file.ok_or_else(|| Error::new(doing(), "no file there tells it"))?;
        let text = std::fs::read_to_string(file).map_err(|why| Error::new(doing(), why))?;
        let mut words = text.split_whitespace();
        let found = words.next().zip(words.next().and_then(|offset| offset.parse().ok()));
        let (file, offset) =
            found.ok_or_else(|| Error::new(doing(), format!("it says `{text}`")))?;
        Ok(Self { file: file.to_owned(), offset })
    }
}

/// The logs of a server that are kept beside a backup.
pub(super) struct Logs {
    pub(super) reader: PathBuf,
    pub(super) folder: PathBuf,
}

impl Logs {
    /// Finds what it takes.
    ///
    /// # Errors
    /// The program is not installed: unsupported.
    pub(super) fn prepare(source: &Source) -> Result<Self> {
        let reader = source.program("mariadb-binlog", "mysqlbinlog")?;
        let folder = source.place().folder().join("logs");
        source.vault.make_folder(&folder)?;
        Ok(Self { reader, folder })
    }

    /// Has the server send its logs as they are, from the one with a position on; gives how many bytes they have.
    ///
    /// # Errors
    /// The program fails.
    pub(super) fn keep(&self, source: &Source, from: &Position) -> Result<u64> {
        let mut command = source.connecting(&self.reader);
        command.args(["--read-from-remote-server", "--raw", "--to-last-log"]);
        // What is named so begins the names of the files.
        let mut prefix = std::ffi::OsString::from("--result-file=");
        prefix.push(self.folder.join(""));
        command.arg(prefix).arg(&from.file);
        source.bounds().run(&mut command, "copy the binary logs")?;
        Ok(bytes_of(&self.folder))
    }

    /// Runs what they have between two positions on another server.
    ///
    /// # Errors
    /// They cannot be read, or a statement fails: a [broken](Error::broken) promise unless something else is in the way.
    pub(super) fn replay(
        &self,
        source: &Source,
        client: &Client<'_>,
        (from, to): (&Position, &Position),
    ) -> Result<()> {
        let statements = source.place().folder().join("replay.sql");
        let mut command = source.place().command(&self.reader);
        command.arg("--no-defaults");
        command.arg(format!("--start-position={}", from.offset));
        command.arg(format!("--stop-position={}", to.offset));
        command.arg("--result-file").arg(&statements);
        // The positions are those of the first file and of the last.
        command.args(self.files(from, to)?);
        source.bounds().read_backup(&mut command, "read the binary logs")?;
        let replayed = client.run(&statements);
        // What the tool wrote for the client is no part of the backup.
        let _ = std::fs::remove_file(&statements);
        replayed
    }

    /// Those from one to another, whose names end in numbers of so many digits that they sort.
    fn files(&self, from: &Position, to: &Position) -> Result<Vec<PathBuf>> {
        let failed = |why| Error::new(format!("list {}", self.folder.display()), why);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_string_lossy().into_owned();
            if (from.file.as_str()..=to.file.as_str()).contains(&name.as_str()) {
                files.push(self.folder.join(name));
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
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn positions_are_read_beside_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let of_copy = || Position::of_copy(folder.path()).map_err(|why| why.why().to_owned());
        assert_eq!(of_copy(), Err("no file there tells it".to_owned()));
        for name in INFO_FILES {
            let file = folder.path().join(name);
            std::fs::write(&file, "binlog.000003\t1188\t0-1-7\n").unwrap();
            assert_eq!(of_copy(), Ok(Position { file: "binlog.000003".to_owned(), offset: 1188 }));
            std::fs::write(&file, "binlog.000003\n").unwrap();
            assert_eq!(of_copy(), Err("it says `binlog.000003\n`".to_owned()));
            std::fs::remove_file(&file).unwrap();
        }
    }

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
