//! Makes one history of the logs of many clients, in the order of time and in constant memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
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
/// else began unless it surely had. The logs stay where they are.
///
/// Returns how many events the history has.
///
/// # Errors
/// A log cannot be read, or has a line that is cut off or is none of
/// [`ClientLog`](crate::ClientLog)'s; `out` cannot be written.
pub fn merge(logs: &[PathBuf], out: &Path) -> Result<u64> {
    if logs.len() <= OPEN_AT_ONCE {
        return merge_few(logs, out, Form::History);
    }
    let mut parts = Parts(Vec::new());
    for (number, group) in logs.chunks(OPEN_AT_ONCE).enumerate() {
        let mut name = out.as_os_str().to_owned();
        name.push(format!(".part{number}"));
        parts.0.push(PathBuf::from(name));
        merge_few(group, &parts.0[number], Form::Log)?;
    }
    merge(&parts.0, out)
}

/// Intermediate files, gone when all is done or failed.
struct Parts(Vec<PathBuf>);

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

fn merge_few(logs: &[PathBuf], out: &Path, form: Form) -> Result<u64> {
    let mut readers = logs.iter().map(|log| Reader::open(log)).collect::<Result<Vec<_>>>()?;
    let mut heap = BinaryHeap::with_capacity(readers.len());
    for (number, reader) in readers.iter_mut().enumerate() {
        if let Some(moment) = reader.advance()? {
            heap.push(Reverse((moment, number)));
        }
    }
    let not_written = |why| {
        Error::new(format!("write the history {}", out.display()), why)
            .next("see to it that its disk has room")
    };
    let file = File::create(out).map_err(not_written)?;
    let mut writer = BufWriter::with_capacity(256 * 1024, file);
    let mut index = 0;
    let mut digits = itoa::Buffer::new();
    while let Some(Reverse((_, number))) = heap.pop() {
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
        put().map_err(not_written)?;
        index += 1;
        if let Some(moment) = reader.advance()? {
            heap.push(Reverse((moment, number)));
        }
    }
    writer.flush().map_err(not_written)?;
    Ok(index)
}

/// When an event was: its time, and among those of one time whether it is a completion.
type Moment = (u64, bool);

/// A log and the line it is at.
struct Reader<'a> {
    path: &'a Path,
    file: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl<'a> Reader<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let file =
            File::open(path).map_err(|why| Error::new(format!("read {}", path.display()), why))?;
        let file = BufReader::with_capacity(READ_AHEAD, file);
        Ok(Self { path, file, line: Vec::new(), number: 0 })
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
