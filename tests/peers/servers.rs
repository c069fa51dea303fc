//! The servers that both sides are pointed at: dbdyno's own throwaway servers, reached through
//! their Unix sockets.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use dbdyno_adapters::throwaway::machine::random_hex;
use dbdyno_adapters::{ServerSettings, Target, open};
use dbdyno_core::{Driver, Error, MARK_TABLE, Result, Scale, SessionOptions};
use dbdyno_datasets::Dataset;

use crate::bench::{Bench, benchmark, in_one_load, postgres_program};

/// The schema or database of tables that are the peers' own.
pub const PEERS: &str = "peers";
/// The user that the peers, and dbdyno, log in to MariaDB as.
const USER: &str = "peers";

/// A throwaway server; dropping it ends it.
pub struct Server<'b> {
    bench: &'b Bench,
    driver: Arc<dyn Driver>,
    address: Address,
}

/// How clients reach it.
enum Address {
    Postgres { folder: String, port: String, user: String, database: String },
    Mariadb { socket: String, password: String, password_file: PathBuf },
}

impl<'b> Server<'b> {
    /// Starts a server for `sessions` clients at the durability asked for. `target` is what would
    /// stand after dbdyno's `--target`: `postgres` or `mariadb`, with options.
    ///
    /// # Errors
    /// It is not installed, cannot be started, or does not hold the durability.
    pub fn start(bench: &'b Bench, target: &str, sessions: u32) -> Result<Self> {
        eprintln!("starting {target}");
        let settings = ServerSettings { sessions, ..ServerSettings::default() };
        let parsed = Target::parse(target)?;
        let level = bench.options.durability;
        let (driver, held) = bench.runtime.block_on(async {
            let driver = open(&parsed, &settings).await?;
            driver.set_durability(level).await?;
            let held = driver.durability().await?;
            Ok::<_, Error>((driver, held))
        })?;
        if held.level != level {
            let why = format!("the server holds {} ({})", held.level, held.evidence);
            return Err(Error::new(format!("compare at {level} durability"), why)
                .next("choose the level that it can hold with --durability"));
        }
        let address = match driver.engine() {
            "postgres" => Self::postgres(bench, &*driver)?,
            _ => Self::mariadb(bench, &*driver)?,
        };
        Ok(Self { bench, driver, address })
    }

    /// The server itself says where it listens and as whom this program is logged in.
    fn postgres(bench: &Bench, driver: &dyn Driver) -> Result<Address> {
        let sql = "SELECT current_setting('unix_socket_directories'), current_setting('port'), \
                   current_user::text, current_database()::text";
        let [folder, port, user, database] = texts(bench, driver, sql)?;
        Ok(Address::Postgres { folder, port, user, database })
    }

    /// A user of this program's own, whose password is in files that nobody else may read.
    fn mariadb(bench: &Bench, driver: &dyn Driver) -> Result<Address> {
        let [socket] = texts(bench, driver, "SELECT @@socket")?;
        let failed = |why| Error::new("make a user for the peers", why);
        let password = random_hex(16).map_err(failed)?;
        // sysbench takes a password from its command line, which everybody may read, or from here.
        let password_file = bench.scratch().join("sysbench.conf");
        write_private(&password_file, &format!("mysql-password={password}\n")).map_err(failed)?;
        let statements = [
            format!("CREATE USER '{USER}'@'localhost' IDENTIFIED BY '{password}'"),
            format!("GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'localhost' WITH GRANT OPTION"),
        ];
        run_all(bench, driver, None, &statements)?;
        Ok(Address::Mariadb { socket, password, password_file })
    }

    /// The driver of the server.
    pub fn driver(&self) -> &dyn Driver {
        &*self.driver
    }

