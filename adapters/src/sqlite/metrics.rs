//! What SQLite's files tell of its work: their sizes. SQLite counts nothing for others, and no file of it may be
//! opened beside it in the same process: to close one gives up every lock that the process has on it, those of the
//! clients' connections included (<https://www.sqlite.org/howtocorrupt.html>, 2.2).

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use dbdyno_core::DbError;
use dbdyno_core::metrics::{MetricInfo, MetricsReader, Reading, ServerMetrics};

use super::driver::{Place, SqliteDriver};

pub(super) const CATALOGUE: &[MetricInfo] = &[
    MetricInfo::gauge("database_bytes", "bytes", "size of the file"),
    MetricInfo::gauge("log_file_bytes", "bytes", "size of the write-ahead log's file"),
];

#[async_trait]
impl ServerMetrics for SqliteDriver {
    fn catalogue(&self) -> &'static [MetricInfo] {
        CATALOGUE
    }

    async fn open(&self) -> Result<Box<dyn MetricsReader>, DbError> {
        Ok(Box::new(Sizes(self.place())))
    }
}

/// Looks at the sizes of files, which opens none. A connection would keep others from changing the journal's mode,
/// and checkpoint when it closes.
struct Sizes(Place);

#[async_trait]
impl MetricsReader for Sizes {
    async fn read(&mut self) -> Result<Vec<Reading>, DbError> {
        let mut readings = Vec::new();
        for file in self.0.files() {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let of = if self.0.has_many() { name.into_owned() } else { String::new() };
            let log = beside(&file, "-wal");
            for (metric, path) in [(&CATALOGUE[0], &file), (&CATALOGUE[1], &log)] {
                let value = size(path)?.map(|bytes| bytes as f64);
                readings.extend(value.map(|value| Reading { metric, of: of.clone(), value }));
            }
        }
        Ok(readings)
    }
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
