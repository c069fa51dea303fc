//! Reports of loads that never ran, for tests.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::{Duration, Instant, SystemTime};

use dbdyno_core::load::{LoadReport, Tally, TransactionReport};
use hdrhistogram::Histogram;

/// A transaction type of which `in_window` ended in the window, with response times in milliseconds.
pub fn transaction(name: &'static str, in_window: u64, took_ms: &[u64]) -> TransactionReport {
    let mut response_ns = Histogram::new(3).unwrap();
    for ms in took_ms {
        response_ns.record(ms * 1_000_000).unwrap();
    }
    TransactionReport {
        name,
        in_window,
        committed: in_window,
        rolled_back: 0,
        failed: 0,
        retries: 0,
        late: 0,
        skipped: 0,
        response_ns,
        service_ns: None,
    }
}

/// A load that was measured for ten seconds.
pub fn report(transactions: Vec<TransactionReport>) -> LoadReport {
    LoadReport {
        began_at: SystemTime::now(),
        began: Instant::now(),
        window: Duration::from_secs(10),
        transactions,
        errors: Vec::new(),
        retries: Vec::new(),
        tally: Tally::default(),
        ended_well: Vec::new(),
        client_cpu: Duration::ZERO,
        interrupted: false,
        connections_lost: 0,
        outage: Duration::ZERO,
        unstarted_ns: Histogram::new(3).unwrap(),
        abandoned: 0,
        failure: None,
    }
}
