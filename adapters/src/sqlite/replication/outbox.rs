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
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
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
    /// Whoever waits for what is in front of it is told how much was sent by then.
    Mark(Arc<OnceLock<Amount>>),
}

/// A moment: what was sent of the commits whose places were taken before it, and not of later ones.
pub struct Mark {
    queue: Arc<Queue>,
    sent: Arc<OnceLock<Amount>>,
}

impl Mark {
    /// What was sent, once all that was in the queue is decided and sent.
    ///
    /// # Errors
    /// The other end takes nothing any more.
    pub fn sent(&self) -> Result<Option<Amount>, DbError> {
        match (self.sent.get(), &self.queue.lock().over) {
            (Some(sent), _) => Ok(Some(*sent)),
            (None, Some(why)) => Err(DbError::unexpected(why.clone())),
            (None, None) => Ok(None),
        }
    }
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

    /// Marks the end of the queue as it is now.
    pub fn mark(&self) -> Mark {
        let sent = Arc::new(OnceLock::new());
        self.queue.lock().slots.push_back(Slot::Mark(Arc::clone(&sent)));
        self.queue.changed.notify_all();
        Mark { queue: Arc::clone(&self.queue), sent }
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
            let (is_over, sent) = (state.over.is_some(), state.sent);
            match state.slots.front_mut() {
                Some(Slot::Void) => {
                    state.slots.pop_front();
                    state.gone += 1;
                    continue;
                }
                Some(Slot::Mark(mark)) => {
                    mark.get_or_init(|| sent);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::net::UnixListener;

    use super::super::frame;
    use super::*;

    fn sent(mark: &Mark) -> Amount {
        loop {
            match mark.sent().unwrap() {
                Some(sent) => return sent,
                None => thread::yield_now(),
            }
        }
    }

    /// Who waits for what was committed waits for that, whatever becomes of what is under way or comes later.
    #[test]
    fn a_mark_tells_of_what_is_in_front_of_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let outbox = Outbox::connect(&socket).unwrap();
        let mut from = listener.accept().unwrap().0;
        frame::read_number(&mut from).unwrap();
        let place = || outbox.place("main", b"set").unwrap();
        assert_eq!(sent(&outbox.mark()).sets, 0);
        let (first, second) = (place(), place());
        let (before, third) = (outbox.mark(), place());
        third.committed();
        drop(second);
        assert!(before.sent().unwrap().is_none(), "the first may be committed yet");
        first.committed();
        let last = outbox.mark();
        let bytes = frame::encode("main", b"set").len() as u64;
        assert_eq!(sent(&before), Amount { sets: 1, bytes });
        assert_eq!(sent(&last), Amount { sets: 2, bytes: 2 * bytes });
        // Of what cannot be sent any more it tells why.
        let unsent = place();
        let never = outbox.mark();
        // A program that another test is starting has it open, too, until it runs.
        from.shutdown(Shutdown::Both).unwrap();
        unsent.committed();
        let why = loop {
            match never.sent() {
                Ok(sent) => assert_eq!(sent, None),
                Err(why) => break why,
            }
        };
        assert!(!why.message.is_empty());
    }
}
