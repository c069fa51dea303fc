//! A throwaway PostgreSQL server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dbdyno_core::{Error, Result, Stop};
use nix::sys::signal::Signal;

use super::endpoint::Endpoint;
use crate::registry::{Found, ServerSettings};
use crate::target::{Secret, Target};
use crate::throwaway::programs::{Packages, find, folders, missing, version_line};
use crate::throwaway::runtime::run_to_end;
use crate::throwaway::{Place, ServerProgram, machine};
use crate::tool::Bounds;

/// The superuser of throwaway servers.
pub(super) const USER: &str = "dbdyno";
/// The packages that hold the server.
pub(super) const PACKAGES: Packages =
    Packages { apt: "postgresql", dnf: "postgresql-server", brew: "postgresql@17" };

/// Where distributions keep the server's programs: Debian, the PostgreSQL project's RPM packages,
/// SUSE, Alpine, Homebrew on both architectures, the Mac application, builds from source.
const FOLDERS: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
];

/// A quarter of memory is the manual's advice for a dedicated server (section 20.4.1). The cap
/// keeps several servers side by side from starving each other.
const MOST_SHARED_BUFFERS: u64 = 1 << 30;
const LEAST_SHARED_BUFFERS: u64 = 32 << 20;
/// Sessions beside the clients': set-up, checks, loading, reading settings.
const SPARE_SESSIONS: u32 = 40;
/// How long one look at a starting server may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The programs of one installation.
struct Installation {
    initdb: PathBuf,
    postgres: PathBuf,
}

impl Installation {
    /// Where the tools of the same version are: in the folder of the server's program, or in the one that a
    /// link to it leads to.
    fn folders(&self) -> Vec<PathBuf> {
        let real = std::fs::canonicalize(&self.postgres);
        let programs = [Some(self.postgres.clone()), real.ok()].into_iter().flatten();
        programs.filter_map(|program| program.parent().map(Path::to_owned)).collect()
    }
}

/// Where PostgreSQL's tools are, those of the version of throwaway servers first.
pub(super) fn tool_folders(bin_dir: Option<&Path>) -> Vec<PathBuf> {
    let installed = installation(bin_dir).map(|installed| installed.folders()).unwrap_or_default();
    installed.into_iter().chain(folders(bin_dir, FOLDERS)).collect()
}

fn installation(bin_dir: Option<&Path>) -> Result<Installation> {
    let candidates = folders(bin_dir, FOLDERS);
    // Both from one folder: two versions may be installed.
    candidates
        .into_iter()
        .find_map(|folder| {
            let folder = [folder];
            Some(Installation {
                initdb: find(&["initdb"], &folder)?,
                postgres: find(&["postgres"], &folder)?,
            })
        })
        .ok_or_else(|| missing("PostgreSQL", "initdb and postgres", bin_dir, &PACKAGES))
}

/// The installation that a throwaway server would use.
pub(super) fn found(bin_dir: Option<&Path>) -> Result<Found> {
    let Installation { initdb, postgres } = installation(bin_dir)?;
    let line = version_line(&postgres)?;
    Ok(Found { version: short_version(&line).to_owned(), programs: vec![postgres, initdb] })
}

/// The first word with a digit: `15.18` of `postgres (PostgreSQL) 15.18 (Debian …)`.
pub(super) fn short_version(text: &str) -> &str {
    text.split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(text)
}

/// How a throwaway server is made and started.
pub(super) struct PostgresProgram {
    installation: Installation,
    /// In the order in which they win: the last of a name.
    settings: Vec<(String, String)>,
    password: Secret,
    stop: Stop,
}

impl PostgresProgram {
    /// From the target's options and what the run needs.
    pub(super) fn new(target: &Target, wanted: &ServerSettings) -> Result<Self> {
        let installation = installation(target.option("bin_dir").map(Path::new))?;
        let password = machine::new_password()?;
        let mut settings = vec![
            ("max_connections".to_owned(), (wanted.sessions + SPARE_SESSIONS).to_string()),
            ("shared_buffers".to_owned(), shared_buffers()),
            // The default of 64 fails short range scans at SERIALIZABLE with 53200, out of shared
            // memory, once a few clients run them at once.
            ("max_pred_locks_per_transaction".to_owned(), "512".to_owned()),
        ];
        settings.extend(wanted.settings.iter().cloned());
        let own = target.server_settings();
        settings.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Ok(Self { installation, settings, password, stop: wanted.stop.clone() })
    }

    /// The same with more settings, which win over its own, and another password.
    pub(super) fn with(mut self, settings: Vec<(String, String)>, password: &Secret) -> Self {
        self.settings.extend(settings);
        self.password = password.clone();
        self
    }

