//! Counting how far a number in the tables must have moved: rows, cents. A tally counts commits;
//! where commits move the number by different amounts, the clients keep a ledger.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dbdyno_core::DbError;

use crate::benchmark::Check;

/// The sum of acknowledged moves, as [`Workload::counted`](dbdyno_core::load::Workload::counted)
/// gives it.
const MOVED: &str = "moved";
/// The sum of all moves of unknown outcome that go down.
const UNKNOWN_DOWN: &str = "unknown_down";
/// The sum of all moves of unknown outcome that go up.
const UNKNOWN_UP: &str = "unknown_up";

/// The ledgers of all clients of a case.
#[derive(Debug, Default)]
pub struct Ledgers {
    ledgers: Mutex<Vec<Arc<Ledger>>>,
}

/// How far one client moved the number. Each client writes its own, so that clients share no
/// cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Ledger {
    moved: AtomicI64,
    unknown_down: AtomicI64,
    unknown_up: AtomicI64,
}

/// A move under way. One that is dropped without being settled is of unknown outcome.
#[derive(Debug)]
#[must_use]
pub struct Pending<'l> {
    ledger: &'l Ledger,
    amounts: RangeInclusive<i64>,
}

impl Ledgers {
    /// A ledger for one more client.
    pub fn open(&self) -> Arc<Ledger> {
        let ledger = Arc::new(Ledger::default());
        self.lock().push(Arc::clone(&ledger));
        ledger
    }

    /// The sums over all clients, for the workload to give as what it counted.
    pub fn counted(&self) -> BTreeMap<&'static str, i64> {
        let ledgers = self.lock();
        let sum = |part: fn(&Ledger) -> &AtomicI64| {
            ledgers.iter().map(|ledger| part(ledger).load(Ordering::Relaxed)).sum()
        };
        BTreeMap::from([
            (MOVED, sum(|ledger| &ledger.moved)),
            (UNKNOWN_DOWN, sum(|ledger| &ledger.unknown_down)),
            (UNKNOWN_UP, sum(|ledger| &ledger.unknown_up)),
        ])
    }

    /// The condition that a number moved by what the ledgers say. Each move of unknown outcome
    /// may have happened or not, so the bounds take all that go down, or all that go up.
    pub fn check(
        name: &str,
        what: &str,
        moved: i64,
        counted: &BTreeMap<&'static str, i64>,
    ) -> Check {
        let sum = |part| counted.get(part).copied().unwrap_or(0);
        let low = sum(MOVED) + sum(UNKNOWN_DOWN);
        let high = sum(MOVED) + sum(UNKNOWN_UP);
        let expected = if low == high { format!("{low}") } else { format!("{low} to {high}") };
        Check::new(
            name,
            (low..=high).contains(&moved),
            format!("{what}: the clients moved it by {expected}, the tables show {moved}"),
        )
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Ledger>>> {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Notes that a commit is about to be sent which moves the number by one of `amounts`: 0 to 0
    /// for a transaction that is still far from it.
    pub const fn pending(&self, amounts: RangeInclusive<i64>) -> Pending<'_> {
        Pending { ledger: self, amounts }
    }
}

impl Pending<'_> {
    /// Notes that the commit about to be sent moves the number by one of `amounts` after all.
    pub fn sending_commit(&mut self, amounts: RangeInclusive<i64>) {
        self.amounts = amounts;
    }

    /// Notes how the commit ended: by how much it moved the number, or the error, which is
    /// handed back.
    pub fn settle(mut self, result: Result<i64, DbError>) -> Result<i64, DbError> {
        match &result {
            Ok(0) => self.amounts = 0..=0,
            Ok(amount) => {
                self.ledger.moved.fetch_add(*amount, Ordering::Relaxed);
                self.amounts = 0..=0;
            }
            Err(error) if error.outcome_unknown => {}
            Err(_) => self.amounts = 0..=0,
        }
        result
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let (down, up) = ((*self.amounts.start()).min(0), (*self.amounts.end()).max(0));
        if down != 0 {
            self.ledger.unknown_down.fetch_add(down, Ordering::Relaxed);
        }
        if up != 0 {
            self.ledger.unknown_up.fetch_add(up, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use dbdyno_core::ErrorClass;

    use super::*;

    fn lost() -> DbError {
        DbError::new(ErrorClass::Disconnected, None, "gone").during_commit()
    }

    #[test]
    fn acknowledged_moves_are_exact() {
        let ledgers = Ledgers::default();
        let (one, two) = (ledgers.open(), ledgers.open());
        one.pending(-1..=0).settle(Ok(-1)).unwrap();
        two.pending(5..=5).settle(Ok(5)).unwrap();
        two.pending(7..=7).settle(Err(DbError::unexpected("refused"))).unwrap_err();
        let counted = ledgers.counted();
        assert!(Ledgers::check("rows", "rows", 4, &counted).held);
        assert!(!Ledgers::check("rows", "rows", 5, &counted).held);
        assert!(!Ledgers::check("rows", "rows", 3, &counted).held);
    }

    #[test]
    fn unknown_outcomes_widen_the_bounds_both_ways() {
        let ledgers = Ledgers::default();
        let ledger = ledgers.open();
        ledger.pending(10..=10).settle(Ok(10)).unwrap();
        ledger.pending(3..=3).settle(Err(lost())).unwrap_err();
        ledger.pending(-4..=-4).settle(Err(lost())).unwrap_err();
        drop(ledger.pending(-1..=1));
        let counted = ledgers.counted();
        let held: Vec<i64> = (0..20)
            .filter(|moved| Ledgers::check("cents", "cents", *moved, &counted).held)
            .collect();
        assert_eq!(held, (5..=14).collect::<Vec<_>>());
    }
}
