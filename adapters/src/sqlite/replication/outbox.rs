//! Sends change sets in the order of their commits.
//!
//! SQLite has one writer at a time, from before its first change until its commit is done. A session takes its
//! place in the queue while it is that writer, and says there what became of the commit once it knows: the next
//! writer comes behind it, and nothing is sent before what goes before it was decided.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dbdyno_core::{DbError, Error, Result};

use super::frame;

/// How long the other end may take to say why it takes no more.
const REASON_LIMIT: Duration = Duration::from_secs(1);
/// How long what is queued may take to be sent at the end.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// A number of change sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub sets: u64,
    /// How many bytes they take on their way.
    pub bytes: u64,
}

impl Amount {
    /// With one more.
    pub fn add(&mut self, bytes: u64) {
        self.sets += 1;
        self.bytes += bytes;
    }
}

/// Sends change sets to a socket.
pub struct Outbox {
    queue: Arc<Queue>,
    stream: UnixStream,
    sending: Option<JoinHandle<()>>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    slots: VecDeque<Slot>,
    /// How many slots have left the queue.
    gone: u64,
    /// What was committed, and of that what was sent.
    committed: Amount,
    sent: Amount,
    /// Why nothing is taken any more.
    over: Option<String>,
}

enum Slot {
    /// The commit is under way.
    Undecided(Vec<u8>),
    Committed(Vec<u8>),
    /// There was no commit.
    Void,
    /// It is being sent.
    Sending,
}

/// A place in the queue, taken for a commit that is about to be made. It is void unless the commit is told.
pub struct Place {
    queue: Arc<Queue>,
    number: u64,
}

impl Place {
    /// The commit was made.
    pub fn committed(self) {
        let mut state = self.queue.lock();
        let index = usize::try_from(self.number - state.gone).unwrap_or(usize::MAX);
        if let Some(slot) = state.slots.get_mut(index)
            && let Slot::Undecided(bytes) = std::mem::replace(slot, Slot::Void)
        {
            let length = bytes.len() as u64;
            *slot = Slot::Committed(bytes);
            state.committed.add(length);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        // One that was told may be gone already.
        let index = self.number.checked_sub(state.gone).and_then(|index| index.try_into().ok());
        if let Some(slot) = index.and_then(|index: usize| state.slots.get_mut(index))
            && matches!(slot, Slot::Undecided(_))
        {
            *slot = Slot::Void;
        }
        drop(state);
        self.queue.changed.notify_all();
    }
}

impl Outbox {
    /// Sends to whoever listens on a socket.
    ///
    /// # Errors
    /// Nobody does.
    pub fn connect(socket: &Path) -> Result<Self> {
        let failed = |why: std::io::Error| {
            Error::new(format!("send change sets to {}", socket.display()), why).next(
                "that option is for dbdyno itself: leave it out, and run the suite replication",
            )
        };
        let mut stream = UnixStream::connect(socket).map_err(failed)?;
        stream.write_all(&u64::from(std::process::id()).to_le_bytes()).map_err(failed)?;
        stream.set_read_timeout(Some(REASON_LIMIT)).map_err(failed)?;
        let queue =
            Arc::new(Queue { state: Mutex::new(State::default()), changed: Condvar::new() });
        let (its, to) = (Arc::clone(&queue), stream.try_clone().map_err(failed)?);
        let sending = thread::Builder::new().name("change-sets".to_owned());
        let sending = sending.spawn(move || its.send(to)).map_err(failed)?;
        Ok(Self { queue, stream, sending: Some(sending) })
    }

    /// Takes a place for the change set of a commit, whose writer the caller is.
    ///
    /// # Errors
    /// The other end takes nothing any more.
    pub fn place(&self, database: &str, set: &[u8]) -> Result<Place, DbError> {
        let bytes = frame::encode(database, set);
        let mut state = self.queue.lock();
        if let Some(why) = &state.over {
            let message = format!("what is committed would not get to the replica: {why}");
            return Err(DbError::unexpected(message));
        }
        let number = state.gone + state.slots.len() as u64;
        state.slots.push_back(Slot::Undecided(bytes));
        Ok(Place { queue: Arc::clone(&self.queue), number })
    }

    /// How many places were taken so far.
    pub fn taken(&self) -> u64 {
        let state = self.queue.lock();
        state.gone + state.slots.len() as u64
    }

    /// What was sent, once all of so many places are decided and what was committed of them is sent.
    ///
    /// # Errors
    /// The other end takes nothing any more.
    pub fn sent(&self, places: u64) -> Result<Option<Amount>, DbError> {
        let state = self.queue.lock();
        match &state.over {
            Some(why) => Err(DbError::unexpected(why.clone())),
            None => Ok((state.gone >= places).then_some(state.sent)),
        }
    }

    /// What was committed so far.
    pub fn committed(&self) -> Amount {
        self.queue.lock().committed
    }

    /// Takes nothing any more, for the reason given. What was committed is still sent; returns once it is, or
    /// after a while.
    pub fn close(&self, why: &str) {
        let mut state = self.queue.lock();
        state.over.get_or_insert_with(|| why.to_owned());
        self.queue.changed.notify_all();
        let deadline = Instant::now() + DRAIN_LIMIT;
        let is_alive = || self.sending.as_ref().is_some_and(|sending| !sending.is_finished());
        while !state.slots.is_empty() && is_alive() && Instant::now() < deadline {
            let pause = Duration::from_millis(10);
            let waited = self.queue.changed.wait_timeout(state, pause);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        // It may be gone already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.close("its sender has ended");
        if let Some(sending) = self.sending.take() {
            let _ = sending.join();
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, mut to: UnixStream) {
        while let Some(bytes) = self.next() {
            let sent = to.write_all(&bytes);
            let mut state = self.lock();
            state.slots.pop_front();
            state.gone += 1;
            if let Err(error) = sent {
                // Nobody waits for what cannot be sent any more.
                let reason = reason(&mut to).unwrap_or_else(|| error.to_string());
                state.over.get_or_insert(reason);
                drop(state);
                self.changed.notify_all();
                return;
            }
            state.sent.add(bytes.len() as u64);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The next change set that was committed; `None` once nothing is taken any more and all is sent.
    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            let is_over = state.over.is_some();
            match state.slots.front_mut() {
                Some(Slot::Void) => {
                    state.slots.pop_front();
                    state.gone += 1;
                    continue;
                }
                Some(slot @ Slot::Committed(_)) => {
                    if let Slot::Committed(bytes) = std::mem::replace(slot, Slot::Sending) {
                        return Some(bytes);
                    }
                }
                None if is_over => return None,
                Some(Slot::Undecided(_) | Slot::Sending) | None => {}
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What the other end says of why it takes nothing any more.
fn reason(from: &mut UnixStream) -> Option<String> {
    let mut said = String::new();
    from.read_to_string(&mut said).ok().filter(|_| !said.is_empty()).map(|_| said)
}
