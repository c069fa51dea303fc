//! Runs benchmarks: plans the cases, prepares the data, interleaves the repetitions, measures,
//! checks, and tells a [`Recorder`](dbdyno_core::Recorder) what came out.

mod cases;
mod metrics;
mod observer;
mod options;
mod round;
mod run;

pub use cases::{PlannedCase, plan};
pub use observer::{CaseSummary, RunObserver};
pub use options::{
    DEFAULT_CLIENTS, DurabilityChoice, IsolationChoice, RunOptions, SWEEP_CLIENTS, Selection,
};
pub use run::{RunSummary, run};
