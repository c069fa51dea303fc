//! The driver: which server, what it is, how durable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::connecting::connect_step;
use dbdyno_core::schema::Table;
use dbdyno_core::{
    Backups, BulkLoad, Capabilities, ColdStart, ConnectStep, DbError, Dialect, Driver, Durability,
    Error, Explain, HeldDurability, Isolation, LevelSupport, LoadProgress, LockWaits, Pools,
    Replication, Result, RowSource, ServerControl, ServerInfo, ServerMetrics, Session,
    SessionOptions, Stop,
};
use futures_util::future::try_join_all;

use super::bulk;
use super::connect::{Connector, next_step};
use super::connection::Connection;
use super::dialect::MysqlDialect;
use super::durability::{self, DurableSettings};
use super::errors::code;
use super::isolation::{self, Levels};
use super::private::{BinaryLog, Private};
use super::programs::{Product, programs, short_version};
use super::replica::LastKnown;
use super::replication::MariadbReplication;
use super::server::{self, Access, MysqlServer};
use super::session::MysqlSession;
use crate::pool::OwnPools;
use crate::proxy;
use crate::registry::ServerSettings;
use crate::target::{Location, Target};
use crate::throwaway::runtime::run_to_end;
use crate::throwaway::{Throwaway, machine};

/// The variables that a run records, where the server has them.
const RECORDED: [&str; 24] = [
    "binlog_format",
    "innodb_autoinc_lock_mode",
    "innodb_buffer_pool_size",
    "innodb_deadlock_detect",
    "innodb_doublewrite",
    "innodb_file_per_table",
    "innodb_flush_log_at_trx_commit",
    "innodb_flush_method",
    "innodb_io_capacity",
    "innodb_lock_wait_timeout",
    "innodb_log_buffer_size",
    "innodb_log_file_size",
    "innodb_page_size",
    "innodb_redo_log_capacity",
    "innodb_snapshot_isolation",
    "log_bin",
    "max_connections",
    "max_prepared_stmt_count",
    "performance_schema",
    "query_cache_type",
    "sql_mode",
    "sync_binlog",
    "thread_handling",
    "version_comment",
];

/// MySQL or MariaDB through mysql_common.
pub struct MysqlDriver {
    label: String,
    connector: Connector,
    dialect: MysqlDialect,
    server: Server,
    throwaway: Option<Private>,
    origin: Origin,
    /// What it last said as a replica, for whoever samples it.
    replica_lag: LastKnown,
}

/// How the driver was opened, which is how a server is started that is like its own.
#[derive(Clone)]
pub(super) struct Origin {
    /// Whose server it is.
    pub(super) product: Product,
    pub(super) target: Target,
    pub(super) settings: ServerSettings,
}

impl Origin {
    pub(super) fn new(product: Product, target: &Target, settings: &ServerSettings) -> Self {
        Self { product, target: target.clone(), settings: settings.clone() }
    }
}

/// What the server said of itself when the target was opened.
struct Server {
    product: Product,
    version: String,
    levels: Levels,
    local_infile: bool,
    /// Whether loading a table that numbers its rows locks it for the whole statement
    /// (<https://dev.mysql.com/doc/refman/8.0/en/innodb-auto-increment-handling.html>).
    numbering_locks: bool,
    max_connections: String,
}

/// The error of whoever cannot connect, or is told nothing.
fn unreached(label: &str, why: DbError) -> Error {
    let next = next_step(&why);
    Error::new(format!("connect to {label}"), why).next(next)
}

impl MysqlDriver {
    /// Opens a target: starts its throwaway server, or connects to its URL.
    ///
    /// # Errors
    /// The server's programs are not installed, it does not start, cannot be reached, or refuses
    /// the user.
    pub(super) async fn open(
        product: Product,
        target: &Target,
        settings: &ServerSettings,
    ) -> Result<Self> {
        match &target.location {
            Location::Throwaway => {
                let round_trip = proxy::round_trip_of(target)?;
                let bin_dir = target.option("bin_dir").map(Path::new);
                let program = MysqlServer::new(programs(product, bin_dir)?, target, settings)?;
                let origin = Origin::new(product, target, settings);
                let mut driver = Self::start(&target.label, program, round_trip, origin).await?;
                let replication = MariadbReplication::new(target, settings);
                if let Some(private) = &mut driver.throwaway
                    && product == Product::Mariadb
                {
                    private.replication = Some(replication);
                }
                Ok(driver)
            }
            Location::Url(url) => {
                let connector = Connector::to_url(target, url)?;
                let origin = Origin::new(product, target, settings);
                let server = Server::ask(&connector).await;
                let server = server.map_err(|why| unreached(&target.label, why))?;
                Ok(Self::reached(&target.label, connector, server, None, origin))
            }
            Location::Path(_) => Err(Error::new(
                format!("use the target `{}`", target.label),
                format!("{} is a server, not a file", product.title()),
            )),
        }
    }

