//! Online transaction processing: short transactions, many of them.

mod last_writes;
mod ledger;
mod places;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
pub(crate) mod recording;
mod samples;
mod sbtest;
mod smallbank;
pub(crate) mod tpcb;
pub(crate) mod tpcc;
pub(crate) mod ycsb;

use crate::benchmark::Benchmark;
pub(crate) use smallbank::SmallBank;
pub(crate) use tpcc::Tpcc;

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    vec![
        Box::new(sbtest::POINT_SELECT),
        Box::new(sbtest::RANGE_SELECT),
        Box::new(sbtest::READ_ONLY),
        Box::new(sbtest::WRITE_ONLY),
        Box::new(sbtest::READ_WRITE),
        Box::new(sbtest::UPDATE_INDEX),
        Box::new(sbtest::UPDATE_NON_INDEX),
        Box::new(sbtest::INSERT),
        Box::new(sbtest::DELETE),
        Box::new(sbtest::READS_SWEEP),
        Box::new(sbtest::WRITES_SWEEP),
        Box::new(tpcb::TpcB),
        Box::new(Tpcc),
        Box::new(ycsb::A),
        Box::new(ycsb::B),
        Box::new(ycsb::C),
        Box::new(ycsb::D),
        Box::new(ycsb::E),
        Box::new(ycsb::F),
        Box::new(SmallBank),
    ]
}
