//! The driver: which file, with which pragmas, how durable.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use dbdyno_core::connecting::connect_step;
use dbdyno_core::driver::Claim;
use dbdyno_core::schema::Table;
use dbdyno_core::{
    Backups, BulkLoad, Capabilities, ColdStart, ConnectStep, DbError, Dialect, Driver, Durability,
    Embedded, Error, Explain, HeldDurability, Isolation, LevelSupport, LoadProgress, LockWaits,
    MARK_TABLE, Pools, Replication, Result, RowSource, ServerControl, ServerInfo, ServerMetrics,
    Session, SessionOptions, Stop,
};
use rusqlite::{Connection, OpenFlags};

use super::bulk;
use super::claim::{LockFile, claim};
use super::counted::{Counting, Counts};
use super::dialect::SqliteDialect;
use super::errors::translate;
use super::file::{check_file, folder_of, open};
use super::levels::{held, support};
use super::limit::Limit;
use super::pragmas::{self, NO_DISTANCE, Pragmas};
use super::replication::{self, Role};
use super::waits;
use crate::pool::OwnPools;
use crate::target;
use crate::throwaway::forget::{forget_file, forget_files};
use crate::throwaway::machine;

/// The pragmas that a run records.
const RECORDED: [&str; 15] = [
    "auto_vacuum",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "foreign_keys",
    "journal_mode",
    "journal_size_limit",
    "locking_mode",
    "max_page_count",
    "mmap_size",
    "page_size",
    "secure_delete",
    "synchronous",
    "temp_store",
    "wal_autocheckpoint",
];

/// SQLite through rusqlite, on a file.
pub struct SqliteDriver {
    label: String,
    place: Place,
    /// The target's options, which another process is to have too.
    options: BTreeMap<String, String>,
    pragmas: Pragmas,
    dialect: SqliteDialect,
    durability: Mutex<Durability>,
    /// One session is opened at a time: changing a file to WAL needs it alone.
    opening: Mutex<()>,
    /// The lock on the file, as long as a claim holds it.
    locked: Mutex<Weak<LockFile>>,
    /// What it is to other databases.
    role: Role,
    /// What its sessions count.
    counts: Arc<Counts>,
}

/// Where the data lies.
#[derive(Clone)]
pub(super) enum Place {
    /// A file that the user named: every namespace is in it.
    File(PathBuf),
    /// A temporary folder with a file for each namespace, there as long as `keep` is held.
    Folder { folder: PathBuf, keep: Arc<dyn Send + Sync> },
}

impl Place {
    /// The files of all namespaces that there are.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::File(file) => vec![file.clone()],
            Self::Folder { folder, .. } => databases_in(folder),
        }
    }

    /// Whether each namespace has a file of its own.
    pub(super) fn has_many(&self) -> bool {
        matches!(self, Self::Folder { .. })
    }

    /// Keeps a temporary folder there for as long as it is held.
    pub(super) fn keep(&self) -> Option<Arc<dyn Send + Sync>> {
        match self {
            Self::File(_) => None,
            Self::Folder { keep, .. } => Some(Arc::clone(keep)),
        }
    }
}

/// Gives a connection the level of that name, where it shares its cache.
const READ_UNCOMMITTED: &str = "PRAGMA read_uncommitted = ON";

/// What another library needs to open a session.
pub(super) struct ToOpen {
    pub(super) file: PathBuf,
    pub(super) shared_cache: bool,
    pub(super) begin_write: &'static str,
    /// What its connection is told first.
    pub(super) statements: Vec<String>,
    /// Keeps a temporary file's folder for as long as a session uses it.
    pub(super) keep: Option<Arc<dyn Send + Sync>>,
    /// To be held until the other library has opened its connection.
    pub(super) first: Connection,
}

impl SqliteDriver {
    /// A driver on a file that exists or can be made. Nothing is written yet.
    ///
    /// # Errors
    /// The file's folder is missing; it is a folder itself, not a database, or cannot be written;
    /// an option is not valid, or nobody listens where it is to send change sets.
    pub fn on_file(
        label: impl Into<String>,
        file: &Path,
        options: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let pragmas = Pragmas::parse(options)?;
        check_file(file)?;
        Self::new(label.into(), Place::File(file.to_owned()), options, pragmas)
    }

