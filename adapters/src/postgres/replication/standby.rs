//! A throwaway server that begins as a copy of another one and follows it.

use std::path::PathBuf;
use std::process::Command;

use dbdyno_core::{Error, Result};
use nix::sys::signal::Signal;

use super::super::server::{PostgresProgram, USER, command};
use crate::target::Secret;
use crate::throwaway::programs::missing;
use crate::throwaway::{Place, ServerProgram};
use crate::tool::Bounds;

/// The file with the password of the server that is followed, in libpq's format (manual, section 34.16).
const PASS_FILE: &str = "passfile";

/// How a standby is made and started.
pub(super) struct Standby {
    pub(super) program: PostgresProgram,
    pub(super) follows: Follows,
    /// How long the copy may take, and what ends it and the start sooner.
    pub(super) bounds: Bounds,
}

/// Whom a server has its data from.
#[derive(Clone)]
pub(super) struct Follows {
    /// The port of 127.0.0.1 that its data is copied from.
    pub(super) copied_from: u16,
    /// The port that it receives the log from.
    pub(super) port: u16,
    pub(super) password: Secret,
    /// What it calls itself.
    pub(super) name: String,
}

impl Follows {
    /// Where the log comes from, in libpq's words.
    pub(super) fn connection(&self, place: &Place) -> String {
        let file = place.folder().join(PASS_FILE);
        let (port, name) = (self.port, &self.name);
        format!(
            "host=127.0.0.1 port={port} user={USER} dbname=postgres passfile={} application_name={name} \
             sslmode=disable",
            file.display()
        )
    }

    /// Writes the file with the password.
    pub(super) fn write_pass_file(&self, place: &Place) -> Result<()> {
        let line = format!("*:*:*:{USER}:{}\n", self.password.expose());
        place.write_private(PASS_FILE, &line).map(drop)
    }
}

impl ServerProgram for Standby {
    fn product(&self) -> &str {
        self.program.product()
    }

    fn account(&self) -> &str {
        self.program.account()
    }

    /// Copies the server while it works; the log of that time comes with the copy.
    fn initialise(&self, place: &Place) -> Result<()> {
        let Some(copy) = self.program.beside("pg_basebackup") else {
            let packages = &super::super::server::PACKAGES;
            return Err(missing("PostgreSQL", "pg_basebackup", None, packages));
        };
        self.follows.write_pass_file(place)?;
        let from = Follows { port: self.follows.copied_from, ..self.follows.clone() };
        let mut copying = command(place, &copy);
        copying
            .arg("-D")
            .arg(place.data())
            .args(["--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-password"])
            .arg(format!("--dbname={}", from.connection(place)));
        self.bounds.run(&mut copying, "copy the primary for a replica")?;
        // Its presence makes the server a standby (manual, section 27.2.4).
        let signal = place.data().join("standby.signal");
        let mut touch = place.command("touch");
        touch.arg(&signal);
        place.run(&mut touch, &format!("write {}", signal.display())).map(drop)
    }

    fn command(&self, place: &Place, port: u16) -> Command {
        let mut command = self.program.command(place, port);
        command.arg("-c").arg(format!("primary_conninfo={}", self.follows.connection(place)));
        command
    }

    fn answers(&self, place: &Place, port: u16) -> Result<(), String> {
        self.program.answers(place, port)
    }

    fn pid_file(&self, place: &Place) -> PathBuf {
        self.program.pid_file(place)
    }

    fn stop_signal(&self) -> Signal {
        self.program.stop_signal()
    }

    fn orderly_stop_signal(&self) -> Signal {
        self.program.orderly_stop_signal()
    }

    fn is_given_up(&self) -> bool {
        self.bounds.stop.is_requested()
    }
}

/// The error of a replica that does not do what it should in time.
pub(super) fn too_late(doing: &str, why: &str, log: &str) -> Error {
    Error::new(doing, format!("{why}\n{log}"))
        .next("Look for the cause in the replica's own words above")
}
