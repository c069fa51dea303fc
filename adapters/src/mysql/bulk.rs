//! Loading rows: `LOAD DATA LOCAL INFILE` fed from memory, or inserts of many rows at once where
//! the server's `local_infile` is off. Each source has a session and a transaction of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use dbdyno_core::schema::Table;
use dbdyno_core::{DbError, Dialect, LoadProgress, RowSource, Stop};
use futures_util::{StreamExt, stream};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params};
use tokio::sync::mpsc;

use super::dialect::MysqlDialect;
use super::encode::{TextRow, ValueRow};
use super::errors::translate;

/// Bytes that are sent at once.
const CHUNK: usize = 256 * 1024;
/// Chunks that may wait for the server.
const CHUNKS_AHEAD: usize = 2;
/// How often progress is told while the server reads a file.
const TICK: Duration = Duration::from_millis(100);
/// The most rows of one insert, and the most parameters that a statement may have.
const INSERT_ROWS: usize = 256;
const PARAMETERS: usize = 65_535;

/// Streams a source through `LOAD DATA LOCAL INFILE`. The rows are made and encoded by a thread
/// of their own, so that several sources use several processors.
///
/// With LOCAL the server turns errors in the data into warnings and skips rows with a key that is
/// there already (<https://dev.mysql.com/doc/refman/8.0/en/load-data.html>, "Duplicate-Key and
/// Error Handling"), so its count is compared and any warning is an error.
pub async fn load_file(
    mut connection: Conn,
    table: &Table,
    source: Box<dyn RowSource>,
    progress: &LoadProgress,
    stop: &Stop,
) -> Result<u64, DbError> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let made = Arc::new(AtomicU64::new(0));
    let encoder = Encoder { columns: table.columns.len(), stop: stop.clone(), made: made.clone() };
    let encoder = std::thread::Builder::new()
        .name("load".to_owned())
        .spawn(move || encoder.run(source, &sender))
        .map_err(|why| DbError::unexpected(format!("cannot start a loading thread: {why}")))?;
    let chunks =
        stream::unfold(
            receiver,
            |mut receiver| async move { Some((receiver.recv().await?, receiver)) },
        );
    connection.set_infile_handler(async move { Ok(chunks.boxed()) });
    connection.query_drop("BEGIN").await.map_err(translate)?;
    if let Err(refused) = send_file(&mut connection, table, &made, progress).await {
        // The encoder ends once the connection, which holds the other end of the channel, is
        // gone. What went wrong while encoding explains what the server said afterwards.
        drop(connection);
        return Err(finish(encoder).await.err().unwrap_or(refused));
    }
    let rows = finish(encoder).await?;
    check_loaded(&mut connection, table, rows).await?;
    connection.query_drop("COMMIT").await.map_err(|error| translate(error).during_commit())?;
    // The rows are in; how the connection ends does not matter.
    let _ = connection.disconnect().await;
    Ok(rows)
}

async fn send_file(
    connection: &mut Conn,
    table: &Table,
    made: &AtomicU64,
    progress: &LoadProgress,
) -> Result<(), DbError> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    // The defaults for fields and lines are those of `TextRow`. The name stands for nothing.
    let sql = format!(
        "LOAD DATA LOCAL INFILE 'dbdyno' INTO TABLE {} CHARACTER SET utf8mb4 ({})",
        MysqlDialect.quote(table.name),
        MysqlDialect.columns(&names)
    );
    let mut told = 0;
    let mut tell = || {
        let rows = made.load(Ordering::Relaxed);
        progress.add(rows - told);
        told = rows;
    };
    let mut tick = tokio::time::interval(TICK);
    let mut load = connection.query_drop(sql);
    loop {
        tokio::select! {
            done = &mut load => {
                tell();
                return done.map_err(translate);
            }
            _ = tick.tick() => tell(),
        }
    }
}

/// The encoder's result. It ends by itself: it has sent everything, or nobody listens any more.
async fn finish(encoder: JoinHandle<Result<u64, DbError>>) -> Result<u64, DbError> {
    while !encoder.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    encoder
        .join()
        .unwrap_or_else(|_| Err(DbError::unexpected("the thread that makes the rows panicked")))
}

