//! The load engine: clients, schedules, phases, histograms and the timeline.
//!
//! [`run_load`] starts workers (`worker`), each a thread with an event loop of its own; a worker
//! opens a session per client and runs the hot loop (`client`), which counts into a recording
//! (`recording`) that nobody else touches. Once a second each recording is handed to the
//! collector (`collector`) on the calling thread.

mod arrivals;
mod client;
mod clock;
mod collector;
mod engine;
mod message;
mod plan;
mod recording;
mod report;
mod shared;
mod under_way;
mod usage;
mod worker;
mod workload;

pub use arrivals::Arrivals;
pub use clock::{Clock, Sleeper};
pub use collector::LoadObserver;
pub use engine::run_load;
pub use plan::{Arrival, Length, LoadPlan, OpenLoop, RetryPolicy, Spacing};
pub use report::{ErrorReport, LoadReport, TransactionReport};
pub use under_way::{Places, UnderWay};
pub use usage::{leave_out_thread, leaving_out};
pub use workload::{
    AnyClient, Client, Draw, Outcome, Running, Tally, TallyEntry, Witness, Workload,
};
