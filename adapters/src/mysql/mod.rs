//! MySQL and MariaDB: one driver that finds out which of the two it talks to. It speaks their
//! protocol itself; mysql_common encodes and decodes what is not on the load path.

mod answers;
mod auth;
mod backup;
mod bulk;
mod codec;
mod columns;
mod connect;
mod connection;
mod dialect;
mod digits;
mod driver;
mod durability;
mod encode;
mod errors;
mod indexes;
mod isolation;
mod login;
mod metrics;
mod mysql_async;
mod params;
mod plans;
mod private;
mod programs;
mod replica;
mod replication;
mod rows;
mod server;
mod session;
mod sqlx;
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
pub use dialect::MysqlDialect;
pub use driver::MysqlDriver;
use programs::Product;

/// MySQL in the registry.
pub const MYSQL: EngineEntry = EngineEntry {
    name: "mysql",
    schemes: &["mysql"],
    is_file: false,
    drivers: DRIVERS,
    summary: "MySQL; the bare name means a throwaway server",
    install_hint: || install_line(&Product::Mysql.packages()),
    options: OPTIONS,
    dialect: || &dialect::MYSQL,
    metrics: metrics::CATALOGUE,
    isolation: |level| isolation::of_present_versions(Product::Mysql).support(level),
    open: |target, settings| Box::pin(open(Product::Mysql, target, settings)),
    find: |bin_dir| programs::found(Product::Mysql, bin_dir),
    companions: &[],
};

/// MariaDB in the registry.
pub const MARIADB: EngineEntry = EngineEntry {
    name: "mariadb",
    schemes: &["mariadb"],
    is_file: false,
    drivers: DRIVERS,
    summary: "MariaDB; the bare name means a throwaway server",
    install_hint: || install_line(&Product::Mariadb.packages()),
    options: OPTIONS,
    dialect: || &dialect::MARIADB,
    metrics: metrics::CATALOGUE,
    isolation: |level| isolation::of_present_versions(Product::Mariadb).support(level),
    open: |target, settings| Box::pin(open(Product::Mariadb, target, settings)),
    find: |bin_dir| programs::found(Product::Mariadb, bin_dir),
    companions: &[],
};

const DRIVERS: &[&str] = &["mysql_common", mysql_async::NAME, crate::sqlx::NAME];

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("driver", "the client library"),
    OptionSpec::new("bin_dir", "the folder of the server's programs").scope(Scope::Throwaway),
    OptionSpec::new("set.", "a setting of the server, as in set.innodb_buffer_pool_size=1G")
        .scope(Scope::Throwaway),
    OptionSpec::new("cluster", "a Galera cluster of so many nodes, with clients spread over them")
        .values(&["3"])
        .scope(Scope::Throwaway),
    OptionSpec::new("socket", "the Unix socket").scope(Scope::Url),
    OptionSpec::new("ssl-mode", "whether TLS is used and what is checked, as in the mysql client")
        .values(&["disabled", "preferred", "required", "verify-ca", "verify-identity"])
        .scope(Scope::Url),
    OptionSpec::new("ssl-ca", "a PEM file of trusted certificates").scope(Scope::Url),
    OptionSpec::new("connect_timeout", "seconds to wait for a session; 10 by default")
        .scope(Scope::Url),
    OptionSpec::new("password_env", "the environment variable that holds the password")
        .scope(Scope::Url),
    proxy::OPTION,
];

async fn open(
    product: Product,
    target: &Target,
    settings: &ServerSettings,
) -> Result<Arc<dyn Driver>> {
    if target.option("cluster").is_some() {
        return replication::open_cluster(product, target, settings).await;
    }
    let driver = Arc::new(MysqlDriver::open(product, target, settings).await?);
    Ok(match target.option("driver") {
        Some(crate::sqlx::NAME) => Arc::new(crate::sqlx::driver::<::sqlx::MySql>(driver)),
        Some(mysql_async::NAME) => Arc::new(mysql_async::driver(driver)),
        _ => driver,
    })
}
