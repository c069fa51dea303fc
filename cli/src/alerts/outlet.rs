//! Telling others of alerts without waiting for them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dbdyno_core::load::leave_out_thread;
use dbdyno_core::{Error, Result};
use dbdyno_monitor::{AlertSink, Notice};

use super::payload::payload;

/// How many alerts wait for one that takes its time; more are dropped, and counted.
const WAITING: usize = 64;
/// How long the end of a run waits for what is on its way.
const PATIENCE: Duration = Duration::from_secs(5);

/// What delivers a text, and what it is called; it must give up by itself.
pub(super) struct Deliverer {
    pub(super) name: String,
    pub(super) deliver: Box<Deliver>,
}

/// Delivers a text, or says why not.
type Deliver = dyn FnMut(&str) -> Result<(), String> + Send;

/// Delivers on a thread of its own.
pub struct Outlet {
    name: String,
    run_id: String,
    sender: Mutex<Option<SyncSender<String>>>,
    done: Mutex<Receiver<()>>,
    account: Arc<Account>,
}

/// What became of what was to be delivered.
#[derive(Debug, Default)]
struct Account {
    taken: AtomicU64,
    delivered: AtomicU64,
    dropped: AtomicU64,
    /// Why the first that could not be delivered could not.
    why: Mutex<Option<String>>,
}

impl Account {
    fn why(&self) -> MutexGuard<'_, Option<String>> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system refuses it.
    pub(super) fn start(deliverer: Deliverer, run_id: &str) -> Result<Self> {
        let (sender, receiver) = sync_channel::<String>(WAITING);
        let (ended, done) = sync_channel::<()>(1);
        let account = Arc::new(Account::default());
        let Deliverer { name, mut deliver } = deliverer;
        let its = Arc::clone(&account);
        let work = move || {
            while let Ok(text) = receiver.recv() {
                match deliver(&text) {
                    Ok(()) => {
                        its.delivered.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(why) => {
                        its.why().get_or_insert(why);
                    }
                }
                // Telling others is not the client's work.
                leave_out_thread();
            }
            // Whoever waited may have lost patience.
            let _ = ended.send(());
        };
        std::thread::Builder::new()
            .name("alerts".to_owned())
            .spawn(work)
            .map_err(|why| Error::new(format!("start telling {name}"), why))?;
        let (sender, done) = (Mutex::new(Some(sender)), Mutex::new(done));
        Ok(Self { name, run_id: run_id.to_owned(), sender, done, account })
    }

    /// Waits a moment for what is on its way to any of them, and says what was not delivered.
    pub fn close(all: &[Arc<Self>]) -> Vec<String> {
        for outlet in all {
            // Without a sender the thread ends once it has delivered all.
            drop(outlet.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
        // They deliver at the same time, and are waited for at the same time.
        let deadline = Instant::now() + PATIENCE;
        all.iter().filter_map(|outlet| outlet.untold(deadline)).collect()
    }

    /// What was not delivered by then; `None` where all was.
    fn untold(&self, deadline: Instant) -> Option<String> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deadline.saturating_duration_since(Instant::now());
        let ended = done.recv_timeout(left).is_ok();
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let all = count(&self.account.taken) + count(&self.account.dropped);
        let delivered = count(&self.account.delivered);
        if delivered == all {
            return None;
        }
        let why = self.account.why().clone();
        let why = why.unwrap_or_else(|| match ended {
            true => "it took too long".to_owned(),
            false => "it takes too long".to_owned(),
        });
        let lost = all - delivered;
        Some(format!("{} was not told of {lost} of {all} alerts: {why}", self.name))
    }
}

impl AlertSink for Outlet {
    fn tell(&self, notice: &Notice) -> Result<()> {
        let text = payload(&self.run_id, notice).to_string();
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = &*sender else { return Ok(()) };
        match sender.try_send(text) {
            Ok(()) => self.account.taken.fetch_add(1, Ordering::Relaxed),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.account.dropped.fetch_add(1, Ordering::Relaxed)
            }
        };
        Ok(())
    }
}
