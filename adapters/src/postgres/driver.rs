//! PostgreSQL's driver.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::connecting::connect_step;
use dbdyno_core::{
    Backups, BulkLoad, Capabilities, ColdStart, ConnectStep, DbError, Dialect, Driver, Durability,
    Error, Explain, HeldDurability, Isolation, LevelSupport, LockWaits, Pools, Promise,
    Replication, Result, ServerControl, ServerInfo, ServerMetrics, Session, SessionOptions,
};

use super::bulk::PostgresBulk;
use super::dialect::PostgresDialect;
use super::durability;
use super::endpoint::Endpoint;
use super::replication::PostgresReplication;
use super::server::{PostgresProgram, USER, short_version};
use super::session::PostgresSession;
use super::set_up::session_settings;
use super::standbys::Standbys;
use super::wire::Wire;
use crate::proxy;
use crate::registry::ServerSettings;
use crate::target::{Location, Target};
use crate::throwaway::{Place, ServerProgram, Throwaway, machine};

/// Settings that bear on a measurement, as far as the server's version has them.
const SETTINGS: &[&str] = &[
    "autovacuum",
    "checkpoint_completion_target",
    "checkpoint_timeout",
    "commit_delay",
    "data_checksums",
    "deadlock_timeout",
    "default_transaction_isolation",
    "effective_cache_size",
    "effective_io_concurrency",
    "fsync",
    "full_page_writes",
    "huge_pages",
    "io_method",
    "jit",
    "lc_collate",
    "maintenance_work_mem",
    "max_connections",
    "max_parallel_workers_per_gather",
    "max_wal_size",
    "random_page_cost",
    "server_encoding",
    "shared_buffers",
    "ssl",
    "synchronous_commit",
    "synchronous_standby_names",
    "wal_buffers",
    "wal_compression",
    "wal_level",
    "wal_sync_method",
    "work_mem",
];

/// PostgreSQL through its wire protocol, bound to one target.
pub struct PostgresDriver {
    label: String,
    bulk: PostgresBulk,
    server: Option<Server>,
    origin: Origin,
    /// What is known of those that receive its log, for whoever samples it.
    pub(super) standbys: Arc<Mutex<Standbys>>,
}

/// How the driver was opened, which is how a server is started that is like its own.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) target: Target,
    pub(super) settings: ServerSettings,
}

impl Origin {
    pub(super) fn new(target: &Target, settings: &ServerSettings) -> Self {
        Self { target: target.clone(), settings: settings.clone() }
    }
}

struct Server {
    process: Throwaway,
    filesystem: String,
    /// Making more servers like it; not offered by those that were made so.
    replication: Option<PostgresReplication>,
}

impl Server {
    fn of(process: Throwaway) -> Result<Self> {
        let data = process.place().data();
        let filesystem = machine::filesystem(&data)
            .map_err(|why| Error::new(format!("look at {}", data.display()), why))?;
        Ok(Self { process, filesystem, replication: None })
    }
}

/// How a throwaway server is reached.
#[derive(Clone, Copy)]
pub(super) struct ThrowawayServer<'a> {
    /// The folder of its socket.
    pub(super) folder: &'a Path,
    pub(super) port: u16,
    /// What a proxy adds to each round trip of its clients.
    pub(super) round_trip: Duration,
}

/// Makes a session of a connection.
async fn set_up(mut wire: Wire, options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
    wire.wait_on(options.thread)?;
    let settings = session_settings(options);
    let session = PostgresSession::new(wire, &settings, options).await?;
    connect_step(ConnectStep::SetUp);
    Ok(Box::new(session))
}

impl PostgresDriver {
    /// Opens a session that the server lists by this name.
    pub(super) async fn connect_named(
        &self,
        name: &'static str,
    ) -> Result<Box<dyn Session>, DbError> {
        let wire = self.bulk.endpoint.connect_named(name).await?;
        set_up(wire, &SessionOptions::default()).await
    }

