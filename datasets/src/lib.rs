//! Deterministic benchmark data sets, streamed to a driver's bulk loader.
//!
//! A data set is a pure function of (name, scale, seed): the same rows on every engine, in constant
//! memory, in as many parts as the caller likes. [`prepare`] puts one on a target, or finds it there.

pub mod access;
mod blocks;
mod dataset;
pub mod isolation;
pub mod journal;
pub mod lists;
mod load;
mod mark;
mod registry;
pub mod sbtest;
mod scripted;
pub mod smallbank;
#[cfg(test)]
mod testing;
pub mod tpcb;
pub mod tpcc;
pub mod tpch;
pub mod wide;
pub mod ycsb;

pub use dataset::{Dataset, Made, SetUp};
pub use load::{LoadObserver, Prepared, Silent, Wanted, check_scale, mark_spent, prepare};
pub use registry::{datasets, find};
