//! A server that dbdyno started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dbdyno_core::{DbError, Error, Result};

use super::connect::Connector;
use super::programs::Product;
use super::replication::MariadbReplication;
use super::server::{self, Access, MysqlServer};
use crate::patience::Patience;
use crate::throwaway::Throwaway;

/// How long a server that greets may take to answer.
const FIRST_ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A server that dbdyno started.
pub(super) struct Private {
    pub(super) process: Arc<Throwaway>,
    pub(super) access: Access,
    /// Making more servers like it; not offered by those that were made so.
    pub(super) replication: Option<MariadbReplication>,
}

impl Private {
    /// Starts a server, and says how it is reached.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn start(
        product: Product,
        program: MysqlServer,
        round_trip: Duration,
    ) -> Result<(Connector, Self)> {
        let access = program.access();
        let process = tokio::task::spawn_blocking(move || Throwaway::start(Box::new(program)))
            .await
            .map_err(|why| {
                Error::new(format!("start a throwaway {} server", product.title()), why)
            })??;
        let socket = server::socket(process.place());
        let connector = Connector::to_socket(&socket, &access.password, round_trip);
        Ok((connector, Self { process: Arc::new(process), access, replication: None }))
    }

    /// What the server answers whoever connects for the first time. One that greets may still close what it has taken: a
    /// node of Galera that joins ends the sessions of its clients (<https://github.com/MariaDB/server/pull/713>).
    ///
    /// # Errors
    /// The server refuses, has ended, or goes on to close connections.
    pub(super) async fn first_answer<T, F>(&self, doing: &str, ask: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, DbError>> + Send,
    {
        let patience = Patience::of(FIRST_ANSWER_LIMIT);
        loop {
            let why = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(why) => why,
            };
            let runs = self.process.process().is_some();
            if runs && why.is_disconnected() && !patience.is_over().await {
                continue;
            }
            let state = if runs { "it runs" } else { "it does not run" };
            let log = self.process.place().log_tail(0);
            return Err(Error::new(doing, format!("{why}; {state}\n{log}"))
                .next("Look for the cause in the server's own words above"));
        }
    }

    /// Starts the server again with a binary log. Sessions are lost.
    ///
    /// # Errors
    /// It does not come up again.
    pub(super) fn write_binary_log(&self) -> Result<BinaryLog> {
        self.access.writes_log.store(true, Ordering::Relaxed);
        let writes_log = Arc::clone(&self.access.writes_log);
        let log = BinaryLog { process: Arc::clone(&self.process), writes_log };
        self.process.restart().map(|()| log)
    }
}

/// A server that writes a binary log, until this is dropped.
pub(super) struct BinaryLog {
    process: Arc<Throwaway>,
    writes_log: Arc<AtomicBool>,
}

impl Drop for BinaryLog {
    fn drop(&mut self) {
        self.writes_log.store(false, Ordering::Relaxed);
        if let Err(why) = self.process.restart() {
            tracing::warn!("the server still writes a binary log: {why}");
        }
    }
}
