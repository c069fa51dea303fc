//! Files beside `results.csv` that a case adds to as it goes.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use dbdyno_core::{Error, Result};

/// Adds whole lines to a file, which has the line `columns` before them where it is new.
///
/// # Errors
/// The disk is full or the folder is gone.
pub(crate) fn append(path: &Path, columns: &str, lines: &str) -> Result<()> {
    let columns = if path.exists() { "" } else { columns };
    let text = format!("{columns}{lines}");
    let opened = OpenOptions::new().create(true).append(true).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|why| Error::new(format!("write {}", path.display()), why))
}
