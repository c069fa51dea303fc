//! The throwaway server: how it is made and started.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dbdyno_core::{Result, Stop};
use nix::sys::signal::Signal;

use super::durability::DurableSettings;
use super::programs::{Product, Programs};
use crate::registry::ServerSettings;
use crate::target::{Secret, Target};
use crate::throwaway::{Place, ServerProgram, machine};
use crate::tool::Bounds;

/// The user that dbdyno logs in as.
pub const USER: &str = "dbdyno";
/// The database of sessions that name none.
pub const DATABASE: &str = "dbdyno";

/// The file with the statements that the server runs when it starts.
const INIT_FILE: &str = "init.sql";
/// How long a look at the server's socket may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The most memory that InnoDB's buffer pool is given unasked, in bytes.
const BUFFER_POOL_CAP: u64 = 1 << 30;
/// Sessions that the server allows beside those of the clients: checks, loaders.
const SPARE_SESSIONS: u32 = 30;
/// The highest limit that the servers take (`max_prepared_stmt_count` in their manuals).
const MAX_PREPARED: u32 = 1_048_576;

/// How a throwaway MySQL or MariaDB server is made and started.
pub struct MysqlServer {
    programs: Programs,
    settings: Vec<(String, String)>,
    password: Secret,
    durable: Arc<Mutex<DurableSettings>>,
    writes_log: Arc<AtomicBool>,
    stop: Stop,
}

/// What belongs to a server that runs, and is not known from outside.
#[derive(Clone)]
pub struct Access {
    /// The password of [`USER`].
    pub password: Secret,
    /// The settings that durability was set to: a restarted server begins with them.
    pub durable: Arc<Mutex<DurableSettings>>,
    /// Whether a restarted server writes a binary log.
    pub writes_log: Arc<AtomicBool>,
}

impl MysqlServer {
    /// A server with the run's settings and then the target's own.
    ///
    /// # Errors
    /// No password can be made up.
    pub fn new(programs: Programs, target: &Target, settings: &ServerSettings) -> Result<Self> {
        let password = machine::new_password()?;
        let own = target.server_settings();
        let mut all = defaults(settings.sessions);
        all.extend(settings.settings.iter().cloned());
        all.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Ok(Self {
            programs,
            settings: all,
            password,
            durable: Arc::new(Mutex::new(DurableSettings::default())),
            writes_log: Arc::default(),
            stop: settings.stop.clone(),
        })
    }

    /// The same with another password: data that comes from elsewhere has users already.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.password = password;
        self
    }

    /// The same with more settings, which win over its own, and another password.
    pub fn with(mut self, settings: Vec<(String, String)>, password: &Secret) -> Self {
        self.settings.extend(settings);
        self.password = password.clone();
        self
    }

    /// What whoever starts it keeps.
    pub fn access(&self) -> Access {
        Access {
            password: self.password.clone(),
            durable: Arc::clone(&self.durable),
            writes_log: Arc::clone(&self.writes_log),
        }
    }

    /// Writes the file of the statements that the server runs when it starts.
    ///
    /// # Errors
    /// The disk is full.
    pub fn write_init_file(place: &Place, statements: &str) -> Result<()> {
        place.write_private(INIT_FILE, statements).map(|_| ())
    }

    /// Statements that make dbdyno's user and database, run at every start. MySQL makes a root
    /// without a password; nobody needs it.
    pub fn init_statements(&self) -> String {
        let password = self.password.expose();
        let mut sql = String::new();
        for host in ["localhost", "127.0.0.1"] {
            sql.push_str(&format!(
                "CREATE USER IF NOT EXISTS '{USER}'@'{host}' IDENTIFIED BY '{password}';\n\
                 GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'{host}' WITH GRANT OPTION;\n"
            ));
        }
        if self.programs.product == Product::Mysql {
            sql.push_str("ALTER USER 'root'@'localhost' ACCOUNT LOCK;\n");
        }
        sql.push_str(&format!(
            "CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n"
        ));
        sql
    }

    fn base_dir(&self) -> Option<OsString> {
        let base = self.programs.bin_dir.as_deref().and_then(Path::parent)?;
        Some(option("--basedir=", base))
    }
}

