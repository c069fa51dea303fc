//! The logs of a case: one for each client, which nobody else writes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dbdyno_core::Result;
use dbdyno_history::{Attempt, ClientLog, Outcome, Recorded};

/// Opens logs, and knows of all that were closed.
#[derive(Debug)]
pub struct Recorder {
    /// Where the history will be; logs lie beside it.
    path: PathBuf,
    logs: u32,
    epoch: Instant,
    closed: Arc<Mutex<Vec<Result<Recorded>>>>,
}

/// The log of one client, closed when it is dropped.
pub struct Log {
    /// The attempt about to be made.
    pub attempt: Attempt,
    log: Option<ClientLog>,
    epoch: Instant,
    closed: Arc<Mutex<Vec<Result<Recorded>>>>,
}

impl Recorder {
    /// For so many logs beside the history.
    pub fn new(path: &Path, logs: u32) -> Self {
        Self { path: path.to_owned(), logs, epoch: Instant::now(), closed: Arc::default() }
    }

    /// The log of a client, counted from 0.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn open(&self, client: u32) -> Result<Log> {
        let path = self.path.with_extension(format!("client-{client}.log"));
        let log = Some(ClientLog::create(path, client, self.logs)?);
        let (epoch, closed) = (self.epoch, Arc::clone(&self.closed));
        Ok(Log { attempt: Attempt::default(), log, epoch, closed })
    }

    /// Notes that a log could not be opened: no history is whole without it.
    pub fn give_up(&self, why: dbdyno_core::Error) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).push(Err(why));
    }

    /// How many logs there may be.
    pub fn logs(&self) -> u32 {
        self.logs
    }

    /// The files of all logs, which are closed.
    ///
    /// # Errors
    /// One could not be opened, or not be written to its end.
    pub fn finish(&self) -> Result<Vec<PathBuf>> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.drain(..).map(|log| log.map(|recorded| recorded.path)).collect()
    }
}

impl Log {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The attempt is about to be made.
    pub fn invoke(&mut self) {
        let now = self.now_ns();
        if let Some(log) = &mut self.log {
            log.invoke(now, &self.attempt);
        }
    }

    /// It was committed.
    pub fn commit(&mut self) {
        self.complete(Outcome::Committed);
    }

    /// It was not committed, or nobody knows.
    pub fn fail(&mut self, is_unknown: bool) {
        self.complete(if is_unknown { Outcome::Unknown } else { Outcome::Aborted });
    }

    fn complete(&mut self, outcome: Outcome) {
        let now = self.now_ns();
        if let Some(log) = &mut self.log {
            log.complete(now, outcome, &self.attempt);
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(log) = self.log.take() {
            let finished = log.finish();
            self.closed.lock().unwrap_or_else(PoisonError::into_inner).push(finished);
        }
    }
}
