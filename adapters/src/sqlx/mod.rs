//! PostgreSQL, MySQL/MariaDB and SQLite through sqlx. [`SqlxConnection`] serves them all; what sqlx does
//! not have in common for them is an [`Engine`], which lies with the engine.

mod connection;
mod engine;
mod errors;
mod rows;

pub(crate) use connection::SqlxConnection;
pub(crate) use engine::{Engine, Opened};
pub(crate) use errors::error;

/// The driver's name.
pub const NAME: &str = "sqlx";

/// Why its sessions cannot pipeline.
pub const NO_PIPELINE: &str = "sqlx sends a statement once the one before it was answered";

/// How many prepared statements a connection keeps: more than any benchmark has, so that none is prepared
/// again while it is measured.
pub const STATEMENT_CACHE: usize = 1_000;
