//! The numbers of new records, shared by all clients.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Gives out record numbers, and knows up to which all records are there: a request for one of
/// the latest must not ask for a record whose insert is still under way. (YCSB's
/// `AcknowledgedCounterGenerator` keeps the same promise.)
#[derive(Debug)]
pub struct NewKeys {
    next: AtomicU64,
    /// Every number below is in the table.
    present: AtomicU64,
    /// Acknowledged numbers above `present`, which wait for a slower insert below them.
    waiting: Mutex<BinaryHeap<Reverse<u64>>>,
}

impl NewKeys {
    /// For a table that holds the numbers below `records`.
    pub fn after(records: u64) -> Self {
        Self {
            next: AtomicU64::new(records),
            present: AtomicU64::new(records),
            waiting: Mutex::default(),
        }
    }

    /// A number that no one else has.
    pub fn take(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes that record `number` is in the table.
    pub fn acknowledge(&self, number: u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Reverse(number));
        let mut present = self.present.load(Ordering::Relaxed);
        while waiting.peek() == Some(&Reverse(present)) {
            waiting.pop();
            present += 1;
        }
        self.present.store(present, Ordering::Release);
    }

    /// How many records, counted from number 0, are in the table without a gap.
    pub fn present(&self) -> u64 {
        self.present.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::NewKeys;

    #[test]
    fn a_gap_holds_back_what_is_above_it() {
        let keys = NewKeys::after(10);
        assert_eq!([keys.take(), keys.take(), keys.take()], [10, 11, 12]);
        keys.acknowledge(12);
        keys.acknowledge(11);
        assert_eq!(keys.present(), 10);
        keys.acknowledge(10);
        assert_eq!(keys.present(), 13);
    }
}
