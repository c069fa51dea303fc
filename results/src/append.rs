//! A file that is only added to, in whole lines.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use dbdyno_core::{Error, Result};

/// A file that several threads add lines to. What a call adds is with the operating system when
/// the call returns: a crash of this process loses nothing.
#[derive(Debug)]
pub(crate) struct Appender {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// Bytes of whole lines.
    length: u64,
    /// Half a line could not be taken back, so nothing may follow it.
    torn: bool,
}

impl Appender {
    /// Makes the file, with `header` in it. Never overwrites.
    pub(crate) fn create(path: PathBuf, header: &[u8]) -> Result<Self> {
        let opened = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = opened.map_err(|error| {
            Error::new(format!("create `{}`", path.display()), &error)
                .next(remedy(&path, error.kind()))
        })?;
        let state = Mutex::new(State { file, length: 0, torn: false });
        let appender = Self { path, state };
        appender.append(header)?;
        Ok(appender)
    }

    /// Adds whole lines. Where that fails in the middle, what was written of them is taken back,
    /// so that the file stays readable.
    pub(crate) fn append(&self, lines: &[u8]) -> Result<()> {
        // A thread that panicked left whole lines or `torn`; either way the state is good.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.torn {
            let why = "an earlier write failed half-way and could not be taken back";
            return Err(Error::new(format!("add to `{}`", self.path.display()), why)
                .next(remedy(&self.path, ErrorKind::Other)));
        }
        match state.file.write_all(lines) {
            Ok(()) => {
                state.length += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                let whole = state.length;
                state.torn = state.file.set_len(whole).is_err();
                Err(Error::new(format!("add to `{}`", self.path.display()), &error)
                    .next(remedy(&self.path, error.kind())))
            }
        }
    }
}

/// What to do about a file or folder that cannot be written.
pub(crate) fn remedy(path: &Path, kind: ErrorKind) -> String {
    let folder = path.parent().unwrap_or(path).display();
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => format!(
            "make room on the disk that holds `{folder}` or give another folder with --out; what \
             was measured before is kept and readable"
        ),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("make `{folder}` writable or give another folder with --out")
        }
        ErrorKind::NotADirectory | ErrorKind::NotFound => {
            format!("see that `{folder}` is a folder, or give another with --out")
        }
        _ => "give another folder with --out".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed set-up fails the test")]

    use std::fs::{self, File};
    use std::path::PathBuf;
    use std::sync::Mutex;

    use super::{Appender, State};

    #[test]
    fn never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "kept").unwrap();
        let error = Appender::create(path.clone(), b"x").unwrap_err().to_string();
        assert!(error.contains("a.csv") && error.contains("--out"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"kept");
    }

    /// /dev/full (full(4)) answers every write with ENOSPC.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_with_what_to_do() {
        let file = File::options().append(true).open("/dev/full").unwrap();
        let state = Mutex::new(State { file, length: 0, torn: false });
        let appender = Appender { path: PathBuf::from("runs/r/results.csv"), state };
        let error = appender.append(b"row\n").unwrap_err().to_string();
        assert!(error.contains("results.csv") && error.contains("No space left"), "{error}");
        assert!(error.contains("make room on the disk"), "{error}");
        let again = appender.append(b"row\n").unwrap_err().to_string();
        assert!(again.contains("could not be taken back"), "{again}");
    }
}
