//! Clients that note when each of their transactions began and ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Witness, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Check, DbError, Statement, Steps};

/// A transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When its inputs were drawn: retries are part of it.
    pub began: Instant,
    /// When the client knew that it had ended.
    pub ended: Instant,
    /// Whether it failed for good.
    pub failed: bool,
}

/// What the clients of a load note. Each has a page of its own.
#[derive(Debug, Default)]
pub struct Log {
    ended: AtomicU64,
    pages: Mutex<Vec<Arc<Mutex<Vec<Turn>>>>>,
}

impl Log {
    /// How many transactions have ended.
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// All transactions, in no order.
    pub fn turns(&self) -> Vec<Turn> {
        let pages = lock(&self.pages);
        pages.iter().flat_map(|page| lock(page).clone()).collect()
    }

    fn page(&self) -> Arc<Mutex<Vec<Turn>>> {
        let page = Arc::<Mutex<Vec<Turn>>>::default();
        lock(&self.pages).push(Arc::clone(&page));
        page
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A workload whose clients note what they do.
pub struct Noted {
    inner: Arc<dyn Workload>,
    log: Arc<Log>,
}

impl Noted {
    /// The same workload with notes.
    pub fn workload(inner: Arc<dyn Workload>, log: &Arc<Log>) -> Arc<dyn Workload> {
        Arc::new(Self { inner, log: Arc::clone(log) })
    }
}

impl Workload for Noted {
    fn transactions(&self) -> &[&'static str] {
        self.inner.transactions()
    }

    fn statements(&self) -> &[Statement] {
        self.inner.statements()
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        Box::new(NotedClient {
            inner: self.inner.client(index, rng),
            log: Arc::clone(&self.log),
            page: self.log.page(),
            drawn: Instant::now(),
            refused: None,
        })
    }

    fn quota(&self, index: u32) -> Option<u64> {
        self.inner.quota(index)
    }

    fn counted(&self) -> BTreeMap<&'static str, i64> {
        self.inner.counted()
    }

    fn witnessed(&self) -> BTreeMap<String, Witness> {
        self.inner.witnessed()
    }

    fn checks(&self, whole: bool) -> Vec<Check> {
        self.inner.checks(whole)
    }
}

struct NotedClient {
    inner: Box<dyn AnyClient>,
    log: Arc<Log>,
    page: Arc<Mutex<Vec<Turn>>>,
    drawn: Instant,
    /// When the last try of the transaction at hand failed: only what comes next tells whether it is tried again.
    refused: Option<Instant>,
}

impl NotedClient {
    fn note_failure(&mut self) {
        if let Some(ended) = self.refused.take() {
            lock(&self.page).push(Turn { began: self.drawn, ended, failed: true });
        }
    }
}

/// A transaction after whose failure the load ended failed, too.
impl Drop for NotedClient {
    fn drop(&mut self) {
        self.note_failure();
    }
}

impl Client for NotedClient {
    fn draw(&mut self) -> Draw {
        self.note_failure();
        let draw = self.inner.draw();
        self.drawn = Instant::now() + draw.keying_time;
        draw
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let ran = self.inner.run(steps.session()).await;
        let ended = Instant::now();
        self.refused = ran.is_err().then_some(ended);
        let outcome = ran?;
        lock(&self.page).push(Turn { began: self.drawn, ended, failed: false });
        self.log.ended.fetch_add(1, Ordering::Relaxed);
        Ok(outcome)
    }

    fn think_time(&mut self) -> std::time::Duration {
        self.inner.think_time()
    }
}
