//! The file that the data lies in.

use std::path::Path;

use dbdyno_core::{DbError, Error, Result};
use rusqlite::{Connection, OpenFlags};

use super::errors::translate;
use super::pragmas;

/// Opens a file of SQLite's.
///
/// # Errors
/// SQLite refuses.
pub fn open(file: &Path, more: OpenFlags) -> Result<Connection, DbError> {
    // A session is used by one thread at a time, so SQLite's own lock is not needed.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    Connection::open_with_flags(file, flags).map_err(translate)
}

/// Whether `file` can be used: its folder is there, and it is a database that can be written or
/// not there yet.
pub fn check_file(file: &Path) -> Result<()> {
    let doing = format!("open SQLite database {}", file.display());
    let refuse = |why: String| Error::new(doing.clone(), why);
    if file.as_os_str() == ":memory:" {
        return Err(refuse("every session would have a database of its own".to_owned())
            .next("use --target sqlite, or a file on a tmpfs such as /dev/shm"));
    }
    let folder = folder_of(file);
    if !folder.is_dir() {
        return Err(refuse(format!("there is no folder {}", folder.display()))
            .next("make the folder first, or give another path"));
    }
    match std::fs::metadata(file) {
        Ok(found) if found.is_dir() => Err(refuse("it is a folder".to_owned())
            .next("give the path of a file, such as sqlite:bench.db")),
        Ok(found) if !found.is_file() => {
            Err(refuse("it is not a regular file".to_owned()).next("give another path"))
        }
        Ok(_) => check_database(file)
            .map_err(|why| refuse(why).next("give the path of a database that you may write")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            nix::unistd::access(folder, nix::unistd::AccessFlags::W_OK).map_err(|error| {
                refuse(format!("its folder cannot be written: {}", error.desc()))
                    .next("give a path in a folder that you may write")
            })
        }
        Err(error) => Err(refuse(error.to_string())),
    }
}

fn check_database(file: &Path) -> Result<(), String> {
    let connection = open(file, OpenFlags::empty()).map_err(|error| error.to_string())?;
    match connection.is_readonly("main") {
        Ok(true) => return Err("it is read-only".to_owned()),
        Ok(false) => {}
        Err(error) => return Err(error.to_string()),
    }
    pragmas::read(&connection, "schema_version").map(|_| ()).map_err(|error| error.to_string())
}

/// The folder that a file lies in.
pub fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
