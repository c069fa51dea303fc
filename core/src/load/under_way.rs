//! What the clients of a load have under way, for those who look on from other threads: seconds of a load are told
//! when clients come to it, and one that waits in a call comes to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::clock::Clock;

/// The transactions under way, one for each client at most.
#[derive(Debug)]
pub struct UnderWay {
    places: Arc<Places>,
    clock: Clock,
    transactions: Vec<&'static str>,
}

/// Where each client says when the transaction that it runs was meant to begin.
#[derive(Debug)]
pub struct Places {
    clients: Box<[Place]>,
    measure_ns: u64,
    /// When new transactions stop to start.
    end_ns: AtomicU64,
    is_over: AtomicBool,
}

/// A client's own, so that what it writes in each transaction is in no other processor's way.
#[repr(align(64))]
#[derive(Debug)]
struct Place(AtomicU64);

/// In the place of a moment: the client has nothing under way.
const NOTHING: u64 = u64::MAX;

impl Places {
    /// Places of so many clients, whose measurement lasts from one moment of the load to the other; `u64::MAX` where
    /// time does not decide.
    pub fn new(clients: u32, (measure_ns, end_ns): (u64, u64)) -> Self {
        let place = |_| Place(AtomicU64::new(NOTHING));
        Self {
            clients: (0..clients).map(place).collect(),
            measure_ns,
            end_ns: AtomicU64::new(end_ns),
            is_over: AtomicBool::new(false),
        }
    }

    /// When new transactions stop to start, as far as is known now.
    #[inline]
    pub fn end_ns(&self) -> u64 {
        self.end_ns.load(Ordering::Relaxed)
    }

    /// New transactions stop to start at that moment, unless they do earlier.
    pub fn end_at(&self, now_ns: u64) {
        self.end_ns.fetch_min(now_ns, Ordering::Relaxed);
    }

    /// A client has this transaction under way, or none.
    #[inline]
    pub fn set(&self, client: u32, intended_ns: Option<u64>) {
        if let Some(place) = self.clients.get(client as usize) {
            place.0.store(intended_ns.unwrap_or(NOTHING), Ordering::Relaxed);
        }
    }

    /// The load is over: nothing is under way any more.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl UnderWay {
    /// Of a load that began when its clock did.
    pub fn new(places: Arc<Places>, clock: Clock, transactions: &[&'static str]) -> Self {
        Self { places, clock, transactions: transactions.to_vec() }
    }

    /// The transaction types of the load.
    pub fn transactions(&self) -> &[&'static str] {
        &self.transactions
    }

    /// Whether the load has ended, its last transaction included.
    pub fn is_over(&self) -> bool {
        self.places.is_over.load(Ordering::Relaxed)
    }

    /// Whether the measured part is yet to begin.
    pub fn is_warming_up(&self) -> bool {
        self.clock.now_ns() < self.places.measure_ns
    }

    /// How long the measured part has lasted; `None` during the warm-up, and once no transaction is to start any more.
    pub fn measured(&self) -> Option<Duration> {
        let now_ns = self.clock.now_ns();
        let measured_ns = now_ns.checked_sub(self.places.measure_ns)?;
        let goes_on = now_ns < self.places.end_ns() && !self.is_over();
        goes_on.then(|| Duration::from_nanos(measured_ns))
    }

    /// When, since the load began, transactions stop to start, as far as is known now; what comes later waits for the
    /// last of them. Centuries where time does not decide.
    pub fn end(&self) -> Duration {
        Duration::from_nanos(self.places.end_ns())
    }

    /// From when to when it is measured; `None` where time does not decide.
    pub fn window(&self) -> Option<(Instant, Instant)> {
        let Places { measure_ns, .. } = *self.places;
        let end_ns = self.places.end_ns();
        let began = self.clock.began();
        let at = |ns| began.checked_add(Duration::from_nanos(ns));
        let is_timed = measure_ns < u64::MAX && end_ns < u64::MAX;
        at(measure_ns).zip(at(end_ns)).filter(|_| is_timed)
    }

    /// How long ago the oldest transaction under way was meant to begin; `None` where there is none.
    pub fn oldest(&self) -> Option<Duration> {
        let began = |place: &Place| place.0.load(Ordering::Relaxed);
        let oldest_ns = self.places.clients.iter().map(began).min()?;
        if oldest_ns == NOTHING || self.is_over() {
            return None;
        }
        Some(Duration::from_nanos(self.clock.now_ns().saturating_sub(oldest_ns)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_that_of_any_client_and_nothing_is_under_way_in_the_end() {
        let places = Arc::new(Places::new(3, (0, u64::MAX)));
        let under_way = UnderWay::new(Arc::clone(&places), Clock::start(), &["pay"]);
        assert_eq!(under_way.oldest(), None);
        places.set(2, Some(0));
        places.set(1, Some(u64::MAX / 2));
        // One that is due in the future is no age at all, and the other is older.
        let first = under_way.oldest().unwrap();
        assert!(under_way.oldest().unwrap() >= first);
        places.set(2, None);
        assert_eq!(under_way.oldest(), Some(Duration::ZERO));
        // A client that there is not has no place.
        places.set(3, Some(0));
        assert_eq!(under_way.oldest(), Some(Duration::ZERO));
        assert!(under_way.measured().is_some());
        places.end();
        assert!(under_way.is_over());
        assert_eq!((under_way.oldest(), under_way.measured()), (None, None));
    }

    #[test]
    fn nothing_is_measured_during_the_warm_up() {
        let places = Arc::new(Places::new(1, (u64::MAX, u64::MAX)));
        let under_way = UnderWay::new(places, Clock::start(), &[]);
        assert!(under_way.is_warming_up());
        assert_eq!(under_way.measured(), None);
    }

    #[test]
    fn nothing_is_measured_while_a_load_waits_for_its_last_transactions() {
        let places = Arc::new(Places::new(1, (0, 3_500_000_000_000)));
        let under_way = UnderWay::new(Arc::clone(&places), Clock::start(), &[]);
        places.set(0, Some(0));
        assert!(under_way.measured().is_some());
        assert_eq!(under_way.end(), Duration::from_secs(3_500));
        // The end is asked for.
        places.end_at(0);
        assert_eq!(under_way.measured(), None);
        assert_eq!(under_way.end(), Duration::ZERO);
        assert!(!under_way.is_over() && !under_way.is_warming_up());
        assert!(under_way.oldest().is_some());
    }
}
