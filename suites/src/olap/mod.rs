//! Online analytical processing: long queries over whole tables, whose answers are known.

pub mod answer;
pub mod htap;
pub mod query;
mod referee;
mod tpch;
mod wide;

use crate::benchmark::Benchmark;

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    vec![
        Box::new(tpch::TpcH),
        Box::new(tpch::Composite),
        Box::<wide::Wide>::default(),
        Box::new(htap::Htap),
    ]
}
