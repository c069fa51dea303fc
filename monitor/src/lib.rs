//! Samples engines, their processes, this process and the machine once a second, beside whatever runs.
//!
//! A [`Monitor`] has a thread of its own, which it leaves to a load that is to have its process to itself. What it reads goes to [`Sink`]s, and is remembered for as long as
//! [`LoadWatch`](dbdyno_core::LoadWatch) may ask for it. [`Overheard`] lets others listen to what loads tell.

mod alert;
mod exposition;
mod guests;
mod machine;
#[cfg(test)]
mod made_up;
mod memory;
mod monitor;
mod overheard;
mod processes;
mod rates;
mod sampler;
mod targets;
#[cfg(target_os = "linux")]
mod threads;

pub use alert::{
    AlertSink, Alerts, Baseline, Change, Condition, Fires, LOAD_METRICS, Metric, Notice, Op, RATIO,
    READY_MADE, ReadyMade, Rule, Severity, Subject, metrics as alert_metrics,
};
pub use exposition::{Endpoint, Exposition, Serving, prometheus_name};
pub use guests::Guests;
pub use machine::CATALOGUE as MACHINE_CATALOGUE;
pub use memory::Memory;
pub use monitor::{Monitor, Sink};
pub use overheard::{LoadListener, Overheard, case_name, comparable_name};
pub use processes::CATALOGUE as PROCESS_CATALOGUE;
