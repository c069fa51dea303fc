//! What each isolation level keeps from happening, and what it costs.

mod anomalies;
mod contended;
pub mod durability;
mod every_level;
mod history;

use crate::benchmark::Benchmark;
use crate::oltp;
use contended::{Contended, HotRow, OnCall, Report};
use every_level::EveryLevel;

pub use anomalies::schedules_in_words;

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    vec![
        Box::new(anomalies::Anomalies),
        Box::new(Contended(&HotRow)),
        Box::new(Contended(&Report)),
        Box::new(Contended(&OnCall)),
        Box::new(EveryLevel(Box::new(oltp::SmallBank))),
        Box::new(EveryLevel(Box::new(oltp::Tpcc))),
        Box::new(history::LIST_APPEND),
        Box::new(history::RW_REGISTER),
        Box::new(durability::TPCB),
        Box::new(durability::LIST_APPEND),
    ]
}
