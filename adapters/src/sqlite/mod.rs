//! SQLite through rusqlite, with the library built in.
//!
//! A call blocks its thread until SQLite has answered, so every client needs a thread of its own
//! ([`Capabilities::own_threads`](dbdyno_core::Capabilities)).

mod backup;
mod bulk;
mod claim;
mod counted;
mod dialect;
mod driver;
mod errors;
mod file;
mod indexes;
mod levels;
mod limit;
mod metrics;
mod opened;
mod plans;
mod pragmas;
mod prepared;
mod replication;
mod session;
mod sqlx;
mod statement;
mod waits;

use std::path::Path;
use std::sync::Arc;

use dbdyno_core::{Driver, Error, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::registry::{EngineEntry, Found, ServerSettings};
use crate::target::{Location, Target};
use crate::throwaway::Folder;

pub use dialect::SqliteDialect;
pub use driver::SqliteDriver;
pub(crate) use limit::Limit;

/// SQLite in the registry.
pub const ENTRY: EngineEntry = EngineEntry {
    name: "sqlite",
    schemes: &[],
    is_file: true,
    drivers: &["rusqlite", crate::sqlx::NAME],
    summary: "SQLite, built in: a temporary file, or the file named after `sqlite:`",
    install_hint: String::new,
    options: pragmas::OPTIONS,
    dialect: || &SqliteDialect,
    metrics: metrics::CATALOGUE,
    isolation: |level| levels::support(level, pragmas::BEGIN_WRITE, false),
    open,
    find,
    companions: &[],
};

fn open<'a>(
    target: &'a Target,
    _settings: &'a ServerSettings,
) -> BoxFuture<'a, Result<Arc<dyn Driver>>> {
    async move {
        let (label, options) = (&target.label, &target.options);
        let driver = match &target.location {
            Location::Throwaway => {
                let folder = Arc::new(Folder::create()?);
                let path = folder.path().to_owned();
                SqliteDriver::in_folder(label, &path, folder, options)?
            }
            Location::Path(file) => SqliteDriver::on_file(label, file, options)?,
            Location::Url(_) => {
                return Err(Error::new(
                    format!("open {label}"),
                    "SQLite has no server that a URL could name",
                )
                .next("write sqlite:PATH"));
            }
        };
        let driver = Arc::new(driver);
        Ok(match target.option("driver") {
            Some(crate::sqlx::NAME) => {
                Arc::new(crate::sqlx::driver::<::sqlx::Sqlite>(driver)) as Arc<dyn Driver>
            }
            _ => driver,
        })
    }
    .boxed()
}

fn find(_bin_dir: Option<&Path>) -> Result<Found> {
    Ok(Found { version: rusqlite::version().to_owned(), programs: Vec::new() })
}
