//! What committed transactions did to the tables, as the clients know it: the other side of the
//! benchmark's accounting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use dbdyno_core::steps::Visit;
use dbdyno_core::{DbError, StatementId, Steps, Value};

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
    /// A transaction about to begin.
    pub(super) fn begin(&self) -> Ending<'_> {
        Ending { client: self, effects: Effects::default() }
    }

    fn add(&self, effects: Effects, kind: usize) {
        for (sums, amount) in self.sums.iter().zip(effects.0) {
            if amount != 0 {
                sums[kind].fetch_add(amount, Ordering::Relaxed);
            }
        }
    }
}

/// The end that a transaction comes to. One that is dropped after its commit was sent, without
/// being settled, is of unknown outcome.
pub(super) struct Ending<'c> {
    client: &'c ClientEffects,
    /// What the commit does, once it is sent.
    effects: Effects,
}

impl Ending<'_> {
    /// Takes the last step of a transaction with these effects.
    pub(super) async fn commit(
        &mut self,
        steps: &mut Steps<'_>,
        effects: Effects,
    ) -> Result<(), DbError> {
        self.effects = effects;
        steps.commit().await
    }

    /// Calls the stored procedure that is the whole transaction and answers one row. `effects` are those
    /// that it may have, should the answer never come.
    pub(super) async fn call(
        &mut self,
        steps: &mut Steps<'_>,
        id: StatementId,
        params: &[Value<'_>],
        effects: Effects,
        read: impl Visit,
    ) -> Result<(), DbError> {
        self.effects = effects;
        steps.change_one(id, params, read).await
    }

    /// Notes what effects a call had, by its answer.
    pub(super) fn found(&mut self, effects: Effects) {
        self.effects = effects;
    }

    /// Counts the effects. They count as unknown where the connection broke in the commit.
    pub(super) fn settle<T>(mut self, result: &Result<T, DbError>) {
        if result.as_ref().is_err_and(|error| error.outcome_unknown) {
            return;
        }
        let effects = std::mem::take(&mut self.effects);
        if result.is_ok() {
            self.client.add(effects, 0);
        }
    }
}

impl Drop for Ending<'_> {
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