    /// Starts a throwaway server.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn start(
        label: &str,
        program: MysqlServer,
        round_trip: Duration,
        origin: Origin,
    ) -> Result<Self> {
        let (connector, private) = Private::start(origin.product, program, round_trip).await?;
        let doing = format!("connect to {label}");
        let server = private.first_answer(&doing, || Server::ask(&connector)).await?;
        Ok(Self::reached(label, connector, server, Some(private), origin))
    }

    fn reached(
        label: &str,
        connector: Connector,
        server: Server,
        throwaway: Option<Private>,
        origin: Origin,
    ) -> Self {
        if server.product != origin.product {
            tracing::warn!(
                "{label} is {} {}, and is reported as such",
                server.product.title(),
                server.version
            );
        }
        let label = label.to_owned();
        let dialect = MysqlDialect { product: server.product };
        let origin = Origin { product: server.product, ..origin };
        let replica_lag = LastKnown::default();
        Self { label, connector, dialect, server, throwaway, origin, replica_lag }
    }

    /// A driver of a server that was started otherwise. Blocks.
    ///
    /// # Errors
    /// The server does not answer.
    pub(super) fn of_server(
        label: &str,
        process: Throwaway,
        access: Access,
        origin: Origin,
    ) -> Result<Self> {
        let socket = server::socket(process.place());
        let connector = Connector::to_socket(&socket, &access.password, Duration::ZERO);
        let asked = run_to_end(|| Server::ask(&connector));
        let asked = asked.unwrap_or_else(|why| Err(DbError::unexpected(why.to_string())));
        let server = asked.map_err(|why| unreached(label, why))?;
        let dialect = MysqlDialect { product: server.product };
        let process = Arc::new(process);
        let throwaway = Some(Private { process, access, replication: None });
        let (label, replica_lag) = (label.to_owned(), LastKnown::default());
        Ok(Self { label, connector, dialect, server, throwaway, origin, replica_lag })
    }

    /// What it last said of its lag as a replica.
    pub(super) fn replica_lag(&self) -> &LastKnown {
        &self.replica_lag
    }

    /// How it was opened.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether dbdyno started the server.
    pub(super) fn is_throwaway(&self) -> bool {
        self.throwaway.is_some()
    }

    /// The data of a server that dbdyno started.
    pub(super) fn data_folder(&self) -> Option<PathBuf> {
        Some(self.throwaway.as_ref()?.process.place().data())
    }

    /// Starts the server again with a binary log; `None` where dbdyno did not start it. Sessions are lost.
    ///
    /// # Errors
    /// It does not come up again.
    pub(super) fn write_binary_log(&self) -> Result<Option<BinaryLog>> {
        self.throwaway.as_ref().map(Private::write_binary_log).transpose()
    }

    /// The first process of a throwaway server.
    pub(super) fn server_process(&self) -> Option<u32> {
        self.throwaway.as_ref()?.process.process()
    }

    /// The server's process, where dbdyno started it.
    pub(super) fn process(&self) -> Option<&Throwaway> {
        self.throwaway.as_ref().map(|private| private.process.as_ref())
    }

    /// Whose server it is.
    pub(super) fn product(&self) -> Product {
        self.server.product
    }

    /// The server's version.
    pub(super) fn version(&self) -> &str {
        &self.server.version
    }

    async fn connection(
        &self,
        database: Option<&str>,
        round_trip: Option<Duration>,
    ) -> Result<Connection, DbError> {
        self.connector.connect(database, round_trip).await.map_err(|error| self.refused(error))
    }

    /// Why no more connections are to be had, with the server's limit where that is it.
    pub(super) fn refused(&self, mut error: DbError) -> DbError {
        if error.code.as_deref() == Some(&code::TOO_MANY_CONNECTIONS.to_string()) {
            let limit = &self.server.max_connections;
            error.message = format!("{} (max_connections is {limit})", error.message);
        }
        error
    }

    /// How its connections are opened.
    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// What a session is told first.
    ///
    /// # Errors
    /// The server lacks the isolation level.
    pub(super) fn session_settings(
        &self,
        options: &SessionOptions,
    ) -> Result<Vec<String>, DbError> {
        let mut statements = Vec::new();
        if let Some(level) = options.isolation {
            if let LevelSupport::Lacks { why } = self.isolation(level) {
                return Err(DbError::unexpected(why));
            }
            statements = self.server.levels.statements(level);
        }
        let product = self.server.product;
        statements.extend(options.statement_timeout.map(|limit| limit_statements(product, limit)));
        Ok(statements)
    }

    /// The file system of the data, where dbdyno knows it.
    fn filesystem(&self) -> Option<String> {
        let data = self.throwaway.as_ref()?.process.place().data();
        Some(machine::filesystem(&data).unwrap_or_else(|_| "unknown".to_owned()))
    }

    async fn ask(&self, names: &[&str]) -> Result<BTreeMap<String, String>, DbError> {
        let mut connection = self.connection(None, None).await?;
        variables(&mut connection, names).await
    }

    async fn load_source(
        &self,
        namespace: &str,
        table: &Table,
        source: Box<dyn RowSource>,
        progress: &LoadProgress,
        stop: &Stop,
    ) -> Result<u64, DbError> {
        // Rows are loaded past the proxy: they are no work of clients.
        let connection = self.connection(Some(namespace), Some(Duration::ZERO)).await?;
        if self.server.local_infile {
            bulk::load_file(connection, table, source, progress, stop).await
        } else {
            bulk::load_inserts(connection, table, source, progress, stop).await
        }
    }
}