    /// A driver on files in a temporary folder, which is there as long as `keep` is held.
    ///
    /// # Errors
    /// An option is not valid, or nobody listens where it is to send change sets.
    pub fn in_folder(
        label: impl Into<String>,
        folder: &Path,
        keep: Arc<dyn Send + Sync>,
        options: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let pragmas = Pragmas::parse(options)?;
        let place = Place::Folder { folder: folder.to_owned(), keep };
        Self::new(label.into(), place, options, pragmas)
    }

    fn new(
        label: String,
        place: Place,
        options: &BTreeMap<String, String>,
        pragmas: Pragmas,
    ) -> Result<Self> {
        let socket = options.get(replication::OPTION).map(Path::new);
        let role = socket.map(|socket| Role::primary(socket, true)).transpose()?;
        Ok(Self {
            label,
            place,
            options: options.clone(),
            pragmas,
            dialect: SqliteDialect,
            durability: Mutex::new(Durability::Full),
            opening: Mutex::new(()),
            locked: Mutex::new(Weak::new()),
            role: role.unwrap_or_default(),
            counts: Arc::default(),
        })
    }

    /// The same that is something to other databases.
    pub(super) fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    pub(super) fn role(&self) -> &Role {
        &self.role
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn journal_mode(&self) -> &str {
        self.pragmas.journal_mode()
    }

    /// What its sessions count.
    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// What begins a transaction that may write.
    pub(super) fn begin_write(&self) -> &'static str {
        self.pragmas.begin_write
    }

    /// Lets nobody open a connection for as long as it is held.
    pub(super) fn keep_out(&self) -> MutexGuard<'_, ()> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self) -> Durability {
        *self.durability.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of a namespace.
    ///
    /// # Errors
    /// The namespace cannot name one.
    pub(super) fn path_of(&self, namespace: &str) -> Result<PathBuf, DbError> {
        self.file(Some(namespace))
    }

    /// The target's options.
    pub(super) fn options(&self) -> &BTreeMap<String, String> {
        &self.options
    }

    fn file(&self, namespace: Option<&str>) -> Result<PathBuf, DbError> {
        let folder = match &self.place {
            Place::File(file) => return Ok(file.clone()),
            Place::Folder { folder, .. } => folder,
        };
        let name = namespace.unwrap_or("main");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(DbError::unexpected(format!(
                "namespace `{name}` cannot name a file: use letters, digits, `_` and `-`"
            )));
        }
        Ok(folder.join(format!("{name}.db")))
    }

    /// The folder that the data lies in.
    fn folder(&self) -> &Path {
        match &self.place {
            Place::File(file) => folder_of(file),
            Place::Folder { folder, .. } => folder,
        }
    }

    /// Where the data lies.
    pub(super) fn place(&self) -> Place {
        self.place.clone()
    }

    /// The file system that the data lies on, by name.
    fn filesystem(&self) -> String {
        machine::filesystem(self.folder()).unwrap_or_else(|_| "unknown".to_owned())
    }

    pub(super) fn open(&self, namespace: Option<&str>) -> Result<Connection, DbError> {
        self.open_ours(namespace).map(|(connection, _)| connection)
    }

    /// A connection, and whether its file is dbdyno's to change.
    fn open_ours(&self, namespace: Option<&str>) -> Result<(Connection, bool), DbError> {
        let file = self.file(namespace)?;
        let _alone = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let mut flags = OpenFlags::SQLITE_OPEN_CREATE;
        if self.pragmas.shared_cache {
            flags |= OpenFlags::SQLITE_OPEN_SHARED_CACHE;
        }
        let connection = open(&file, flags)?;
        let ours = is_empty_or_marked(&connection)?;
        self.pragmas.apply(&connection, self.wanted(), ours)?;
        Ok((connection, ours))
    }

    /// What another library needs to open the same. The file is there, with what lasts in it set as it
    /// is to be, as long as the connection is held.
    pub(super) fn prepare(&self, options: &SessionOptions) -> Result<ToOpen, DbError> {
        if !matches!(self.role, Role::Alone) {
            let why = "changes are recorded on connections of dbdyno's own driver alone";
            return Err(DbError::unexpected(why));
        }
        let file = self.file(options.namespace.as_deref())?;
        let (first, ours) = self.open_ours(options.namespace.as_deref())?;
        let mut statements = self.pragmas.statements(self.wanted(), ours);
        if options.isolation == Some(Isolation::ReadUncommitted) {
            statements.push(READ_UNCOMMITTED.to_owned());
        }
        Ok(ToOpen {
            file,
            shared_cache: self.pragmas.shared_cache,
            begin_write: self.pragmas.begin_write,
            statements,
            keep: self.place.keep(),
            first,
        })
    }

    fn asked(&self, doing: &str) -> impl Fn(DbError) -> Error {
        let doing = format!("{doing} {}", self.label);
        move |error| Error::new(doing.clone(), error)
    }
}

