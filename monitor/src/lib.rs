//! Samples engines, their processes, this process and the machine once a second, beside whatever runs.
//!
//! A [`Monitor`] is a thread of its own. What it reads goes to [`Sink`]s, and is remembered for as long as
//! [`LoadWatch`](dbdyno_core::LoadWatch) may ask for it.

mod machine;
mod memory;
mod monitor;
mod processes;
mod rates;
mod targets;

pub use machine::CATALOGUE as MACHINE_CATALOGUE;
pub use memory::Memory;
pub use monitor::{Monitor, Sink};
pub use processes::CATALOGUE as PROCESS_CATALOGUE;