    /// Starts the target's throwaway server, or tries a session on the server of its URL.
    ///
    /// # Errors
    /// The server cannot be started or reached, or refuses the user or a setting.
    pub async fn open(target: &Target, settings: &ServerSettings) -> Result<Self> {
        match &target.location {
            Location::Url(url) => {
                let origin = Origin::new(target, settings);
                Self::reach(&target.label, Endpoint::url(target, url)?, None, origin).await
            }
            Location::Throwaway => {
                let round_trip = proxy::round_trip_of(target)?;
                let program = PostgresProgram::new(target, settings)?;
                let replication = PostgresReplication::new(target, settings);
                let (program, origin) = (Box::new(program), Origin::new(target, settings));
                let mut driver = Self::start(&target.label, program, round_trip, origin).await?;
                if let Some(server) = &mut driver.server {
                    server.replication = Some(replication);
                }
                Ok(driver)
            }
            Location::Path(_) => Err(Error::new(
                format!("use the target `{}`", target.label),
                "PostgreSQL is a server, not a file",
            )),
        }
    }

    /// Starts a throwaway server.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn start(
        label: &str,
        program: Box<dyn ServerProgram>,
        round_trip: Duration,
        origin: Origin,
    ) -> Result<Self> {
        let server = start(program).await?;
        let (folder, port) = (server.process.place().folder(), server.process.port());
        let endpoint = Endpoint::throwaway(folder, port, USER, round_trip)?;
        Self::reach(label, endpoint, Some(server), origin).await
    }

    async fn reach(
        label: &str,
        endpoint: Endpoint,
        server: Option<Server>,
        origin: Origin,
    ) -> Result<Self> {
        endpoint.try_out(label).await?;
        let bulk = PostgresBulk { endpoint: Arc::new(endpoint) };
        Ok(Self { label: label.to_owned(), bulk, server, origin, standbys: Arc::default() })
    }

    /// A driver of a server that was started otherwise.
    ///
    /// # Errors
    /// Its data cannot be looked at.
    pub(super) fn of_server(label: &str, process: Throwaway, origin: Origin) -> Result<Self> {
        let server = Server::of(process)?;
        let place = server.process.place();
        let endpoint =
            Endpoint::throwaway(place.folder(), server.process.port(), USER, Duration::ZERO)?;
        let bulk = PostgresBulk { endpoint: Arc::new(endpoint) };
        let (label, server) = (label.to_owned(), Some(server));
        Ok(Self { label, bulk, server, origin, standbys: Arc::default() })
    }

    /// How it was opened.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The same for what may outlive the driver.
    pub(super) fn shared_endpoint(&self) -> Arc<Endpoint> {
        Arc::clone(&self.bulk.endpoint)
    }

    /// How its sessions are reached.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.bulk.endpoint
    }

    /// Whether dbdyno started the server.
    pub(super) fn is_throwaway(&self) -> bool {
        self.server.is_some()
    }

    /// The server, where dbdyno started it.
    pub(super) fn throwaway(&self) -> Option<ThrowawayServer<'_>> {
        let process = &self.server.as_ref()?.process;
        let round_trip = self.bulk.endpoint.round_trip();
        Some(ThrowawayServer { folder: process.place().folder(), port: process.port(), round_trip })
    }

    /// The first process of a throwaway server.
    pub(super) fn server_process(&self) -> Option<u32> {
        self.server.as_ref()?.process.process()
    }

    /// The place of the server, where dbdyno started it.
    pub(super) fn place(&self) -> Option<&Place> {
        Some(self.server.as_ref()?.process.place())
    }

    /// The file system under a throwaway server's data.
    pub(super) fn data_filesystem(&self) -> Option<&str> {
        self.server.as_ref().map(|server| server.filesystem.as_str())
    }
}

/// Starting blocks, so it is done on a thread for that.
async fn start(program: Box<dyn ServerProgram>) -> Result<Server> {
    let starting = tokio::task::spawn_blocking(move || Server::of(Throwaway::start(program)?));
    match starting.await {
        Ok(started) => started,
        Err(why) => Err(Error::new("start a throwaway PostgreSQL server", why)),
    }
}

#[async_trait]
impl Driver for PostgresDriver {
    fn engine(&self) -> &str {
        "postgres"
    }

    fn name(&self) -> &str {
        "postgres-protocol"
    }

