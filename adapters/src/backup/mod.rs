//! What backups of all engines have in common: the folder, the tool that fills it, and its cost.

pub(crate) mod blame;
pub(crate) mod restored;
pub(crate) mod tool;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dbdyno_core::backup::{BackupMethod, BackupPlan};
use dbdyno_core::{Error, Result};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::throwaway::programs::{Packages, find, install_line};
use crate::throwaway::{Folder, Place};
use crate::tool::Bounds;

/// How long a server may take to answer what is asked about a backup, next to which it may have much to do: one that
/// stands still never answers.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// The folder of a backup, with the log of its tools in it.
pub(crate) struct Vault {
    folder: Folder,
    /// Where the backup itself is.
    files: PathBuf,
    bounds: Bounds,
}

impl Vault {
    /// Makes one for the user that the engine's server runs as.
    ///
    /// # Errors
    /// There is no place for it.
    pub(crate) fn create(account: &str, plan: &BackupPlan) -> Result<Self> {
        let folder = Folder::of_account(account, plan.base.as_deref())?;
        let files = folder.path().join("backup");
        Ok(Self { folder, files, bounds: Bounds::of(plan) })
    }

    /// How long its tools may take.
    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// What its tools run in.
    pub(crate) fn place(&self) -> &Place {
        self.folder.place()
    }

    /// Where the backup itself is; the tool makes it.
    pub(crate) fn files(&self) -> &Path {
        &self.files
    }

    /// Makes a folder beside the backup, or the one of the backup itself, for tools to write to.
    ///
    /// # Errors
    /// The disk is full, or `mkdir` is not there.
    pub(crate) fn make_folder(&self, path: &Path) -> Result<()> {
        let place = self.place();
        let mut command = place.command("mkdir");
        command.args(["-m", "700"]).arg(path);
        place.run(&mut command, &format!("make the folder {}", path.display())).map(|_| ())
    }
}

/// Finds a program of a backup.
///
/// # Errors
/// It is not installed: unsupported, with the line that installs it.
pub(crate) fn program(
    method: &str,
    names: &[&str],
    folders: &[PathBuf],
    packages: &Packages,
) -> Result<PathBuf> {
    find(names, folders).ok_or_else(|| {
        let why = format!(
            "{} was found neither on PATH nor in the usual folders; install it: {}",
            names.first().unwrap_or(&""),
            install_line(packages)
        );
        Error::unsupported(format!("make a backup by {method}"), why)
    })
}

/// The error for a method that an engine does not have.
pub(crate) fn unknown(methods: &[BackupMethod], name: &str) -> Error {
    let names: Vec<&str> = methods.iter().map(|method| method.name).collect();
    let why = format!("there is no such method; there are {}", names.join(", "));
    Error::unsupported(format!("make a backup by {name}"), why)
}

/// The bytes of all files in a folder and below, or of a file; what vanishes meanwhile counts nothing.
pub(crate) fn bytes_of(path: &Path) -> u64 {
    let Ok(found) = fs::symlink_metadata(path) else { return 0 };
    if !found.is_dir() {
        return found.len();
    }
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries.flatten().map(|entry| bytes_of(&entry.path())).sum()
}

/// Has all files of a folder, or a file, written to the disk: a backup is made once a loss of power does not
/// undo it. What a tool has synced itself costs nothing more.
///
/// # Errors
/// One cannot be opened or written.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            sync(&entry?.path())?;
        }
    }
    fs::File::open(path)?.sync_all()
}

/// The processor time of all processes that this one has waited for, in user and kernel mode (getrusage(2)).
/// What two calls differ by is that of a tool, as long as no other process is waited for meanwhile.
///
/// # Errors
/// None that a user can cause.
pub(crate) fn cpu_of_children() -> io::Result<Duration> {
    Ok(total(getrusage(UsageWho::RUSAGE_CHILDREN)?))
}

/// The processor time of the calling thread, in user and kernel mode.
///
/// # Errors
/// None that a user can cause.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_of_thread() -> io::Result<Duration> {
    Ok(total(getrusage(UsageWho::RUSAGE_THREAD)?))
}

/// The processor time of this process, where the system does not tell that of a thread.
///
/// # Errors
/// None that a user can cause.
#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_of_thread() -> io::Result<Duration> {
    Ok(total(getrusage(UsageWho::RUSAGE_SELF)?))
}

fn total(usage: Usage) -> Duration {
    let time = |value: TimeVal| {
        let seconds = Duration::from_secs(value.tv_sec().unsigned_abs());
        seconds + Duration::from_micros(value.tv_usec().unsigned_abs())
    };
    time(usage.user_time()) + time(usage.system_time())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_bytes_of_a_folder_are_those_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        fs::write(folder.path().join("one"), [0; 7]).unwrap();
        fs::write(folder.path().join("below/two"), [0; 35]).unwrap();
        assert_eq!(bytes_of(folder.path()), 42);
        assert_eq!(bytes_of(&folder.path().join("one")), 7);
        assert_eq!(bytes_of(&folder.path().join("none")), 0);
    }

    #[test]
    fn a_tool_that_is_missing_is_told_with_the_line_that_installs_it() {
        let packages = Packages { apt: "a-package", dnf: "a-package", brew: "a-package" };
        let error = program("m", &["no-such-tool"], &[PathBuf::from("/bin")], &packages);
        let error = error.unwrap_err();
        assert!(error.is_unsupported(), "{error}");
        assert!(error.why().contains("no-such-tool was found neither"), "{error}");
        assert!(error.why().contains("install") && error.why().contains("a-package"), "{error}");
    }
}
