//! The folder of a history.

use std::fs;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};

use super::entry::{Entry, SOURCE, Source};
use crate::load::{load, results_file};
use crate::run_folder::file;
use crate::shortfall::shortfalls;

/// How a folder is called that is not yet a run of the history.
const UNFINISHED: &str = ".adding-";

/// A history of runs in a folder.
#[derive(Clone, Debug)]
pub struct RunHistory {
    folder: PathBuf,
}

impl RunHistory {
    /// That in `folder`, which need not be there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Its runs, the oldest first.
    ///
    /// # Errors
    /// There is no such folder, or a run in it cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let listed = fs::read_dir(&self.folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let listed = listed.map_err(|why| {
            Error::new(format!("read the history `{}`", self.folder.display()), why)
                .next("add a run to it with `dbdyno history add RUN`")
        })?;
        let folders = listed.iter().map(fs::DirEntry::path).filter(|path| {
            [file::RESULTS, file::RUN, SOURCE].iter().any(|name| path.join(name).exists())
                && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
        });
        let mut entries = folders
            .map(|path| {
                results_file(&path).map_err(|error| {
                    error.next("add the run again, or remove what is left of its folder")
                })?;
                Entry::read(&path)
            })
            .collect::<Result<Vec<_>>>()?;
        entries.sort_by(|one, other| {
            (&one.run.started_at, &one.run_id).cmp(&(&other.run.started_at, &other.run_id))
        });
        Ok(entries)
    }

    /// Copies the results, the conditions and the query plans of a run into the history.
    ///
    /// # Errors
    /// It is no whole run, is in the history already, or was measured on another machine than the runs
    /// there while `across_machines` is false; or a file cannot be written. Then nothing has changed.
    pub fn add(&self, run: &Path, source: &Source, across_machines: bool) -> Result<Entry> {
        let doing =
            || format!("add `{}` to the history `{}`", run.display(), self.folder.display());
        let name = self.check(run, &doing, across_machines)?;
        let failed = |why: std::io::Error| {
            Error::new(doing(), why)
                .next("see that the folder can be written and the disk has room")
        };
        let text = toml::to_string(source).map_err(|why| Error::new(doing(), why))?;
        let half = self.folder.join(format!("{UNFINISHED}{name}"));
        let whole = self.folder.join(&name);
        let results = results_file(run)?;
        let copied = fs::create_dir_all(&half).and_then(|()| {
            fs::copy(&results, half.join(file::RESULTS))?;
            fs::copy(results.with_file_name(file::RUN), half.join(file::RUN))?;
            let plans = results.with_file_name(file::PLANS);
            if plans.exists() {
                fs::copy(plans, half.join(file::PLANS))?;
            }
            fs::write(half.join(SOURCE), text)?;
            fs::rename(&half, &whole)
        });
        copied.map_err(|why| {
            // What is left of it is no run of the history, and the next attempt overwrites it.
            let _ = fs::remove_dir_all(&half);
            failed(why)
        })?;
        Entry::read(&whole)
    }

    /// Sees that a run can be added; gives its name.
    fn check(&self, run: &Path, doing: &dyn Fn() -> String, across: bool) -> Result<String> {
        let loaded = load(&[run])?;
        if let Some(told) = loaded.cut_off.first() {
            return Err(Error::new(doing(), told).next("add a run that came to its end"));
        }
        let Some(info) = loaded.runs().next() else {
            let why =
                format!("there is no {} beside its results: its machine is not known", file::RUN);
            return Err(Error::new(doing(), why).next("give the whole folder of a run"));
        };
        if let Some(why) = info.unfinished() {
            return Err(Error::new(doing(), why).next("add a run that came to its end"));
        }
        if loaded.records.is_empty() {
            return Err(Error::new(doing(), "there is not a single result in it"));
        }
        if let Some(why) = shortfalls(&loaded).of_runs.first() {
            return Err(Error::new(doing(), why).next("add a run that has all it was to measure"));
        }
        let name = info.run_id.clone();
        if name.is_empty() || Path::new(&name).file_name().is_none_or(|only| only != name.as_str())
        {
            let why = format!("`{name}` in its {} is no name for a folder", file::RUN);
            return Err(Error::new(doing(), why));
        }
        if self.folder.join(&name).exists() {
            return Err(Error::new(doing(), "it is there already"));
        }
        let known = if self.folder.exists() { self.entries()? } else { Vec::new() };
        if !across {
            let differs = |entry: &Entry| entry.run.machine.differences(&info.machine);
            let other = known.iter().find(|entry| !differs(entry).is_empty());
            if let Some(entry) = other {
                let why = format!(
                    "it was measured on another machine than {} ({})",
                    entry.run_id,
                    differs(entry).join(", ")
                );
                return Err(Error::new(doing(), why)
                    .next("keep a history for each machine, or mix them with --across-machines"));
            }
        }
        Ok(name)
    }
}
