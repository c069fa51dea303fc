//! Charts as files.

use std::fs;
use std::path::Path;

use dbdyno_core::Result;
use dbdyno_results::Chart;

use crate::files::{not_written, write};

/// Writes charts into `folder`, which is made where it is not there, under the names of what they show.
/// Charts of those names that are there already are replaced.
///
/// # Errors
/// The folder cannot be made, or a file not written.
pub fn write_all(folder: &Path, charts: &[Chart]) -> Result<()> {
    if charts.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|why| not_written(folder, &why))?;
    for chart in charts {
        write(&folder.join(format!("{}.svg", chart.file_stem())), &chart.svg())?;
    }
    Ok(())
}