/// The files of databases in a temporary folder; none where it cannot be read.
fn databases_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "db"))
        .collect();
    files.sort();
    files
}

#[async_trait]
impl Driver for SqliteDriver {
    fn engine(&self) -> &str {
        "sqlite"
    }

    fn name(&self) -> &str {
        "rusqlite"
    }

    fn target(&self) -> &str {
        &self.label
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            own_threads: u32::MAX,
            one_event_loop: false,
            parallel_load: false,
            pipeline: Err("it runs in the client's own process: there is no round trip to save"),
            distance: Err(NO_DISTANCE),
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }

    fn isolation(&self, level: Isolation) -> LevelSupport {
        support(level, self.pragmas.begin_write, self.pragmas.shared_cache)
    }

    fn default_isolation(&self) -> Isolation {
        Isolation::Serializable
    }

    async fn server_info(&self) -> Result<ServerInfo> {
        let asked = self.asked("read the settings of");
        let connection = self.open(None).map_err(&asked)?;
        let mut settings = BTreeMap::new();
        for name in RECORDED {
            settings.insert(name.to_owned(), pragmas::read(&connection, name).map_err(&asked)?);
        }
        settings.insert(pragmas::BEGIN.to_owned(), self.pragmas.begin_write.to_owned());
        settings.insert("data_filesystem".to_owned(), self.filesystem());
        settings.insert("data_folder".to_owned(), self.folder().display().to_string());
        Ok(ServerInfo { version: rusqlite::version().to_owned(), settings })
    }

    async fn set_durability(&self, level: Durability) -> Result<()> {
        let doing = format!("make commits on {} durable to level `{level}`", self.label);
        let filesystem = self.filesystem();
        if level == Durability::Full && !machine::is_on_disk(&filesystem) {
            return Err(Error::unsupported(
                doing,
                format!("its file lies on {filesystem}, which a loss of power empties"),
            )
            .next("give the path of a file on a disk: --target sqlite:PATH"));
        }
        let journal = self.pragmas.journal_mode();
        if level > Durability::None && matches!(journal, "memory" | "off") {
            return Err(Error::unsupported(
                doing,
                format!("with journal_mode={journal} a crash in a commit damages the file"),
            )
            .next("use --durability none, or leave journal_mode out of the target"));
        }
        *self.durability.lock().unwrap_or_else(PoisonError::into_inner) = level;
        Ok(())
    }

