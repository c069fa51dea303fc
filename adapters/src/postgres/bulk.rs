//! Loading rows by `COPY … FROM STDIN (FORMAT binary)`.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use dbdyno_core::schema::{ColumnType, Table};
use dbdyno_core::{
    BulkLoad, DbError, Decimal, Dialect, LoadProgress, RowSource, RowWriter, Stop, Timestamp,
};
use futures_util::SinkExt;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::dialect::PostgresDialect;
use super::endpoint::Endpoint;
use super::errors::db_error;
use super::values::{put_numeric, since_postgres_epoch};

/// How many bytes are gathered before they are sent.
const CHUNK: usize = 128 * 1024;
/// How many bytes go into one COPY. The client library tells of an error, such as a full disk, only
/// at the end of a COPY: this is how much is sent in vain at most.
const COPY_BYTES: usize = 32 << 20;
/// More sessions than this load no faster: they wait for the same log.
const MOST_LOADERS: usize = 8;

/// The signature, the flags and the length of the extension (manual, COPY, binary format).
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The number of columns that ends the rows.
const TRAILER: &[u8] = &[0xff, 0xff];

/// PostgreSQL's bulk path.
pub(super) struct PostgresBulk {
    pub(super) endpoint: Arc<Endpoint>,
}

/// What one loading thread shares with the others.
struct Job {
    endpoint: Arc<Endpoint>,
    sql: String,
    types: Vec<ColumnType>,
    sources: Mutex<VecDeque<Box<dyn RowSource>>>,
    stop: Stop,
    abandoned: AtomicBool,
}

/// What a loading thread tells the task that waits for it.
enum Report {
    Rows(u64),
    Failed(DbError),
}

#[async_trait]
impl BulkLoad for PostgresBulk {
    async fn load(
        &self,
        namespace: &str,
        table: &Table,
        sources: Vec<Box<dyn RowSource>>,
        progress: &LoadProgress,
        stop: &Stop,
    ) -> Result<u64, DbError> {
        let threads = thread::available_parallelism().map_or(2, usize::from);
        let threads = (threads * 2).min(MOST_LOADERS).min(sources.len());
        let job = Arc::new(Job {
            endpoint: Arc::clone(&self.endpoint),
            sql: copy_statement(namespace, table),
            types: table.columns.iter().map(|column| column.ty).collect(),
            sources: Mutex::new(sources.into()),
            stop: stop.clone(),
            abandoned: AtomicBool::new(false),
        });
        let abandon_if_dropped = Abandon(Arc::clone(&job));
        let (sender, mut reports) = unbounded_channel();
        for _ in 0..threads {
            spawn_loader(&job, sender.clone())?;
        }
        drop(sender);
        let (mut rows, mut failure) = (0, None);
        while let Some(report) = reports.recv().await {
            match report {
                Report::Rows(count) => {
                    rows += count;
                    progress.add(count);
                }
                Report::Failed(why) => {
                    job.abandoned.store(true, Ordering::Relaxed);
                    failure.get_or_insert(why);
                }
            }
        }
        drop(abandon_if_dropped);
        failure.map_or(Ok(rows), Err)
    }
}

/// Ends the loading threads when nobody waits for them any more.
struct Abandon(Arc<Job>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandoned.store(true, Ordering::Relaxed);
    }
}

fn copy_statement(namespace: &str, table: &Table) -> String {
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    format!(
        "COPY {}.{} ({}) FROM STDIN (FORMAT binary)",
        PostgresDialect.quote(namespace),
        PostgresDialect.quote(table.name),
        PostgresDialect.columns(&columns)
    )
}

/// Starts a thread with a runtime of its own: encoding is work, and sources are loaded side by
/// side only where each has a processor.
fn spawn_loader(job: &Arc<Job>, reports: UnboundedSender<Report>) -> Result<(), DbError> {
    let job = Arc::clone(job);
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let loaded = match runtime {
            Ok(runtime) => runtime.block_on(load_sources(&job, &reports)),
            Err(why) => Err(DbError::unexpected(format!("a loader has no runtime: {why}"))),
        };
        if let Err(why) = loaded {
            // Nobody listens where the load was given up.
            let _ = reports.send(Report::Failed(why));
        }
    };
    thread::Builder::new()
        .name("dbdyno-load".into())
        .spawn(work)
        .map(|_| ())
        .map_err(|why| DbError::unexpected(format!("a loading thread could not start: {why}")))
}

async fn load_sources(job: &Job, reports: &UnboundedSender<Report>) -> Result<(), DbError> {
    let connection = job.endpoint.connect().await?;
    loop {
        let next = job.sources.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(mut source) = next else { return Ok(()) };
        while copy(job, &connection.client, source.as_mut(), reports).await? {}
    }
}

