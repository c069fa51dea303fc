//! A history of runs: plain files, a folder for each run, that a version control system can hold.
//! `docs/history.md` says what is in it and how changes are found.

mod entry;
pub(crate) mod series;
mod show;
mod store;

pub use entry::{Entry, Source};
pub use show::{ShowOptions, list, show};
pub use store::RunHistory;
