//! Records histories of transactions under load ([`ClientLog`], [`merge`]) and finds the isolation
//! anomalies in them ([`History`], [`check`](check()), [`Verdict`]), after Kingsbury and Alvaro, "Elle:
//! Inferring Isolation Anomalies from Experimental Observations", VLDB 2020, and Adya, "Weak
//! Consistency: A Generalized Theory and Optimistic Implementations for Distributed Transactions", 1999.
//!
//! The crate knows no engine: what it judges is what clients saw.

mod atom;
mod attempt;
mod edn;
mod log;
mod merge;
mod store;

pub use attempt::{Attempt, Outcome};
pub use log::{ClientLog, Recorded};
pub use merge::merge;
pub use store::{History, Kind, ReadOptions};
