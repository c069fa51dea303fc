//! The highest rate at which a service-level objective holds: an open loop at one rate after another.
//! `docs/find-limit.md` says how it searches.

mod objective;
mod probe;
mod search;

pub use objective::Objective;
pub use probe::{Limit, LimitOptions, Probe, check_one_load, find_limit};
pub use search::Found;
