//! PostgreSQL, MySQL/MariaDB and SQLite behind [`dbdyno_core::Driver`]: one folder per engine, and
//! one line per engine in the [registry]. Nothing outside of this crate knows an engine's SQL or
//! its client library.

mod backup;
pub mod codec;
mod library;
pub mod mysql;
mod patience;
#[cfg(test)]
mod plan_lines;
mod pool;
pub mod postgres;
pub mod proxy;
pub mod registry;
mod socket;
pub mod sqlite;
mod sqlx;
pub mod target;
pub mod throwaway;
pub mod tls;
mod tool;
mod transport;

pub use registry::{Companion, EngineEntry, Found, ServerSettings, engines, open};
pub use target::{Location, Secret, ServerUrl, Target};
