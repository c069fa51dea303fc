//! PostgreSQL through its wire protocol: postgres-protocol encodes and decodes, tokio-postgres
//! opens sessions.

mod backup;
mod bulk;
mod casts;
mod codec;
mod control;
mod copy_rows;
mod dialect;
mod driver;
mod durability;
mod endpoint;
mod errors;
mod handshake;
mod indexes;
mod messages;
mod metrics;
mod passfile;
mod pgbouncer;
mod plans;
mod prepare;
mod replication;
mod row;
mod server;
mod session;
mod set_up;
mod sqlx;
mod standbys;
mod statement;
mod tokio_postgres;
mod unprepared;
mod values;
mod waits;
mod wire;

use std::sync::Arc;

use dbdyno_core::{Driver, Result};

use crate::proxy;
use crate::registry::{EngineEntry, OptionSpec, Scope, ServerSettings};
use crate::target::Target;
use crate::throwaway::programs::install_line;

pub use codec::codec;
pub use driver::PostgresDriver;

/// The engine's line in the registry.
pub const ENTRY: EngineEntry = EngineEntry {
    name: "postgres",
    schemes: &["postgres", "postgresql"],
    is_file: false,
    drivers: &["postgres-protocol", tokio_postgres::NAME, crate::sqlx::NAME],
    summary: "PostgreSQL; the bare name means a throwaway server",
    install_hint: || install_line(&server::PACKAGES),
    options: OPTIONS,
    dialect: || &dialect::PostgresDialect,
    metrics: metrics::CATALOGUE,
    isolation: driver::support,
    open: |target, settings| Box::pin(open(target, settings)),
    find: server::found,
    companions: &[pgbouncer::COMPANION],
};

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("driver", "the client library"),
    OptionSpec::new("bin_dir", "the folder of initdb and postgres").scope(Scope::Throwaway),
    OptionSpec::new("set.", "a setting of the server, as in set.shared_buffers=1GB")
        .scope(Scope::Throwaway),
    OptionSpec::new("host", "the host, or the folder of the Unix socket").scope(Scope::Url),
    OptionSpec::new("port", "the port").scope(Scope::Url),
    OptionSpec::new("sslmode", "whether TLS is used and what is checked, as in libpq")
        .values(&["disable", "prefer", "require", "verify-ca", "verify-full"])
        .scope(Scope::Url),
    OptionSpec::new("sslrootcert", "a PEM file of trusted certificates, or `system`")
        .scope(Scope::Url),
    OptionSpec::new("connect_timeout", "seconds to wait for a session; 10 by default")
        .scope(Scope::Url),
    OptionSpec::new("password_env", "the environment variable that holds the password")
        .scope(Scope::Url),
    OptionSpec::new("passfile", "a password file in libpq's format; ~/.pgpass by default")
        .scope(Scope::Url),
    proxy::OPTION,
];

async fn open(target: &Target, settings: &ServerSettings) -> Result<Arc<dyn Driver>> {
    let driver = Arc::new(PostgresDriver::open(target, settings).await?);
    Ok(match target.option("driver") {
        Some(crate::sqlx::NAME) => Arc::new(crate::sqlx::driver::<::sqlx::Postgres>(driver)),
        Some(tokio_postgres::NAME) => Arc::new(tokio_postgres::driver(driver)),
        _ => driver,
    })
}
