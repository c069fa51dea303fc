//! The tables that commands print.

use std::io::IsTerminal as _;

use dbdyno_core::Result;
use dbdyno_results::{
    By, CompareOptions, Comparison, Format, Loaded, RenderOptions, RunFolder, compare, load,
    scaling,
};

/// The width of a table where the output is no terminal.
const PLAIN_WIDTH: usize = 120;

/// Prints a run's own tables: what differs between its cases makes the columns; what was measured
/// at several numbers of clients is shown as a scaling curve.
///
/// # Errors
/// The run folder cannot be read back.
pub fn after_run(folder: &RunFolder) -> Result<()> {
    let loaded = load(&[folder.path()])?;
    if loaded.records.is_empty() {
        return Ok(());
    }
    let options = options(&loaded, By::default_for(&loaded.records));
    match compare(&loaded.records, &options) {
        Ok(comparison) => print(&comparison, Format::Table)?,
        // A run in which nothing could be measured has been told case by case.
        Err(error) => eprintln!("note: {error}"),
    }
    if let Ok(scaling) = scaling(&loaded.records) {
        print!("{}", scaling.render(&rendering(Format::Table))?);
    }
    Ok(())
}

/// What to compare by, with the columns in the order in which the targets were given.
pub fn options(loaded: &Loaded, by: By) -> CompareOptions {
    CompareOptions { order: loaded.order(by), ..CompareOptions::new(by) }
}

/// Prints a comparison.
///
/// # Errors
/// A text cannot be put into CSV.
pub fn print(comparison: &Comparison, format: Format) -> Result<()> {
    print!("{}", comparison.render(&rendering(format))?);
    Ok(())
}

fn rendering(format: Format) -> RenderOptions {
    let terminal = std::io::stdout().is_terminal();
    let width = if terminal { terminal_width() } else { PLAIN_WIDTH };
    RenderOptions { format, width, styled: terminal }
}

/// The columns of the terminal.
fn terminal_width() -> usize {
    comfy_table::Table::new().width().map_or(PLAIN_WIDTH, usize::from)
}
