//! Ctrl-C and its kin: the program under way is ended, and so is everything else, in order.

use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};

use dbdyno_core::{Error, Result, Stop};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Knows whether the end was asked for, and which process group to tell.
#[derive(Clone, Default)]
pub struct Interrupt {
    stop: Stop,
    group: Arc<Mutex<Option<Pid>>>,
}

impl Interrupt {
    /// Listens to signals from now on.
    ///
    /// # Errors
    /// The system refuses the handlers.
    pub fn watch() -> Result<Self> {
        let doing = "watch for Ctrl-C";
        let interrupt = Self::default();
        let mut signals =
            Signals::new([SIGINT, SIGTERM]).map_err(|cause| Error::new(doing, cause))?;
        let watched = interrupt.clone();
        let watching = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                watched.stop.request();
                watched.end_group();
            }
        });
        watching.map(|_| interrupt).map_err(|cause| Error::new(doing, cause))
    }

    /// What everything that blocks for long listens to.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// An error where the end was asked for.
    ///
    /// # Errors
    /// The end was asked for.
    pub fn check(&self, doing: &str) -> Result<()> {
        match self.stop.is_requested() {
            true => Err(Error::new(doing, "the end was asked for")),
            false => Ok(()),
        }
    }

    /// Notes the process group that `child` leads, until what is given is dropped.
    pub fn group(&self, child: &Child) -> UnderWay<'_> {
        let group = i32::try_from(child.id()).ok().map(Pid::from_raw);
        *self.group.lock().unwrap_or_else(PoisonError::into_inner) = group;
        if self.stop.is_requested() {
            // The signal came between the start of the process and this note.
            self.end_group();
        }
        UnderWay(self)
    }

    fn end_group(&self) {
        if let Some(group) = *self.group.lock().unwrap_or_else(PoisonError::into_inner) {
            // A group that has ended already needs no telling.
            let _ = killpg(group, Signal::SIGTERM);
        }
    }
}

/// A process group that signals are passed on to.
pub struct UnderWay<'a>(&'a Interrupt);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *self.0.group.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
