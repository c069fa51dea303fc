//! Loading rows: `LOAD DATA LOCAL INFILE` fed from memory, or inserts of many rows at once where
//! the server's `local_infile` is off. Each source has a session and a transaction of its own.

use bytes::BytesMut;
use dbdyno_core::schema::Table;
use dbdyno_core::{DbError, Dialect, LoadProgress, Row, RowSource, Stop};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::answers::Done;
use super::connection::Connection;
use super::dialect::MYSQL;
use super::encode::{TextRow, check_width};
use super::params::ParameterRows;

/// Bytes that are sent at once.
const PART: usize = 64 * 1024;
/// Parts that may wait for the server.
const PARTS_AHEAD: usize = 4;
/// The file's name, which stands for nothing.
const FILE: &str = "dbdyno";
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
    mut connection: Connection,
    table: &Table,
    source: Box<dyn RowSource>,
    progress: &LoadProgress,
    stop: &Stop,
) -> Result<u64, DbError> {
    let (sender, parts) = mpsc::channel(PARTS_AHEAD);
    let (used, spare) = mpsc::channel(PARTS_AHEAD + 2);
    let encoder =
        Encoder { columns: table.columns.len(), stop: stop.clone(), parts: sender, spare };
    let encoder = tokio::task::spawn_blocking(move || encoder.run(source));
    connection.run("BEGIN").await?;
    let sent = send_file(&mut connection, table, parts, &used, progress).await;
    // What went wrong while encoding explains what the server said afterwards. Without its end the
    // server takes nothing of the file.
    let rows = finish(encoder).await?;
    sent?;
    let done = connection.end_file().await?;
    check_loaded(&mut connection, table, rows, done).await?;
    connection.run("COMMIT").await.map_err(DbError::during_commit)?;
    Ok(rows)
}

/// Lines of the file, and how many.
struct Part {
    lines: BytesMut,
    rows: u64,
}

/// Sends the file but for its end. The encoder ends by itself: it has sent everything, or nobody
/// listens any more.
async fn send_file(
    connection: &mut Connection,
    table: &Table,
    mut parts: mpsc::Receiver<Part>,
    used: &mpsc::Sender<BytesMut>,
    progress: &LoadProgress,
) -> Result<(), DbError> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    // The defaults for fields and lines are those of `TextRow`.
    let sql = format!(
        "LOAD DATA LOCAL INFILE '{FILE}' INTO TABLE {} CHARACTER SET utf8mb4 ({})",
        MYSQL.quote(table.name),
        MYSQL.columns(&names)
    );
    connection.begin_file(&sql, FILE).await?;
    while let Some(mut part) = parts.recv().await {
        let more = connection.send(&mut part.lines).await?;
        progress.add(part.rows);
        // Where there is no room for it, there are buffers enough.
        let _ = used.try_send(part.lines);
        if !more {
            break;
        }
    }
    Ok(())
}

async fn finish(encoder: JoinHandle<Result<u64, DbError>>) -> Result<u64, DbError> {
    encoder.await.unwrap_or_else(|why| {
        Err(DbError::unexpected(format!("the thread that makes the rows ended: {why}")))
    })
}

async fn check_loaded(
    connection: &mut Connection,
    table: &Table,
    rows: u64,
    done: Done,
) -> Result<(), DbError> {
    if done.rows == rows && done.warnings == 0 {
        return Ok(());
    }
    let mut why = String::new();
    let mut visit = |row: &dyn Row| {
        why = format!(": {} (code {})", row.text(2)?, row.int(1)?);
        Ok(())
    };
    connection.query("SHOW WARNINGS LIMIT 1", &mut visit).await??;
    Err(DbError::unexpected(format!(
        "table {} took {} of {rows} rows, with {} warnings{why}",
        table.name, done.rows, done.warnings
    )))
}

/// Makes rows and encodes them, in a thread of its own.
struct Encoder {
    columns: usize,
    stop: Stop,
    parts: mpsc::Sender<Part>,
    /// Buffers that were sent.
    spare: mpsc::Receiver<BytesMut>,
}

impl Encoder {
    fn run(mut self, mut source: Box<dyn RowSource>) -> Result<u64, DbError> {
        let mut row = TextRow::new(self.buffer());
        let (mut rows, mut told) = (0, 0);
        loop {
            let more = source.next_row(&mut row);
            if more {
                rows += 1;
                row.end(self.columns).map_err(DbError::unexpected)?;
                if row.len() < PART {
                    continue;
                }
            }
            if self.stop.is_requested() {
                return Err(DbError::unexpected("loading was stopped"));
            }
            // An empty packet would be the file's end, which is not the encoder's to say.
            if row.len() > 0 {
                let part = Part { lines: row.take(self.buffer()), rows: rows - told };
                told = rows;
                if self.parts.blocking_send(part).is_err() {
                    // The server has refused the file and says why.
                    return Ok(rows);
                }
            }
            if !more {
                return Ok(rows);
            }
        }
    }

    fn buffer(&mut self) -> BytesMut {
        let mut buffer = self.spare.try_recv().unwrap_or_default();
        buffer.clear();
        buffer.reserve(PART + PART / 4);
        buffer
    }
}

/// Loads a source by prepared inserts of many rows, in one transaction.
pub async fn load_inserts(
    mut connection: Connection,
    table: &Table,
    mut source: Box<dyn RowSource>,
    progress: &LoadProgress,
    stop: &Stop,
) -> Result<u64, DbError> {
    let columns = table.columns.len();
    let batch = INSERT_ROWS.min(PARAMETERS / columns.max(1)).max(1);
    let mut full = connection.prepare(&insert(table, batch)).await?;
    connection.run("BEGIN").await?;
    let (mut total, mut more) = (0, true);
    let mut values = ParameterRows::default();
    while more {
        if stop.is_requested() {
            return Err(DbError::unexpected(format!("loading table {} was stopped", table.name)));
        }
        let mut rows = 0;
        while rows < batch && more {
            more = source.next_row(&mut values);
            if more {
                check_width(values.len() - rows * columns, columns).map_err(DbError::unexpected)?;
                rows += 1;
            }
        }
        if rows == batch {
            connection.insert(&mut full, &mut values).await?;
        } else if rows > 0 {
            let mut last = connection.prepare(&insert(table, rows)).await?;
            connection.insert(&mut last, &mut values).await?;
        }
        progress.add(rows as u64);
        total += rows as u64;
    }
    connection.run("COMMIT").await.map_err(DbError::during_commit)?;
    Ok(total)
}

fn insert(table: &Table, rows: usize) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let one = format!("({})", vec!["?"; names.len()].join(", "));
    format!(
        "INSERT INTO {} ({}) VALUES {}",
        MYSQL.quote(table.name),
        MYSQL.columns(&names),
        vec![one; rows].join(", ")
    )
}
