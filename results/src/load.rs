//! Reading runs back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};
use dbdyno_core::{Error, Result};

use crate::compare::By;
use crate::record::{ADDED_CASE_COLUMNS, COLUMNS, Record, Row, SCHEMA_VERSION};
use crate::run_folder::file;
use crate::run_info::{RunInfo, TargetInfo};

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The rows of every file, in the order of the files and of their lines.
    pub records: Vec<Record>,
    /// The conditions of those runs that have a `run.toml`, in the order of the paths.
    pub runs: Vec<RunInfo>,
    /// What the reader did not take silently, a sentence each.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// The values of `by` in the order in which the targets of the runs were given; none where
    /// the targets do not tell them.
    pub fn order(&self, by: By) -> Vec<String> {
        let targets = self.runs.iter().flat_map(|run| &run.targets);
        let name = |target: &TargetInfo| match by {
            By::Engine => Some(target.engine.clone()),
            By::Driver => Some(target.driver.clone()),
            By::Target => Some(target.target.clone()),
            By::Isolation
            | By::Clients
            | By::Durability
            | By::Statements
            | By::Pipeline
            | By::Keys
            | By::Cache
            | By::Streams => None,
        };
        targets.filter_map(name).collect()
    }
}

/// Reads runs: each path is a run folder or a `results.csv`. A run given twice counts once.
///
/// Columns may stand in any order and there may be others beside them. A last line that was cut
/// off, as a killed run leaves it, is skipped with a warning.
///
/// # Errors
/// A path is not a run, a file cannot be read, a column is missing, a line cannot be understood
/// (the error names file, line and column), or the schema is newer than this program.
pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut seen = BTreeSet::new();
    for path in paths {
        let results = results_file(path.as_ref())?;
        if !seen.insert(fs::canonicalize(&results).unwrap_or_else(|_| results.clone())) {
            loaded.warnings.push(format!("`{}` was given twice", results.display()));
            continue;
        }
        if let Some(run) = conditions(&results, &mut loaded.warnings)? {
            loaded.runs.push(run);
        }
        let bytes = fs::read(&results)
            .map_err(|error| Error::new(format!("read `{}`", results.display()), error))?;
        read_csv(&results, &bytes, &mut loaded)?;
    }
    Ok(loaded)
}

/// The `results.csv` that a path means.
pub(crate) fn results_file(path: &Path) -> Result<PathBuf> {
    let doing = || format!("read the run `{}`", path.display());
    let kind = fs::metadata(path).map_err(|error| {
        Error::new(doing(), error).next("give a run folder such as `runs/20261123-201530-4f2a`")
    })?;
    if !kind.is_dir() {
        return Ok(path.to_owned());
    }
    let results = path.join(file::RESULTS);
    if results.exists() {
        return Ok(results);
    }
    let error = Error::new(doing(), format!("there is no {} in it", file::RESULTS));
    Err(match newest_run(path) {
        Some(run) => error.next(format!("give one of the runs in it, such as `{}`", run.display())),
        None => error.next("give a folder that `dbdyno run` made"),
    })
}

/// The run folder in `root` whose name sorts last, which is the newest.
fn newest_run(root: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(root).ok()?;
    let folders = entries.flatten().map(|entry| entry.path());
    folders.filter(|folder| folder.join(file::RESULTS).exists()).max()
}

/// The `run.toml` beside a `results.csv`. One that is missing or cannot be read costs a warning:
/// the results stand for themselves.
pub(crate) fn conditions(results: &Path, warnings: &mut Vec<String>) -> Result<Option<RunInfo>> {
    let path = results.with_file_name(file::RUN);
    if !path.exists() {
        return Ok(None);
    }
    let run = match RunInfo::read(&path) {
        Ok(run) => run,
        Err(error) => {
            warnings.push(error.to_string());
            return Ok(None);
        }
    };
    if run.schema_version > SCHEMA_VERSION {
        let why = format!(
            "it is of schema version {}, this program knows versions up to {SCHEMA_VERSION}",
            run.schema_version
        );
        return Err(Error::new(format!("read the run `{}`", path.display()), why)
            .next("read it with the dbdyno that wrote it, or a newer one"));
    }
    Ok(Some(run))
}

