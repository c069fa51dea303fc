//! Stops the applying of change sets for a while, as a replica that stalls would.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use dbdyno_core::{Error, Result, ServerControl};

/// What change sets go through on their way into the replica.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Shut,
    /// For good: who waits is to go.
    Gone,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, wanted: State) {
        let mut state = self.lock();
        if *state != State::Gone {
            *state = wanted;
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until it is open; false where it never will be again.
    pub fn pass(&self) -> bool {
        let is_shut = |state: &mut State| *state == State::Shut;
        let waited = self.changed.wait_while(self.lock(), is_shut);
        *waited.unwrap_or_else(PoisonError::into_inner) == State::Open
    }

    /// Lets nothing through any more.
    pub fn take_away(&self) {
        self.set(State::Gone);
    }
}

/// A replica has no process of its own: what is stopped is the thread that applies, between two change sets.
impl ServerControl for Gate {
    fn kill(&self) -> Result<()> {
        let why = "it is in dbdyno's own process";
        Err(Error::unsupported("kill a replica of SQLite's", why))
    }

    fn ensure_running(&self) -> Result<bool> {
        Ok(false)
    }

    fn pause(&self) -> Result<()> {
        self.set(State::Shut);
        Ok(())
    }

    fn resume(&self) -> Result<()> {
        self.set(State::Open);
        Ok(())
    }
}
