//! Runs benchmarks: plans the cases, prepares the data, interleaves the repetitions, measures,
//! checks, and tells a [`Recorder`](dbdyno_core::Recorder) what came out.

mod ask;
mod cases;
mod measured;
mod metrics;
mod observer;
mod options;
mod own_servers;
mod relay;
mod rest;
mod round;
mod run;
mod stand;

pub use cases::{PlannedCase, plan};
pub use measured::{Measured, Stage};
pub use observer::{CaseSummary, RunObserver};
pub use options::{DEFAULT_CYCLES, DurabilityChoice, IsolationChoice, RunOptions, Selection};
pub use own_servers::WatchedServers;
pub use run::{RunSummary, run};
pub use stand::Stand;
