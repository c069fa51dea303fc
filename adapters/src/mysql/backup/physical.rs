//! Copies of InnoDB's files by mariadb-backup (<https://mariadb.com/kb/en/mariadb-backup-overview/>).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use dbdyno_core::backup::{Backup, LockWatch, Restored, RunningBackup, Twin};
use dbdyno_core::{Driver as _, Error, Result};

use super::followed::Followed;
use super::logs::Position;
use super::{BACKUP_PACKAGES, Source, restored, told_version};
use crate::backup::program;
use crate::backup::tool::Maker;
use crate::mysql::driver::MysqlDriver;
use crate::throwaway::Place;

/// A full backup, or an incremental one and the full one that it goes out from.
pub(super) struct Physical {
    pub(super) source: Source,
    tool: PathBuf,
    /// The server's data folder.
    data: PathBuf,
    /// The full backup that was made before.
    base: Option<PathBuf>,
    followed: Followed,
}

/// Finds what it takes, and makes the full backup that an incremental one goes out from.
///
/// # Errors
/// The program is not installed, or the server is not dbdyno's: unsupported. The full backup fails.
pub(super) fn prepare(
    driver: &MysqlDriver,
    source: Source,
    is_incremental: bool,
) -> Result<Physical> {
    let tool = find(&source)?;
    let Some(data) = driver.data_folder() else {
        let doing = format!("make a backup of {} by {}", driver.target(), source.method);
        let why =
            "it reads the files of the server, which only a server that dbdyno started lets it";
        return Err(Error::unsupported(doing, why));
    };
    let mut backup = Physical { source, tool, data, base: None, followed: Followed::default() };
    if is_incremental {
        let base = backup.source.place().folder().join("full");
        backup.source.vault.make_folder(&base)?;
        let mut full = backup.command(&base);
        backup.source.bounds().run(&mut full, "make the full backup before an incremental one")?;
        backup.base = Some(base);
    }
    Ok(backup)
}

/// Finds the program.
///
/// # Errors
/// It is not installed: unsupported.
pub(super) fn find(source: &Source) -> Result<PathBuf> {
    let names = ["mariadb-backup", "mariabackup"];
    program(&source.method, &names, &source.folders, &BACKUP_PACKAGES)
}

fn path_option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(path);
    option
}

impl Physical {
    /// The same with who has the rows that it must have.
    pub(super) fn with_followed(self, followed: Followed) -> Self {
        Self { followed, ..self }
    }

    fn command(&self, to: &Path) -> Command {
        let mut command = self.source.connecting(&self.tool);
        command.arg("--backup").arg(path_option("--datadir=", &self.data));
        command.arg(path_option("--target-dir=", to));
        command
    }
}

impl Backup for Physical {
    fn folder(&self) -> &Path {
        self.source.vault.files()
    }

    fn detail(&self) -> String {
        told_version(&self.tool)
    }

    fn files(&self) -> Vec<PathBuf> {
        let own = [self.folder().to_owned()];
        own.into_iter().chain(self.base.clone()).collect()
    }

    fn watch_locks(&self) -> Result<Option<Box<dyn LockWatch>>> {
        self.source.watch()
    }

    fn start(&self) -> Result<Box<dyn RunningBackup>> {
        let mut command = self.command(self.folder());
        if let Some(base) = &self.base {
            command.arg(path_option("--incremental-basedir=", base));
        }
        Ok(Box::new(Maker::start(&mut command, self.folder())?))
    }

    fn needs_log(&self) -> bool {
        self.followed.is_there()
    }

    fn twin(&self) -> Result<Option<Twin>> {
        let folder = self.folder().to_owned();
        self.followed.twin(move || Position::of_copy(&folder))
    }

    fn restore(&self) -> Result<Restored> {
        restored::start(&self.source, self.put())
    }
}

impl Physical {
    /// "Prepare" has InnoDB recover the copy, as it would after a crash; "copy back" puts it in its place.
    pub(super) fn put(&self) -> impl Fn(&Place) -> Result<()> + Send + Sync + 'static {
        let (tool, folder, base) = (self.tool.clone(), self.folder().to_owned(), self.base.clone());
        let bounds = self.source.bounds().clone();
        move |place: &Place| {
            let full = base.as_ref().unwrap_or(&folder);
            let prepare = |incremental: Option<&Path>| {
                let mut command = place.command(&tool);
                command
                    .args(["--no-defaults", "--prepare"])
                    .arg(path_option("--target-dir=", full));
                command.args(incremental.map(|path| path_option("--incremental-dir=", path)));
                bounds.read_backup(&mut command, "prepare a backup")
            };
            prepare(None)?;
            if base.is_some() {
                prepare(Some(&folder))?;
            }
            let mut command = place.command(&tool);
            command.args(["--no-defaults", "--copy-back"]).arg(path_option("--target-dir=", full));
            command.arg(path_option("--datadir=", &place.data()));
            bounds.read_backup(&mut command, "copy a backup back")
        }
    }
}
