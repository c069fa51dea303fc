//! What the clients of a load have under way, for those who look on from other threads: seconds of a load are told
//! when clients come to it, and one that waits in a call comes to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

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
    is_over: AtomicBool,
}

/// A client's own, so that what it writes in each transaction is in no other processor's way.
#[repr(align(64))]
#[derive(Debug)]
struct Place(AtomicU64);

/// In the place of a moment: the client has nothing under way.
const NOTHING: u64 = u64::MAX;

impl Places {
    /// Places of so many clients, whose measurement begins at that moment of the load.
    pub fn new(clients: u32, measure_ns: u64) -> Self {
        let place = |_| Place(AtomicU64::new(NOTHING));
        Self {
            clients: (0..clients).map(place).collect(),
            measure_ns,
            is_over: AtomicBool::new(false),
        }
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

    /// How long the measured part has lasted; `None` during the warm-up and where the load is over.
    pub fn measured(&self) -> Option<Duration> {
        let measured_ns = self.clock.now_ns().checked_sub(self.places.measure_ns)?;
        (!self.is_over()).then(|| Duration::from_nanos(measured_ns))
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
        let places = Arc::new(Places::new(3, 0));
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
        let places = Arc::new(Places::new(1, u64::MAX));
        assert_eq!(UnderWay::new(places, Clock::start(), &[]).measured(), None);
    }
}
