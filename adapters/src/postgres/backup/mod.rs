//! Backups by PostgreSQL's own programs (manual, chapter 26).

mod archive;
mod base;
mod connection;
mod dump;
mod follower;
mod locks;
mod restored;
mod twin;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use dbdyno_core::backup::{Backup, BackupMethod, BackupPlan, BackupPromise, Backups};
use dbdyno_core::query::{row_sql, within};
use dbdyno_core::{DbError, Driver as _, Error, Result, SessionOptions};

use super::dialect::PostgresDialect;
use super::driver::{Origin, PostgresDriver};
use super::endpoint::Endpoint;
use super::server::{self, PACKAGES, short_version};
use super::session::PostgresSession;
use crate::backup::{ANSWER_LIMIT, Vault, program, unknown};
use crate::throwaway::Place;
use crate::throwaway::programs::version_line;
use crate::throwaway::runtime::run_to_end;
use crate::tool::Bounds;
use base::Form;
use connection::Connection;
use dbdyno_core::dialect::quote_text;

/// The user that throwaway servers run as, and so their tools.
const ACCOUNT: &str = "postgres";

const METHODS: [BackupMethod; 6] = [
    BackupMethod {
        name: "pg_basebackup",
        summary: "the server's files with the log that makes them consistent, streamed; its restore is a copy that \
                  recovers",
        promise: BackupPromise::Snapshot,
    },
    BackupMethod {
        name: "pg_basebackup-gzip",
        summary: "the same as tar files that pg_basebackup compresses by gzip",
        promise: BackupPromise::Snapshot,
    },
    BackupMethod {
        name: "pg_basebackup-zstd",
        summary: "the same as tar files that pg_basebackup compresses by zstd",
        promise: BackupPromise::Snapshot,
    },
    BackupMethod {
        name: "pg_dump",
        summary: "the rows of one snapshot and the statements that make the tables, in one compressed file (custom \
                  format); restored by pg_restore -j",
        promise: BackupPromise::Snapshot,
    },
    BackupMethod {
        name: "pg_dump-directory",
        summary: "the same in a file for each table, written by as many processes as there are processors (-j)",
        promise: BackupPromise::Snapshot,
    },
    BackupMethod {
        name: "pg_receivewal",
        summary: "a base backup, and the log that pg_receivewal archives from before it on: recovered to a named \
                  point in time",
        promise: BackupPromise::PointInTime,
    },
];

impl Backups for PostgresDriver {
    fn methods(&self) -> Vec<BackupMethod> {
        METHODS.to_vec()
    }

    fn prepare(&self, method: &str, plan: &BackupPlan) -> Result<Box<dyn Backup>> {
        let is_known = METHODS.iter().any(|known| known.name == method);
        if is_known && copies_files(method) && !self.is_throwaway() {
            let why = "a copy of its files would be started with its own settings, which may archive its log, \
                       follow its publications and let in other users: dbdyno does so with servers that it \
                       started itself";
            return Err(Error::unsupported(format!("make a backup by {method}"), why)
                .next("choose pg_dump, or a throwaway server"));
        }
        let source = Source::of(self, method, plan)?;
        let base = |source, form| -> Result<Box<dyn Backup>> {
            let base = base::prepare(source, form)?;
            Ok(Box::new(match plan.with_twin {
                true => base.with_twin(follower::prepare(self, method, plan)),
                false => base,
            }))
        };
        let backup: Box<dyn Backup> = match method {
            "pg_basebackup" => base(source, Form::Plain)?,
            "pg_basebackup-gzip" => base(source, Form::Gzip)?,
            "pg_basebackup-zstd" => base(source, Form::Zstd)?,
            "pg_dump" => Box::new(dump::prepare(source, dump::Form::Custom, plan.with_twin)?),
            "pg_dump-directory" => {
                Box::new(dump::prepare(source, dump::Form::Directory, plan.with_twin)?)
            }
            "pg_receivewal" => Box::new(archive::prepare(source)?),
            _ => return Err(unknown(&METHODS, method)),
        };
        if plan.with_twin && self.is_throwaway() {
            checkpoint(self.endpoint(), plan)?;
        }
        Ok(backup)
    }

