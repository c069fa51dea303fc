//! The engines that are sampled.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::metrics::{MetricsReader, Reading};
use dbdyno_core::{DbError, Driver, ErrorClass};

/// One engine, with what reads its metrics while that works.
pub(crate) struct Engine {
    pub(crate) driver: Arc<dyn Driver>,
    reader: Option<Box<dyn MetricsReader>>,
    /// The last attempt failed.
    silent: bool,
}

/// What came of asking an engine.
pub(crate) enum Told {
    /// What it told.
    Readings(Vec<Reading>),
    /// It could not be asked; `newly` where it answered before, or never was asked.
    Nothing { why: DbError, newly: bool },
}

impl Engine {
    pub(crate) fn new(driver: Arc<dyn Driver>) -> Self {
        Self { driver, reader: None, silent: false }
    }

    /// Asks the engine, and waits no longer than `patience`: one that hangs must not keep the others from
    /// being asked. After an error it is asked through another session.
    pub(crate) async fn ask(&mut self, patience: Duration) -> Told {
        let asked = tokio::time::timeout(patience, read(&self.driver, &mut self.reader)).await;
        let hung = || DbError::new(ErrorClass::Disconnected, None, "it did not answer in time");
        match asked.unwrap_or_else(|_| Err(hung())) {
            Ok(readings) => {
                self.silent = false;
                Told::Readings(readings)
            }
            Err(why) => {
                self.reader = None;
                Told::Nothing { why, newly: !std::mem::replace(&mut self.silent, true) }
            }
        }
    }
}

async fn read(
    driver: &Arc<dyn Driver>,
    reader: &mut Option<Box<dyn MetricsReader>>,
) -> Result<Vec<Reading>, DbError> {
    let Some(metrics) = driver.metrics() else { return Ok(Vec::new()) };
    if reader.is_none() {
        *reader = Some(metrics.open().await?);
    }
    match reader {
        Some(reader) => reader.read().await,
        None => Ok(Vec::new()),
    }
}
