//! One run of a history.

use std::fs;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::load::{Loaded, load};
use crate::run_folder::file;
use crate::run_info::RunInfo;

/// The file beside a run's results that says what was measured.
pub(super) const SOURCE: &str = "source.toml";

/// What was measured: a state of some source code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The commit's name; empty where there is none.
    pub commit: String,
    /// The branch; empty where there is none.
    pub branch: String,
    /// Whether files differed from the commit.
    pub dirty: bool,
    /// When it was added to the history, RFC 3339 in UTC.
    pub added_at: String,
}

impl Source {
    /// The commit as people write it: its first twelve digits, with a `+` where files differed from it.
    pub fn short(&self) -> String {
        let digits: String = self.commit.chars().take(12).collect();
        if self.dirty { digits + "+" } else { digits }
    }
}

/// A run in a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The run's name, which is its folder's.
    pub run_id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What was measured.
    pub source: Source,
    /// Under which conditions.
    pub run: RunInfo,
}

impl Entry {
    /// Reads the folder of a run.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let source = folder.join(SOURCE);
        let doing = || format!("read `{}`", source.display());
        let text = fs::read_to_string(&source).map_err(|why| {
            Error::new(doing(), why).next("add the run again with `dbdyno history add`")
        })?;
        let source = toml::from_str(&text).map_err(|why| Error::new(doing(), why))?;
        let run = RunInfo::read(&folder.join(file::RUN))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name != run.run_id {
            let doing = format!("read the run `{}` of the history", folder.display());
            let why = format!("its {} is that of the run {}", file::RUN, run.run_id);
            return Err(Error::new(doing, why)
                .next(format!("name the folder {}, as `dbdyno history add` did", run.run_id)));
        }
        Ok(Self { run_id: name, folder: folder.to_owned(), source, run })
    }

    /// A run that is in no history.
    pub(crate) fn outside(run: &Path) -> Result<Self> {
        let results = crate::load::results_file(run)?;
        let folder = results.parent().unwrap_or(run);
        let info = RunInfo::read(&folder.join(file::RUN))
            .map_err(|error| error.next("give the whole folder of a run"))?;
        let (run_id, source) = (info.run_id.clone(), Source::default());
        Ok(Self { run_id, folder: folder.to_owned(), source, run: info })
    }

    /// Reads the rows of runs.
    ///
    /// # Errors
    /// As [`load`].
    pub(crate) fn load(entries: &[Self]) -> Result<Loaded> {
        load(&entries.iter().map(|entry| &entry.folder).collect::<Vec<_>>())
    }

    /// As a sentence names it: the run and its commit.
    pub(crate) fn title(&self) -> String {
        match (self.source.commit.is_empty(), self.source.branch.as_str()) {
            (true, _) => self.run_id.clone(),
            (false, "") => format!("{} (commit {})", self.run_id, self.source.short()),
            (false, branch) => {
                format!("{} (commit {} on {branch})", self.run_id, self.source.short())
            }
        }
    }
}
