//! What transactions promise, put to the test.

pub mod durability;

use crate::benchmark::Benchmark;

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    vec![Box::new(durability::TPCB), Box::new(durability::LIST_APPEND)]
}
