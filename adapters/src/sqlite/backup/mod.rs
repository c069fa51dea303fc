//! Backups of SQLite's file (<https://www.sqlite.org/backup.html>).

mod locks;
mod methods;
mod twin;
mod working;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dbdyno_core::backup::{
    Backup, BackupMethod, BackupPlan, BackupPromise, Backups, LockWatch, Restored, RunningBackup,
    Twin,
};
use dbdyno_core::{DbError, Error, Result, Stop};

use super::driver::SqliteDriver;
use super::errors::translate;
use super::file::open;
use crate::backup::blame::{is_outside, judged};
use crate::backup::unknown;
use crate::throwaway::Folder;
use locks::Held;
use methods::Method;
use twin::Candidate;
use working::Working;

const METHODS: [BackupMethod; 3] = [
    BackupMethod {
        name: "online",
        summary: "the pages of one read transaction, copied a thousand at a time by SQLite's online backup API",
        promise: BackupPromise::Snapshot,
    },
    BackupMethod {
        name: "vacuum-into",
        summary: "the rows of one read transaction in a new file without free pages (VACUUM INTO)",
        promise: BackupPromise::Snapshot,
    },
    BackupMethod {
        name: "wal-copy",
        summary: "the file and its write-ahead log, copied while BEGIN IMMEDIATE keeps everybody from writing",
        promise: BackupPromise::Snapshot,
    },
];

impl Backups for SqliteDriver {
    fn methods(&self) -> Vec<BackupMethod> {
        METHODS.to_vec()
    }

    fn prepare(&self, method: &str, plan: &BackupPlan) -> Result<Box<dyn Backup>> {
        let how = match method {
            "online" => Method::Online,
            "vacuum-into" => Method::VacuumInto,
            "wal-copy" => Method::WalCopy,
            _ => return Err(unknown(&METHODS, method)),
        };
        let failed = |why: DbError| Error::new(format!("make a backup by {method}"), why);
        let folder = Folder::beside(plan.base.as_deref())?;
        let files = folder.path().join("backup");
        fs::create_dir(&files)
            .map_err(|why| Error::new(format!("make the folder {}", files.display()), why))?;
        let source = self.path_of(&plan.namespace).map_err(failed)?;
        let candidate = match plan.with_twin {
            true => Candidate::open(self, &source),
            false => Ok(None),
        };
        Ok(Box::new(SqliteBackup {
            how,
            source,
            candidate: Mutex::new(candidate),
            twin: Arc::new(Mutex::new(Ok(None))),
            // The restored driver looks for the file of the namespace.
            copy: files.join(format!("{}.db", plan.namespace)),
            files,
            stop: plan.stop.clone(),
            locks: Held::default(),
            options: self.options().clone(),
            _folder: folder,
        }))
    }

    /// A namespace is a file.
    fn data_bytes(&self, _method: &str, namespace: &str) -> Result<u64> {
        let asked = || -> Result<i64, DbError> {
            let connection = open(&self.path_of(namespace)?, rusqlite::OpenFlags::empty())?;
            let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
            connection.query_row(sql, [], |row| row.get(0)).map_err(translate)
        };
        let bytes =
            asked().map_err(|why| Error::new(format!("look at the size of {namespace}"), why))?;
        Ok(bytes.unsigned_abs())
    }
}

/// The twin of a backup that was made, where there is one, or why there is none.
type TwinOf = Arc<Mutex<Result<Option<Twin>>>>;

struct SqliteBackup {
    how: Method,
    /// The file of the data.
    source: PathBuf,
    /// The folder of the backup, and the file in it.
    files: PathBuf,
    copy: PathBuf,
    stop: Stop,
    /// What is to become its twin, and what did.
    candidate: Mutex<Result<Option<Candidate>, DbError>>,
    twin: TwinOf,
    /// What its connection holds, as that says itself.
    locks: Held,
    /// The target's options, which the restored file is opened with.
    options: BTreeMap<String, String>,
    _folder: Folder,
}

impl Backup for SqliteBackup {
    fn folder(&self) -> &Path {
        &self.files
    }

    fn detail(&self) -> String {
        format!("SQLite {}", rusqlite::version())
    }

    fn start(&self) -> Result<Box<dyn RunningBackup>> {
        let mut candidate = self.candidate.lock().unwrap_or_else(PoisonError::into_inner);
        let candidate = std::mem::replace(&mut *candidate, Ok(None));
        let files = (self.source.as_path(), self.copy.as_path());
        let beside = (self.locks.clone(), candidate, Arc::clone(&self.twin));
        Ok(Box::new(Working::start(self.how, files, beside)?))
    }

    fn twin(&self) -> Result<Option<Twin>> {
        let mut twin = self.twin.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *twin, Ok(None))
    }

    fn watch_locks(&self) -> Result<Option<Box<dyn LockWatch>>> {
        Ok(Some(Box::new(self.locks.clone())))
    }

    /// The files are copied, and SQLite looks whether all pages and indexes are whole.
    fn restore(&self) -> Result<Restored> {
        let began = Instant::now();
        let folder = Arc::new(Folder::create()?);
        let doing = || format!("restore the backup in {}", self.files.display());
        let failed = |why: std::io::Error| judged(doing(), why);
        for entry in fs::read_dir(&self.files).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if self.stop.is_requested() {
                return Err(Error::new(doing(), "the end was asked for"));
            }
            fs::copy(entry.path(), folder.path().join(entry.file_name())).map_err(failed)?;
        }
        let name = self.copy.file_name().unwrap_or_default();
        check(&folder.path().join(name), &self.stop)?;
        let placed = began.elapsed();
        let path = folder.path().to_owned();
        let driver = SqliteDriver::in_folder("the restored file", &path, folder, &self.options)?;
        let position = None;
        Ok(Restored { driver: Arc::new(driver), began, placed, position, is_outside })
    }
}

/// Steps of SQLite's virtual machine between two looks at whether the end is asked for.
const STEPS: i32 = 10_000;

/// Whether a file is whole (<https://www.sqlite.org/pragma.html#pragma_integrity_check>).
fn check(file: &Path, stop: &Stop) -> Result<()> {
    let doing = "check a restored file";
    let failed = |why: String| judged(doing, format!("PRAGMA integrity_check says: {why}"));
    let asked = || -> Result<String, DbError> {
        let connection = open(file, rusqlite::OpenFlags::empty())?;
        let asked = stop.clone();
        let is_over = move || asked.is_requested();
        connection.progress_handler(STEPS, Some(is_over)).map_err(translate)?;
        connection.query_row("PRAGMA integrity_check(3)", [], |row| row.get(0)).map_err(translate)
    };
    match asked() {
        Ok(said) if said == "ok" => Ok(()),
        _ if stop.is_requested() => Err(Error::new(doing, "the end was asked for")),
        Ok(said) => Err(failed(said)),
        Err(why) => Err(failed(why.to_string())),
    }
}
