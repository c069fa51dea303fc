//! Backups by MariaDB's and MySQL's own programs.

mod binlog;
mod dump;
mod followed;
mod locks;
mod logs;
mod physical;
mod restored;

use std::path::{Path, PathBuf};
use std::process::Command;

use dbdyno_core::backup::{Backup, BackupMethod, BackupPlan, BackupPromise, Backups, LockWatch};
use dbdyno_core::dialect::quote_text;
use dbdyno_core::query::{row_sql, within};
use dbdyno_core::{DbError, Driver as _, Error, Result, Row};

use super::connect::Connector;
use super::driver::{MysqlDriver, Origin};
use super::programs::{Product, tool_folders};
use super::session::MysqlSession;
use crate::backup::{ANSWER_LIMIT, Vault, program, unknown};
use crate::throwaway::Place;
use crate::throwaway::programs::{Packages, version_line};
use crate::throwaway::runtime::run_to_end;
use crate::tool::Bounds;
use followed::Followed;

/// The user that throwaway servers run as, and so their tools.
const ACCOUNT: &str = "mysql";
/// The packages of MariaDB's physical backups.
const BACKUP_PACKAGES: Packages =
    Packages { apt: "mariadb-backup", dnf: "mariadb-backup", brew: "mariadb" };

const DUMP: &str =
    "the rows of one snapshot as SQL (--single-transaction); restored by running the statements";
const FULL: &str =
    "a copy of InnoDB's files and the log from its beginning to its end; prepared, and copied back";
const INCREMENTAL: &str =
    "the pages that changed since a full backup, which was made before; prepared upon it";
const BINLOG: &str = "a dump, and the binary logs from its position on: recovered to a position";

const MARIADB: [BackupMethod; 4] = [
    snapshot("mariadb-dump", DUMP),
    snapshot("mariadb-backup", FULL),
    snapshot("mariadb-incremental", INCREMENTAL),
    point_in_time("mariadb-binlog", BINLOG),
];
const MYSQL: [BackupMethod; 4] = [
    snapshot("mysqldump", DUMP),
    snapshot("mariadb-backup", FULL),
    snapshot("mariadb-incremental", INCREMENTAL),
    point_in_time("mysqlbinlog", BINLOG),
];

const fn snapshot(name: &'static str, summary: &'static str) -> BackupMethod {
    BackupMethod { name, summary, promise: BackupPromise::Snapshot }
}

const fn point_in_time(name: &'static str, summary: &'static str) -> BackupMethod {
    BackupMethod { name, summary, promise: BackupPromise::PointInTime }
}

impl Backups for MysqlDriver {
    fn methods(&self) -> Vec<BackupMethod> {
        methods(self.product()).to_vec()
    }

    fn prepare(&self, method: &str, plan: &BackupPlan) -> Result<Box<dyn Backup>> {
        let all = methods(self.product());
        if !all.iter().any(|known| known.name == method) {
            return Err(unknown(all, method));
        }
        // MySQL has no copy of its files to go out from, and others' servers keep the log that they keep.
        let is_followed =
            plan.with_twin && self.product() == Product::Mariadb && self.is_throwaway();
        let followed = || match is_followed {
            true => Followed::prepare(self, method, plan),
            false => Ok(Followed::default()),
        };
        Ok(match method {
            "mariadb-dump" | "mysqldump" => {
                let dump = dump::prepare(Source::of(self, method, plan)?)?;
                Box::new(dump.with_followed(followed()?))
            }
            "mariadb-binlog" | "mysqlbinlog" => {
                Box::new(binlog::prepare(self, Source::of(self, method, plan)?)?)
            }
            _ if self.product() == Product::Mysql => {
                let why = "it copies MariaDB's files, and cannot read those of MySQL 8";
                return Err(Error::unsupported(format!("make a backup by {method}"), why));
            }
            _ => {
                let is_incremental = method == "mariadb-incremental";
                let source = Source::of(self, method, plan)?;
                // The server is started again before anything is copied, and not for nothing.
                physical::find(&source)?;
                let followed = followed()?;
                Box::new(physical::prepare(self, source, is_incremental)?.with_followed(followed))
            }
        })
    }

