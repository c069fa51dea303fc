//! Dropping files from the operating system's cache.

use std::fs::File;
use std::path::Path;

use dbdyno_core::{Error, Result};

/// Drops every file in a folder, and in those below it, from the cache.
///
/// # Errors
/// A file cannot be read, or the system has no way to drop it.
pub fn forget_files(folder: &Path) -> Result<()> {
    let failed =
        |why| Error::new(format!("take the files in {} out of memory", folder.display()), why);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            forget_files(&entry.path())?;
        } else if kind.is_file() {
            forget_file(&entry.path())?;
        }
    }
    Ok(())
}

/// Drops a file from the cache. Pages are written to the disk before, for only clean ones are dropped
/// (posix_fadvise(2), `POSIX_FADV_DONTNEED`).
///
/// # Errors
/// The file cannot be read, or the system has no way to drop it.
pub fn forget_file(path: &Path) -> Result<()> {
    let failed = |why| Error::new(format!("take {} out of memory", path.display()), why);
    let file = match File::open(path) {
        Ok(file) => file,
        // A server that has just stopped, or a session that closed, may have removed it.
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(why) => return Err(failed(why)),
    };
    file.sync_all().map_err(failed)?;
    drop_pages(&file).map_err(failed)
}

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
fn drop_pages(file: &File) -> std::io::Result<()> {
    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

    posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).map_err(Into::into)
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
fn drop_pages(_: &File) -> std::io::Result<()> {
    let why = "this operating system has no posix_fadvise(2)";
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, why))
}
