//! What SQLite's files and dbdyno's own sessions tell of its work. SQLite counts nothing for others, and no file that it
//! locks may be opened beside it in the same process: to close one gives up every lock that the process has on it, those
//! of the clients' connections included (<https://www.sqlite.org/howtocorrupt.html>, 2.2).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::DbError;
use dbdyno_core::metrics::{MetricInfo, MetricsReader, Reading, ServerMetrics};

use super::counted::Counts;
use super::driver::{Place, SqliteDriver};

const DATABASE: MetricInfo = MetricInfo::gauge("database_bytes", "bytes", "size of the file");
const LOG: MetricInfo =
    MetricInfo::gauge("log_file_bytes", "bytes", "size of the write-ahead log's file");
const CHECKPOINTS: MetricInfo = MetricInfo::counter(
    "checkpoints",
    "1",
    "times that the write-ahead log was begun anew, for a checkpoint had moved all of it",
);
const HITS: MetricInfo = MetricInfo::counter(
    "cache_hits",
    "1",
    "pages found in sessions' page caches (SQLITE_DBSTATUS_CACHE_HIT)",
);
const MISSES: MetricInfo = MetricInfo::counter(
    "cache_misses",
    "1",
    "pages read, because a session's page cache lacked them (SQLITE_DBSTATUS_CACHE_MISS)",
);
const CACHED: MetricInfo = MetricInfo::gauge(
    "cache_bytes",
    "bytes",
    "page caches of the sessions that are open (SQLITE_DBSTATUS_CACHE_USED)",
);
const WAITS: MetricInfo =
    MetricInfo::counter("lock_waits_total", "1", "locks that a session found taken");
const WAITED: MetricInfo =
    MetricInfo::counter("lock_wait_ms", "ms", "time that sessions slept until a lock was free");

pub(super) const CATALOGUE: &[MetricInfo] =
    &[DATABASE, LOG, CHECKPOINTS, HITS, MISSES, CACHED, WAITS, WAITED];

#[async_trait]
impl ServerMetrics for SqliteDriver {
    fn catalogue(&self) -> &'static [MetricInfo] {
        CATALOGUE
    }

    async fn open(&self) -> Result<Box<dyn MetricsReader>, DbError> {
        let (place, counts) = (self.place(), self.counts());
        Ok(Box::new(Looking { place, counts, logs: BTreeMap::new() }))
    }
}

/// Looks at files, and at what sessions counted. A connection would keep others from changing the journal's mode, and
/// checkpoint when it closes.
struct Looking {
    place: Place,
    counts: Arc<Counts>,
    /// By the database's file.
    logs: BTreeMap<PathBuf, Log>,
}

#[async_trait]
impl MetricsReader for Looking {
    async fn read(&mut self) -> Result<Vec<Reading>, DbError> {
        let mut readings = Vec::new();
        for file in self.place.files() {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let of = if self.place.has_many() { name.into_owned() } else { String::new() };
            let log = beside(&file, "-wal");
            let (bytes, log_bytes) = (size(&file)?, size(&log)?);
            let begun = log_bytes.filter(|bytes| *bytes > 0).and_then(|_| times_begun(&log));
            let known = self.logs.entry(file).or_default();
            let checkpoints = known.see(begun, log_bytes.is_some());
            let told = [
                (&DATABASE, bytes.map(|bytes| bytes as f64)),
                (&LOG, log_bytes.map(|bytes| bytes as f64)),
                (&CHECKPOINTS, checkpoints.map(|count| count as f64)),
            ];
            let reading = |(metric, value): (_, Option<f64>)| {
                value.map(|value| Reading { metric, of: of.clone(), value })
            };
            readings.extend(told.into_iter().filter_map(reading));
        }
        if let Some(counted) = self.counts.ask() {
            readings.extend([
                Reading::new(&HITS, counted.hits as f64),
                Reading::new(&MISSES, counted.misses as f64),
                Reading::new(&CACHED, counted.cached_bytes as f64),
                Reading::new(&WAITS, counted.waits as f64),
                Reading::new(&WAITED, counted.waited.as_secs_f64() * 1e3),
            ]);
        }
        Ok(readings)
    }
}

/// What was seen of a database's write-ahead log.
#[derive(Debug, Default)]
struct Log {
    /// How often it was begun anew since it is there.
    begun: Option<u32>,
    /// Checkpoints seen so far; none before there was a log.
    checkpoints: Option<u64>,
}

impl Log {
    /// Counts checkpoints. Who closes the last connection removes the log after one more.
    fn see(&mut self, begun: Option<u32>, is_there: bool) -> Option<u64> {
        let more = match (self.begun, begun) {
            (None, Some(now)) => now,
            (Some(before), Some(now)) if now >= before => now - before,
            (Some(_), Some(now)) => now.saturating_add(1),
            (Some(_), None) if !is_there => 1,
            (_, None) => 0,
        };
        if begun.is_some() || !is_there {
            self.begun = begun;
        }
        if begun.is_some() || self.checkpoints.is_some() {
            self.checkpoints = Some(self.checkpoints.unwrap_or(0) + u64::from(more));
        }
        self.checkpoints
    }
}

/// How often a write-ahead log was begun anew: the checkpoint sequence number of its header
/// (<https://www.sqlite.org/fileformat2.html>, 4.1). SQLite holds no lock on this file, so that it may be opened and closed
/// (unixOpen in os_unix.c: it locks main database files alone). None where nothing was written to it yet.
fn times_begun(log: &Path) -> Option<u32> {
    const MAGIC: [u32; 2] = [0x377f_0682, 0x377f_0683];
    let mut header = [0; 16];
    File::open(log).and_then(|mut file| file.read_exact(&mut header)).ok()?;
    let word = |place: usize| {
        let bytes = header.get(place..place + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    MAGIC.contains(&word(0)?).then(|| word(12))?
}

/// The file that SQLite keeps beside a database.
fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = file.into();
    name.push(suffix);
    name.into()
}

/// The size of a file; `None` where there is none. That of the write-ahead log is there while it is open.
fn size(path: &Path) -> Result<Option<u64>, DbError> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(DbError::unexpected(format!("cannot look at `{}`: {error}", path.display())))
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_log_that_is_begun_anew_or_removed_was_moved() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("moved.db");
        let open = || Connection::open(&file).unwrap();
        let (mut log, path) = (Log::default(), beside(&file, "-wal"));
        let mut see = || log.see(times_begun(&path), path.exists());
        assert_eq!(see(), None);
        let connection = open();
        let run = |sql: &str| connection.query_row(sql, [], |_| Ok(())).ok();
        run("PRAGMA journal_mode = WAL");
        connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        assert_eq!(see(), Some(0));
        run("PRAGMA wal_checkpoint(PASSIVE)");
        assert_eq!(see(), Some(0));
        // What is written next begins it anew.
        connection.execute_batch("INSERT INTO t VALUES (2)").unwrap();
        assert_eq!(see(), Some(1));
        connection.execute_batch("INSERT INTO t VALUES (3)").unwrap();
        assert_eq!(see(), Some(1));
        run("PRAGMA wal_checkpoint(TRUNCATE)");
        assert_eq!(see(), Some(1));
        connection.execute_batch("INSERT INTO t VALUES (4)").unwrap();
        assert_eq!(see(), Some(2));
        drop(connection);
        assert_eq!(see(), Some(3));
        assert_eq!(see(), Some(3));
        open().execute_batch("INSERT INTO t VALUES (5)").unwrap();
        assert_eq!(see(), Some(3));
    }
}
