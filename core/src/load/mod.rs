//! The load engine: clients, schedules, phases, histograms and the timeline.

mod workload;

pub use workload::{Client, Draw, Outcome, Tally, TallyEntry, Workload};