impl Server {
    async fn ask(connector: &Connector) -> Result<Self, DbError> {
        let mut connection = connector.connect(None, None).await?;
        let answer = connection.texts("SELECT VERSION(), @@version_comment").await?;
        let [version, comment] = answer.first().map_or(&[][..], Vec::as_slice) else {
            return Err(DbError::unexpected("the server does not tell its version"));
        };
        let product = Product::of(&format!("{version} {comment}"));
        let found = variables(
            &mut connection,
            &[
                "innodb_autoinc_lock_mode",
                "innodb_snapshot_isolation",
                "local_infile",
                "max_connections",
                "transaction_isolation",
                "tx_isolation",
            ],
        )
        .await?;
        let value = |name: &str| found.get(name).map(String::as_str);
        let default = value("transaction_isolation").or(value("tx_isolation")).unwrap_or_default();
        let levels = Levels {
            product,
            snapshot: value("innodb_snapshot_isolation").map(|value| value == "ON"),
            default: isolation::parse(default),
        };
        Ok(Self {
            product,
            version: short_version(version),
            levels,
            local_infile: value("local_infile") == Some("ON"),
            numbering_locks: value("innodb_autoinc_lock_mode") != Some("2"),
            max_connections: value("max_connections").unwrap_or("unknown").to_owned(),
        })
    }
}

/// The global variables among `names` that the server has. New sessions begin with them.
async fn variables(
    connection: &mut Connection,
    names: &[&str],
) -> Result<BTreeMap<String, String>, DbError> {
    let list = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let sql = format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({list})");
    let rows = connection.texts(&sql).await?;
    let pairs = rows.into_iter().filter_map(|row| <[String; 2]>::try_from(row).ok());
    Ok(pairs.map(|[name, value]| (name, value)).collect())
}

/// The server has a thread per connection too. Where it is busy with statements that take long, a
/// client's own thread takes turns with it on one processor, and a thread of several clients is woken
/// from the other one for each answer: docs/performance.md has the figures.
const OWN_THREADS: u32 = 4;

#[async_trait]
impl Driver for MysqlDriver {
    fn engine(&self) -> &str {
        self.server.product.engine()
    }

    fn name(&self) -> &str {
        "mysql_common"
    }

