//! Loading rows by `COPY … FROM STDIN (FORMAT binary)`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::schema::{ColumnType, Table};
use dbdyno_core::{BulkLoad, DbError, Dialect, LoadProgress, RowSource, Stop};
use postgres_protocol::message::backend::{
    COMMAND_COMPLETE_TAG, COPY_IN_RESPONSE_TAG, ERROR_RESPONSE_TAG, READY_FOR_QUERY_TAG,
};
use postgres_protocol::message::frontend;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::copy_rows::CopyRows;
use super::dialect::PostgresDialect;
use super::endpoint::Endpoint;
use super::messages::rows_of_tag;
use super::wire::Wire;

/// More sessions than this load no faster: they wait for the same log.
const MOST_LOADERS: usize = 8;

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

impl Job {
    fn next_source(&self) -> Option<Box<dyn RowSource>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn is_given_up(&self) -> bool {
        self.stop.is_requested() || self.abandoned.load(Ordering::Relaxed)
    }
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
    // Rows are loaded past the proxy: they are no work of clients.
    let mut wire = job.endpoint.connect_at(Some(Duration::ZERO)).await?;
    copy(job, &mut wire, reports).await
}

/// Runs one COPY with the rows of the sources that nobody else has taken.
async fn copy(
    job: &Job,
    wire: &mut Wire,
    reports: &UnboundedSender<Report>,
) -> Result<(), DbError> {
    wire.put(|out| frontend::query(&job.sql, out))?;
    wire.send().await?;
    begun(wire).await?;
    let mut encoder = CopyRows::new(&job.types);
    encoder.begin(wire.outbound());
    while let Some(mut source) = job.next_source() {
        let mut more = true;
        while more {
            if job.is_given_up() {
                // Without its end the server takes nothing of this COPY.
                return Err(DbError::unexpected("loading was stopped before its end"));
            }
            let before = encoder.count;
            more = encoder.put_chunk(source.as_mut(), wire.outbound())?;
            wire.send().await?;
            if wire.has_message().await? {
                return Err(refusal(wire).await);
            }
            // Nobody listens where the load was given up, which the next round sees.
            let _ = reports.send(Report::Rows(encoder.count - before));
        }
    }
    encoder.end(wire.outbound());
    frontend::copy_done(wire.outbound());
    wire.send().await?;
    let taken = ended(wire).await?;
    if taken == encoder.count {
        Ok(())
    } else {
        Err(DbError::unexpected(format!("the server took {taken} rows of {}", encoder.count)))
    }
}

/// Waits until the server takes rows.
async fn begun(wire: &mut Wire) -> Result<(), DbError> {
    match wire.message().await? {
        (COPY_IN_RESPONSE_TAG, length) => {
            wire.take(length);
            Ok(())
        }
        _ => Err(refusal(wire).await),
    }
}

/// Waits for the end of a COPY; gives the number of rows that it took.
async fn ended(wire: &mut Wire) -> Result<u64, DbError> {
    let mut rows = 0;
    loop {
        match wire.message().await? {
            (COMMAND_COMPLETE_TAG, length) => {
                rows = rows_of_tag(wire.body(length));
                wire.take(length);
            }
            (READY_FOR_QUERY_TAG, length) => {
                wire.take_ready(length)?;
                return Ok(rows);
            }
            _ => return Err(refusal(wire).await),
        }
    }
}

/// The error that the server has sent. The connection is of no more use to a load.
async fn refusal(wire: &mut Wire) -> DbError {
    match wire.message().await {
        Ok((ERROR_RESPONSE_TAG, length)) => wire.take_error(length),
        Ok((tag, _)) => wire.out_of_place(tag),
        Err(why) => why,
    }
}
