//! Taking a database file for this process alone: a lock on a file beside it, since SQLite's own
//! locks are for transactions.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use dbdyno_core::driver::Claim;
use dbdyno_core::{Error, Result};

/// A locked file, removed with the lock.
pub struct LockFile {
    path: PathBuf,
    _file: File,
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // The lock goes with the file in any case; a leftover is only untidy.
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes the database at `database`.
///
/// # Errors
/// Another process has it, or no file can be made beside it.
pub fn claim(database: &Path) -> Result<LockFile> {
    let doing = || format!("use {}", database.display());
    let mut name = database.as_os_str().to_owned();
    name.push(".dbdyno-lock");
    let path = PathBuf::from(name);
    loop {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|cause| Error::new(doing(), format!("{}: {cause}", path.display())))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Claim::refused(doing())),
            Err(TryLockError::Error(cause)) => return Err(Error::new(doing(), cause)),
        }
        // Its last owner may have removed it between the opening and the lock.
        let inode = |found: std::io::Result<fs::Metadata>| found.ok().map(|found| found.ino());
        if inode(file.metadata()) == inode(fs::metadata(&path)) {
            return Ok(LockFile { path, _file: file });
        }
    }
}