    fn target(&self) -> &str {
        &self.label
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            own_threads: OWN_THREADS,
            one_event_loop: false,
            parallel_load: true,
            pipeline: Err("an error would not keep the server from running the statements sent \
                           after it, COMMIT included"),
            distance: Ok(()),
        }
    }

    fn round_trip(&self) -> Duration {
        self.connector.round_trip()
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }

    fn isolation(&self, level: Isolation) -> LevelSupport {
        self.server.levels.support(level)
    }

    fn default_isolation(&self) -> Isolation {
        self.server.levels.default_level()
    }

    async fn server_info(&self) -> Result<ServerInfo> {
        let mut settings = self
            .ask(&RECORDED)
            .await
            .map_err(|error| Error::new(format!("read the settings of {}", self.label), error))?;
        if let Some(filesystem) = self.filesystem() {
            settings.insert("data_filesystem".to_owned(), filesystem);
        }
        if let Some(throwaway) = &self.throwaway {
            let data = throwaway.process.place().data().display().to_string();
            settings.insert("data_folder".to_owned(), data);
        }
        Ok(ServerInfo { version: self.server.version.clone(), settings })
    }

    async fn set_durability(&self, level: Durability) -> Result<()> {
        let doing = format!("make commits on {} durable to level `{level}`", self.label);
        let Some(private) = &self.throwaway else {
            return Err(Error::unsupported(
                doing,
                "dbdyno did not start this server and changes none of its settings",
            )
            .next("Use the level that the server holds, or a throwaway server"));
        };
        let settings = DurableSettings::of(level);
        let set = async {
            let mut connection = self.connection(None, None).await?;
            for (name, value) in settings.settings() {
                let sql = format!("SET GLOBAL {name} = {value}");
                connection.run(&sql).await?;
            }
            Ok::<_, DbError>(())
        };
        set.await.map_err(|error| Error::new(doing, error))?;
        *private.access.durable.lock().unwrap_or_else(PoisonError::into_inner) = settings;
        Ok(())
    }

    async fn durability(&self) -> Result<HeldDurability> {
        let variables = self
            .ask(&durability::VARIABLES)
            .await
            .map_err(|error| Error::new(format!("read the durability of {}", self.label), error))?;
        let filesystem = self.filesystem();
        let on_disk = filesystem.as_deref().is_none_or(machine::is_on_disk);
        let mut evidence: Vec<String> =
            variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        evidence.extend(filesystem.map(|name| format!("data_filesystem={name}")));
        let level = durability::held(&variables, on_disk);
        Ok(HeldDurability { level, evidence: evidence.join(" ") })
    }

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
        if let (true, Err(why)) = (options.pipeline, self.capabilities().pipeline) {
            return Err(DbError::unexpected(format!("{} cannot pipeline: {why}", self.engine())));
        }
        let mut connection =
            self.connection(options.namespace.as_deref(), options.round_trip).await?;
        connection.wait_on(options.thread)?;
        for statement in self.session_settings(options)? {
            connection.run(&statement).await?;
        }
        connect_step(ConnectStep::SetUp);
        Ok(Box::new(MysqlSession::new(connection)))
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        Some(self)
    }

    fn cold_start(&self) -> Option<&dyn ColdStart> {
        self.throwaway.as_ref().map(|private| private.process.as_ref() as &dyn ColdStart)
    }

    fn explain(&self) -> Option<&dyn Explain> {
        Some(self)
    }

    fn pools(&self) -> Option<&dyn Pools> {
        Some(&OwnPools)
    }

    fn backups(&self) -> Option<&dyn Backups> {
        Some(self)
    }

    fn lock_waits(&self) -> Option<&dyn LockWaits> {
        Some(self)
    }

    fn metrics(&self) -> Option<&dyn ServerMetrics> {
        Some(self)
    }

    fn replication(&self) -> Option<&dyn Replication> {
        let replication = self.throwaway.as_ref()?.replication.as_ref()?;
        Some(replication)
    }

    fn server_control(&self) -> Option<&dyn ServerControl> {
        self.throwaway.as_ref().map(|private| private.process.as_ref() as &dyn ServerControl)
    }
}

/// What has the server cancel statements that run longer. MySQL's limit is for `SELECT` alone
/// (<https://dev.mysql.com/doc/refman/8.0/en/server-system-variables.html#sysvar_max_execution_time>),
/// MariaDB's for all (<https://mariadb.com/kb/en/aborting-statements/>).
fn limit_statements(product: Product, limit: Duration) -> String {
    match product {
        Product::Mysql => {
            let ms = limit.as_millis().clamp(1, u32::MAX.into());
            format!("SET SESSION max_execution_time = {ms}")
        }
        Product::Mariadb => {
            format!("SET SESSION max_statement_time = {:.6}", limit.as_secs_f64().max(1e-6))
        }
    }
}

#[async_trait]
impl BulkLoad for MysqlDriver {
    async fn load(
        &self,
        namespace: &str,
        table: &Table,
        sources: Vec<Box<dyn RowSource>>,
        progress: &LoadProgress,
        stop: &Stop,
    ) -> Result<u64, DbError> {
        let load = |source| self.load_source(namespace, table, source, progress, stop);
        let numbered = table.columns.iter().any(|column| column.auto_increment);
        if numbered && self.server.numbering_locks {
            // Another statement would wait for the lock, and fail if that takes too long.
            let mut rows = 0;
            for source in sources {
                rows += load(source).await?;
            }
            return Ok(rows);
        }
        let rows = try_join_all(sources.into_iter().map(load)).await?;
        Ok(rows.iter().sum())
    }
}
