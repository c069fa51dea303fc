//! What an adapter implements.

use std::any::Any;
use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::ability::{BulkLoad, ServerControl};
use crate::dialect::Dialect;
use crate::durability::{Durability, HeldDurability};
use crate::error::{DbError, Error, Result};
use crate::isolation::{Isolation, LevelSupport};
use crate::query::scalar_sql;
use crate::rows::RowVisitor;
use crate::value::Value;

/// The adapter for one engine through one client library, bound to one target.
#[async_trait]
pub trait Driver: Send + Sync {
    /// The engine: `postgres`, `mysql`, `mariadb`, `sqlite`. Known only after the server was
    /// asked where one driver serves several.
    fn engine(&self) -> &str;

    /// The driver, named after its client library.
    fn name(&self) -> &str;

    /// The target as the user may see it: without passwords.
    fn target(&self) -> &str;

    /// What the driver can do.
    fn capabilities(&self) -> Capabilities;

    /// The engine's SQL.
    fn dialect(&self) -> &dyn Dialect;

    /// How the engine supports an isolation level.
    fn isolation(&self, level: Isolation) -> LevelSupport;

    /// The level a transaction has when none is asked for: the engine's own default.
    fn default_isolation(&self) -> Isolation;

    /// The server's version and the settings that bear on a measurement.
    ///
    /// # Errors
    /// The server cannot be asked.
    async fn server_info(&self) -> Result<ServerInfo>;

    /// Makes commits durable to `level`, on a server that dbdyno started or a file it opens.
    ///
    /// # Errors
    /// It is somebody else's server (unsupported), or it refuses the setting.
    async fn set_durability(&self, level: Durability) -> Result<()>;

    /// The durability that the server holds now, read back from it.
    ///
    /// # Errors
    /// The server cannot be asked.
    async fn durability(&self) -> Result<HeldDurability>;

    /// Opens a session.
    ///
    /// # Errors
    /// The server cannot be reached, refuses the user, or lacks the isolation level.
    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError>;

    /// Takes a namespace for this process alone, so that no other dbdyno loads over it or changes
    /// what is being measured and checked. Held until the claim is dropped.
    ///
    /// # Errors
    /// Another process holds it, or the server cannot be asked.
    async fn claim(&self, namespace: &str) -> Result<Claim> {
        let doing = || format!("use {namespace} on {}", self.target());
        let failed = |error: DbError| Error::new(doing(), error);
        let Some(sql) = self.dialect().claim(namespace) else {
            return Err(Error::unsupported(doing(), "the driver has no way to claim it"));
        };
        let mut session = self.connect(&SessionOptions::default()).await.map_err(failed)?;
        match scalar_sql(&mut *session, &sql).await.map_err(failed)? {
            1 => Ok(Claim::new(session)),
            _ => Err(Claim::refused(doing())),
        }
    }

    /// Loading rows faster than by inserts.
    fn bulk_load(&self) -> Option<&dyn BulkLoad>;

    /// Starting, stopping and killing the server; only for a throwaway server.
    fn server_control(&self) -> Option<&dyn ServerControl> {
        None
    }
}

/// A namespace taken for this process alone, for as long as it is kept.
pub struct Claim {
    _held: Box<dyn Any + Send>,
}

impl Claim {
    /// A claim that lasts as long as `held`.
    pub fn new(held: impl Any + Send) -> Self {
        Self { _held: Box::new(held) }
    }

    /// The error of a claim that another process holds.
    pub fn refused(doing: impl Into<String>) -> Error {
        Error::new(doing, "another dbdyno is using it")
            .next("wait until it is done, or name another database or file")
    }
}

/// What a driver can do, as facts that the load engine and the suites need.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// Calls block their thread until the engine answers, so each client needs a thread.
    pub sessions_block: bool,
    /// Rows of one table may be loaded through several sessions at once.
    pub parallel_load: bool,
}

/// How a session is opened.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// The schema or database whose tables are meant; the target's default where `None`.
    pub namespace: Option<String>,
    /// The isolation level of the session's transactions; the engine's default where `None`.
    pub isolation: Option<Isolation>,
}

/// What a server says of itself.
#[derive(Clone, Debug, Default)]
pub struct ServerInfo {
    /// Its version, as short as it tells it apart: `15.18`, `10.11.14-MariaDB`.
    pub version: String,
    /// Settings that bear on a measurement, by name.
    pub settings: BTreeMap<String, String>,
}

/// A statement that sessions prepare once and address by its place in the list.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its name, for `dbdyno list --sql` and error messages.
    pub name: &'static str,
    /// Portable SQL, as [`Dialect::statement`] reads it.
    pub sql: String,
}

impl Statement {
    /// A named statement.
    pub fn new(name: &'static str, sql: impl Into<String>) -> Self {
        Self { name, sql: sql.into() }
    }
}

/// The place of a statement in the list given to [`Session::prepare`].
pub type StatementId = usize;

/// Whether a transaction writes. Only engines that must know beforehand are told (SQLite takes
/// the write lock at `BEGIN IMMEDIATE`); on others both begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Read,
    /// It may write.
    Write,
}

/// One open connection. Its methods are called one at a time. A method that fails with
/// [`ErrorClass::Disconnected`](crate::ErrorClass) leaves a session that is good for nothing but
/// being dropped.
///
/// Statements outside of `begin` … `commit` commit by themselves; a connection lost in one of them
/// is an error whose outcome is unknown, as in `commit`.
#[async_trait]
pub trait Session: Send {
    /// Prepares a list of statements, replacing those of an earlier call.
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError>;

    /// Begins a transaction at the session's isolation level.
    async fn begin(&mut self, access: Access) -> Result<(), DbError>;

    /// Commits the transaction.
    async fn commit(&mut self) -> Result<(), DbError>;

    /// Rolls back the transaction; does nothing where there is none.
    async fn rollback(&mut self) -> Result<(), DbError>;

    /// Runs a prepared statement that answers no rows; gives the number of rows it matched.
    async fn execute(&mut self, id: StatementId, params: &[Value<'_>]) -> Result<u64, DbError>;

    /// Runs a prepared query, calling `visit` with each row; gives the number of rows. Every row
    /// is read even where `visit` fails; the first failure is returned.
    async fn query(
        &mut self,
        id: StatementId,
        params: &[Value<'_>],
        visit: &mut RowVisitor<'_>,
    ) -> Result<u64, DbError>;

    /// Runs one statement in the engine's own SQL, unprepared: set-up work.
    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError>;

    /// Runs one query in the engine's own SQL, without parameters: set-up work and checks.
    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError>;
}
