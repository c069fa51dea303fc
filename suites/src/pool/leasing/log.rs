//! What clients of a pool note: how long each waited for its connections, and who waits now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// What all clients of one load note. Each has a page of its own, so that no two ever write to the same
/// memory or wait for each other.
#[derive(Debug)]
pub struct Log {
    warmup: Duration,
    keeps_turns: bool,
    /// When the first client asked for a connection: the load began a moment before.
    began: OnceLock<Instant>,
    pages: Mutex<Vec<Arc<Page>>>,
}

/// What one client notes.
#[derive(Debug)]
pub struct Page {
    waiting: AtomicBool,
    notes: Mutex<Notes>,
}

#[derive(Debug)]
struct Notes {
    acquired: Acquired,
    turns: Vec<Turn>,
    served: Vec<Instant>,
}

/// How long clients waited for connections in the measured window.
#[derive(Clone, Debug)]
pub struct Acquired {
    /// The waits, in nanoseconds; those among them that ended in a time-out or another error, too.
    pub waits_ns: Histogram<u64>,
    /// How many ended in a time-out.
    pub timeouts: u64,
    /// How many ended in another error.
    pub failures: u64,
}

/// One wait for a connection.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// When the client asked.
    pub began: Instant,
    /// How long it took.
    pub waited: Duration,
    /// How it ended.
    pub end: TurnEnd,
}

/// How a wait for a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// The client has a connection.
    Acquired,
    /// It was told that there is none in time.
    TimedOut,
    /// It was told of another error.
    Failed,
}

impl Default for Acquired {
    /// No waits.
    fn default() -> Self {
        let histogram = Histogram::new(3);
        let waits_ns = histogram.unwrap_or_else(|_| unreachable!("three digits are within 0 to 5"));
        Self { waits_ns, timeouts: 0, failures: 0 }
    }
}

impl Log {
    /// The log of a load that warms up for a time. Where it keeps turns, the moment of every wait and of
    /// every answer is kept, too: for short loads.
    pub fn new(warmup: Duration, keeps_turns: bool) -> Self {
        Self { warmup, keeps_turns, began: OnceLock::new(), pages: Mutex::default() }
    }

    /// A page for another client.
    pub fn page(&self) -> Arc<Page> {
        let notes = Notes { acquired: Acquired::default(), turns: Vec::new(), served: Vec::new() };
        let page = Arc::new(Page { waiting: AtomicBool::new(false), notes: Mutex::new(notes) });
        lock(&self.pages).push(Arc::clone(&page));
        page
    }

    /// A client asks for a connection now.
    pub fn asks(&self, page: &Page) -> Instant {
        page.waiting.store(true, Ordering::Relaxed);
        let now = Instant::now();
        self.began.get_or_init(|| now);
        now
    }

    /// A client's wait is over.
    pub fn ends(&self, page: &Page, began: Instant, end: TurnEnd) {
        page.waiting.store(false, Ordering::Relaxed);
        let waited = began.elapsed();
        let mut notes = page.notes();
        if self.is_measured(began) {
            let waited_ns = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
            // Only a histogram that may not grow refuses.
            let _ = notes.acquired.waits_ns.record(waited_ns);
            notes.acquired.timeouts += u64::from(end == TurnEnd::TimedOut);
            notes.acquired.failures += u64::from(end == TurnEnd::Failed);
        }
        if self.keeps_turns {
            notes.turns.push(Turn { began, waited, end });
        }
    }

    /// A client's transaction, or its statement outside of one, was answered well.
    pub fn served(&self, page: &Page) {
        if self.keeps_turns {
            page.notes().served.push(Instant::now());
        }
    }

    /// Whether a moment lies in the measured window, or after it.
    pub fn is_measured(&self, moment: Instant) -> bool {
        self.began.get().is_some_and(|began| moment >= *began + self.warmup)
    }

    /// When the load began; `None` where it has not.
    pub fn began(&self) -> Option<Instant> {
        self.began.get().copied()
    }

    /// How many clients wait for a connection now.
    pub fn waiting(&self) -> u32 {
        let pages = lock(&self.pages);
        let waiting = pages.iter().filter(|page| page.waiting.load(Ordering::Relaxed)).count();
        u32::try_from(waiting).unwrap_or(u32::MAX)
    }

    /// The waits of all clients.
    pub fn acquired(&self) -> Acquired {
        let mut all = Acquired::default();
        for page in lock(&self.pages).iter() {
            let notes = page.notes();
            // Both grow where they must.
            let _ = all.waits_ns.add(&notes.acquired.waits_ns);
            all.timeouts += notes.acquired.timeouts;
            all.failures += notes.acquired.failures;
        }
        all
    }

    /// Every wait, in the order in which they began.
    pub fn turns(&self) -> Vec<Turn> {
        let pages = lock(&self.pages);
        let mut turns: Vec<Turn> =
            pages.iter().flat_map(|page| page.notes().turns.clone()).collect();
        turns.sort_by_key(|turn| turn.began);
        turns
    }

    /// When a transaction was last answered well.
    pub fn last_served(&self) -> Option<Instant> {
        lock(&self.pages).iter().filter_map(|page| page.notes().served.last().copied()).max()
    }

    /// When transactions were answered well, in order.
    pub fn served_at(&self) -> Vec<Instant> {
        let pages = lock(&self.pages);
        let mut served: Vec<Instant> =
            pages.iter().flat_map(|page| page.notes().served.clone()).collect();
        served.sort();
        served
    }
}

impl Page {
    /// Only the client writes, and others read once the load is over: nobody waits here.
    fn notes(&self) -> MutexGuard<'_, Notes> {
        lock(&self.notes)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
