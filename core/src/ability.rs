//! What not every driver can do: each ability is a trait of its own, offered by
//! [`Driver`](crate::Driver) as an object or not at all.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::error::{DbError, Result};
use crate::plan::Plan;
use crate::rows::RowSource;
use crate::schema::Table;
use crate::session::Session;
use crate::stop::Stop;
use crate::value::Value;

/// Loading rows by the engine's fastest path.
#[async_trait]
pub trait BulkLoad: Send + Sync {
    /// Streams every row of `sources` into `table` of `namespace`, in constant memory; gives the
    /// number of rows. The table exists and is empty. Several sources are loaded at once only
    /// where the driver's capabilities say so. Ends early, with an error, once `stop` is asked
    /// for.
    async fn load(
        &self,
        namespace: &str,
        table: &Table,
        sources: Vec<Box<dyn RowSource>>,
        progress: &LoadProgress,
        stop: &Stop,
    ) -> Result<u64, DbError>;
}

/// Saying how a statement is run.
#[async_trait]
pub trait Explain: Send + Sync {
    /// The plan of a query in portable SQL, with its parameters in place of each `?`. Where the engine
    /// counts rows only while it runs a query, it is run; it must not change anything.
    ///
    /// # Errors
    /// The engine refuses the query, or answers what is not understood.
    async fn explain(
        &self,
        session: &mut dyn Session,
        query: &str,
        parameters: &[Value<'_>],
    ) -> Result<Plan, DbError>;

    /// Why the number of rows that a plan expects cannot be held against the number there was; `None`
    /// where both are told.
    fn lacks_estimates(&self) -> Option<&'static str> {
        None
    }
}

/// How many rows have been loaded so far; written by loaders, read by a progress bar.
#[derive(Debug, Default)]
pub struct LoadProgress {
    rows: AtomicU64,
}

impl LoadProgress {
    /// Adds rows. Call it for some hundred rows at a time.
    pub fn add(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

/// Taking the data out of every memory. Blocks; it is not for the load path.
pub trait ColdStart: Send + Sync {
    /// Starts the server anew where there is one, and has the operating system drop its files from
    /// its cache. Sessions that were open are lost.
    ///
    /// # Errors
    /// The server does not come up again, or a file cannot be dropped from memory.
    fn chill(&self) -> Result<()>;
}

/// Telling whether a session waits for a lock that another one holds, and ending its wait.
#[async_trait]
pub trait LockWaits: Send + Sync {
    /// What a session that was opened with
    /// [`SessionOptions::watched`](crate::SessionOptions::watched) is known by; asked on the thread
    /// that opened it.
    ///
    /// # Errors
    /// The session cannot be asked.
    async fn identify(&self, session: &mut dyn Session) -> Result<i64, DbError>;

    /// Whether the session known by `id` waits for a lock at some moment after this call. What has just
    /// been given the lock is not taken for waiting. `observer` is another session.
    ///
    /// # Errors
    /// The server cannot be asked, or does not tell the user of `observer`.
    async fn is_waiting(&self, observer: &mut dyn Session, id: i64) -> Result<bool, DbError>;

    /// Has what the session known by `id` is doing end in an error.
    ///
    /// # Errors
    /// The server cannot be asked, or refuses.
    async fn cancel(&self, observer: &mut dyn Session, id: i64) -> Result<(), DbError>;
}

/// An engine without a server: it runs in the process of its clients, and what kills the one kills the
/// other.
pub trait Embedded: Send + Sync {
    /// The target by which another process opens the data of `namespace`, with the options of this one.
    ///
    /// # Errors
    /// The place of the data cannot be said as a target.
    fn target_of(&self, namespace: &str) -> Result<String>;
}

/// What a cause begins with where a server did not come up but ended by itself.
pub const ENDED: &str = "it ended with ";

/// Control over a throwaway server's process. Calls block; they are not for the load path.
pub trait ServerControl: Send + Sync {
    /// Ends the server as a crash would, with SIGKILL.
    ///
    /// # Errors
    /// There is no server running.
    fn kill(&self) -> Result<()>;

    /// Starts the server on the data it has and waits until it answers. Does nothing where it
    /// runs; gives whether it had to be started.
    ///
    /// # Errors
    /// It did not come up; the end of its log is part of the error. Where it ended by itself the cause begins with
    /// [`ENDED`].
    fn ensure_running(&self) -> Result<bool>;

    /// Stops the server's processes where they stand, with SIGSTOP.
    ///
    /// # Errors
    /// There is no server running.
    fn pause(&self) -> Result<()>;

    /// Lets paused processes go on, with SIGCONT.
    ///
    /// # Errors
    /// There is no server running.
    fn resume(&self) -> Result<()>;
}
