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
        let (pid, half) = (pid.display(), pid.with_extension("half"));
        let half = half.display();
        // Whoever looks for the file finds the number in it.
        let script = format!("echo $$ > {half}; mv {half} {pid}; exec sleep 1000");
        write_program(&hanging.program(), &script);
        hanging
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("hanging")
    }

    fn pid(&self) -> PathBuf {
        self.folder.path().join("pid")
    }

    /// Starts a server whose data folder it is to make; gives what is told of that, and that it waited for as long as it
    /// was to.
    pub(crate) fn make<P: ServerProgram + 'static>(&self, program: impl Fn() -> P) -> String {
        let told = self.start(|| Impatient { program: program(), making_limit: SOON });
        let waited =
            told.split("hanging goes on after ").nth(1).and_then(|rest| rest.split(' ').next());
        // A busy machine looks late.
        let waited: u64 =
            waited.and_then(|seconds| seconds.parse().ok()).unwrap_or_else(|| panic!("{told}"));
        assert!(waited >= SOON.as_secs(), "{told}");
        told
    }

    /// Starts a server whose data folder it is to make, and asks for the end once it does; gives what is told of that.
    pub(crate) fn make_until<P: ServerProgram + 'static>(
        &self,
        program: impl Fn() -> P,
        stop: &Stop,
    ) -> String {
        thread::scope(|scope| {
            scope.spawn(|| {
                let deadline = Instant::now() + START_DEADLINE;
                while !self.pid().exists() && Instant::now() < deadline {
                    thread::sleep(LOOK_AGAIN);
                }
                stop.request();
            });
            self.start(|| Impatient { program: program(), making_limit: START_DEADLINE })
        })
    }

    /// Starts a server that it is to be, on a data folder that is made; gives what is told of that.
    pub(crate) fn serve<P: ServerProgram + 'static>(&self, program: impl Fn() -> P) -> String {
        self.start(|| Impatient { program: program(), making_limit: START_DEADLINE })
    }

    /// Nothing of it is left.
    fn start<P: ServerProgram + 'static>(&self, program: impl Fn() -> P) -> String {
        let deadline = Instant::now() + START_DEADLINE;
        let (told, pid) = loop {
            let told = Throwaway::start(Box::new(program())).err().unwrap().to_string();
            // On a busy machine it may be ended before it has come to tell its process.
            match fs::read_to_string(self.pid()) {
                Ok(pid) => break (told, pid),
                Err(why) => assert!(Instant::now() < deadline, "{why}: {told}"),
            }
        };
        let process = Path::new("/proc").join(pid.trim());
        while process.exists() {
            assert!(Instant::now() < deadline, "{} goes on", process.display());
            thread::sleep(LOOK_AGAIN);
        }
        fs::remove_file(self.pid()).unwrap();
        told
    }
}

/// A program that is a script. Another process writes it: one that a thread beside this one starts meanwhile has what
/// this process has open, and nothing can be run that somebody has open to write.
pub(crate) fn write_program(path: &Path, script: &str) {
    let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod 755 \"$1\"";
    let written = Command::new("sh").args(["-c", write, "sh"]).arg(path).arg(script).status();
    assert!(written.unwrap().success(), "{}", path.display());
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