    /// InnoDB counts the pages of tables and indexes now and then, and not at each change
    /// (<https://mariadb.com/kb/en/information-schema-tables-table/>). A copy of the server's files has the tables of
    /// all namespaces but the system's.
    fn data_bytes(&self, method: &str, namespace: &str) -> Result<u64> {
        let its = match method {
            "mariadb-backup" | "mariadb-incremental" => {
                "NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')".to_owned()
            }
            _ => format!("= {}", quote_text(namespace)),
        };
        let sql = format!(
            "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables \
             WHERE table_schema {its}"
        );
        let doing = || format!("ask {} for the size of what {method} saves", self.target());
        let bytes = ask(self.connector(), &sql, |row| row.int(0));
        bytes.map(i64::unsigned_abs).map_err(|why| Error::new(doing(), why))
    }
}

fn methods(product: Product) -> &'static [BackupMethod] {
    match product {
        Product::Mariadb => &MARIADB,
        Product::Mysql => &MYSQL,
    }
}

/// What a backup is made of, and by what.
struct Source {
    method: String,
    vault: Vault,
    namespace: String,
    connector: Connector,
    origin: Origin,
    is_throwaway: bool,
    folders: Vec<PathBuf>,
    /// How tools reach the server: a file that only the server's user may read, for a password has no place
    /// on a command line.
    options: PathBuf,
}

impl Source {
    fn of(driver: &MysqlDriver, method: &str, plan: &BackupPlan) -> Result<Self> {
        let origin = driver.origin().clone();
        let vault = Vault::create(ACCOUNT, plan)?;
        let copy = |file: &Path| vault.place().copy_private("ca.pem", file);
        let text = driver.connector().option_file(copy)?;
        let options = vault.place().write_private("client.cnf", &text)?;
        vault.make_folder(vault.files())?;
        Ok(Self {
            method: method.to_owned(),
            vault,
            namespace: plan.namespace.clone(),
            connector: driver.connector().clone(),
            folders: tool_folders(origin.product, origin.target.option("bin_dir").map(Path::new)),
            origin,
            is_throwaway: driver.is_throwaway(),
            options,
        })
    }

    fn place(&self) -> &Place {
        self.vault.place()
    }

    fn bounds(&self) -> &Bounds {
        self.vault.bounds()
    }

    /// Begins to watch the locks of its tools.
    fn watch(&self) -> Result<Option<Box<dyn LockWatch>>> {
        Ok(Some(Box::new(locks::Watch::begin(&self.connector, self.is_throwaway)?)))
    }

    /// Finds a program under the name that its maker gives it.
    fn program(&self, mariadb: &str, mysql: &str) -> Result<PathBuf> {
        let names: &[&str] = match self.origin.product {
            Product::Mariadb => &[mariadb, mysql],
            Product::Mysql => &[mysql],
        };
        program(&self.method, names, &self.folders, &self.origin.product.client_packages())
    }

    /// A command that reaches the server.
    fn connecting(&self, program: &Path) -> Command {
        told(self.place(), program, &self.options)
    }
}

/// A command that reads how to reach a server from a file, and nothing else. The variables by which these
/// programs take passwords and options from elsewhere are left out.
fn told(place: &Place, program: &Path, options: &Path) -> Command {
    let mut command = place.command(program);
    for name in ["MYSQL_PWD", "MYSQL_HOST", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT", "MYSQL_HOME"] {
        command.env_remove(name);
    }
    let mut defaults = std::ffi::OsString::from("--defaults-file=");
    defaults.push(options);
    command.arg(defaults);
    command
}

/// What a program calls itself.
fn told_version(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    version_line(program).unwrap_or_else(|_| name.into_owned())
}

/// Asks for one row, which must come within [`ANSWER_LIMIT`].
fn ask<T: Send>(
    connector: &Connector,
    sql: &str,
    read: impl FnMut(&dyn Row) -> Result<T, DbError> + Send,
) -> Result<T, DbError> {
    let asked = run_to_end(|| {
        within(ANSWER_LIMIT, async {
            let mut session = MysqlSession::new(connector.connect(None, None).await?);
            row_sql(&mut session, sql, read).await
        })
    });
    asked.unwrap_or_else(|why| Err(DbError::unexpected(why.to_string())))
}
