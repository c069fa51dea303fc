//! A program that hangs, in the place of one that starts a server: for tests.

#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::{Result, Stop};
use nix::sys::signal::Signal;

use super::{LOOK_AGAIN, Place, START_DEADLINE, ServerProgram, Throwaway};

/// How long a program may take that hangs.
const SOON: Duration = Duration::from_secs(2);

/// A program that does nothing for ever but tell its process.
pub(crate) struct Hanging {
    folder: tempfile::TempDir,
}

impl Hanging {
    pub(crate) fn new() -> Self {
        // The server's user reads and writes here.
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let hanging = Self { folder };
        let pid = hanging.pid();
        let script = format!("#!/bin/sh\necho $$ > {}\nexec sleep 1000\n", pid.display());
        fs::write(hanging.program(), script).unwrap();
        fs::set_permissions(hanging.program(), Permissions::from_mode(0o755)).unwrap();
        hanging
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("hanging")
    }

    fn pid(&self) -> PathBuf {
        self.folder.path().join("pid")
    }

    /// Starts a server whose data folder it is to make; gives what is told of that.
    pub(crate) fn make(&self, program: impl ServerProgram + 'static) -> String {
        self.start(Impatient { program, making_limit: SOON })
    }

    /// Starts a server whose data folder it is to make, and asks for the end once it does; gives what is told of that.
    pub(crate) fn make_until(&self, program: impl ServerProgram + 'static, stop: &Stop) -> String {
        thread::scope(|scope| {
            scope.spawn(|| {
                while !self.pid().exists() {
                    thread::sleep(LOOK_AGAIN);
                }
                stop.request();
            });
            self.start(Impatient { program, making_limit: START_DEADLINE })
        })
    }

    /// Starts a server that it is to be, on a data folder that is made; gives what is told of that.
    pub(crate) fn serve(&self, program: impl ServerProgram + 'static) -> String {
        self.start(Impatient { program, making_limit: START_DEADLINE })
    }

    /// Nothing of it is left.
    fn start(&self, program: impl ServerProgram + 'static) -> String {
        let told = Throwaway::start(Box::new(program)).err().unwrap().to_string();
        let pid = fs::read_to_string(self.pid()).unwrap();
        let process = Path::new("/proc").join(pid.trim());
        let deadline = Instant::now() + START_DEADLINE;
        while process.exists() {
            assert!(Instant::now() < deadline, "{} goes on", process.display());
            thread::sleep(LOOK_AGAIN);
        }
        fs::remove_file(self.pid()).unwrap();
        told
    }
}

/// The same server for whoever does not wait for long.
struct Impatient<P> {
    program: P,
    making_limit: Duration,
}

impl<P: ServerProgram> ServerProgram for Impatient<P> {
    fn product(&self) -> &str {
        self.program.product()
    }

    fn account(&self) -> &str {
        self.program.account()
    }

    fn initialise(&self, place: &Place) -> Result<()> {
        self.program.initialise(place)
    }

    fn command(&self, place: &Place, port: u16) -> Command {
        self.program.command(place, port)
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

    fn making_limit(&self) -> Duration {
        self.making_limit
    }

    fn start_limit(&self, _: &Place) -> Duration {
        SOON
    }
}