    /// Tables with their indexes and what is stored apart of them (manual, 9.27.7); a copy of the server's files has
    /// those of all namespaces but the system's.
    fn data_bytes(&self, method: &str, namespace: &str) -> Result<u64> {
        let its = match copies_files(method) {
            true => "n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'".to_owned(),
            false => format!("n.nspname = {}", quote_text(namespace)),
        };
        let sql = format!(
            "SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::bigint::text FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND {its}"
        );
        let doing = || format!("ask {} for the size of what {method} saves", self.target());
        let text = ask(self.endpoint(), &sql).map_err(|why| Error::new(doing(), why))?;
        text.parse().map_err(|why| Error::new(doing(), format!("it says `{text}`: {why}")))
    }
}

/// Whether a method copies the server's files, which have all namespaces in them.
fn copies_files(method: &str) -> bool {
    method != "pg_dump" && method != "pg_dump-directory"
}

/// What a backup is made of, and by what.
struct Source {
    method: String,
    vault: Vault,
    namespace: String,
    endpoint: Arc<Endpoint>,
    /// What every program is told to reach the server.
    connection: Connection,
    origin: Origin,
    /// Where the programs are that belong to the server.
    folders: Vec<PathBuf>,
}

impl Source {
    fn of(driver: &PostgresDriver, method: &str, plan: &BackupPlan) -> Result<Self> {
        let origin = driver.origin().clone();
        let bin_dir = origin.target.option("bin_dir").map(Path::new);
        let vault = Vault::create(ACCOUNT, plan)?;
        Ok(Self {
            method: method.to_owned(),
            connection: Connection::of(driver.endpoint(), vault.place())?,
            endpoint: driver.shared_endpoint(),
            folders: server::tool_folders(bin_dir),
            vault,
            namespace: plan.namespace.clone(),
            origin,
        })
    }

    /// Finds one of PostgreSQL's programs.
    fn program(&self, name: &str) -> Result<PathBuf> {
        program(&self.method, &[name], &self.folders, &PACKAGES)
    }

    fn place(&self) -> &Place {
        self.vault.place()
    }

    fn bounds(&self) -> &Bounds {
        self.vault.bounds()
    }

    /// A command that reaches the server as dbdyno does, under a name that tells its sessions.
    fn connecting(&self, program: &Path) -> Command {
        let mut command = self.connection.command(self.place(), program);
        command.env("PGAPPNAME", locks::APPLICATION);
        command
    }

    /// Has the server go over to the next file of its log, with all before it written; gives the name of the last one.
    fn switch_log(&self) -> Result<String, DbError> {
        ask(&self.endpoint, "SELECT pg_walfile_name(pg_switch_wal())")
    }

    /// Begins to watch the locks of its tools.
    fn watch(&self) -> Result<locks::Watch> {
        locks::Watch::begin(&self.endpoint)
    }
}

/// The version of a program, such as `pg_dump 15.18`.
fn told_version(program: &Path) -> Result<String> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{name} {}", short_version(&version_line(program)?)))
}

/// Asks for one text, which must come within [`ANSWER_LIMIT`].
fn ask(endpoint: &Endpoint, sql: &str) -> Result<String, DbError> {
    let asked = run_to_end(|| {
        within(ANSWER_LIMIT, async {
            let options = SessionOptions::default();
            let mut session = PostgresSession::new(endpoint.connect().await?, "", &options).await?;
            row_sql(&mut session, sql, |row| row.text(0).map(str::to_owned)).await
        })
    });
    asked.unwrap_or_else(|why| Err(DbError::unexpected(why.to_string())))
}

/// A base backup that is made before a load begins with a checkpoint, after which every page that is changed for the first
/// time is logged as a whole: the loads of all methods have one behind them, or they could not be compared.
fn checkpoint(endpoint: &Endpoint, plan: &BackupPlan) -> Result<()> {
    let asked_to_end = async {
        plan.stop.requested().await;
        Err(DbError::unexpected("the end was asked for"))
    };
    let failed = |why: DbError| Error::new("make a checkpoint before the load", why);
    let mut session = twin::session(endpoint, None).map_err(failed)?;
    let made = session.ask(async |session| {
        tokio::select! {
            made = within(plan.limit, session.run_sql("CHECKPOINT")) => made,
            asked = asked_to_end => asked,
        }
    });
    made.map(drop).map_err(failed)
}

/// As many processes as there are processors, as the manual advises to begin with (`pg_dump`, `-j`).
fn jobs() -> String {
    std::thread::available_parallelism().map_or(1, usize::from).to_string()
}

/// An identifier as a pattern that matches it alone (manual, psql: patterns).
fn pattern(namespace: &str) -> String {
    use dbdyno_core::Dialect as _;
    PostgresDialect.quote(namespace)
}
