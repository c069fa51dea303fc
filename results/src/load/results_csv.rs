//! Reading a `results.csv`, row by row.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};
use dbdyno_core::{Error, Result};

use super::Loaded;
use crate::parse::{Header, Row, Shared, parse};
use crate::record::{COLUMNS, Record};
use crate::run_folder::file;

/// How much of the file is read at once, in bytes.
const BUFFER: usize = 1 << 17;

/// Adds the rows of a file to `loaded`: those of the run that the `run.toml` beside it is of, where there is
/// one. A last line that was cut off is skipped with a warning.
pub(super) fn read(path: &Path, run_id: Option<&str>, loaded: &mut Loaded) -> Result<()> {
    let cut_off = |loaded: &mut Loaded, what: &str| {
        let told = format!("`{}`{what}", path.display());
        loaded.warnings.push(told.clone());
        loaded.cut_off.push(told);
    };
    let mut file = SizedFile::open(path)?;
    let mut reader = file.reader()?;
    let mut bytes = ByteRecord::new();
    if !next(path, &mut reader, &mut bytes)? {
        cut_off(loaded, " is empty");
        return Ok(());
    }
    let Ok(names) = StringRecord::from_byte_record(bytes) else {
        return Err(no_header(path, "its first line is no text"));
    };
    if file.is_cut_off(0, reader.position().byte())? {
        cut_off(loaded, ", line 1: the header was cut off and is skipped");
        return Ok(());
    }
    let header = header(path, &names)?;
    let mut shared = Shared::default();
    let mut bytes = ByteRecord::new();
    let mut start = reader.position().byte();
    while next(path, &mut reader, &mut bytes)? {
        let end = reader.position().byte();
        if file.is_cut_off(start, end)? {
            let line = bytes.position().map_or(0, csv::Position::line);
            if swallowed_rows(&file.from(start)?, &header) {
                let doing = format!("read `{}`, line {line}", path.display());
                return Err(Error::new(doing, "it opens a quote that is never closed")
                    .next("mend or remove the line"));
            }
            cut_off(loaded, &format!(", line {line}: the last line was cut off and is skipped"));
            return Ok(());
        }
        start = end;
        let fields = text(path, bytes)?;
        let record = record(path, &header, &fields, &mut shared)?;
        if let Some(own) = run_id.filter(|own| record.run_id != **own) {
            return Err(of_another_run(path, &fields, &record, own));
        }
        loaded.records.push(record);
        bytes = fields.into_byte_record();
    }
    Ok(())
}

/// The line that row number `row` of a file begins at, counted from 0 without the header.
pub(super) fn line_of(path: &Path, row: usize) -> Result<u64> {
    let mut reader = SizedFile::open(path)?.reader()?;
    let mut bytes = ByteRecord::new();
    for _ in 0..row + 2 {
        next(path, &mut reader, &mut bytes)?;
    }
    Ok(bytes.position().map_or(0, csv::Position::line))
}

fn next(
    path: &Path,
    reader: &mut Reader<impl std::io::Read>,
    row: &mut ByteRecord,
) -> Result<bool> {
    reader
        .read_byte_record(row)
        .map_err(|error| Error::new(format!("read `{}`", path.display()), error))
}

/// A file as long as it was when it was opened: a run may go on meanwhile.
struct SizedFile<'p> {
    path: &'p Path,
    file: File,
    bytes: u64,
}

impl<'p> SizedFile<'p> {
    fn open(path: &'p Path) -> Result<Self> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (bytes, file) = opened.map_err(|error| Self::failed(path, &error))?;
        Ok(Self { path, file, bytes })
    }

    fn failed(path: &Path, error: &std::io::Error) -> Error {
        Error::new(format!("read `{}`", path.display()), error)
    }

    fn reader(&mut self) -> Result<Reader<impl std::io::Read + use<>>> {
        let own = File::open(self.path).map_err(|error| Self::failed(self.path, &error))?;
        let mut builder = ReaderBuilder::new();
        builder.flexible(true).has_headers(false).buffer_capacity(BUFFER);
        Ok(builder.from_reader(own.take(self.bytes)))
    }

