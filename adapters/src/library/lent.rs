//! Sessions on connections of a library's own pool.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dbdyno_core::Session;
use tokio::runtime::Handle;

use super::connection::Connection;
use super::session::LibrarySession;
use crate::pool::{Keeper, Leased};

/// A session on a connection that its library's pool has lent on this event loop.
pub fn lend(connection: Box<dyn Connection>) -> Box<dyn Session> {
    let session = Some(LibrarySession::new(connection));
    Box::new(Leased::new(Lent { session, event_loop: Handle::current() }))
}

/// A connection that goes back when it is dropped, wherever that is: what a library does then is a task of
/// the event loop that the connection belongs to.
struct Lent {
    /// There until it goes back.
    session: Option<LibrarySession>,
    event_loop: Handle,
}

impl Keeper for Lent {
    fn session(&self) -> Option<&dyn Session> {
        self.session.as_ref().map(|session| session as &dyn Session)
    }

    fn session_mut(&mut self) -> Option<&mut dyn Session> {
        self.session.as_mut().map(|session| session as &mut dyn Session)
    }

    fn discard(mut self) {
        let _entered = self.event_loop.enter();
        self.session = None;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let _entered = self.event_loop.enter();
        if let Some(session) = self.session.take() {
            session.give_back();
        }
    }
}

/// What a pool knows of the plan's statements, for one lease after another: what a lease has learned of
/// them is the next one's.
pub struct Shelf<T> {
    /// As they were prepared first.
    first: Vec<T>,
    spare: Mutex<Vec<Vec<T>>>,
    /// So many leases there are at the most.
    room: usize,
}

impl<T: Clone> Shelf<T> {
    /// For so many leases.
    pub fn new(first: Vec<T>, leases: u32) -> Self {
        Self { first, spare: Mutex::default(), room: leases as usize }
    }

    /// The statements for a lease.
    pub fn take(&self) -> Vec<T> {
        let spare = self.spare().pop();
        spare.unwrap_or_else(|| self.first.clone())
    }

    /// Those of a lease that is over.
    pub fn put(&self, statements: Vec<T>) {
        let mut spare = self.spare();
        if spare.len() < self.room {
            spare.push(statements);
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<T>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
