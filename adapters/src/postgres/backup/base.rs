//! Base backups: a copy of the server's files, and the log from the beginning to the end of the copy
//! (manual, `pg_basebackup`, and 26.3.2).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use dbdyno_core::backup::{Backup, LockWatch, Restored, RunningBackup, Twin};
use dbdyno_core::{Error, Result};

use super::{Source, restored, told_version};
use crate::backup::program;
use crate::backup::restored::Recovery;
use crate::backup::tool::Maker;
use crate::postgres::server;
use crate::throwaway::Place;
use crate::throwaway::programs::{Packages, folders};
use crate::tool::Bounds;

/// In what form its files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are in the data folder.
    Plain,
    /// Tar files, compressed by pg_basebackup.
    Gzip,
    Zstd,
}

impl Form {
    /// What has to be there to unpack it, beside tar.
    fn unpacker(self) -> Option<(&'static str, Packages)> {
        let of = |name: &'static str| (name, Packages { apt: name, dnf: name, brew: name });
        match self {
            Self::Plain => None,
            Self::Gzip => Some(of("gzip")),
            Self::Zstd => Some(of("zstd")),
        }
    }
}

/// A base backup.
pub(super) struct BaseBackup {
    pub(super) source: Source,
    form: Form,
    tool: PathBuf,
    verifier: PathBuf,
    /// Who has the rows that it must have, where somebody wants to know.
    twin: Mutex<Result<Option<Twin>>>,
}

/// Finds what it takes.
///
/// # Errors
/// A program is not installed, or was built without the compression: unsupported.
pub(super) fn prepare(source: Source, form: Form) -> Result<BaseBackup> {
    let tool = source.program("pg_basebackup")?;
    let verifier = source.program("pg_verifybackup")?;
    if let Some((name, packages)) = form.unpacker() {
        program(&source.method, &[name], &folders(None, &["/usr/bin", "/bin"]), &packages)?;
    }
    Ok(BaseBackup { source, form, tool, verifier, twin: Mutex::new(Ok(None)) })
}

impl Backup for BaseBackup {
    fn folder(&self) -> &Path {
        self.source.vault.files()
    }

    fn detail(&self) -> String {
        told_version(&self.tool).unwrap_or_default()
    }

    /// A checkpoint at once, as a backup that somebody waits for asks for; a spread one would keep the tool
    /// waiting for half of `checkpoint_timeout`.
    fn start(&self) -> Result<Box<dyn RunningBackup>> {
        let mut command = self.source.connecting(&self.tool);
        command.args(["--checkpoint=fast", "--wal-method=stream", "-D"]).arg(self.folder());
        match self.form {
            Form::Plain => {}
            Form::Gzip => drop(command.args(["--format=tar", "--gzip"])),
            Form::Zstd => drop(command.args(["--format=tar", "--compress=client-zstd"])),
        }
        Ok(Box::new(Maker::start(&mut command, self.folder())?))
    }

    fn watch_locks(&self) -> Result<Option<Box<dyn LockWatch>>> {
        Ok(Some(Box::new(self.source.watch()?)))
    }

    fn twin(&self) -> Result<Option<Twin>> {
        let mut twin = self.twin.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *twin, Ok(None))
    }

    /// The log that it recovers from is in its files.
    fn restore(&self) -> Result<Restored> {
        restored::start(&self.source.origin, self.recovery(0), self.put())
    }
}

impl BaseBackup {
    /// The same with who has the rows that it must have, or why nobody has.
    pub(super) fn with_twin(mut self, twin: Result<Twin>) -> Self {
        self.twin = Mutex::new(twin.map(Some));
        self
    }

    /// What puts the files in their place, and has pg_verifybackup hold each against its checksum in the
    /// manifest of the backup.
    pub(super) fn put(&self) -> impl Fn(&Place) -> Result<()> + Send + Sync + 'static {
        let (files, form) = (self.folder().to_owned(), self.form);
        let (verifier, bounds) = (self.verifier.clone(), self.source.bounds().clone());
        move |place: &Place| {
            let data = place.data();
            match form {
                Form::Plain => copy(place, &files, &data, &bounds)?,
                Form::Gzip | Form::Zstd => unpack(place, &files, &data, &bounds)?,
            }
            let mut verify = server::command(place, &verifier);
            verify.args(["--quiet", "--exit-on-error", "-m"]).arg(files.join("backup_manifest"));
            verify.arg(&data);
            bounds.read_backup(&mut verify, "verify a base backup")
        }
    }

    /// What a server recovers that starts on it, with so long a log beside it.
    pub(super) fn recovery(&self, log_bytes: u64) -> Recovery {
        Recovery { log_bytes, stop: self.source.bounds().stop.clone() }
    }
}

fn copy(place: &Place, from: &Path, to: &Path, bounds: &Bounds) -> Result<()> {
    let mut command = place.command("cp");
    command.arg("-Rp").arg(from).arg(to);
    bounds.read_backup(&mut command, "copy a base backup")
}

/// The files are in `base.tar`, the log in `pg_wal.tar`, each with an ending for its compression.
fn unpack(place: &Place, from: &Path, data: &Path, bounds: &Bounds) -> Result<()> {
    let doing = "unpack a base backup";
    let mut make = place.command("mkdir");
    make.args(["-m", "700"]).arg(data);
    bounds.run(&mut make, doing)?;
    let entries = fs::read_dir(from).map_err(|why| Error::new(doing, why))?;
    let archives: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    for (name, to) in [("base.tar", data.to_owned()), ("pg_wal.tar", data.join("pg_wal"))] {
        let is_it = |path: &&PathBuf| {
            path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
        };
        let archive = archives.iter().find(is_it).ok_or_else(|| {
            Error::broken(doing, format!("there is no {name} in {}", from.display()))
        })?;
        let mut command = place.command("tar");
        command.arg("-xf").arg(archive).arg("-C").arg(to);
        bounds.read_backup(&mut command, doing)?;
    }
    Ok(())
}