    /// The driver of the server, to be kept.
    pub fn shared_driver(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.driver)
    }

    /// What stands after dbdyno's `--target`.
    pub fn target(&self) -> String {
        match &self.address {
            Address::Postgres { folder, port, user, database } => {
                format!("postgres://{user}@/{database}?host={folder}&port={port}")
            }
            Address::Mariadb { socket, .. } => format!("mariadb://{USER}@/?socket={socket}"),
        }
    }

    /// The password, for dbdyno and the server's own client, as an environment variable.
    pub fn password(&self) -> Option<(&'static str, &str)> {
        match &self.address {
            Address::Postgres { .. } => None,
            Address::Mariadb { password, .. } => Some(("MYSQL_PWD", password)),
        }
    }

    /// One of PostgreSQL's own clients, connected to the tables of `namespace`.
    pub fn postgres_client(&self, program: &str, namespace: &str) -> Command {
        let mut command = Command::new(postgres_program(program));
        // What the user has set for another server must not change how this one is reached.
        let set = std::env::vars_os().map(|(name, _)| name);
        set.filter(|name| name.as_encoded_bytes().starts_with(b"PG")).for_each(|name| {
            command.env_remove(name);
        });
        if let Address::Postgres { folder, port, user, database } = &self.address {
            command.args(["-h", folder, "-p", port, "-U", user]).env("PGDATABASE", database);
        }
        command.env("PGOPTIONS", format!("-c search_path={namespace}"));
        command
    }

    /// sysbench, connected to the tables of `namespace`, without the name of a test.
    pub fn sysbench(&self, namespace: &str) -> Command {
        let mut command = Command::new("sysbench");
        if let Address::Mariadb { socket, password_file, .. } = &self.address {
            command.arg(format!("--config-file={}", password_file.display()));
            command.arg(format!("--mysql-socket={socket}"));
        }
        command.args([format!("--mysql-user={USER}"), format!("--mysql-db={namespace}")]);
        command
    }

    /// The server's own client, about to run a script on the tables of `namespace`.
    pub fn script(&self, script: &Path, namespace: &str) -> Command {
        match &self.address {
            Address::Postgres { .. } => {
                let mut psql = self.postgres_client("psql", namespace);
                psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(script);
                psql
            }
            Address::Mariadb { socket, .. } => {
                let mut mariadb = Command::new("mariadb");
                mariadb.args(["--no-defaults", "--local-infile=1", &format!("--user={USER}")]);
                mariadb.args([&format!("--socket={socket}"), namespace]).envs(self.password());
                mariadb.arg(format!("--execute=source {}", script.display()));
                mariadb
            }
        }
    }

    /// Runs statements of the engine's own SQL, in a namespace or none.
    ///
    /// # Errors
    /// The server refuses one.
    pub fn sql(&self, namespace: Option<&str>, statements: &[String]) -> Result<()> {
        run_all(self.bench, self.driver(), namespace, statements)
    }

    /// Drops a namespace and all that is in it.
    ///
    /// # Errors
    /// The server refuses.
    pub fn drop_namespace(&self, namespace: &str) -> Result<()> {
        let name = self.driver.dialect().quote(namespace);
        let drop = match &self.address {
            Address::Postgres { .. } => format!("DROP SCHEMA IF EXISTS {name} CASCADE"),
            Address::Mariadb { .. } => format!("DROP DATABASE IF EXISTS {name}"),
        };
        self.sql(None, &[drop])
    }

    /// Makes the peers' own namespace, with nothing in it.
    ///
    /// # Errors
    /// The server refuses.
    pub fn empty_peers(&self) -> Result<()> {
        self.drop_namespace(PEERS)?;
        self.sql(None, &self.driver.dialect().ensure_namespace(PEERS))
    }

    /// Has what earlier turns left to be written be written now, so that no turn pays for the one
    /// before. InnoDB has no statement for that.
    ///
    /// # Errors
    /// The server refuses.
    pub fn settle(&self) -> Result<()> {
        match &self.address {
            Address::Postgres { .. } => self.sql(None, &["CHECKPOINT".to_owned()]),
            Address::Mariadb { .. } => Ok(()),
        }
    }

    /// Looks at the tables of a benchmark as dbdyno does right before and after it measures.
    ///
    /// # Errors
    /// The server refuses, or there is no such benchmark.
    pub fn look(&self, name: &str, scale: u32) -> Result<()> {
        let benchmark = benchmark(name)?;
        let benchmark = in_one_load(&*benchmark)?;
        let failed = |why| Error::new(format!("look at the tables of {name}"), why);
        let namespace = Some(benchmark.dataset().namespace());
        let options = SessionOptions { namespace, ..SessionOptions::default() };
        self.bench.runtime.block_on(async {
            let mut session = self.driver.connect(&options).await.map_err(failed)?;
            benchmark.state(&mut *session, Scale::whole(scale)).await.map(drop).map_err(failed)
        })
    }

    /// Lets dbdyno take the data set for that of another seed, so that it draws other inputs. With
    /// the same ones a run would write values that are there already, which InnoDB passes over. Of
    /// the data sets that are compared nothing that a run relies on depends on the seed.
    ///
    /// # Errors
    /// The server refuses.
    pub fn call_by_seed(&self, dataset: &dyn Dataset, seed: u32) -> Result<()> {
        let quote = |name: &str| self.driver.dialect().quote(name);
        let update = format!(
            "UPDATE {} SET {} = '{seed}' WHERE {} = '{}'",
            quote(MARK_TABLE),
            quote("seed"),
            quote("dataset"),
            dataset.name()
        );
        self.sql(Some(&dataset.namespace()), &[update])
    }
}

fn run_all(
    bench: &Bench,
    driver: &dyn Driver,
    namespace: Option<&str>,
    statements: &[String],
) -> Result<()> {
    let failed = |why| Error::new(format!("prepare {}", driver.target()), why);
    let namespace = namespace.map(str::to_owned);
    let options = SessionOptions { namespace, ..SessionOptions::default() };
    bench.runtime.block_on(async {
        let mut session = driver.connect(&options).await.map_err(failed)?;
        for statement in statements {
            session.run_sql(statement).await.map_err(failed)?;
        }
        Ok(())
    })
}

/// The one row of texts that a query answers.
fn texts<const N: usize>(bench: &Bench, driver: &dyn Driver, sql: &str) -> Result<[String; N]> {
    let failed = |why| Error::new(format!("ask {}", driver.target()), why);
    let mut found = [const { String::new() }; N];
    bench.runtime.block_on(async {
        let mut session = driver.connect(&SessionOptions::default()).await.map_err(failed)?;
        let mut visit = |row: &dyn dbdyno_core::Row| {
            for (place, text) in found.iter_mut().enumerate() {
                row.text(place)?.clone_into(text);
            }
            Ok(())
        };
        session.query_sql(sql, &mut visit).await.map_err(failed)
    })?;
    Ok(found)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}