async fn check_loaded(connection: &mut Conn, table: &Table, rows: u64) -> Result<(), DbError> {
    let (loaded, warnings) = (connection.affected_rows(), connection.get_warnings());
    if loaded == rows && warnings == 0 {
        return Ok(());
    }
    let first: Option<(String, u16, String)> =
        connection.query_first("SHOW WARNINGS LIMIT 1").await.map_err(translate)?;
    let why = first.map_or(String::new(), |(_, code, words)| format!(": {words} (code {code})"));
    Err(DbError::unexpected(format!(
        "table {} took {loaded} of {rows} rows, with {warnings} warnings{why}",
        table.name
    )))
}

/// Makes rows and encodes them, in a thread of its own.
struct Encoder {
    columns: usize,
    stop: Stop,
    made: Arc<AtomicU64>,
}

impl Encoder {
    fn run(
        self,
        mut source: Box<dyn RowSource>,
        sender: &mpsc::Sender<io::Result<Bytes>>,
    ) -> Result<u64, DbError> {
        let mut row = TextRow::with_capacity(CHUNK + CHUNK / 4);
        let mut rows = 0;
        loop {
            let more = source.next_row(&mut row);
            let mut failure = None;
            if more {
                rows += 1;
                failure = row.end(self.columns).err();
            }
            if more && failure.is_none() && row.len() < CHUNK {
                continue;
            }
            if self.stop.is_requested() {
                failure = Some("loading was stopped".to_owned());
            }
            if let Some(why) = failure {
                // The error makes the client library end the file; the transaction is dropped.
                let _ = sender.blocking_send(Err(io::Error::other(why.clone())));
                return Err(DbError::unexpected(why));
            }
            self.made.store(rows, Ordering::Relaxed);
            if sender.blocking_send(Ok(row.take())).is_err() || !more {
                // Where nobody listens, the server has refused the file and says why.
                return Ok(rows);
            }
        }
    }
}

/// Loads a source by prepared inserts of many rows, in one transaction.
pub async fn load_inserts(
    mut connection: Conn,
    table: &Table,
    mut source: Box<dyn RowSource>,
    progress: &LoadProgress,
    stop: &Stop,
) -> Result<u64, DbError> {
    let columns = table.columns.len();
    let batch = INSERT_ROWS.min(PARAMETERS / columns.max(1)).max(1);
    let full = connection.prep(insert(table, batch)).await.map_err(translate)?;
    connection.query_drop("BEGIN").await.map_err(translate)?;
    let (mut total, mut more) = (0, true);
    while more {
        if stop.is_requested() {
            return Err(DbError::unexpected(format!("loading table {} was stopped", table.name)));
        }
        let mut row = ValueRow::with_capacity(batch * columns);
        let mut rows = 0;
        while rows < batch && more {
            more = source.next_row(&mut row);
            if more {
                rows += 1;
                row.end(columns).map_err(DbError::unexpected)?;
            }
        }
        if rows == 0 {
            break;
        }
        let last;
        let statement = match rows == batch {
            true => &full,
            false => {
                last = connection.prep(insert(table, rows)).await.map_err(translate)?;
                &last
            }
        };
        let values = Params::Positional(row.take());
        connection.exec_drop(statement, values).await.map_err(translate)?;
        progress.add(rows as u64);
        total += rows as u64;
    }
    connection.query_drop("COMMIT").await.map_err(|error| translate(error).during_commit())?;
    // The rows are in; how the connection ends does not matter.
    let _ = connection.disconnect().await;
    Ok(total)
}

fn insert(table: &Table, rows: usize) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let one = format!("({})", vec!["?"; names.len()].join(", "));
    format!(
        "INSERT INTO {} ({}) VALUES {}",
        MysqlDialect.quote(table.name),
        MysqlDialect.columns(&names),
        vec![one; rows].join(", ")
    )
}
