//! A thread that makes a backup.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dbdyno_core::backup::{BackupMade, RunningBackup};
use dbdyno_core::{DbError, Error, Result, Stop};
use rusqlite::InterruptHandle;

use super::TwinOf;
use super::locks::Held;
use super::methods::{Beside, Cost, Method, connect};
use super::twin::Candidate;
use crate::backup::bytes_of;

/// How long one look at a thread is followed by the next.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A request to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// An error once the end was asked for.
    ///
    /// # Errors
    /// It was.
    pub(super) fn check(&self) -> Result<(), DbError> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(DbError::unexpected("it was killed")),
            false => Ok(()),
        }
    }
}

/// A backup that is being made.
pub(super) struct Working {
    /// There until it was waited for.
    thread: Option<JoinHandle<Result<Cost, DbError>>>,
    cancel: Cancel,
    interrupt: InterruptHandle,
    began: Instant,
    files: PathBuf,
}

impl Working {
    /// Begins to copy the file `from` to `to`. A candidate that becomes its twin is put where that belongs.
    ///
    /// # Errors
    /// The file cannot be opened, or there are no more threads.
    pub(super) fn start(
        how: Method,
        (from, to): (&Path, &Path),
        (held, candidate, twin): (Held, Result<Option<Candidate>, DbError>, TwinOf),
    ) -> Result<Self> {
        let doing = || format!("make a backup of {}", from.display());
        let began = Instant::now();
        let connection = connect(from).map_err(|why| Error::new(doing(), why))?;
        let interrupt = connection.get_interrupt_handle();
        let (cancel, files) = (Cancel::default(), to.parent().unwrap_or(to).to_owned());
        let (asked, from, to) = (cancel.clone(), from.to_owned(), to.to_owned());
        let work = move || {
            let mut beside = Beside::new(asked, held, candidate)?;
            let cost = how.run(&connection, &from, &to, &mut beside)?;
            let its = beside.candidate.map(|candidate| candidate.map(Candidate::into_twin));
            let its = its.map_err(|why| Error::new("read what a copy reads", why));
            *twin.lock().unwrap_or_else(PoisonError::into_inner) = its;
            Ok(cost)
        };
        let thread = thread::Builder::new().name("backup".to_owned()).spawn(work);
        let thread = thread.map_err(|why| Error::new("start the thread of a backup", why))?;
        Ok(Self { thread: Some(thread), cancel, interrupt, began, files })
    }

    fn is_working(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Lets the thread go on for a moment, or end where that was asked for.
    fn look_again(&self) {
        if self.cancel.check().is_err() {
            // A statement that has not begun yet would not be touched by one interrupt.
            self.interrupt.interrupt();
        }
        thread::sleep(LOOK_AGAIN);
    }
}

impl RunningBackup for Working {
    fn process(&self) -> Option<u32> {
        None
    }

    fn bytes(&self) -> u64 {
        bytes_of(&self.files)
    }

    fn kill(&self) {
        self.cancel.0.store(true, Ordering::Relaxed);
    }

    fn wait(mut self: Box<Self>, limit: Duration, stop: &Stop) -> Result<BackupMade> {
        let doing = "make a backup";
        let mut late = false;
        while self.is_working() {
            late |= self.began.elapsed() > limit;
            if late || stop.is_requested() {
                self.kill();
            }
            self.look_again();
        }
        let Some(thread) = self.thread.take() else {
            return Err(Error::new(doing, "it was waited for before"));
        };
        match thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
            Ok(Cost { took, cpu }) => Ok(BackupMade { took, cpu, bytes: self.bytes() }),
            Err(_) if late => {
                Err(Error::new(doing, format!("it went on after {} s", limit.as_secs())))
            }
            Err(_) if stop.is_requested() => Err(Error::new(doing, "the end was asked for")),
            Err(_) if self.cancel.check().is_err() => Err(Error::new(doing, "it was killed")),
            Err(why) => Err(Error::new(doing, why)),
        }
    }
}

/// Nothing is left at work on a backup that nobody waits for.
impl Drop for Working {
    fn drop(&mut self) {
        while self.is_working() {
            self.kill();
            self.look_again();
        }
    }
}
