//! A server that dbdyno started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dbdyno_core::{Error, Result};

use super::connect::Connector;
use super::programs::Product;
use super::replication::MariadbReplication;
use super::server::{self, Access, MysqlServer};
use crate::throwaway::Throwaway;

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