    async fn durability(&self) -> Result<HeldDurability> {
        let asked = self.asked("read the durability of");
        let connection = self.open(None).map_err(&asked)?;
        let journal = pragmas::read(&connection, "journal_mode").map_err(&asked)?;
        let synchronous = pragmas::read(&connection, "synchronous").map_err(&asked)?;
        let filesystem = self.filesystem();
        let level = held(&journal, &synchronous, machine::is_on_disk(&filesystem));
        let evidence = format!(
            "journal_mode={journal} synchronous={synchronous} data_filesystem={filesystem}"
        );
        Ok(HeldDurability { level, evidence })
    }

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
        if let (true, Err(why)) = (options.pipeline, self.capabilities().pipeline) {
            return Err(DbError::unexpected(format!("SQLite cannot pipeline: {why}")));
        }
        if let Some(LevelSupport::Lacks { why }) =
            options.isolation.map(|level| self.isolation(level))
        {
            return Err(DbError::unexpected(why));
        }
        if options.round_trip.is_some_and(|round_trip| !round_trip.is_zero()) {
            return Err(DbError::unexpected(NO_DISTANCE));
        }
        let connection = self.open(options.namespace.as_deref())?;
        // There is nothing else to it.
        connect_step(ConnectStep::SetUp);
        if options.isolation == Some(Isolation::ReadUncommitted) {
            connection.execute_batch(READ_UNCOMMITTED).map_err(translate)?;
        }
        if options.watched {
            waits::watch(&connection)?;
        }
        let limit = options.statement_timeout.map(|limit| Limit::of(&connection, limit));
        let limit = limit.transpose()?;
        let database = replication::name_of(&self.file(options.namespace.as_deref())?)?;
        // A connection that is watched is told by another when it waits. From here on nothing may fail before the session
        // has both: the connection is to be closed before what it waits with is gone.
        let counting = Counting::of(&self.counts, &connection, !options.watched)?;
        self.role.session(self, database, (limit, counting), connection)
    }

    /// Files in a temporary folder are this process's alone as it is.
    async fn claim(&self, namespace: &str) -> Result<Claim> {
        match &self.place {
            Place::File(file) => {
                // Several namespaces are in one file, which is locked once.
                let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
                let lock = match locked.upgrade() {
                    Some(lock) => lock,
                    None => Arc::new(claim(file)?),
                };
                *locked = Arc::downgrade(&lock);
                Ok(Claim::new(lock))
            }
            Place::Folder { .. } => Ok(Claim::new(namespace.to_owned())),
        }
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        Some(self)
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

    fn cold_start(&self) -> Option<&dyn ColdStart> {
        Some(self)
    }

    fn metrics(&self) -> Option<&dyn ServerMetrics> {
        Some(self)
    }

    fn embedded(&self) -> Option<&dyn Embedded> {
        Some(self)
    }

    /// On temporary files alone, as other engines' is on throwaway servers.
    fn replication(&self) -> Option<&dyn Replication> {
        match (&self.place, &self.role) {
            (Place::Folder { .. }, Role::Alone) => Some(self),
            _ => None,
        }
    }

    fn server_control(&self) -> Option<&dyn ServerControl> {
        match &self.role {
            Role::Replica(replica) => Some(&*replica.gate),
            _ => None,
        }
    }
}

impl Embedded for SqliteDriver {
    fn target_of(&self, namespace: &str) -> Result<String> {
        let failed = |why: String| {
            Error::new(format!("have another process open {}", self.label), why)
                .next("give a path of letters that UTF-8 has: --target sqlite:PATH")
        };
        let file = self.file(Some(namespace)).map_err(|why| failed(why.message.clone()))?;
        let file = std::path::absolute(&file).map_err(|why| failed(why.to_string()))?;
        let Some(path) = file.to_str() else {
            return Err(failed(format!("{} is not UTF-8", file.display())));
        };
        let mut options = self.options.clone();
        if let Some(socket) = self.role.socket() {
            let socket = socket.to_str().ok_or_else(|| failed("no UTF-8".to_owned()))?;
            options.insert(replication::OPTION.to_owned(), socket.to_owned());
        }
        Ok(target::write(super::ENTRY.name, path, &options))
    }
}

/// A session's own cache is empty when it is opened, and none is open between loads.
impl ColdStart for SqliteDriver {
    fn chill(&self) -> Result<()> {
        match &self.place {
            Place::Folder { folder, .. } => forget_files(folder),
            Place::File(file) => {
                let beside = |suffix: &str| {
                    let mut name = file.as_os_str().to_owned();
                    name.push(suffix);
                    PathBuf::from(name)
                };
                ["", "-wal", "-journal"].iter().try_for_each(|suffix| forget_file(&beside(suffix)))
            }
        }
    }
}

#[async_trait]
impl BulkLoad for SqliteDriver {
    async fn load(
        &self,
        namespace: &str,
        table: &Table,
        sources: Vec<Box<dyn RowSource>>,
        progress: &LoadProgress,
        stop: &Stop,
    ) -> Result<u64, DbError> {
        self.role.check_bulk()?;
        let mut connection = self.open(Some(namespace))?;
        bulk::load(&mut connection, table, sources, progress, stop)
    }
}

/// Whether dbdyno may change what lasts in a file: nothing is in it, or dbdyno's mark.
fn is_empty_or_marked(connection: &Connection) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) = 0 OR SUM(name = ?) > 0 FROM sqlite_schema";
    connection.query_row(sql, [MARK_TABLE], |row| row.get(0)).map_err(translate)
}