    /// Another program of the same installation, or one on PATH where only the server is linked to from its
    /// folder; `None` where it is not there.
    pub(super) fn beside(&self, name: &str) -> Option<PathBuf> {
        let server = &self.installation.postgres;
        let real = std::fs::canonicalize(server).ok();
        let own = [server.parent(), real.as_deref().and_then(Path::parent)];
        let mut places: Vec<PathBuf> = own.into_iter().flatten().map(Path::to_owned).collect();
        places.extend(folders(None, FOLDERS));
        find(&[name], &places)
    }
}

fn shared_buffers() -> String {
    let quarter = machine::memory().map_or(LEAST_SHARED_BUFFERS * 8, |memory| memory / 4);
    let bytes = quarter.clamp(LEAST_SHARED_BUFFERS, MOST_SHARED_BUFFERS);
    format!("{}MB", bytes >> 20)
}

/// A command without the variables that would tell PostgreSQL's programs something else
/// (manual, sections 34.15 and 20.1).
pub(super) fn command(place: &Place, program: &Path) -> Command {
    let mut command = place.command(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command
}

impl ServerProgram for PostgresProgram {
    fn product(&self) -> &str {
        "PostgreSQL"
    }

    fn account(&self) -> &str {
        "postgres"
    }

    /// Sessions through the socket, in a folder that only the server's user and root may enter,
    /// need no password; those through the port do.
    fn initialise(&self, place: &Place) -> Result<()> {
        let password_file = place.write_private("initdb-password", self.password.expose())?;
        let mut initdb = command(place, &self.installation.initdb);
        initdb
            .arg("-D")
            .arg(place.data())
            .args(["-U", USER, "--encoding=UTF8", "--locale=C", "--no-sync"])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg("--pwfile")
            .arg(&password_file);
        let bounds = Bounds::new(place.making_limit(), self.stop.clone());
        let made = bounds.run(&mut initdb, "initialise a throwaway PostgreSQL server");
        std::fs::remove_file(&password_file)
            .map_err(|why| Error::new(format!("remove {}", password_file.display()), why))?;
        made
    }

    fn command(&self, place: &Place, port: u16) -> Command {
        let mut command = command(place, &self.installation.postgres);
        command.arg("-D").arg(place.data());
        command.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.arg("-k").arg(place.folder());
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command
    }

    fn answers(&self, place: &Place, port: u16) -> Result<(), String> {
        if !place.folder().join(format!(".s.PGSQL.{port}")).exists() {
            return Err("its socket is not there".into());
        }
        let endpoint = Endpoint::throwaway(place.folder(), port, USER, Duration::ZERO)
            .map_err(|why| why.to_string())?;
        let answer = run_to_end(|| async {
            let opening = async { endpoint.connect().await?.simple("SELECT 1").await };
            match tokio::time::timeout(ANSWER_TIMEOUT, opening).await {
                Ok(answer) => answer.map(|_| ()).map_err(|why| why.to_string()),
                Err(_) => Err("no answer".to_owned()),
            }
        });
        answer.map_err(|why| why.to_string())?
    }

    fn pid_file(&self, place: &Place) -> PathBuf {
        place.data().join("postmaster.pid")
    }

    /// Immediate shutdown: no checkpoint of data that is about to be removed, but shared memory is
    /// given back (manual, section 19.5).
    fn stop_signal(&self) -> Signal {
        Signal::SIGQUIT
    }

    /// Fast shutdown: sessions are ended, and a checkpoint is made (manual, section 19.5).
    fn orderly_stop_signal(&self) -> Signal {
        Signal::SIGINT
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::throwaway::hanging::Hanging;

    #[test]
    fn versions_are_short() {
        for (text, version) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
            ("15.18 (Debian 15.18-0+deb12u1)", "15.18"),
            ("17beta1", "17beta1"),
        ] {
            assert_eq!(short_version(text), version);
        }
    }

    #[test]
    fn a_start_that_hangs_is_given_up() {
        let hanging = Hanging::new();
        let target = Target::parse(crate::postgres::ENTRY.name).unwrap();
        let making = |wanted: &ServerSettings| {
            let mut making = PostgresProgram::new(&target, wanted).unwrap();
            making.installation.initdb = hanging.program();
            making
        };
        let told = hanging.make(|| making(&ServerSettings::default()));
        assert!(told.contains("initialise a throwaway PostgreSQL server"), "{told}");
        let stop = Stop::default();
        let wanted = ServerSettings { stop: stop.clone(), ..ServerSettings::default() };
        let told = hanging.make_until(|| making(&wanted), &stop);
        assert!(told.contains("initialise a throwaway PostgreSQL server: the end was"), "{told}");
        let told = hanging.serve(|| {
            let mut serving = PostgresProgram::new(&target, &ServerSettings::default()).unwrap();
            serving.installation.postgres = hanging.program();
            serving
        });
        assert!(told.contains("it does not answer after 2 s: its socket is not there"), "{told}");
    }
}
