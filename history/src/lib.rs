//! Records histories of transactions under load ([`ClientLog`], [`merge`]) and finds the isolation
//! anomalies in them ([`History`], [`check()`], [`Verdict`]), after Kingsbury and Alvaro, "Elle:
//! Inferring Isolation Anomalies from Experimental Observations", VLDB 2020, and Adya, "Weak
//! Consistency: A Generalized Theory and Optimistic Implementations for Distributed Transactions", 1999.
//!
//! The crate knows no engine: what it judges is what clients saw.

mod atom;
mod attempt;
mod check;
mod class;
mod cycle;
mod edn;
mod export;
mod findings;
mod graph;
mod list_append;
mod log;
mod lost_update;
mod merge;
mod model;
mod order;
mod picture;
mod register;
mod scc;
mod store;
#[doc(hidden)]
pub mod testing;
mod text;
mod verdict;

pub use attempt::{Attempt, Outcome};
pub use check::check;
pub use class::{AnomalyClass, ClassSet};
pub use export::export;
pub use log::{ClientLog, Recorded};
pub use merge::{Merged, merge, merge_cut_off};
pub use model::{Model, proscribed};
pub use picture::{dot, svg};
pub use store::{History, Kind, ReadOptions};
pub use text::verdict_text;
pub use verdict::{CheckOptions, Cycle, Example, Found, RegisterOrder, Shown, Step, Verdict};
