//! Online transaction processing: short transactions, many of them.

use crate::benchmark::Benchmark;

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    vec![]
}
