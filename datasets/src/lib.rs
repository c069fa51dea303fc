//! Deterministic benchmark data sets, streamed to a driver's bulk loader.
//!
//! A data set is a pure function of (name, scale, seed): the same rows on every engine, in constant
//! memory, in as many parts as the caller likes.

mod dataset;

pub use dataset::Dataset;