    fn target(&self) -> &str {
        &self.label
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            own_threads: 1,
            one_event_loop: false,
            parallel_load: true,
            pipeline: Ok(()),
            distance: Ok(()),
        }
    }

    fn round_trip(&self) -> Duration {
        self.bulk.endpoint.round_trip()
    }

    fn dialect(&self) -> &dyn Dialect {
        &PostgresDialect
    }

    fn isolation(&self, level: Isolation) -> LevelSupport {
        support(level)
    }

    /// Its REPEATABLE READ is snapshot isolation, and more than the standard asks (manual, 13.2.2).
    fn promise(&self, level: Isolation) -> Promise {
        match level {
            Isolation::ReadUncommitted => Promise::of(Isolation::ReadCommitted),
            Isolation::RepeatableRead => Promise::of(Isolation::Snapshot),
            level => Promise::of(level),
        }
    }

    fn default_isolation(&self) -> Isolation {
        Isolation::ReadCommitted
    }

    async fn server_info(&self) -> Result<ServerInfo> {
        let failed = |why| Error::new(format!("read the settings of `{}`", self.label), why);
        let mut session = self.connect(&SessionOptions::default()).await.map_err(failed)?;
        let names: Vec<String> = SETTINGS.iter().map(|name| format!("'{name}'")).collect();
        let sql = format!(
            "SELECT name, current_setting(name) FROM pg_catalog.pg_settings \
             WHERE name IN ('server_version', {}) \
             UNION ALL SELECT 'lc_collate', datcollate FROM pg_catalog.pg_database \
             WHERE datname = current_database()",
            names.join(", ")
        );
        let mut settings = BTreeMap::new();
        session
            .query_sql(&sql, &mut |row| {
                settings.insert(row.text(0)?.to_owned(), row.text(1)?.to_owned());
                Ok(())
            })
            .await
            .map_err(failed)?;
        let version = settings.remove("server_version").unwrap_or_default();
        if let Some(filesystem) = self.data_filesystem() {
            settings.insert("data_filesystem".to_owned(), filesystem.to_owned());
        }
        if let Some(server) = &self.server {
            let data = server.process.place().data().display().to_string();
            settings.insert("data_folder".to_owned(), data);
        }
        Ok(ServerInfo { version: short_version(&version).to_owned(), settings })
    }

    async fn set_durability(&self, level: Durability) -> Result<()> {
        durability::set(self, level).await
    }

    async fn durability(&self) -> Result<HeldDurability> {
        durability::held(self).await
    }

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
        set_up(self.bulk.endpoint.connect_at(options.round_trip).await?, options).await
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        Some(&self.bulk)
    }

    fn cold_start(&self) -> Option<&dyn ColdStart> {
        self.server.as_ref().map(|server| &server.process as &dyn ColdStart)
    }

    fn explain(&self) -> Option<&dyn Explain> {
        Some(self)
    }

    fn pools(&self) -> Option<&dyn Pools> {
        Some(self)
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
        let replication = self.server.as_ref()?.replication.as_ref()?;
        Some(replication)
    }

    fn server_control(&self) -> Option<&dyn ServerControl> {
        self.server.as_ref().map(|server| &server.process as &dyn ServerControl)
    }
}

/// How PostgreSQL supports an isolation level.
pub(super) fn support(level: Isolation) -> LevelSupport {
    match level {
        Isolation::ReadUncommitted => LevelSupport::SameAs {
            level: Isolation::ReadCommitted,
            why: "PostgreSQL runs READ UNCOMMITTED as READ COMMITTED (manual, section 13.2)",
        },
        Isolation::Snapshot => LevelSupport::SameAs {
            level: Isolation::RepeatableRead,
            why: "PostgreSQL's REPEATABLE READ is snapshot isolation (manual, section 13.2.2)",
        },
        Isolation::ReadCommitted => LevelSupport::Native { maps_to: "READ COMMITTED" },
        Isolation::RepeatableRead => LevelSupport::Native { maps_to: "REPEATABLE READ" },
        Isolation::Serializable => LevelSupport::Native { maps_to: "SERIALIZABLE" },
    }
}
