//! Reading runs back.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};

use crate::compare::By;
use crate::number;
use crate::record::{Record, SCHEMA_VERSION};
use crate::run_folder::file;
use crate::run_info::{RunInfo, TargetInfo};

mod duplicates;
mod results_csv;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The rows of every file, in the order of the files and of their lines.
    pub records: Vec<Record>,
    /// What the reader did not take silently, a sentence each.
    pub warnings: Vec<String>,
    /// Which files end before their time or lack rows, a sentence each; the warnings have them too.
    pub cut_off: Vec<String>,
    /// The files, in the order of the paths.
    pub files: Vec<LoadedFile>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedFile {
    /// The `results.csv`.
    pub path: PathBuf,
    /// Its rows in [`Loaded::records`].
    pub rows: Range<usize>,
    /// The conditions of its run; `None` where there is no `run.toml` beside it.
    pub run: Option<RunInfo>,
}

impl LoadedFile {
    /// Its rows.
    pub(crate) fn rows<'l>(&self, loaded: &'l Loaded) -> &'l [Record] {
        loaded.records.get(self.rows.clone()).unwrap_or_default()
    }
}

impl Loaded {
    /// The conditions of those runs that have a `run.toml`, in the order of the paths.
    pub fn runs(&self) -> impl Iterator<Item = &RunInfo> {
        self.files.iter().filter_map(|file| file.run.as_ref())
    }

    /// Sees that every file has a row. `doing` says what is being done, which the file ends.
    ///
    /// # Errors
    /// One has nothing but its header.
    pub fn check_results(&self, doing: &str) -> Result<()> {
        let Some(empty) = self.files.iter().find(|file| file.rows.is_empty()) else {
            return Ok(());
        };
        let doing = format!("{doing} `{}`", empty.path.display());
        Err(Error::new(doing, "there is not a single result in it")
            .next("look into events.csv and the output of the run, or run again"))
    }

    /// The values of `by` in the order in which the targets of the runs were given; none where
    /// the targets do not tell them.
    pub fn order(&self, by: By) -> Vec<String> {
        let targets = self.runs().flat_map(|run| &run.targets);
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
            | By::Streams
            | By::Run => None,
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
/// (the error names file, line and column), two rows say the same thing of the same repetition, a row is of
/// another run than the `run.toml` beside it, or that file cannot be understood or is of a schema that is newer
/// than this program.
pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut seen = BTreeSet::new();
    for path in paths {
        let results = results_file(path.as_ref())?;
        if !seen.insert(fs::canonicalize(&results).unwrap_or_else(|_| results.clone())) {
            loaded.warnings.push(format!("`{}` was given twice", results.display()));
            continue;
        }
        let run = conditions(&results)?;
        let first = loaded.records.len();
        let (cut_off, own) = (loaded.cut_off.len(), run.as_ref().map(|run| run.run_id.as_str()));
        results_csv::read(&results, own, &mut loaded)?;
        let rows = first..loaded.records.len();
        if cut_off == loaded.cut_off.len() {
            let fewer = run.as_ref().and_then(|run| fewer_rows(&results, run, rows.len()));
            loaded.warnings.extend(fewer.clone());
            loaded.cut_off.extend(fewer);
        }
        loaded.files.push(LoadedFile { path: results, rows, run });
    }
    duplicates::check(&loaded)?;
    Ok(loaded)
}

/// That a file has fewer rows than its run wrote: one that was cut at the end of a line looks whole.
fn fewer_rows(results: &Path, run: &RunInfo, rows: usize) -> Option<String> {
    let written = run.rows.filter(|written| (rows as u64) < *written)?;
    let (results, rows) = (results.display(), number::count(rows as u64));
    Some(format!("`{results}` has {rows} rows of {} that the run wrote", number::count(written)))
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

/// The `run.toml` beside a `results.csv`, if there is one.
///
/// # Errors
/// It cannot be understood, names no run, or does not name a version of the schema that this program knows: what the
/// rows mean is then not known either.
pub(crate) fn conditions(results: &Path) -> Result<Option<RunInfo>> {
    let path = results.with_file_name(file::RUN);
    if !path.exists() {
        return Ok(None);
    }
    let run = RunInfo::read(&path).map_err(|error| {
        error.next("mend it, or move it away if you know under which conditions the run was made")
    })?;
    let doing = || format!("read the run `{}`", path.display());
    let unnamed = |key: &str| {
        Err(Error::new(doing(), format!("it does not name its `{key}`"))
            .next("mend it, or move it away if you know under which conditions the run was made"))
    };
    match run.schema_version {
        1..=SCHEMA_VERSION if run.run_id.is_empty() => unnamed("run_id"),
        1..=SCHEMA_VERSION => Ok(Some(run)),
        0 => unnamed("schema_version"),
        newer => {
            let why = format!(
                "it is of schema version {newer}, this program knows versions up to {SCHEMA_VERSION}"
            );
            Err(Error::new(doing(), why)
                .next("read it with the dbdyno that wrote it, or a newer one"))
        }
    }
}

#[cfg(test)]
mod tests;
