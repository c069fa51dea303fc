//! Makes one history of the logs of many clients, in the order of time and in constant memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};

/// Logs that are open at once: systems let a process have 1,024 files.
const OPEN_AT_ONCE: usize = 256;
/// Bytes of a log that are read at once.
const READ_AHEAD: usize = 32 * 1024;
/// What a line of a log begins with.
const TIME: &[u8] = b"{:time ";

/// Merges `logs` into the history `out` by time and numbers the events (`:index`). Of events of the
/// same nanosecond invocations come first, so that nothing is taken to have ended before something
/// else began unless it surely had. The logs stay where they are. `out` is there when it is whole.
///
/// Returns how many events the history has.
///
/// # Errors
/// A log cannot be read, or has a line that is cut off or is none of
/// [`ClientLog`](crate::ClientLog)'s; `out` cannot be written.
pub fn merge(logs: &[PathBuf], out: &Path) -> Result<u64> {
    let parts = Parts::beside(out, [".unfinished".to_owned()]);
    let events = merge_all(logs, &parts.0[0], Extent::Whole)?;
    fs::rename(&parts.0[0], out).map_err(|why| not_written(out, why))?;
    Ok(events)
}

/// What logs of clients gave whose process was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Merged {
    /// Events of the history.
    pub events: u64,
    /// Events that the logs have, whole lines only.
    pub logged: u64,
}

/// Merges logs of clients whose process was killed, each of which lacks what the client had not yet
/// written to the file. Up to the moment where the first of them ends nothing is missing; what is
/// after it is left out, for values may have been read there whose writers were not logged. `out` is
/// empty where a client logged nothing.
///
/// # Errors
/// A log cannot be read, or has a line but the last that is none of [`ClientLog`](crate::ClientLog)'s;
/// `out` cannot be written.
pub fn merge_cut_off(logs: &[PathBuf], out: &Path) -> Result<Merged> {
    let mut logged = 0;
    let mut ends = Vec::with_capacity(logs.len());
    for log in logs {
        let mut reader = Reader::open(log, Extent::Nothing)?;
        let mut end = None;
        while let Some((time, _)) = reader.advance()? {
            logged += 1;
            end = Some(time);
        }
        ends.push(end);
    }
    // None, of a log that is empty, comes before any.
    let extent = ends.into_iter().min().flatten().map_or(Extent::Nothing, Extent::Before);
    let events = merge_all(logs, out, extent)?;
    Ok(Merged { events, logged })
}

fn merge_all(logs: &[PathBuf], out: &Path, extent: Extent) -> Result<u64> {
    if logs.len() <= OPEN_AT_ONCE {
        return merge_few(logs, out, Form::History, extent);
    }
    let groups = logs.chunks(OPEN_AT_ONCE);
    let parts = Parts::beside(out, (0..groups.len()).map(|number| format!(".part{number}")));
    for (group, part) in groups.zip(&parts.0) {
        merge_few(group, part, Form::Log, extent)?;
    }
    merge_all(&parts.0, out, Extent::Whole)
}

/// Intermediate files, gone when all is done or failed.
struct Parts(Vec<PathBuf>);

impl Parts {
    fn beside(out: &Path, endings: impl IntoIterator<Item = String>) -> Self {
        let named = |ending: String| {
            let mut name = out.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Self(endings.into_iter().map(named).collect())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for part in &self.0 {
            // One that was never made is not there, and one that cannot be removed harms nobody.
            let _ = fs::remove_file(part);
        }
    }
}

/// What is written: events with their numbers, or lines as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    History,
    Log,
}

/// How much of the logs is merged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All; a line that is cut off is an error.
    Whole,
    /// What ended before this time, and what began by then. The last line of a log may be cut off.
    Before(u64),
    /// Nothing. The last line of a log may be cut off.
    Nothing,
}

impl Extent {
    fn has(self, (time, is_completion): Moment) -> bool {
        match self {
            Self::Whole => true,
            Self::Before(end) => (time, is_completion) < (end, true),
            Self::Nothing => false,
        }
    }
}

fn merge_few(logs: &[PathBuf], out: &Path, form: Form, extent: Extent) -> Result<u64> {
    let mut readers =
        logs.iter().map(|log| Reader::open(log, extent)).collect::<Result<Vec<_>>>()?;
    let mut heap = BinaryHeap::with_capacity(readers.len());
    for (number, reader) in readers.iter_mut().enumerate() {
        if let Some(moment) = reader.advance()? {
            heap.push(Reverse((moment, number)));
        }
    }
    let failed = |why| not_written(out, why);
    let file = File::create(out).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(256 * 1024, file);
    let mut index = 0;
    let mut digits = itoa::Buffer::new();
    while let Some(Reverse((moment, number))) = heap.pop() {
        if !extent.has(moment) {
            break;
        }
        let reader = &mut readers[number];
        let mut put = || {
            if form == Form::Log {
                return writer.write_all(&reader.line);
            }
            writer.write_all(b"{:index ")?;
            writer.write_all(digits.format(index).as_bytes())?;
            writer.write_all(b", ")?;
            writer.write_all(&reader.line[1..])
        };
        put().map_err(failed)?;
        index += 1;
        if let Some(moment) = reader.advance()? {
            heap.push(Reverse((moment, number)));
        }
    }
    writer.flush().map_err(failed)?;
    Ok(index)
}

fn not_written(out: &Path, why: io::Error) -> Error {
    Error::new(format!("write the history {}", out.display()), why)
        .next("see to it that its disk has room")
}

/// When an event was: its time, and among those of one time whether it is a completion.
type Moment = (u64, bool);

/// A log and the line it is at.
struct Reader<'a> {
    path: &'a Path,
    file: BufReader<File>,
    line: Vec<u8>,
    number: u64,
    /// Whether the last line may be cut off, and is left out then.
    may_be_cut: bool,
}

impl<'a> Reader<'a> {
    fn open(path: &'a Path, extent: Extent) -> Result<Self> {
        let file =
            File::open(path).map_err(|why| Error::new(format!("read {}", path.display()), why))?;
        let file = BufReader::with_capacity(READ_AHEAD, file);
        Ok(Self { path, file, line: Vec::new(), number: 0, may_be_cut: extent != Extent::Whole })
    }

    /// Goes to the next line, if there is one.
    fn advance(&mut self) -> Result<Option<Moment>> {
        self.line.clear();
        let read = self
            .file
            .read_until(b'\n', &mut self.line)
            .map_err(|why| Error::new(format!("read {}", self.path.display()), why))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.line.last() != Some(&b'\n') {
            if self.may_be_cut {
                return Ok(None);
            }
            return Err(self.malformed("the line is cut off"));
        }
        match moment(&self.line) {
            Some(moment) => Ok(Some(moment)),
            None => Err(self.malformed("expected `{:time NUMBER, :type …`")),
        }
    }

    fn malformed(&self, why: &str) -> Error {
        Error::new(
            "merge the logs of clients",
            format!("{} line {}: {why}", self.path.display(), self.number),
        )
        .next("remove the log, or the line, to go without")
    }
}

fn moment(line: &[u8]) -> Option<Moment> {
    let rest = line.strip_prefix(TIME)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let time = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    let kind = rest[digits..].strip_prefix(b", :type :")?;
    Some((time, !kind.starts_with(b"invoke,")))
}