/// Runs one COPY; gives whether the source may have more rows.
async fn copy(
    job: &Job,
    client: &tokio_postgres::Client,
    source: &mut dyn RowSource,
    reports: &UnboundedSender<Report>,
) -> Result<bool, DbError> {
    let failed = |why: tokio_postgres::Error| db_error(&why);
    let mut sink = pin!(client.copy_in::<_, Bytes>(job.sql.as_str()).await.map_err(failed)?);
    let mut rows = CopyRows::new(&job.types);
    let (mut more, mut bytes, mut reported) = (true, 0, 0);
    while more && bytes < COPY_BYTES {
        if job.stop.is_requested() || job.abandoned.load(Ordering::Relaxed) {
            // Dropping the sink before its end makes the server take nothing of this COPY.
            return Err(DbError::unexpected("loading was stopped before its end"));
        }
        while more && rows.buffer.len() < CHUNK {
            more = rows.take(source)?;
        }
        bytes += rows.buffer.len();
        sink.send(rows.buffer.split().freeze()).await.map_err(failed)?;
        // Nobody listens where the load was given up, which the next round sees.
        let _ = reports.send(Report::Rows(rows.count - reported));
        reported = rows.count;
    }
    sink.send(Bytes::from_static(TRAILER)).await.map_err(failed)?;
    let taken = sink.finish().await.map_err(failed)?;
    if taken == rows.count {
        Ok(more)
    } else {
        Err(DbError::unexpected(format!("the server took {taken} rows of {}", rows.count)))
    }
}

/// Rows in the binary format of COPY.
struct CopyRows<'t> {
    types: &'t [ColumnType],
    buffer: BytesMut,
    column: usize,
    count: u64,
    mistake: Option<String>,
}

impl<'t> CopyRows<'t> {
    fn new(types: &'t [ColumnType]) -> Self {
        let mut buffer = BytesMut::with_capacity(CHUNK * 2);
        buffer.put_slice(HEADER);
        Self { types, buffer, column: 0, count: 0, mistake: None }
    }

    /// Takes one row; false where there is none left.
    fn take(&mut self, source: &mut dyn RowSource) -> Result<bool, DbError> {
        let start = self.buffer.len();
        self.column = 0;
        self.buffer.put_i16(self.types.len() as i16);
        if !source.next_row(self) {
            self.buffer.truncate(start);
            return Ok(false);
        }
        if self.column != self.types.len() && self.mistake.is_none() {
            self.mistake = Some(format!("{} columns of {}", self.column, self.types.len()));
        }
        self.count += 1;
        match self.mistake.take() {
            Some(mistake) => Err(DbError::unexpected(format!(
                "row {} that the data set made has {mistake}",
                self.count
            ))),
            None => Ok(true),
        }
    }

    /// Puts one column: its length, then what `put` writes, which gives what was wrong.
    fn field(&mut self, put: impl FnOnce(ColumnType, &mut BytesMut) -> Result<(), String>) {
        let column = self.column;
        self.column += 1;
        let Some(ty) = self.types.get(column) else {
            self.mistake = Some("more columns than its table".into());
            return;
        };
        let length_at = self.buffer.len();
        self.buffer.put_i32(0);
        if let Err(mistake) = put(*ty, &mut self.buffer) {
            self.mistake = Some(format!("{mistake} in column {column} of type {ty:?}"));
        }
        let length = (self.buffer.len() - length_at - 4) as u32;
        self.buffer[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    }
}

impl RowWriter for CopyRows<'_> {
    fn null(&mut self) {
        self.column += 1;
        self.buffer.put_i32(-1);
    }

    fn int(&mut self, value: i64) {
        self.field(|ty, out| {
            let too_large = |_| format!("the number {value}");
            match ty {
                ColumnType::SmallInt => out.put_i16(value.try_into().map_err(too_large)?),
                ColumnType::Int => out.put_i32(value.try_into().map_err(too_large)?),
                ColumnType::BigInt => out.put_i64(value),
                ColumnType::Decimal(..) => put_numeric(Decimal::new(value, 0), out),
                _ => return Err("a number".into()),
            }
            Ok(())
        });
    }

    fn decimal(&mut self, value: Decimal) {
        self.field(|ty, out| match ty {
            ColumnType::Decimal(..) => {
                put_numeric(value, out);
                Ok(())
            }
            _ => Err("a decimal".into()),
        });
    }

    fn text(&mut self, value: &str) {
        self.field(|ty, out| match ty {
            ColumnType::Char(_) | ColumnType::Varchar(_) => {
                out.put_slice(value.as_bytes());
                Ok(())
            }
            _ => Err("text".into()),
        });
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.field(|ty, out| match ty {
            ColumnType::Timestamp => {
                out.put_i64(since_postgres_epoch(value).map_err(|why| why.to_string())?);
                Ok(())
            }
            _ => Err("a timestamp".into()),
        });
    }
}
