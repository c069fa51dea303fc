//! Connection pools: what stands between an application and its database, at every size, and when something
//! goes wrong.

mod bench;
mod burst;
mod churn;
mod found;
mod idle;
mod leak;
mod leasing;
mod long;
mod options;
mod restart;
mod stages;
mod sweep;
mod trouble;
mod watch;

use crate::benchmark::Benchmark;
use crate::oltp::{tpcb::TpcB, ycsb};
pub use options::PoolOptions;
use sweep::Sweep;
use trouble::Troubled;

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    let mut benchmarks: Vec<Box<dyn Benchmark>> = Vec::new();
    benchmarks.extend(SWEEPS.map(|sweep| Box::new(sweep) as Box<dyn Benchmark>));
    benchmarks.extend([
        Box::new(churn::Churn) as Box<dyn Benchmark>,
        Box::new(burst::Burst),
        Box::new(Troubled(&leak::Leak)),
        Box::new(Troubled(&restart::Restart)),
        Box::new(idle::Idle),
    ]);
    benchmarks
}

const SWEEPS: [Sweep; 3] = [
    Sweep {
        name: "tpcb",
        summary: "pgbench's TPC-B-like transaction through pools of every kind and size, and without one",
        transactions: &TpcB,
    },
    Sweep {
        name: "read-mostly",
        summary: "95 % reads and 5 % updates of single records (YCSB workload B) through pools of every \
                  kind and size, and without one",
        transactions: &ycsb::B,
    },
    Sweep {
        name: "long-transactions",
        summary: "TPC-B-like transactions, 5 % of which hold their connection for 20 to 50 ms, through \
                  pools of every kind and size, and without one",
        transactions: &long::LongTransactions,
    },
];
