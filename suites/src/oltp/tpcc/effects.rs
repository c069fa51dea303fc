//! What committed transactions did to the tables, as the clients know it: the other side of the
//! benchmark's accounting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use dbdyno_core::{DbError, Session};

use crate::benchmark::Check;

/// An amount that transactions add up to; the discriminant is its place in [`Effects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    /// Order lines inserted.
    OrderLines,
    /// Items taken from stock.
    OrderedItems,
    /// Cents paid.
    PaidCents,
    /// Orders delivered.
    DeliveredOrders,
    /// Districts that a Delivery skipped for want of an order (2.7.4.2).
    SkippedDistricts,
}

/// For each amount, the names under which it is counted: of acknowledged commits, and of those
/// that may have taken effect or not.
const NAMES: [[&str; 2]; 5] = [
    ["order_lines", "order_lines_unknown"],
    ["ordered_items", "ordered_items_unknown"],
    ["paid_cents", "paid_cents_unknown"],
    ["delivered_orders", "delivered_orders_unknown"],
    ["skipped_districts", "skipped_districts_unknown"],
];

/// What one transaction adds to each [`Amount`]; never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effects([i64; NAMES.len()]);

impl Effects {
    /// Adds to an amount.
    pub(super) fn add(&mut self, amount: Amount, more: i64) {
        self.0[amount as usize] += more;
    }
}

/// The effects of one client's transactions, readable while it runs. Only that client writes, so
/// that clients share no cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct ClientEffects {
    /// As [`NAMES`]: acknowledged, unknown.
    sums: [[AtomicI64; 2]; NAMES.len()],
}

impl ClientEffects {
    /// Commits a transaction and counts its effects. They count as unknown where the connection
    /// breaks in the commit, and where nobody waits for the commit to end.
    pub(super) async fn commit(
        &self,
        session: &mut dyn Session,
        effects: Effects,
    ) -> Result<(), DbError> {
        let mut pending = Pending { client: self, effects };
        let result = session.commit().await;
        match &result {
            Ok(()) => pending.settle(true),
            Err(error) if error.outcome_unknown => {}
            Err(_) => pending.settle(false),
        }
        result
    }

    fn add(&self, effects: Effects, kind: usize) {
        for (sums, amount) in self.sums.iter().zip(effects.0) {
            if amount != 0 {
                sums[kind].fetch_add(amount, Ordering::Relaxed);
            }
        }
    }
}

/// A commit under way. One that is dropped without being settled is of unknown outcome.
struct Pending<'c> {
    client: &'c ClientEffects,
    effects: Effects,
}

impl Pending<'_> {
    fn settle(&mut self, took_effect: bool) {
        let effects = std::mem::take(&mut self.effects);
        if took_effect {
            self.client.add(effects, 0);
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.client.add(self.effects, 1);
    }
}

/// The effects of all clients together, by name.
pub(super) fn counted<'c>(
    clients: impl Iterator<Item = &'c ClientEffects>,
) -> BTreeMap<&'static str, i64> {
    let mut counted: BTreeMap<_, _> = NAMES.iter().flatten().map(|name| (*name, 0)).collect();
    for client in clients {
        for (name, sum) in NAMES.iter().flatten().zip(client.sums.iter().flatten()) {
            *counted.entry(*name).or_insert(0) += sum.load(Ordering::Relaxed);
        }
    }
    counted
}

/// An amount that the clients counted: acknowledged, unknown.
pub(super) fn of(counted: &BTreeMap<&'static str, i64>, amount: Amount) -> [u64; 2] {
    NAMES[amount as usize].map(|name| counted.get(name).copied().unwrap_or(0).unsigned_abs())
}

/// The condition that a number in the tables moved by an amount that the clients counted.
pub(super) fn check(
    name: &str,
    what: &str,
    moved: i64,
    counted: &BTreeMap<&'static str, i64>,
    amount: Amount,
) -> Check {
    let [acknowledged, unknown] = of(counted, amount);
    Check::accounted(name, what, moved, acknowledged, unknown)
}