fn read_csv(path: &Path, bytes: &[u8], loaded: &mut Loaded) -> Result<()> {
    let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(bytes);
    let mut rows = reader.byte_records();
    let cut_off = |line: u64, what: &str| {
        format!("`{}`, line {line}: {what} was cut off and is skipped", path.display())
    };
    let header = match rows.next() {
        Some(header) => header.map_err(|error| csv_error(path, &error))?,
        None => {
            loaded.warnings.push(format!("`{}` is empty", path.display()));
            return Ok(());
        }
    };
    if is_cut_off(bytes, rows.reader().position().byte(), 0) {
        loaded.warnings.push(cut_off(1, "the header"));
        return Ok(());
    }
    let header = text(path, header)?;
    check_header(path, &header)?;
    let mut start = rows.reader().position().byte();
    while let Some(fields) = rows.next() {
        let fields = fields.map_err(|error| csv_error(path, &error))?;
        let end = rows.reader().position().byte();
        if is_cut_off(bytes, end, start) {
            let line = fields.position().map_or(0, csv::Position::line);
            if swallowed_rows(&bytes[start as usize..], &header) {
                let doing = format!("read `{}`, line {line}", path.display());
                return Err(Error::new(doing, "it opens a quote that is never closed")
                    .next("mend or remove the line"));
            }
            loaded.warnings.push(cut_off(line, "the last line"));
            return Ok(());
        }
        start = end;
        loaded.records.push(parse(path, &header, &text(path, fields)?)?);
    }
    Ok(())
}

/// Whether the row that ends the file was cut off: it has no line end, or its last line end is
/// inside of quotes. Rows that others follow are whole.
fn is_cut_off(bytes: &[u8], end: u64, start: u64) -> bool {
    let (start, end) = (start as usize, end as usize);
    if end < bytes.len() {
        return false;
    }
    let row = bytes.get(start..).unwrap_or_default();
    let quotes = row.iter().filter(|byte| **byte == b'"').count();
    !row.ends_with(b"\n") || quotes % 2 == 1
}

/// Whether a row with an open quote took whole rows for its text: then it was not cut off but
/// damaged, and what follows must not be lost silently.
fn swallowed_rows(row: &[u8], header: &StringRecord) -> bool {
    let breaks = row.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    breaks.map(|(at, _)| &row[at + 1..]).any(|rest| {
        let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(rest);
        let first = reader.records().next().and_then(Result::ok);
        // One without its end may have been cut off in its last number.
        let whole = rest[..reader.position().byte() as usize].ends_with(b"\n");
        first.is_some_and(|fields| {
            whole
                && fields.len() == header.len()
                && Record::parse(&Row { header, fields: &fields }).is_ok()
        })
    })
}

fn text(path: &Path, fields: csv::ByteRecord) -> Result<StringRecord> {
    let line = fields.position().map_or(0, csv::Position::line);
    StringRecord::from_byte_record(fields).map_err(|error| {
        Error::new(format!("read `{}`, line {line}", path.display()), error.utf8_error())
    })
}

fn check_header(path: &Path, header: &StringRecord) -> Result<()> {
    let needed = COLUMNS.into_iter().filter(|column| !ADDED_CASE_COLUMNS.contains(column));
    let missing: Vec<_> =
        needed.filter(|column| !header.iter().any(|name| name == *column)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let noun = if missing.len() == 1 { "the column" } else { "the columns" };
    let why = format!("its header lacks {noun} {}", missing.join(", "));
    Err(Error::new(format!("read `{}`", path.display()), why)
        .next(format!("give a {} that dbdyno wrote", file::RESULTS)))
}

fn parse(path: &Path, header: &StringRecord, fields: &StringRecord) -> Result<Record> {
    let line = fields.position().map_or(0, csv::Position::line);
    let at = || format!("read `{}`, line {line}", path.display());
    if fields.len() != header.len() {
        let why = format!("it has {} fields, its header {}", fields.len(), header.len());
        return Err(Error::new(at(), why).next("mend or remove the line"));
    }
    Record::parse(&Row { header, fields }).map_err(|bad| {
        Error::new(format!("{}, column `{}`", at(), bad.column), bad.why)
            .next("mend or remove the line")
    })
}

fn csv_error(path: &Path, error: &csv::Error) -> Error {
    Error::new(format!("read `{}`", path.display()), error)
}

#[cfg(test)]
mod tests;
