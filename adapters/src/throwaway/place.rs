//! The folder that a throwaway server lives in, and the commands that run there.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use dbdyno_core::{Error, Result};
use nix::unistd::{Uid, User, chown};

use super::START_DEADLINE;
use super::machine::random_hex;

/// The name of the file that marks a folder as dbdyno's.
pub(super) const MARK_FILE: &str = "dbdyno-throwaway";
/// The environment variable that marks a process as one of a throwaway server's.
pub(super) const MARK_VARIABLE: &str = "DBDYNO_THROWAWAY";
/// A socket's path must fit 108 bytes on Linux and 104 on macOS (unix(7), unix(4)), and the engine
/// adds a name of up to 20 bytes to the folder's.
const LONGEST_FOLDER: usize = 78;
/// How much of a log an error shows.
const LOG_LINES: usize = 20;
/// How many lines before those it shows besides, of those that the server calls an error.
const ERROR_LINES: usize = 6;
/// What MariaDB, MySQL and PostgreSQL call a line of their log that may tell why they ended; PostgreSQL's `ERROR` is of
/// single statements.
const ERRORS: [&str; 3] = ["[ERROR]", "FATAL:", "PANIC:"];

/// The folder of a throwaway server, and the user it runs as.
#[derive(Debug)]
pub struct Place {
    folder: PathBuf,
    mark: String,
    account: Option<User>,
    /// How long a program may take that makes the data folder.
    pub(super) making_limit: Duration,
}

impl Place {
    /// Makes a marked folder that only the server's user may enter.
    pub(super) fn create(account: &str) -> Result<Self> {
        let doing = "make a folder for a throwaway server";
        let account = unprivileged(account).map_err(|why| Error::new(doing, why))?;
        Self::create_for(account.as_ref(), doing)
    }

    /// Makes a marked folder that only dbdyno's own user may enter.
    pub(super) fn create_own() -> Result<Self> {
        Self::create_for(None, "make a temporary folder")
    }

    /// Makes a marked folder without a server in it, below `base` or where servers live, that only the user
    /// of such a server may enter.
    pub(super) fn create_beside(account: &str, base: Option<&Path>) -> Result<Self> {
        let doing = "make a folder for a backup";
        let account = unprivileged(account).map_err(|why| Error::new(doing, why))?;
        Self::create_below(base, account.as_ref(), doing)
    }

    /// The same for dbdyno's own user.
    pub(super) fn create_own_beside(base: Option<&Path>) -> Result<Self> {
        Self::create_below(base, None, "make a folder for a backup")
    }

    fn create_below(base: Option<&Path>, account: Option<&User>, doing: &str) -> Result<Self> {
        let Some(base) = base else { return Self::create_for(account, doing) };
        // Programs run in other folders than dbdyno's.
        let made =
            std::path::absolute(base).and_then(|base| Self::create_in(&base, account, usize::MAX));
        made.map_err(|why| {
            Error::new(format!("{doing} in {}", base.display()), why)
                .next("name a folder that is there and can be written")
        })
    }

    fn create_for(account: Option<&User>, doing: &str) -> Result<Self> {
        let mut refused = Vec::new();
        for base in [PathBuf::from("/var/tmp"), env::temp_dir(), PathBuf::from("/tmp")] {
            match Self::create_in(&base, account, LONGEST_FOLDER) {
                Ok(place) => return Ok(place),
                Err(why) => refused.push(format!("{}: {why}", base.display())),
            }
        }
        Err(Error::new(doing, refused.join("; "))
            .next("Make one of these folders writable, or set TMPDIR to one that is"))
    }

    fn create_in(base: &Path, account: Option<&User>, longest: usize) -> io::Result<Self> {
        let mark = random_hex(8)?;
        let folder = base.join(format!("dbdyno-{mark}"));
        if folder.as_os_str().len() > longest {
            return Err(io::Error::other("its path is too long for a Unix socket"));
        }
        DirBuilder::new().mode(0o700).create(&folder)?;
        let (account, making_limit) = (account.cloned(), START_DEADLINE);
        let place = Self { folder, mark, account, making_limit };
        place.write_mark().inspect_err(|_| {
            // Without a mark it is not dbdyno's to empty; it is new and has nothing in it.
            let _ = fs::remove_file(place.mark_file());
            let _ = fs::remove_dir(&place.folder);
        })?;
        Ok(place)
    }

    fn write_mark(&self) -> io::Result<()> {
        let mut file = File::create_new(self.mark_file())?;
        writeln!(file, "{}", self.mark)?;
        if let Some(account) = &self.account {
            chown(&self.folder, Some(account.uid), Some(account.gid))?;
        }
        Ok(())
    }

    fn mark_file(&self) -> PathBuf {
        self.folder.join(MARK_FILE)
    }

    /// What the mark file holds: it tells this folder from every other.
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// The folder; the server's socket is in it. It belongs to the server's user and is closed to
    /// all others.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The server's data folder. It does not exist until the engine makes it.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// How long a program may take that makes the data folder.
    pub fn making_limit(&self) -> Duration {
        self.making_limit
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The user that the server runs as where that is another than dbdyno's own.
    pub fn account(&self) -> Option<&User> {
        self.account.as_ref()
    }

    /// A command that runs in the folder, as the server's user, in a process group of its own and
    /// without standard input.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .env(MARK_VARIABLE, &self.mark)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .process_group(0);
        if let Some(account) = &self.account {
            command.uid(account.uid.as_raw()).gid(account.gid.as_raw()).env("HOME", &self.folder);
        }
        command
    }

