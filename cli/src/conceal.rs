//! Keeps passwords out of the process list: a URL with a password on the command line is seen by
//! everyone who can run ps(1).

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use dbdyno_adapters::target::redact;
use dbdyno_core::{Error, Result};
use dbdyno_suites::isolation::durability::hosted;

/// The variable by which a process started anew finds the words that it was really given.
const WORDS_FD: &str = "DBDYNO_WORDS_FD";
/// A pipe holds this much before anybody reads from it (pipe(7): 65,536 bytes on Linux, at least
/// 16,384 elsewhere).
const PIPE_BYTES: usize = 16_000;

/// The words of the command line. Where one of them holds a password, this process is replaced by
/// one whose command line does not, and which gets the words through a pipe.
///
/// # Errors
/// The words cannot be handed over.
pub fn words() -> Result<Vec<OsString>> {
    // One that this process starts to be killed inherits the variable, and has its own words.
    let is_hosted = std::env::args_os().nth(1).is_some_and(|word| word == hosted::COMMAND);
    if is_hosted {
        return Ok(std::env::args_os().collect());
    }
    if let Some(fd) = std::env::var(WORDS_FD).ok().and_then(|fd| fd.parse::<RawFd>().ok()) {
        return handed_over(fd);
    }
    let words: Vec<OsString> = std::env::args_os().collect();
    let shown: Vec<OsString> = words.iter().map(conceal).collect();
    if shown == words { Ok(words) } else { Err(start_anew(&words, &shown)) }
}

/// A word as others may see it.
fn conceal(word: &OsString) -> OsString {
    let Some(text) = word.to_str() else { return word.clone() };
    // `--target=URL` holds its URL behind the option's name.
    let (option, value) = match text.split_once('=') {
        Some((option, value)) if option.starts_with("--") => (format!("{option}="), value),
        _ => (String::new(), text),
    };
    let (place, query) = match value.split_once('?') {
        Some((place, query)) => (place, format!("?{query}")),
        None => (value, String::new()),
    };
    if !place.contains("://") {
        return word.clone();
    }
    format!("{option}{}{query}", redact(place)).into()
}

/// Replaces this process; returns only where that fails.
fn start_anew(words: &[OsString], shown: &[OsString]) -> Error {
    let failed = |cause: &dyn std::fmt::Display| {
        Error::new("hide the password of a target from the process list", cause)
            .next("leave it out of the URL: use `?password_env=NAME`, PGPASSWORD or MYSQL_PWD")
    };
    let text: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let text = text.join("\0");
    if text.len() > PIPE_BYTES {
        return failed(&"the command line is too long");
    }
    let (reader, writer): (OwnedFd, OwnedFd) = match nix::unistd::pipe() {
        Ok(ends) => ends,
        Err(cause) => return failed(&cause),
    };
    if let Err(cause) = fs::File::from(writer).write_all(text.as_bytes()) {
        return failed(&cause);
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(cause) => return failed(&cause),
    };
    let cause = Command::new(program)
        .args(shown.iter().skip(1))
        .env(WORDS_FD, reader.as_raw_fd().to_string())
        .exec();
    failed(&cause)
}

fn handed_over(fd: RawFd) -> Result<Vec<OsString>> {
    let doing = "read the command line that was handed over";
    let text = fs::read_to_string(format!("/dev/fd/{fd}")).map_err(|cause| {
        Error::new(doing, cause).next(format!("unset {WORDS_FD}: it is dbdyno's own"))
    })?;
    // Children must not inherit the pipe; it is empty now, so that closing is all there is to do.
    let _ = nix::unistd::close(fd);
    Ok(text.split('\0').map(OsString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::conceal;

    #[test]
    fn passwords_in_urls_are_taken_out() {
        for (word, shown) in [
            (
                "postgres://me:secret@host/db?sslmode=require",
                "postgres://me@host/db?sslmode=require",
            ),
            ("--target=mysql://me:se/cr:et@host", "--target=mysql://me@host"),
            ("postgres://me@host:5432/db", "postgres://me@host:5432/db"),
            ("sqlite:a@b:c", "sqlite:a@b:c"),
            ("--duration=5s", "--duration=5s"),
        ] {
            assert_eq!(conceal(&word.into()), shown);
        }
    }
}