    /// What the file holds from `start` on.
    fn from(&mut self, start: u64) -> Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.file
            .seek(SeekFrom::Start(start))
            .and_then(|_| {
                let file = &mut self.file;
                file.take(self.bytes.saturating_sub(start)).read_to_end(&mut rest)
            })
            .map_err(|error| Self::failed(self.path, &error))?;
        Ok(rest)
    }

    /// Whether the row from `start` to `end` ends the file and was cut off: it has no line end, or its
    /// last line end is inside of quotes. Rows that others follow are whole.
    fn is_cut_off(&mut self, start: u64, end: u64) -> Result<bool> {
        if end < self.bytes {
            return Ok(false);
        }
        let row = self.from(start)?;
        let quotes = row.iter().filter(|byte| **byte == b'"').count();
        Ok(!row.ends_with(b"\n") || quotes % 2 == 1)
    }
}

/// Whether a row with an open quote took whole rows for its text: then it was not cut off but
/// damaged, and what follows must not be lost silently.
fn swallowed_rows(row: &[u8], header: &Header) -> bool {
    let breaks = row.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    breaks.map(|(at, _)| &row[at + 1..]).any(|rest| {
        let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(rest);
        let first = reader.records().next().and_then(Result::ok);
        // One without its end may have been cut off in its last number.
        let whole = rest[..reader.position().byte() as usize].ends_with(b"\n");
        first.is_some_and(|fields| {
            whole
                && fields.len() == header.columns
                && parse(&Row { header, fields: &fields }, &mut Shared::default()).is_ok()
        })
    })
}

fn text(path: &Path, fields: ByteRecord) -> Result<StringRecord> {
    let line = fields.position().map_or(0, csv::Position::line);
    StringRecord::from_byte_record(fields).map_err(|error| {
        Error::new(format!("read `{}`, line {line}", path.display()), error.utf8_error())
    })
}

fn header(path: &Path, fields: &StringRecord) -> Result<Header> {
    let is_twice = |column: &&&str| fields.iter().filter(|name| name == *column).count() > 1;
    if let Some(column) = COLUMNS.iter().find(is_twice) {
        return Err(no_header(path, &format!("its header has the column `{column}` twice")));
    }
    Header::of(fields).map_err(|missing| {
        let noun = if missing.len() == 1 { "the column" } else { "the columns" };
        no_header(path, &format!("its header lacks {noun} {}", missing.join(", ")))
    })
}

fn no_header(path: &Path, why: &str) -> Error {
    Error::new(format!("read `{}`", path.display()), why)
        .next(format!("give a {} that dbdyno wrote", file::RESULTS))
}

/// Under which conditions such a row was measured is not known: on which machine, for example.
fn of_another_run(path: &Path, fields: &StringRecord, record: &Record, own: &str) -> Error {
    let line = fields.position().map_or(0, csv::Position::line);
    let why =
        format!("it is of the run {}, and the {} beside it of {own}", record.run_id, file::RUN);
    Error::new(format!("read `{}`, line {line}", path.display()), why).next(format!(
        "give the folder of {} as a run of its own, and remove its rows here; or move {} away if you know \
         under which conditions all rows were measured",
        record.run_id,
        file::RUN
    ))
}

fn record(
    path: &Path,
    header: &Header,
    fields: &StringRecord,
    shared: &mut Shared,
) -> Result<Record> {
    let line = fields.position().map_or(0, csv::Position::line);
    let at = || format!("read `{}`, line {line}", path.display());
    if fields.len() != header.columns {
        let why = format!("it has {} fields, its header {}", fields.len(), header.columns);
        return Err(Error::new(at(), why).next("mend or remove the line"));
    }
    parse(&Row { header, fields }, shared).map_err(|bad| {
        Error::new(format!("{}, column `{}`", at(), bad.column), bad.why)
            .next("mend or remove the line")
    })
}