    /// Runs a command to its end; gives what it printed. `doing` completes "cannot …".
    ///
    /// # Errors
    /// It cannot be started, or fails; the last lines that it printed are part of the error.
    pub fn run(&self, command: &mut Command, doing: &str) -> Result<String> {
        let program = PathBuf::from(command.get_program());
        let output = command
            .output()
            .map_err(|why| Error::new(doing, format!("{}: {why}", program.display())))?;
        let out = String::from_utf8_lossy(&output.stdout);
        if output.status.success() {
            return Ok(out.into_owned());
        }
        let all = format!("{out}{}", String::from_utf8_lossy(&output.stderr));
        Err(Error::new(
            doing,
            format!("{} ended with {}\n{}", program.display(), output.status, last_lines(&all)),
        ))
    }

    /// Writes a file that the server's user alone may read.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub fn write_private(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        let write = || -> io::Result<()> {
            let mut file = fs::OpenOptions::new();
            std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
            file.write(true).create_new(true).open(&path)?.write_all(text.as_bytes())?;
            if let Some(account) = &self.account {
                chown(&path, Some(account.uid), Some(account.gid))?;
            }
            Ok(())
        };
        write().map_err(|why| Error::new(format!("write {}", path.display()), why))?;
        Ok(path)
    }

    /// Copies a file to where the server's user may read it.
    ///
    /// # Errors
    /// It cannot be read, a file of that name is there already, or it cannot be written.
    pub fn copy_private(&self, name: &str, file: &Path) -> Result<PathBuf> {
        let text = fs::read_to_string(file)
            .map_err(|why| Error::new(format!("read {}", file.display()), why))?;
        self.write_private(name, &text)
    }

    /// How long the log is, to tell later what was added.
    pub(super) fn log_length(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |log| log.len())
    }

    /// The last lines of the log, of what was written to it after it had `start` bytes.
    pub fn log_tail(&self, start: u64) -> String {
        let read = || -> io::Result<String> {
            let mut log = File::open(self.log())?;
            log.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            log.read_to_end(&mut bytes)?;
            Ok(last_lines(&String::from_utf8_lossy(&bytes)))
        };
        read().unwrap_or_default()
    }

    /// Removes the folder and all that is in it, if its mark is there.
    pub(super) fn remove(&self) {
        let marked =
            fs::read_to_string(self.mark_file()).is_ok_and(|mark| mark.trim_end() == self.mark);
        if !marked {
            return;
        }
        if let Err(why) = fs::remove_dir_all(&self.folder) {
            tracing::warn!("{} could not be removed: {why}", self.folder.display());
        }
    }
}

/// The user that a server runs as: nobody else where dbdyno is not root.
fn unprivileged(account: &str) -> Result<Option<User>, String> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    for name in [account, "nobody"] {
        match User::from_name(name) {
            Ok(Some(user)) => return Ok(Some(user)),
            Ok(None) => {}
            Err(why) => return Err(format!("the user {name} cannot be looked up: {why}")),
        }
    }
    Err(format!(
        "servers refuse to run as root, and there is neither a user {account} nor a user nobody"
    ))
}

/// The last lines of a program's output, indented, and the last errors before them: a server that ends may say much
/// after it has said why.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let (before, tail) = lines.split_at(lines.len().saturating_sub(LOG_LINES));
    let is_error = |line: &&&str| ERRORS.iter().any(|word| line.contains(word));
    let errors: Vec<&str> = before.iter().filter(is_error).copied().collect();
    let left_out = (!errors.is_empty() && errors.len() < before.len()).then_some("...");
    let errors = &errors[errors.len().saturating_sub(ERROR_LINES)..];
    let shown = errors.iter().copied().chain(left_out).chain(tail.iter().copied());
    shown.map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn errors_are_shown_though_much_follows_them() {
        let said = |count: usize| (0..count).map(|number| format!("[Note] {number}\n"));
        let log = format!(
            "{}[ERROR] the cause\n{}\n",
            said(100).collect::<String>(),
            said(30).collect::<String>()
        );
        let shown = last_lines(&log);
        assert!(shown.starts_with("  | [ERROR] the cause\n  | ...\n  | [Note] 10\n"), "{shown}");
        assert!(shown.ends_with("  | [Note] 29"), "{shown}");
        assert_eq!(last_lines("[ERROR] one\n\ntwo\n"), "  | [ERROR] one\n  | two");
        let log = (0..30).map(|number| format!("FATAL:  {number}\n")).collect::<String>();
        let shown = last_lines(&log);
        assert!(shown.starts_with("  | FATAL:  4\n") && !shown.contains("..."), "{shown}");
        let log = format!("ERROR:  duplicate key\n{}", said(20).collect::<String>());
        assert!(!last_lines(&log).contains("duplicate"), "{log}");
    }
}
