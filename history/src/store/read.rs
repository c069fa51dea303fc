//! Files to histories.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use dbdyno_core::{Error, Result};

use super::build::{Builder, Wrong};
use super::memory;
use super::{History, Kind};
use crate::edn::EventReader;

/// What to do about a history that is malformed.
pub(crate) const MEND: &str = "mend that line, or leave it and what follows out; \
                               `docs/check-history.md` says what a history is made of";

/// How a history is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    /// What its operations are about; `None` finds it out.
    pub kind: Option<Kind>,
    /// Bytes of memory that it may take; `None` is what the system has available.
    pub memory_limit: Option<u64>,
}

impl History {
    /// Reads the history in the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, is malformed or cut off (the error names the line and what was expected),
    /// or needs more memory than there is (it says how much).
    pub fn read(path: &Path, options: &ReadOptions) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|why| {
            Error::new(format!("read the history {name}"), why)
                .next("give the path of an EDN history, or of a run folder")
        })?;
        Self::from_file(&name, file, options)
    }

    /// Reads a history from a file that is open, from its beginning; `name` is what errors call it.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn from_file(name: &str, mut file: File, options: &ReadOptions) -> Result<Self> {
        let metadata =
            file.metadata().map_err(|why| Error::new(format!("read the history {name}"), why))?;
        if metadata.is_file() {
            memory::check(name, &mut file, metadata.len(), options.memory_limit)?;
        }
        Self::from_reader(name, file, options)
    }

    /// Reads a history from anything; `name` is what errors call it.
    ///
    /// # Errors
    /// It cannot be read, is malformed or cut off.
    pub fn from_reader(name: &str, input: impl Read, options: &ReadOptions) -> Result<Self> {
        let malformed = |why: &dyn std::fmt::Display| {
            Error::new("read the history", format!("{name} {why}")).next(MEND)
        };
        let wrong = |wrong: Wrong| {
            let Wrong { line, expected, found } = wrong;
            malformed(&format!("line {line}: expected {expected}, found {found}"))
        };
        let mut events = EventReader::new(input);
        let mut builder = Builder::new(options.kind);
        while let Some((event, names)) = events.next().map_err(|why| malformed(&why))? {
            builder.add(event, names).map_err(wrong)?;
        }
        builder.build(name, events.into_names()).map_err(wrong)
    }
}
