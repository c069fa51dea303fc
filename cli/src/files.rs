//! Files that are written whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};

/// Where a path leads, for comparison: links are followed, and what is not there yet is where its folder
/// is.
pub fn place(path: &Path) -> PathBuf {
    if let Ok(place) = path.canonicalize() {
        return place;
    }
    match (folder_of(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the file at `path` of a text, whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, text: &str) -> Result<()> {
    replace(path, |out| out.write_all(text.as_bytes()).map_err(|why| not_written(path, &why)))
}

/// Makes the file at `path` of what `fill` writes. Until all is written, what was there stays.
///
/// # Errors
/// `fill` fails, or the file cannot be written.
pub fn replace<T>(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let failed = |why: io::Error| not_written(path, &why);
    let before = fs::metadata(path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        // A device or a pipe: nothing is replaced, and nothing of it stays.
        let mut out = BufWriter::new(File::create(path).map_err(failed)?);
        let filled = fill(&mut out)?;
        out.flush().map_err(failed)?;
        return Ok(filled);
    }
    let at = place(path);
    let mut out = BufWriter::new(
        tempfile::Builder::new()
            // Of a new file the system takes away what the user's mask says.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder_of(&at))
            .map_err(failed)?,
    );
    let filled = fill(&mut out)?;
    let file = out.into_inner().map_err(|why| failed(why.into_error()))?;
    if let Some(before) = before {
        file.as_file().set_permissions(before.permissions()).map_err(failed)?;
    }
    file.persist(&at).map_err(|why| failed(why.error))?;
    Ok(filled)
}

/// What is said of a file that cannot be written.
pub fn not_written(path: &Path, why: &io::Error) -> Error {
    Error::new(format!("write {}", path.display()), why)
        .next("see to it that the folder is there and that its disk has room")
}