/// The settings of a throwaway server where nobody asks for others.
fn defaults(sessions: u32) -> Vec<(String, String)> {
    let quarter = machine::memory().map_or(BUFFER_POOL_CAP, |memory| memory / 4);
    let pool = quarter.min(BUFFER_POOL_CAP);
    let connections = sessions.saturating_add(SPARE_SESSIONS).max(151);
    [
        ("innodb_buffer_pool_size", pool.to_string()),
        ("innodb_doublewrite", "ON".to_owned()),
        // A server that starts finds nothing in memory.
        ("innodb_buffer_pool_load_at_startup", "OFF".to_owned()),
        ("innodb_buffer_pool_dump_at_shutdown", "OFF".to_owned()),
        ("innodb_flush_log_at_trx_commit", "1".to_owned()),
        ("local_infile", "1".to_owned()),
        ("max_connections", connections.to_string()),
        ("max_prepared_stmt_count", MAX_PREPARED.to_string()),
        ("sync_binlog", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// The server's socket.
pub fn socket(place: &Place) -> PathBuf {
    place.folder().join("mysql.sock")
}

fn option(name: &str, value: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(value);
    option
}

impl ServerProgram for MysqlServer {
    fn product(&self) -> &str {
        self.programs.product.title()
    }

    fn account(&self) -> &str {
        "mysql"
    }

    fn initialise(&self, place: &Place) -> Result<()> {
        Self::write_init_file(place, &self.init_statements())?;
        let doing = format!("make the data folder of a throwaway {} server", self.product());
        let data = option("--datadir=", &place.data());
        let mut command = match &self.programs.installer {
            Some(installer) => {
                let mut command = place.command(installer);
                // Root may log in as the system's root alone, which dbdyno does not make use of.
                command.args([
                    "--no-defaults",
                    "--skip-test-db",
                    "--skip-name-resolve",
                    "--auth-root-authentication-method=socket",
                ]);
                command
            }
            None => {
                let mut command = place.command(&self.programs.server);
                command.args(["--no-defaults", "--initialize-insecure"]);
                command
            }
        };
        // A server removes what others of its kind have left in the folder for temporary files.
        command.arg(data).arg(option("--tmpdir=", place.folder())).args(self.base_dir());
        Bounds::new(place.making_limit(), self.stop.clone()).run(&mut command, &doing)
    }

    fn command(&self, place: &Place, port: u16) -> Command {
        let mut command = place.command(&self.programs.server);
        // The machine's own configuration files must not leak in.
        command.arg("--no-defaults");
        let durable = *self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, value) in self.settings.iter().cloned().chain(durable.settings()) {
            command.arg(format!("--{name}={value}"));
        }
        if self.writes_log.load(Ordering::Relaxed) {
            command.args(["--log-bin=binlog", "--server-id=1"]);
        }
        command.args(self.base_dir());
        if self.programs.product == Product::Mysql {
            // The X protocol would listen on a port of its own, on every address.
            command.arg("--mysqlx=OFF");
        }
        command
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve"])
            .arg(format!("--port={port}"))
            .arg(option("--datadir=", &place.data()))
            .arg(option("--tmpdir=", place.folder()))
            .arg(option("--socket=", &socket(place)))
            .arg(option("--pid-file=", &self.pid_file(place)))
            .arg(option("--init-file=", &place.folder().join(INIT_FILE)));
        command
    }

    /// The server greets whoever connects, once it is ready for sessions; the greeting's first
    /// byte after its header is the version of the protocol
    /// (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html>).
    fn answers(&self, place: &Place, _port: u16) -> Result<(), String> {
        let greet = || -> std::io::Result<u8> {
            let mut stream = UnixStream::connect(socket(place))?;
            stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
            let mut greeting = [0; 5];
            stream.read_exact(&mut greeting)?;
            Ok(greeting[4])
        };
        match greet() {
            Ok(10) => Ok(()),
            Ok(other) => Err(format!("its greeting begins with {other:#x}")),
            Err(why) => Err(why.to_string()),
        }
    }

    fn pid_file(&self, place: &Place) -> PathBuf {
        place.folder().join("pid")
    }

    /// The data is thrown away and nothing is kept outside of the folder, so there is nothing to
    /// be saved by an orderly end.
    fn stop_signal(&self) -> Signal {
        Signal::SIGKILL
    }

    fn orderly_stop_signal(&self) -> Signal {
        Signal::SIGTERM
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::mysql::programs::programs;
    use crate::throwaway::hanging::Hanging;

    #[test]
    fn a_start_that_hangs_is_given_up() {
        let hanging = Hanging::new();
        let (target, found) = (Target::parse("mariadb").unwrap(), programs(Product::Mariadb, None));
        let found = found.unwrap();
        let server =
            |programs| MysqlServer::new(programs, &target, &ServerSettings::default()).unwrap();
        let installer = || Some(hanging.program());
        let told = hanging.make(|| server(Programs { installer: installer(), ..found.clone() }));
        assert!(told.contains("make the data folder of a throwaway MariaDB server"), "{told}");
        let stop = Stop::default();
        let wanted = ServerSettings { stop: stop.clone(), ..ServerSettings::default() };
        let making = || Programs { installer: installer(), ..found.clone() };
        let making = || MysqlServer::new(making(), &target, &wanted).unwrap();
        let told = hanging.make_until(making, &stop);
        assert!(told.contains("of a throwaway MariaDB server: the end was"), "{told}");
        let told =
            hanging.serve(|| server(Programs { server: hanging.program(), ..found.clone() }));
        assert!(told.contains("it does not answer after 2 s: No such file"), "{told}");
    }
}
