//! What a load yields.

use std::time::{Duration, Instant, SystemTime};

use hdrhistogram::Histogram;

use crate::error::{Error, ErrorClass};

use super::recording::{Interval, TypeInterval, histogram};
use super::workload::Tally;

/// A load, measured.
#[derive(Clone, Debug)]
pub struct LoadReport {
    /// When the load began, warm-up and all.
    pub began_at: SystemTime,
    /// The same by a clock that nobody sets.
    pub began: Instant,
    /// How long it was measured: throughput is what ended in this window.
    pub window: Duration,
    /// The transaction types in the workload's order.
    pub transactions: Vec<TransactionReport>,
    /// Errors in the measured phase, by transaction type, class and code.
    pub errors: Vec<ErrorReport>,
    /// Retries in the measured phase, likewise.
    pub retries: Vec<ErrorReport>,
    /// Every end that the clients saw, warm-up and all.
    pub tally: Tally,
    /// How many transactions of each client ended well within the window, whenever they began.
    pub ended_well: Vec<u64>,
    /// Processor time that this process used in the window, in user and kernel mode.
    pub client_cpu: Duration,
    /// Whether it was ended before its time.
    pub interrupted: bool,
    /// Connections that broke in the window.
    pub connections_lost: u64,
    /// How long of the window at least one client was without a connection.
    pub outage: Duration,
    /// Open loop: how long the arrivals due in the window that no client was ever free to start had
    /// waited at its end. Their response times would have been longer.
    pub unstarted_ns: Histogram<u64>,
    /// Transactions that had not ended when the drain limit passed.
    pub abandoned: u64,
    /// Why it ended before its time, where something broke.
    pub failure: Option<Error>,
}

/// One transaction type, measured.
#[derive(Clone, Debug)]
pub struct TransactionReport {
    /// Its name.
    pub name: &'static str,
    /// Ended well within the window, whenever it began.
    pub in_window: u64,
    /// Committed, of those begun in the window.
    pub committed: u64,
    /// Rolled back as meant to, of those begun in the window.
    pub rolled_back: u64,
    /// Failed for good.
    pub failed: u64,
    /// Tries beyond the first.
    pub retries: u64,
    /// Took longer than the latency limit.
    pub late: u64,
    /// Given up before they started, for the latency limit had passed.
    pub skipped: u64,
    /// Response times: from the intended start to the last answer, retries and all.
    pub response_ns: Histogram<u64>,
    /// Service times: from the actual start; in open loop only.
    pub service_ns: Option<Histogram<u64>>,
}

/// Errors or retries that share a transaction type, a class and a code.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorReport {
    /// The transaction type.
    pub transaction: &'static str,
    /// The class.
    pub class: ErrorClass,
    /// The engine's own code, empty where it gave none.
    pub code: String,
    /// How often.
    pub count: u64,
    /// The engine's words, the first time.
    pub message: String,
}

impl LoadReport {
    /// Whether it came to the end it was meant to have, and every transaction with it.
    pub fn is_whole(&self) -> bool {
        !self.interrupted && self.failure.is_none() && self.abandoned == 0
    }

    /// Transactions per second of one type.
    pub fn throughput(&self, transaction: &TransactionReport) -> f64 {
        rate(transaction.in_window, self.window)
    }

    /// Transactions per second of all types.
    pub fn total_throughput(&self) -> f64 {
        rate(self.transactions.iter().map(|transaction| transaction.in_window).sum(), self.window)
    }

    /// All types in one. Its response times include the arrivals that were never started, by how
    /// long they had waited: leaving them out would hide a stall at the end.
    pub fn total(&self) -> TransactionReport {
        let service = self.transactions.iter().any(|each| each.service_ns.is_some());
        let mut total = TransactionReport::new("", service);
        for each in &self.transactions {
            total.in_window += each.in_window;
            total.committed += each.committed;
            total.rolled_back += each.rolled_back;
            total.failed += each.failed;
            total.retries += each.retries;
            total.late += each.late;
            total.skipped += each.skipped;
            merge(&mut total.response_ns, &each.response_ns);
            if let (Some(into), Some(from)) = (&mut total.service_ns, &each.service_ns) {
                merge(into, from);
            }
        }
        merge(&mut total.response_ns, &self.unstarted_ns);
        total
    }
}

impl TransactionReport {
    pub(super) fn new(name: &'static str, service: bool) -> Self {
        Self {
            name,
            in_window: 0,
            committed: 0,
            rolled_back: 0,
            failed: 0,
            retries: 0,
            late: 0,
            skipped: 0,
            response_ns: histogram(),
            service_ns: service.then(histogram),
        }
    }

    pub(super) fn add(&mut self, interval: &TypeInterval) {
        self.committed += interval.committed;
        self.rolled_back += interval.rolled_back;
        self.failed += interval.failed;
        self.retries += interval.retries;
        self.late += interval.late;
        self.skipped += interval.skipped;
        merge(&mut self.response_ns, &interval.response_ns);
        if let (Some(into), Some(from)) = (&mut self.service_ns, &interval.service_ns) {
            merge(into, from);
        }
    }
}

/// Adds counts to those already known by transaction type, class and code.
pub(super) fn add_errors(
    into: &mut Vec<ErrorReport>,
    names: &[&'static str],
    from: &[super::recording::ErrorCount],
) {
    for count in from {
        let code = count.code.clone().unwrap_or_default();
        let transaction = names[count.transaction];
        let known = into.iter_mut().find(|known| {
            known.transaction == transaction && known.class == count.class && known.code == code
        });
        match known {
            Some(known) => known.count += count.count,
            None => into.push(ErrorReport {
                transaction,
                class: count.class,
                code,
                count: count.count,
                message: count.message.clone(),
            }),
        }
    }
}

/// Adds an interval to the tally.
pub(super) fn add_to_tally(tally: &mut Tally, names: &[&'static str], interval: &Interval) {
    for (name, entry) in names.iter().zip(&interval.types) {
        let sum = tally.transactions.entry(name).or_default();
        sum.committed += entry.committed;
        sum.rolled_back += entry.rolled_back;
        sum.unknown += entry.unknown;
    }
}

/// Adds one histogram to another, which grows where it must.
pub(super) fn merge(into: &mut Histogram<u64>, from: &Histogram<u64>) {
    if into.add(from).is_err() {
        // Only a histogram that may not grow refuses, and all of ours may.
        tracing::error!("a histogram could not be merged; its latencies are missing");
    }
}

fn rate(count: u64, window: Duration) -> f64 {
    let seconds = window.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
