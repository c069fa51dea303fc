//! The process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dbdyno_core::{Error, Result};
use nix::sys::signal::Signal;

use super::config::{CONSOLE, PORT};
use super::console::pool_state;
use crate::postgres::endpoint::Endpoint;
use crate::postgres::server::{USER, short_version};
use crate::registry::Found;
use crate::throwaway::programs::{Packages, find, folders, install_line, version_line};
use crate::throwaway::runtime::run_to_end;
use crate::throwaway::{Place, ServerProgram};

/// The packages that hold it.
const PACKAGES: Packages = Packages { apt: "pgbouncer", dnf: "pgbouncer", brew: "pgbouncer" };
/// Where distributions keep it.
const FOLDERS: &[&str] =
    &["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];
/// How long one look at a starting process may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// From here on statements that clients prepare outlast transactions
/// (<https://www.pgbouncer.org/changelog.html#pgbouncer-121x>).
const KEEPS_STATEMENTS: Version = Version(1, 21);
/// From here on SIGTERM waits for clients, and SIGQUIT does not (ibid., 1.23).
const STOPS_AT_SIGQUIT: Version = Version(1, 23);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

/// PgBouncer as it is installed.
#[derive(Clone, Debug)]
pub(super) struct Installed {
    program: PathBuf,
    /// Its version: `1.18.0`.
    pub(super) version: String,
    number: Version,
}

impl Installed {
    /// Looks for it.
    ///
    /// # Errors
    /// It is not installed (unsupported, with the line that installs it), or does not tell its version.
    pub(super) fn look() -> Result<Self> {
        let Some(program) = find(&["pgbouncer"], &folders(None, FOLDERS)) else {
            let why = "pgbouncer was found neither on PATH nor in the usual folders";
            let next = format!("install it ({}; its service need not run)", install_hint());
            return Err(Error::unsupported("start PgBouncer", why).next(next));
        };
        let version = short_version(&version_line(&program)?).to_owned();
        let number = number(&version).ok_or_else(|| {
            let doing = format!("use {}", program.display());
            Error::new(doing, format!("its version cannot be read: `{version}`"))
        })?;
        Ok(Self { program, version, number })
    }

    /// Whether statements that clients prepare outlast transactions.
    pub(super) fn keeps_statements(&self) -> bool {
        self.number >= KEEPS_STATEMENTS
    }
}

/// How to get it.
pub(super) fn install_hint() -> String {
    install_line(&PACKAGES)
}

/// The one that pools are made of.
pub(super) fn found() -> Result<Found> {
    let Installed { program, version, .. } = Installed::look()?;
    Ok(Found { version, programs: vec![program] })
}

fn number(version: &str) -> Option<Version> {
    let mut parts = version.split('.').map(|part| {
        let digits = part.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok()
    });
    Some(Version(parts.next()??, parts.next()??))
}

/// How a process is made and started.
pub(super) struct PgBouncerProgram {
    pub(super) installed: Installed,
    /// What its file says, by the folder that it is in.
    pub(super) config: Box<dyn Fn(&Path) -> String + Send + Sync>,
}

/// Its file in its folder.
fn file(place: &Place) -> PathBuf {
    place.folder().join("pgbouncer.ini")
}

/// Its console.
///
/// # Errors
/// None that a user can cause.
pub(super) fn console(folder: &Path) -> Result<Endpoint> {
    Ok(Endpoint::throwaway(folder, PORT, USER, Duration::ZERO)?.with_database(CONSOLE))
}

impl ServerProgram for PgBouncerProgram {
    fn product(&self) -> &str {
        "PgBouncer"
    }

    /// The server's own, whose socket it must reach.
    fn account(&self) -> &str {
        "postgres"
    }

    fn initialise(&self, place: &Place) -> Result<()> {
        place.write_private("pgbouncer.ini", &(self.config)(place.folder())).map(|_| ())
    }

    /// It listens on its socket alone.
    fn command(&self, place: &Place, _port: u16) -> Command {
        let mut command = place.command(&self.installed.program);
        command.arg("--quiet").arg(file(place));
        command
    }

    fn answers(&self, place: &Place, _port: u16) -> Result<(), String> {
        if !place.folder().join(format!(".s.PGSQL.{PORT}")).exists() {
            return Err("its socket is not there".into());
        }
        let endpoint = console(place.folder()).map_err(|why| why.to_string())?;
        let answer = run_to_end(|| async {
            let opening = async { pool_state(&mut endpoint.connect().await?).await };
            match tokio::time::timeout(ANSWER_TIMEOUT, opening).await {
                Ok(answer) => answer.map(|_| ()).map_err(|why| why.to_string()),
                Err(_) => Err("no answer".to_owned()),
            }
        });
        answer.map_err(|why| why.to_string())?
    }

    fn pid_file(&self, place: &Place) -> PathBuf {
        place.folder().join("pid")
    }

    fn stop_signal(&self) -> Signal {
        match self.installed.number >= STOPS_AT_SIGQUIT {
            true => Signal::SIGQUIT,
            false => Signal::SIGTERM,
        }
    }

    /// It keeps nothing that could be lost.
    fn orderly_stop_signal(&self) -> Signal {
        self.stop_signal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        for (text, version) in [
            ("1.18.0", Some(Version(1, 18))),
            ("1.25.1", Some(Version(1, 25))),
            ("1.21rc1", Some(Version(1, 21))),
            ("1.24dev", Some(Version(1, 24))),
            ("two", None),
        ] {
            assert_eq!(number(text), version, "{text}");
        }
        assert!(Version(1, 9) < KEEPS_STATEMENTS && Version(2, 0) > KEEPS_STATEMENTS);
    }
}
