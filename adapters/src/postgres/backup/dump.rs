//! Dumps: rows and statements, as one transaction sees them (manual, `pg_dump` and `pg_restore`).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dbdyno_core::Result;
use dbdyno_core::backup::{Backup, LockWatch, Restored, RunningBackup, Twin};

use super::connection::Connection;
use super::{Source, jobs, pattern, restored, told_version, twin};
use crate::backup::blame::is_outside;
use crate::backup::tool::Maker;

/// The format of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One file.
    Custom,
    /// A file for each table, written by several processes.
    Directory,
}

/// A dump.
pub(super) struct Dump {
    source: Source,
    form: Form,
    tool: PathBuf,
    restorer: PathBuf,
    with_twin: bool,
    twin: Mutex<Result<Option<Twin>>>,
}

/// Finds what it takes.
///
/// # Errors
/// A program is not installed: unsupported.
pub(super) fn prepare(source: Source, form: Form, with_twin: bool) -> Result<Dump> {
    let (tool, restorer) = (source.program("pg_dump")?, source.program("pg_restore")?);
    Ok(Dump { source, form, tool, restorer, with_twin, twin: Mutex::new(Ok(None)) })
}

impl Backup for Dump {
    fn folder(&self) -> &Path {
        self.source.vault.files()
    }

    fn detail(&self) -> String {
        told_version(&self.tool).unwrap_or_default()
    }

    fn watch_locks(&self) -> Result<Option<Box<dyn LockWatch>>> {
        Ok(Some(Box::new(self.source.watch()?)))
    }

    fn start(&self) -> Result<Box<dyn RunningBackup>> {
        let mut command = self.source.connecting(&self.tool);
        match self.form {
            Form::Custom => drop(command.arg("--format=custom")),
            Form::Directory => drop(command.args(["--format=directory", "-j", &jobs()])),
        }
        command.arg(format!("--schema={}", pattern(&self.source.namespace)));
        let twin = self.with_twin.then(|| twin::open(&self.source)).transpose();
        let twin = twin.map(|opened| {
            let (twin, snapshot) = opened?;
            command.arg(format!("--snapshot={snapshot}"));
            Some(Twin::Session(twin))
        });
        command.arg("--file").arg(self.folder()).arg(self.source.endpoint.database());
        let tool = Maker::start(&mut command, self.folder())?;
        *self.twin.lock().unwrap_or_else(PoisonError::into_inner) = twin;
        Ok(Box::new(tool))
    }

    fn twin(&self) -> Result<Option<Twin>> {
        let mut twin = self.twin.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *twin, Ok(None))
    }

    /// The server is there before the clock starts: a dump is restored into one that runs.
    fn restore(&self) -> Result<Restored> {
        let driver = restored::start_empty(&self.source.origin)?;
        let began = Instant::now();
        let place = self.source.place();
        let mut command = Connection::of(driver.endpoint(), place)?.command(place, &self.restorer);
        command.args(["--exit-on-error", "-j", &jobs()]);
        // Roles belong to a server, not to a dump: those of another one are not there.
        command.args(["--no-owner", "--no-privileges"]);
        command.args(["-d", driver.endpoint().database()]).arg(self.folder());
        self.source.bounds().read_into_server(&mut command, "restore a dump")?;
        let placed = began.elapsed();
        let position = None;
        Ok(Restored { driver: Arc::new(driver), began, placed, position, is_outside })
    }
}
