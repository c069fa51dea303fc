//! What a client records on the load path: one line per event, into a file of its own.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};

use crate::attempt::{Action, Answer, Attempt, Outcome};

/// Bytes that are gathered before they are given to the operating system.
const BUFFER: usize = 256 * 1024;

/// The log of one client. It belongs to that client alone, takes [`BUFFER`] bytes of memory however
/// long the load, and allocates nothing per operation.
///
/// A line is an operation map of Jepsen's histories, without `:index`, which [`merge`](crate::merge)
/// gives. The process of a client is its number; after an [`Outcome::Unknown`] it becomes a new one
/// (the number of clients is added), for a process whose operation may still take effect must not
/// begin another ("Crashes" in Jepsen's tutorial). The client need not care.
///
/// What goes wrong on the disk is kept and told by [`finish`](Self::finish); the load goes on.
#[derive(Debug)]
pub struct ClientLog {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    process: u64,
    clients: u64,
    lines: u64,
    failure: Option<io::Error>,
}

/// What a client recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The file, to be given to [`merge`](crate::merge).
    pub path: PathBuf,
    /// Events: invocations and completions.
    pub events: u64,
}

impl ClientLog {
    /// The log at `path` of client `client` of `clients` (`0..clients`), which replaces any file that
    /// is there.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: impl Into<PathBuf>, client: u32, clients: u32) -> Result<Self> {
        let path = path.into();
        let file = File::create(&path).map_err(|why| not_written(&path, &why))?;
        Ok(Self {
            path,
            file,
            buffer: Vec::with_capacity(BUFFER),
            process: u64::from(client),
            clients: u64::from(clients.max(1)),
            lines: 0,
            failure: None,
        })
    }

    /// An attempt begins: to be called before anything of it is sent. `time_ns` counts from one
    /// moment for all clients of a history, on a clock that never goes back.
    pub fn invoke(&mut self, time_ns: u64, attempt: &Attempt) {
        self.line(time_ns, "invoke", attempt, false);
    }

    /// The attempt that was last invoked has ended: to be called after its last answer came. What
    /// was read counts where it is [`Outcome::Committed`].
    pub fn complete(&mut self, time_ns: u64, outcome: Outcome, attempt: &Attempt) {
        self.line(time_ns, outcome.name(), attempt, outcome != Outcome::Unknown);
        if outcome == Outcome::Unknown {
            self.process += self.clients;
        }
    }

    /// Writes what is left, and tells what went wrong at any time.
    ///
    /// # Errors
    /// The file could not be written. What it has up to there is a history, but for its last line.
    pub fn finish(mut self) -> Result<Recorded> {
        self.flush();
        match self.failure {
            Some(why) => Err(not_written(&self.path, &why)),
            None => Ok(Recorded { path: self.path, events: self.lines }),
        }
    }

    fn line(&mut self, time_ns: u64, kind: &str, attempt: &Attempt, with_answers: bool) {
        if self.failure.is_some() {
            return;
        }
        let event = Line { time_ns, kind, process: self.process, attempt, with_answers };
        self.buffer.push(b'{');
        event.write(&mut self.buffer);
        self.lines += 1;
        // A line that is longer than what is left of the buffer makes it grow, once.
        if self.buffer.len() >= BUFFER - BUFFER / 8 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.failure.is_none() {
            self.failure = self.file.write_all(&self.buffer).err();
        }
        self.buffer.clear();
    }
}

/// An event, as it is written.
pub(crate) struct Line<'a> {
    pub time_ns: u64,
    pub kind: &'a str,
    pub process: u64,
    pub attempt: &'a Attempt,
    pub with_answers: bool,
}

impl Line<'_> {
    /// Appends the map, but for its opening brace, and the end of the line.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(b":time ");
        out.extend_from_slice(digits.format(self.time_ns).as_bytes());
        out.extend_from_slice(b", :type :");
        out.extend_from_slice(self.kind.as_bytes());
        out.extend_from_slice(b", :process ");
        out.extend_from_slice(digits.format(self.process).as_bytes());
        out.extend_from_slice(b", :f :txn, :value [");
        operations(out, self.attempt, self.with_answers);
        out.extend_from_slice(b"]}\n");
    }
}

fn operations(out: &mut Vec<u8>, attempt: &Attempt, with_answers: bool) {
    let mut digits = itoa::Buffer::new();
    for (position, operation) in attempt.operations().iter().enumerate() {
        if position > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(match operation.action {
            Action::Append(_) => b"[:append ",
            Action::Write(_) => b"[:w ",
            Action::Read(_) => b"[:r ",
        });
        out.extend_from_slice(digits.format(operation.key).as_bytes());
        out.push(b' ');
        match operation.action {
            Action::Append(value)
            | Action::Write(value)
            | Action::Read(Answer::Register(value))
                if with_answers || !matches!(operation.action, Action::Read(_)) =>
            {
                out.extend_from_slice(digits.format(value).as_bytes());
            }
            Action::Read(Answer::List { start, length }) if with_answers => {
                list(out, attempt.elements(start, length));
            }
            _ => out.extend_from_slice(b"nil"),
        }
        out.push(b']');
    }
}

fn list(out: &mut Vec<u8>, elements: &[i64]) {
    let mut digits = itoa::Buffer::new();
    out.push(b'[');
    for (position, element) in elements.iter().enumerate() {
        if position > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(digits.format(*element).as_bytes());
    }
    out.push(b']');
}

fn not_written(path: &Path, why: &io::Error) -> Error {
    Error::new(format!("record the history in {}", path.display()), why)
        .next("see to it that the folder is there and that its disk has room")
}
