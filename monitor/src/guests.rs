//! Servers that come and go while it is sampled: those that a suite starts.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use dbdyno_core::Driver;

use crate::targets::Engine;

/// Servers that are sampled beside the targets until they leave.
#[derive(Default)]
pub struct Guests {
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    engines: Vec<Engine>,
    /// Whoever samples has them.
    is_lent: bool,
    /// Those whose engine runs in this process.
    embedded: Vec<String>,
    /// What came and went since a sample was last taken, in this order.
    moves: Vec<Move>,
}

/// A server that came or went.
pub(crate) enum Move {
    Joined { target: String, engine: String },
    Left { target: String },
}

impl Guests {
    pub(crate) fn joins(&self, server: &Arc<dyn Driver>) {
        let (target, engine) = (server.target().to_owned(), server.engine().to_owned());
        let mut state = self.state();
        if server.embedded().is_some() {
            state.embedded.push(target.clone());
        }
        state.moves.push(Move::Joined { target, engine });
        state.engines.push(Engine::new(Arc::clone(server)));
    }

    /// Nothing of it is held once this returns, which waits for a sample that is being taken.
    pub(crate) fn leaves(&self, server: &Arc<dyn Driver>) {
        let mut state = self.state();
        while state.is_lent {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(place) =
            state.engines.iter().position(|engine| Arc::ptr_eq(&engine.driver, server))
        else {
            return;
        };
        let gone = state.engines.remove(place);
        let target = server.target();
        if let Some(place) = state.embedded.iter().position(|embedded| embedded == target) {
            state.embedded.remove(place);
        }
        state.moves.push(Move::Left { target: target.to_owned() });
        drop(state);
        // Its session says goodbye, which nobody else needs to wait for.
        drop(gone);
    }

    pub(crate) fn is_embedded(&self, target: &str) -> bool {
        self.state().embedded.iter().any(|embedded| embedded == target)
    }

    /// All there are, for a sample, and what came and went since the one before.
    pub(crate) fn lend(&self) -> (Lent<'_>, Vec<Move>) {
        let mut state = self.state();
        state.is_lent = true;
        let engines = std::mem::take(&mut state.engines);
        (Lent { guests: self, engines }, std::mem::take(&mut state.moves))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Guests {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Guests").finish_non_exhaustive()
    }
}

/// Guests that are being sampled; they are given back when it goes, also in a panic: others wait for them.
pub(crate) struct Lent<'a> {
    guests: &'a Guests,
    pub(crate) engines: Vec<Engine>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.guests.state();
        state.is_lent = false;
        // Those that came meanwhile are the last.
        let came = std::mem::replace(&mut state.engines, std::mem::take(&mut self.engines));
        state.engines.extend(came);
        self.guests.returned.notify_all();
    }
}
