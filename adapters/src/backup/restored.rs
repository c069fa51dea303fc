//! A throwaway server on data that comes from a backup.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dbdyno_core::Result;
use nix::sys::signal::Signal;

use crate::throwaway::{Place, ServerProgram, Throwaway};

/// A server that was started on restored data.
pub(crate) struct RestoredServer {
    pub(crate) process: Throwaway,
    pub(crate) began: Instant,
    /// How long it took until the data was in its place.
    pub(crate) placed: Duration,
}

/// Starts a server on what `fill` puts into [`Place::data`], and waits until `is_up` says that it has recovered,
/// or why it has not.
///
/// # Errors
/// `fill` fails, or the server does not come up.
pub(crate) fn start<P: ServerProgram + 'static>(
    program: P,
    fill: impl Fn(&Place) -> Result<()> + Send + Sync + 'static,
    is_up: impl Fn(&Place, u16) -> Result<(), String> + Send + Sync + 'static,
) -> Result<RestoredServer> {
    let (began, placed) = (Instant::now(), Arc::<Mutex<Duration>>::default());
    let program = RestoredProgram { program, fill, is_up, began, placed: Arc::clone(&placed) };
    let process = Throwaway::start(Box::new(program))?;
    let placed = *placed.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(RestoredServer { process, began, placed })
}

/// The server's own program but for where its data comes from.
struct RestoredProgram<P, F, U> {
    program: P,
    fill: F,
    is_up: U,
    began: Instant,
    placed: Arc<Mutex<Duration>>,
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
        *self.placed.lock().unwrap_or_else(PoisonError::into_inner) = self.began.elapsed();
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
}
