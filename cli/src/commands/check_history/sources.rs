//! Which histories are meant, those of runs that were cut off among them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};
use dbdyno_history::{History, Merged, ReadOptions, merge_cut_off};
use tempfile::NamedTempFile;

/// A history that is to be checked.
pub enum Source {
    /// A file that has all of it.
    File(PathBuf),
    /// One that was never merged, for its run was killed: what its clients logged.
    CutOff {
        /// The path that it would have, without the extension.
        stem: PathBuf,
        /// The logs.
        logs: Vec<PathBuf>,
    },
}

impl Source {
    /// What reports call it.
    pub fn name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::CutOff { stem, .. } => stem,
        }
    }

    /// The name without an extension.
    pub fn stem(&self) -> PathBuf {
        match self {
            Self::File(path) => path.with_extension(""),
            Self::CutOff { stem, .. } => stem.clone(),
        }
    }

    /// The files that it is read from.
    pub fn files(&self) -> &[PathBuf] {
        match self {
            Self::File(path) => std::slice::from_ref(path),
            Self::CutOff { logs, .. } => logs,
        }
    }

    /// Reads it, and says how much was there if it was cut off.
    ///
    /// # Errors
    /// It cannot be read, does not fit into memory, or has no transaction.
    pub fn read(&self, options: &ReadOptions) -> Result<(History, Option<Merged>)> {
        let (history, merged) = match self {
            Self::File(path) => (History::read(path, options)?, None),
            Self::CutOff { stem, logs } => {
                let (file, merged) = merge_into_temporary(logs)?;
                let opened = file.reopen().map_err(|why| unmerged(&why))?;
                let name = stem.display().to_string();
                (History::from_file(&name, opened, options)?, Some(merged))
            }
        };
        if history.is_empty() {
            return Err(self.nothing_to_check());
        }
        Ok((history, merged))
    }

    fn nothing_to_check(&self) -> Error {
        let doing = format!("check the history {}", self.name().display());
        let why = "no transaction in it: nothing to check";
        match self {
            Self::File(_) => {
                Error::new(doing, why).next("give a history that has transactions of clients")
            }
            Self::CutOff { logs, .. } => {
                let clients = logs.len();
                let why = format!(
                    "{why}, for the run was cut off before each of its {clients} clients had logged one"
                );
                Error::new(doing, why).next("run it again, to its end")
            }
        }
    }
}

/// What a report says of a run that was cut off.
pub fn cut_off_text(merged: Merged) -> String {
    format!(
        "the run was cut off: of {} events that its clients logged, the first {} are checked, up to where the \
         first log ends\n",
        merged.logged, merged.events
    )
}

/// Merges the logs of a run that was cut off in a file that is gone with what is returned.
///
/// # Errors
/// A log cannot be read, or there is no room for temporary files.
pub fn merge_into_temporary(logs: &[PathBuf]) -> Result<(NamedTempFile, Merged)> {
    let file = NamedTempFile::new().map_err(|why| unmerged(&why))?;
    let merged = merge_cut_off(logs, file.path())?;
    Ok((file, merged))
}

fn unmerged(why: &io::Error) -> Error {
    let folder = std::env::temp_dir();
    Error::new(format!("merge logs of clients in {}", folder.display()), why)
        .next("see to it that it has room, or set TMPDIR to a folder that has")
}

/// The histories that are meant: the files named, and those of run folders, in order.
///
/// # Errors
/// A folder cannot be read or has no history; a file is the log of a single client.
pub fn sources(named: &[PathBuf]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in named {
        if path.is_dir() {
            sources.append(&mut of_run(path)?);
        } else if stem_of_log(path).is_some() {
            let why = "it is what one client saw, which is no history without the others";
            return Err(Error::new(format!("check {}", path.display()), why)
                .next("give the run folder: its logs are merged and checked together"));
        } else {
            sources.push(Source::File(path.clone()));
        }
    }
    Ok(sources)
}

fn of_run(run: &Path) -> Result<Vec<Source>> {
    let mut gathered = Gathered::default();
    let folder = run.join("histories");
    if folder.is_dir() {
        gathered.gather(&folder)?;
    }
    let Gathered { files, logs } = gathered;
    // Logs beside their history are what a run had no time to remove.
    let unmerged = logs.into_iter().filter(|(stem, _)| !files.contains(&with_edn(stem)));
    let mut sources: Vec<Source> =
        unmerged.map(|(stem, logs)| Source::CutOff { stem, logs }).collect();
    sources.extend(files.into_iter().map(Source::File));
    sources.sort_by(|one, other| one.name().cmp(other.name()));
    if sources.is_empty() {
        let why = "it has no `.edn` file in a folder `histories`";
        return Err(Error::new(format!("check the histories of {}", run.display()), why)
            .next("give a run folder of the isolation suite, or a history itself"));
    }
    Ok(sources)
}

/// What a run folder has.
#[derive(Default)]
struct Gathered {
    files: Vec<PathBuf>,
    /// By the path of the history that they were to become, without its extension.
    logs: BTreeMap<PathBuf, Vec<PathBuf>>,
}

impl Gathered {
    fn gather(&mut self, folder: &Path) -> Result<()> {
        let failed =
            |why: io::Error| Error::new(format!("read the folder {}", folder.display()), why);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            // A link may lead back to where it is.
            if entry.file_type().map_err(failed)?.is_dir() {
                self.gather(&path)?;
            } else if path.extension().is_some_and(|extension| extension == "edn") {
                self.files.push(path);
            } else if let Some(stem) = stem_of_log(&path) {
                self.logs.entry(stem).or_default().push(path);
            }
        }
        Ok(())
    }
}

/// The history that `NAME.client-NUMBER.log` is a part of, without its extension; `None` for other
/// files.
fn stem_of_log(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?.strip_suffix(".log")?;
    let (stem, number) = name.rsplit_once(".client-")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| path.with_file_name(stem))
}

fn with_edn(stem: &Path) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".edn");
    PathBuf::from(name)
}
