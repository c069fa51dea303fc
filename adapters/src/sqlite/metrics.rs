//! What SQLite's files tell of its work. SQLite counts nothing for others: what its connections do is known
//! to themselves alone. The headers of its files are read as they are, which takes no lock
//! (<https://www.sqlite.org/fileformat2.html>, <https://www.sqlite.org/walformat.html>).

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use dbdyno_core::DbError;
use dbdyno_core::metrics::{MetricInfo, MetricsReader, Reading, ServerMetrics, find};

use super::driver::{Place, SqliteDriver};

const CATALOGUE: &[MetricInfo] = &[
    MetricInfo::gauge("database_bytes", "bytes", "size of the file"),
    MetricInfo::gauge("free_pages", "1", "pages of the file that hold nothing (its header)"),
    MetricInfo::gauge("log_file_bytes", "bytes", "size of the write-ahead log's file"),
    MetricInfo::gauge(
        "log_frames",
        "1",
        "pages in the write-ahead log that count (wal-index, mxFrame)",
    ),
    MetricInfo::gauge(
        "log_frames_checkpointed",
        "1",
        "those of them that are in the database, too (wal-index, nBackfill)",
    ),
    MetricInfo::counter(
        "log_restarts",
        "1",
        "times that the write-ahead log began anew after a checkpoint of all of it (its header)",
    ),
];

/// The beginning of the wal-index: two copies of its header, and what checkpoints write.
const WAL_INDEX_BYTES: usize = 100;
/// The beginning of the write-ahead log, and of the database.
const HEADER_BYTES: usize = 40;

#[async_trait]
impl ServerMetrics for SqliteDriver {
    fn catalogue(&self) -> &'static [MetricInfo] {
        CATALOGUE
    }

    async fn open(&self) -> Result<Box<dyn MetricsReader>, DbError> {
        Ok(Box::new(Headers(self.place())))
    }
}

/// Reads the headers of files. A connection would do more than look: one that is open keeps others from
/// changing the journal's mode, and checkpoints when it closes.
struct Headers(Place);

#[async_trait]
impl MetricsReader for Headers {
    async fn read(&mut self) -> Result<Vec<Reading>, DbError> {
        let mut readings = Vec::new();
        for file in self.0.files() {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let of = if self.0.has_many() { name.into_owned() } else { String::new() };
            for (metric, value) in of_file(&file)? {
                let metric = find(CATALOGUE, metric);
                readings.extend(metric.map(|metric| Reading { metric, of: of.clone(), value }));
            }
        }
        Ok(readings)
    }
}

/// What a database's files tell. Those of the write-ahead log are there while it is open.
fn of_file(file: &Path) -> Result<Vec<(&'static str, f64)>, DbError> {
    let mut found = Vec::new();
    if let Some((bytes, header)) = beginning::<HEADER_BYTES>(file)? {
        found.push(("database_bytes", bytes as f64));
        found.extend(big_endian(&header, 36).map(|count| ("free_pages", count)));
    }
    if let Some((bytes, header)) = beginning::<HEADER_BYTES>(&beside(file, "-wal"))? {
        found.push(("log_file_bytes", bytes as f64));
        found.extend(big_endian(&header, 12).map(|sequence| ("log_restarts", sequence)));
    }
    if let Some((_, index)) = beginning::<WAL_INDEX_BYTES>(&beside(file, "-shm"))? {
        found.extend(native_endian(&index, 16).map(|count| ("log_frames", count)));
        found.extend(native_endian(&index, 96).map(|count| ("log_frames_checkpointed", count)));
    }
    Ok(found)
}

/// The file that SQLite keeps beside a database.
fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = file.into();
    name.push(suffix);
    name.into()
}

/// The length of a file and its first bytes, as many as there are; `None` where there is no such file.
fn beginning<const N: usize>(path: &Path) -> Result<Option<(u64, Vec<u8>)>, DbError> {
    let read = || {
        let file = File::open(path)?;
        let (length, mut bytes) = (file.metadata()?.len(), Vec::with_capacity(N));
        file.take(N as u64).read_to_end(&mut bytes)?;
        Ok((length, bytes))
    };
    match read() {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err::<_, std::io::Error>(error) => {
            Err(DbError::unexpected(format!("cannot read `{}`: {error}", path.display())))
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}

fn big_endian(bytes: &[u8], at: usize) -> Option<f64> {
    word(bytes, at).map(|word| u32::from_be_bytes(word).into())
}

fn native_endian(bytes: &[u8], at: usize) -> Option<f64> {
    word(bytes, at).map(|word| u32::from_ne_bytes(word).into())
}
