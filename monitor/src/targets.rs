//! The engines that are sampled.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::metrics::{MetricsReader, Reading};
use dbdyno_core::{DbError, Driver, ErrorClass};
use futures_util::FutureExt as _;

use crate::processes::Server;

/// One engine, with what reads its metrics while that works.
pub(crate) struct Engine {
    pub(crate) driver: Arc<dyn Driver>,
    /// Of its server, where dbdyno started that.
    processes: Server,
    reader: Option<Box<dyn MetricsReader>>,
    /// Attempts that failed since it last answered.
    failures: u32,
    /// Samples in which it is left alone before the next attempt.
    pause: u32,
}

/// The most samples in which an engine that does not answer is left alone.
const LONGEST_PAUSE: u32 = 8;

/// What came of asking an engine.
pub(crate) enum Told {
    /// What it told.
    Readings(Vec<Reading>),
    /// It is left alone, for it did not answer.
    NotAsked,
    /// It could not be asked; `newly` where it answered before, or never was asked.
    Nothing { why: DbError, newly: bool },
}

impl Engine {
    pub(crate) fn new(driver: Arc<dyn Driver>) -> Self {
        Self { driver, processes: Server::default(), reader: None, failures: 0, pause: 0 }
    }

    /// What its server's processes use; `None` where dbdyno did not start it.
    pub(crate) fn used(&mut self) -> Option<Vec<Reading>> {
        let first = self.driver.metrics().and_then(|metrics| metrics.process())?;
        Some(self.processes.read(first))
    }

    /// Asks the engine, and waits no longer than `patience`: one that hangs must not keep the others from
    /// being asked. After an error it is asked through another session, the more seldom the longer it fails: what
    /// nobody waits for any more may still be under way there.
    pub(crate) async fn ask(&mut self, patience: Duration) -> Told {
        if self.rests() {
            return Told::NotAsked;
        }
        let asked = tokio::time::timeout(patience, read(&self.driver, &mut self.reader)).await;
        let hung = || DbError::new(ErrorClass::Disconnected, None, "it did not answer in time");
        self.told(asked.unwrap_or_else(|_| Err(hung())))
    }

    /// Asks an engine that has no server, for which nobody waits; others are left alone.
    pub(crate) fn ask_at_once(&mut self) -> Told {
        if self.driver.embedded().is_none() || self.rests() {
            return Told::NotAsked;
        }
        let asked = read(&self.driver, &mut self.reader).now_or_never();
        let waits = || DbError::new(ErrorClass::Disconnected, None, "it did not answer at once");
        self.told(asked.unwrap_or_else(|| Err(waits())))
    }

    /// Whether this is a sample in which it is left alone.
    fn rests(&mut self) -> bool {
        let rests = self.pause > 0;
        self.pause = self.pause.saturating_sub(1);
        rests
    }

    /// What came of it, and what that is for the next time.
    fn told(&mut self, asked: Result<Vec<Reading>, DbError>) -> Told {
        match asked {
            Ok(readings) => {
                self.failures = 0;
                Told::Readings(readings)
            }
            Err(why) => {
                self.reader = None;
                self.pause = self.failures.min(LONGEST_PAUSE);
                self.failures = self.failures.saturating_add(1);
                Told::Nothing { why, newly: self.failures == 1 }
            }
        }
    }

    /// Gives up the session with its server.
    pub(crate) fn leave(&mut self) {
        if self.driver.embedded().is_none() {
            self.reader = None;
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
