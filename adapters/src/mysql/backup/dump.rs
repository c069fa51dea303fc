//! Dumps: rows and statements, as one transaction sees them
//! (<https://mariadb.com/kb/en/mariadb-dump/>, <https://dev.mysql.com/doc/refman/8.0/en/mysqldump.html>).

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use dbdyno_core::backup::{Backup, LockWatch, Restored, RunningBackup, Twin};
use dbdyno_core::{Error, Result};

use super::followed::Followed;
use super::logs::Position;
use super::restored::{Client, start_empty};
use super::{Source, told_version};
use crate::backup::blame::{is_outside, judged};
use crate::backup::tool::Maker;
use crate::mysql::driver::MysqlDriver;
use crate::mysql::programs::Product;

/// What the last line of a whole dump says. Without it the statements of a cut one would run as well as those
/// of a small one.
const END: &str = "-- Dump completed";
/// How much of the end of a file is looked at for it.
const TAIL: u64 = 200;

/// A dump.
pub(super) struct Dump {
    pub(super) source: Source,
    tool: PathBuf,
    /// Whether it says its position in the binary log.
    with_position: bool,
    followed: Followed,
}

/// Finds what it takes.
///
/// # Errors
/// A program is not installed: unsupported.
pub(super) fn prepare(source: Source) -> Result<Dump> {
    let tool = source.program("mariadb-dump", "mysqldump")?;
    source.program("mariadb", "mysql")?;
    Ok(Dump { source, tool, with_position: false, followed: Followed::default() })
}

impl Dump {
    /// The file.
    pub(super) fn file(&self) -> PathBuf {
        self.folder().join("dump.sql")
    }

    /// The same with its position in the server's binary log.
    pub(super) fn with_position(self) -> Self {
        Self { with_position: true, ..self }
    }

    /// The same with who has the rows that it must have.
    pub(super) fn with_followed(self, followed: Followed) -> Self {
        Self { with_position: followed.is_there(), followed, ..self }
    }

    /// Its position in the binary log.
    ///
    /// # Errors
    /// It cannot be read, or says none.
    pub(super) fn position(&self) -> Result<Position> {
        Position::of_dump(&self.file())
    }

    /// Runs its statements on a new server, which is there before the clock starts: a dump is restored into one
    /// that runs. Gives when it began.
    pub(super) fn replay(&self, more: impl FnOnce(&Client<'_>) -> Result<()>) -> Result<Restored> {
        self.check_end()?;
        let driver: MysqlDriver = start_empty(&self.source)?;
        let client = Client::of(&self.source, &driver)?;
        let began = Instant::now();
        client.run(&self.file())?;
        more(&client)?;
        let placed = began.elapsed();
        let position = None;
        Ok(Restored { driver: Arc::new(driver), began, placed, position, is_outside })
    }

    fn check_end(&self) -> Result<()> {
        let doing = || format!("restore {}", self.file().display());
        let read = || -> std::io::Result<String> {
            let mut file = std::fs::File::open(self.file())?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail)?;
            Ok(String::from_utf8_lossy(&tail).into_owned())
        };
        if read().map_err(|why| judged(doing(), why))?.contains(END) {
            return Ok(());
        }
        Err(Error::broken(doing(), format!("it is cut off: its last line does not say `{END}`")))
    }
}

impl Backup for Dump {
    fn folder(&self) -> &Path {
        self.source.vault.files()
    }

    fn detail(&self) -> String {
        told_version(&self.tool)
    }

    fn watch_locks(&self) -> Result<Option<Box<dyn LockWatch>>> {
        self.source.watch()
    }

    fn needs_log(&self) -> bool {
        self.followed.is_there()
    }

    /// InnoDB's rows as one transaction sees them, without locks.
    fn start(&self) -> Result<Box<dyn RunningBackup>> {
        let mut command = self.source.connecting(&self.tool);
        command.args(["--single-transaction", "--quick", "--routines", "--triggers"]);
        command.arg("--result-file").arg(self.file());
        if self.with_position {
            command.arg(match self.source.origin.product {
                Product::Mariadb => "--master-data=2",
                Product::Mysql => "--source-data=2",
            });
        }
        command.arg("--databases").arg(&self.source.namespace);
        Ok(Box::new(Maker::start(&mut command, self.folder())?))
    }

    fn twin(&self) -> Result<Option<Twin>> {
        let file = self.file();
        self.followed.twin(move || Position::of_dump(&file))
    }

    fn restore(&self) -> Result<Restored> {
        self.replay(|_| Ok(()))
    }
}
