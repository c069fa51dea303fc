//! A load worker: a thread with an event loop whose clients share nothing with those of other
//! workers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::error::DbError;
use crate::session::Session;

use super::client::{Desk, Seat, open_session};
use super::clock::{Clock, Sleeper};
use super::message::Message;
use super::plan::Arrival;
use super::recording::Recording;
use super::shared::{Shared, nanos};

/// Connections that one worker opens at once: enough to be quick, few enough not to overflow a
/// server's queue of waiting connections.
const CONNECTING_AT_ONCE: usize = 16;

/// Which clients are a worker's: every `workers`-th, from `worker` on.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub worker: usize,
    pub workers: usize,
}

impl Share {
    fn clients(self, clients: u32) -> Vec<u32> {
        (0..clients).skip(self.worker).step_by(self.workers).collect()
    }
}

/// Runs a worker's clients until they have ended. Runs in a `LocalSet`.
pub async fn serve(shared: Arc<Shared>, share: Share) {
    let ends = match connect_all(&shared, share).await {
        Some(sessions) => work_all(&shared, share, sessions).await,
        None => Ends::default(),
    };
    let Ends { abandoned, ended_well } = ends;
    let _ = shared.sender.send(Message::Done { worker: share.worker, abandoned, ended_well });
}

/// What became of a worker's clients.
#[derive(Default)]
struct Ends {
    /// The transactions that never ended, by type.
    abandoned: Vec<usize>,
    /// How many transactions of each client, by its number, ended well in the window.
    ended_well: Vec<(u32, u64)>,
}

/// Has every client work until the load ends.
async fn work_all(shared: &Arc<Shared>, share: Share, sessions: Vec<Box<dyn Session>>) -> Ends {
    let Some(clock) = started(shared).await else { return Ends::default() };
    let desk = Rc::new(Desk {
        recording: RefCell::new(Recording::new(
            share.worker,
            shared.workload.transactions().len(),
            matches!(shared.plan.arrival, Arrival::Open(_)),
            shared.sender.clone(),
        )),
        under_way: sessions.iter().map(|_| Cell::default()).collect(),
        ended_well: sessions.iter().map(|_| Cell::default()).collect(),
        turn_ns: Cell::new(0),
    });
    let numbers = share.clients(shared.plan.clients);
    let mut clients = JoinSet::new();
    for (place, (&number, session)) in numbers.iter().zip(sessions).enumerate() {
        let seat = Seat {
            shared: Arc::clone(shared),
            desk: Rc::clone(&desk),
            number,
            place,
            pipelines: session.pipelines(),
            session,
            clock,
            sleeper: Sleeper::new(shared.session.thread.is_own()),
            pauses: shared.pause_rng(number),
            ready_ns: None,
            failing: None,
        };
        let client = shared.workload.client(number, shared.client_rng(number));
        clients.spawn_local(client.work(seat));
    }
    let ticker = tokio::task::spawn_local(tick(Rc::clone(&desk), clock));
    wait_for_all(shared, clock, &mut clients).await;
    ticker.abort();
    clients.abort_all();
    desk.recording.borrow_mut().finish();
    Ends {
        abandoned: desk.under_way.iter().filter_map(Cell::get).collect(),
        ended_well: numbers.into_iter().zip(desk.ended_well.iter().map(Cell::get)).collect(),
    }
}

/// Opens the sessions of a worker's clients; `None`, the reason told, where one cannot be opened.
async fn connect_all(shared: &Arc<Shared>, share: Share) -> Option<Vec<Box<dyn Session>>> {
    let count = share.clients(shared.plan.clients).len();
    let permits = Arc::new(Semaphore::new(CONNECTING_AT_ONCE));
    let mut connecting = JoinSet::new();
    for _ in 0..count {
        let (shared, permits) = (Arc::clone(shared), Arc::clone(&permits));
        connecting.spawn_local(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            open_session(&shared).await
        });
    }
    let mut sessions = Vec::with_capacity(count);
    while let Some(joined) = connecting.join_next().await {
        let opened = joined.unwrap_or_else(|panic| {
            Err(DbError::unexpected(format!("connecting ended unexpectedly: {panic}")))
        });
        match opened {
            Ok(session) => {
                sessions.push(session);
                let _ = shared.sender.send(Message::Ready);
            }
            Err(error) => {
                let _ = shared.sender.send(Message::NotReady(error));
                return None;
            }
        }
    }
    Some(sessions)
}

/// Waits for the common start; `None` where it is called off.
async fn started(shared: &Shared) -> Option<Clock> {
    let mut start = shared.start.subscribe();
    loop {
        if let Some(clock) = *start.borrow() {
            return Some(clock);
        }
        if shared.is_ended() {
            return None;
        }
        // Called off by ending the load; looked at often enough for a person.
        let _ = tokio::time::timeout(Duration::from_millis(50), start.changed()).await;
    }
}

/// Hands over the counts of seconds in which nothing ended, so that the timeline goes on.
async fn tick(desk: Rc<Desk>, clock: Clock) {
    let second = Duration::from_secs(1);
    loop {
        let into = Duration::from_nanos(clock.now_ns() % 1_000_000_000);
        tokio::time::sleep(second - into + Duration::from_millis(1)).await;
        desk.recording.borrow_mut().roll(clock.now_ns());
    }
}

/// Waits until every client has ended, but after the end of the load no longer than the drain
/// limit.
async fn wait_for_all(shared: &Shared, clock: Clock, clients: &mut JoinSet<()>) {
    loop {
        let now_ns = clock.now_ns();
        let give_up_ns = shared.end_ns().saturating_add(nanos(shared.drain_limit()));
        if now_ns >= give_up_ns {
            return;
        }
        // The end may be brought forward while waiting.
        let nap = Duration::from_nanos(give_up_ns - now_ns).min(Duration::from_millis(100));
        match tokio::time::timeout(nap, clients.join_next()).await {
            Ok(None) => return,
            Ok(Some(Err(panic))) if panic.is_panic() => {
                let error =
                    crate::Error::new("go on with a client", format!("it panicked: {panic}"));
                let _ = shared.sender.send(Message::Fatal(error));
            }
            Ok(Some(_)) | Err(_) => {}
        }
    }
}
