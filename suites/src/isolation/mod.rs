//! What each isolation level keeps from happening, and what it costs.

mod anomalies;

use crate::benchmark::Benchmark;

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    vec![Box::new(anomalies::Anomalies)]
}

pub use anomalies::schedules_in_words;
