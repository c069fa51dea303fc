//! PostgreSQL, MySQL/MariaDB and SQLite through sqlx. [`SqlxConnection`] serves them all; what sqlx does
//! not have in common for them is an [`Engine`], which lies with the engine.

mod connection;
mod engine;
mod errors;
mod library;
mod pool;
mod rows;

pub(crate) use engine::{Engine, Way};
pub(crate) use errors::error;
pub(crate) use library::driver;

/// The driver's name.
pub const NAME: &str = "sqlx";

/// How many prepared statements a connection keeps: more than any benchmark has, so that none is prepared
/// again while it is measured.
pub const STATEMENT_CACHE: usize = 1_000;
