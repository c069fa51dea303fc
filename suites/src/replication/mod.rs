//! Replication: how far replicas lag, what they cost the primary, what readers of them see, and what is lost
//! when the primary is.

mod bench;
mod bulk_update;
mod catch_up;
mod cost;
mod failover;
mod found;
mod heartbeat;
mod hosted;
mod minority;
mod network;
mod nodes;
mod options;
mod reads;
mod staleness;

use crate::benchmark::Benchmark;
use crate::oltp::tpcb::TpcB;
use crate::oltp::tpcc::Tpcc;
use bulk_update::BulkUpdate;
use cost::Cost;
pub use options::{DEFAULT_AWAY, DEFAULT_CUT, ReplicationOptions, link_name};

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    let mut benchmarks: Vec<Box<dyn Benchmark>> = Vec::new();
    benchmarks.extend(LOADS.map(|load| Box::new(load) as Box<dyn Benchmark>));
    benchmarks.extend([
        Box::new(reads::Reads) as Box<dyn Benchmark>,
        Box::new(catch_up::CatchUp),
        Box::new(failover::Failover),
        Box::new(network::Network),
    ]);
    benchmarks
}

const LOADS: [Cost; 3] = [
    Cost {
        name: "tpcb",
        summary: "pgbench's TPC-B-like transaction: how far each kind of replica lags, and what it costs the \
                  primary",
        transactions: &TpcB,
        is_thorough: true,
    },
    Cost {
        name: "tpcc",
        summary: "TPC-C's transactions: how far each kind of replica lags, and what it costs the primary",
        transactions: &Tpcc,
        is_thorough: false,
    },
    Cost {
        name: "bulk-update",
        summary: "updates of ten thousand rows at once: how far each kind of replica lags behind them, and what \
                  it costs the primary",
        transactions: &BulkUpdate,
        is_thorough: false,
    },
];
