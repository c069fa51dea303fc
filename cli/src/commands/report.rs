//! `dbdyno report`.

use std::fs;
use std::path::Path;

use dbdyno_core::{Error, Result};
use dbdyno_results::report::{Report, report as make};

use crate::Ended;
use crate::args::ReportArgs;
use crate::commands::tables;
use crate::files;
use crate::output::{note, say};

/// Makes a document of runs, also where the results of one are cut off or lack what it was to measure, which the exit
/// code tells.
///
/// # Errors
/// A run cannot be read or has no results, the machines differ, the file's name says no form, or it cannot be written.
pub fn report(arguments: &ReportArgs) -> Result<Ended> {
    let file = &arguments.output;
    let form = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let write: fn(&Report, &Path) -> Result<()> = match form {
        "html" | "htm" => |report, file| files::write(file, &report.html()),
        "md" | "markdown" => write_markdown,
        _ => {
            let why = format!("`{}` is neither .html nor .md", file.display());
            return Err(Error::new("make a report", why).next("give `-o report.html`"));
        }
    };
    tables::say_what_is_read(&arguments.runs);
    let report = make(&arguments.runs, arguments.across_machines)?;
    for warning in &report.warnings {
        note(&format!("warning: {warning}"));
    }
    write(&report, file).map_err(|error| error.next("give another file with --output"))?;
    say(&format!("report in {}", file.display()));
    Ok(if report.is_whole { Ended::Done } else { Ended::CouldNotRun })
}

/// The file, and its pictures in a folder beside it: they come first, for it shows them.
fn write_markdown(report: &Report, file: &Path) -> Result<()> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let folder = format!("{stem}-charts");
    let (text, pictures) = report.markdown(&folder);
    if !pictures.is_empty() {
        let folder = file.with_file_name(&folder);
        fs::create_dir_all(&folder).map_err(|why| files::not_written(&folder, &why))?;
        for picture in pictures {
            files::write(&folder.join(&picture.name), &picture.svg)?;
        }
    }
    files::write(file, &text)
}
