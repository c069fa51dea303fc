//! A throwaway server on data that comes from a backup.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dbdyno_core::ability::ENDED;
use dbdyno_core::backup::limit;
use dbdyno_core::{Result, Stop};
use nix::sys::signal::Signal;

use super::{blame, bytes_of};
use crate::throwaway::{Place, START_DEADLINE, ServerProgram, Throwaway};

/// A server that was started on restored data.
pub(crate) struct RestoredServer {
    pub(crate) process: Throwaway,
    pub(crate) began: Instant,
    /// How long it took until the data was in its place.
    pub(crate) placed: Duration,
}

/// What a server recovers from beside its data, and what ends that sooner.
#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    /// The length of the log that it goes through, in bytes.
    pub(crate) log_bytes: u64,
    pub(crate) stop: Stop,
}

/// Starts a server on what `fill` puts into [`Place::data`], and waits until `is_up` says that it has recovered,
/// or why it has not.
///
/// # Errors
/// `fill` fails, or the server does not come up: one that ends by itself on what was restored is a
/// [broken](Error::broken) promise.
pub(crate) fn start<P: ServerProgram + 'static>(
    program: P,
    recovery: Recovery,
    fill: impl Fn(&Place) -> Result<()> + Send + Sync + 'static,
    is_up: impl Fn(&Place, u16) -> Result<(), String> + Send + Sync + 'static,
) -> Result<RestoredServer> {
    let (began, placed) = (Instant::now(), Placed::default());
    let program =
        RestoredProgram { program, recovery, fill, is_up, began, placed: Arc::clone(&placed) };
    let started = Throwaway::start(Box::new(program));
    let placed = *placed.lock().unwrap_or_else(PoisonError::into_inner);
    match (started, placed) {
        (Ok(process), placed) => {
            Ok(RestoredServer { process, began, placed: placed.unwrap_or_default() })
        }
        (Err(error), Some(_)) if error.why().starts_with(ENDED) => {
            Err(blame::judged("start a server on what was restored", error.why()))
        }
        (Err(error), _) => Err(error),
    }
}

/// How long it took until the data was in its place; `None` before.
type Placed = Arc<Mutex<Option<Duration>>>;

/// The server's own program but for where its data comes from.
struct RestoredProgram<P, F, U> {
    program: P,
    recovery: Recovery,
    fill: F,
    is_up: U,
    began: Instant,
    placed: Placed,
}

impl<P, F, U> ServerProgram for RestoredProgram<P, F, U>
where
    P: ServerProgram,
    F: Fn(&Place) -> Result<()> + Send + Sync,
    U: Fn(&Place, u16) -> Result<(), String> + Send + Sync,
{
    fn product(&self) -> &str {
        self.program.product()
    }

    fn account(&self) -> &str {
        self.program.account()
    }

    fn initialise(&self, place: &Place) -> Result<()> {
        (self.fill)(place)?;
        let placed = Some(self.began.elapsed());
        *self.placed.lock().unwrap_or_else(PoisonError::into_inner) = placed;
        Ok(())
    }

    fn command(&self, place: &Place, port: u16) -> Command {
        self.program.command(place, port)
    }

    fn answers(&self, place: &Place, port: u16) -> Result<(), String> {
        self.program.answers(place, port)?;
        (self.is_up)(place, port)
    }

    fn pid_file(&self, place: &Place) -> PathBuf {
        self.program.pid_file(place)
    }

    fn stop_signal(&self) -> Signal {
        self.program.stop_signal()
    }

    fn orderly_stop_signal(&self) -> Signal {
        self.program.orderly_stop_signal()
    }

    /// What it recovers is as long as the data and the log at the most.
    fn start_limit(&self, place: &Place) -> Duration {
        limit(START_DEADLINE, bytes_of(&place.data()) + self.recovery.log_bytes)
    }

    fn is_given_up(&self) -> bool {
        self.recovery.stop.is_requested()
    }
}
