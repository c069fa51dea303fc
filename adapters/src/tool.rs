//! Programs that servers are made by, and their backups: run for no longer than they may take, and until the end is asked
//! for.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::{Error, Result, Stop};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::throwaway::last_lines;
use crate::throwaway::processes::{signal, signal_tree};

/// How long one look at a running tool is followed by the next: durations are no more exact than this.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// How long programs may take, and what ends them sooner.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) limit: Duration,
    pub(crate) stop: Stop,
}

impl Bounds {
    /// For no longer than `limit`, and until the end is asked for.
    pub(crate) fn new(limit: Duration, stop: Stop) -> Self {
        Self { limit, stop }
    }

    /// Runs a command to its end. `doing` completes "cannot …".
    ///
    /// # Errors
    /// It cannot be started, fails, goes on for too long, or the end is asked for; what it said is part of the
    /// error.
    pub(crate) fn run(&self, command: &mut Command, doing: &str) -> Result<()> {
        let tool = Tool::start(command)?;
        let status = tool.status(Instant::now() + self.limit, &self.stop, doing)?;
        if status.success() { Ok(()) } else { Err(tool.failed(doing, status)) }
    }
}

/// Runs a command to its end for whoever waits on an event loop, for no longer than `limit`; it is ended where nobody
/// waits for it any more. `doing` completes "cannot …".
///
/// # Errors
/// It cannot be started, fails, or goes on for too long; what it said is part of the error.
pub(crate) async fn run_within(limit: Duration, command: &mut Command, doing: &str) -> Result<()> {
    let tool = Tool::start(command)?;
    // Whoever asks for the end stops waiting, and the tool goes with that.
    let (deadline, nobody) = (Instant::now() + limit, Stop::default());
    loop {
        match tool.look(deadline, &nobody, doing)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(tool.failed(doing, status)),
            None => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

/// A running program; dropping it ends it.
pub(crate) struct Tool {
    name: String,
    child: Mutex<Child>,
    pub(crate) began: Instant,
    /// What it says. It is not where a backup is: that disk may be full.
    said: File,
}

impl Tool {
    /// Starts a command.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let program = PathBuf::from(command.get_program());
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let failed = |why: std::io::Error| Error::new(format!("start {}", program.display()), why);
        let said = tempfile::tempfile().map_err(failed)?;
        let also = || said.try_clone().map_err(failed);
        command.stdout(also()?).stderr(also()?);
        let began = Instant::now();
        let child = Mutex::new(command.spawn().map_err(failed)?);
        Ok(Self { name, child, began, said })
    }

    /// What its program is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child().id()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child().id()).ok().map(Pid::from_raw)
    }

    /// Asks it to end in its own way, and waits until it has.
    ///
    /// # Errors
    /// It does not end within `limit`, the end of all is asked for, or it says that it failed.
    pub(crate) fn end(&self, by: Signal, limit: Duration, stop: &Stop) -> Result<()> {
        let doing = || format!("end {}", self.name);
        if let Some(pid) = self.pid().filter(|_| self.is_running()) {
            signal(pid, by);
        }
        let deadline = Instant::now() + limit;
        let status = self.status(deadline, stop, &doing())?;
        if status.success() { Ok(()) } else { Err(self.failed(&doing(), status)) }
    }

    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        self.child().try_wait().is_ok_and(|status| status.is_none())
    }

    /// Waits until it has ended; ends it where it must not go on.
    ///
    /// # Errors
    /// It had to be ended. `doing` completes "cannot …".
    pub(crate) fn status(&self, deadline: Instant, stop: &Stop, doing: &str) -> Result<ExitStatus> {
        loop {
            match self.look(deadline, stop, doing)? {
                Some(status) => return Ok(status),
                None => thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// How it ended, if it did; ends it where it must not go on.
    fn look(&self, deadline: Instant, stop: &Stop, doing: &str) -> Result<Option<ExitStatus>> {
        let looked = self.child().try_wait();
        if let Some(status) = looked.map_err(|why| Error::new(doing, why))? {
            return Ok(Some(status));
        }
        let why = match (stop.is_requested(), Instant::now() >= deadline) {
            (true, _) => "the end was asked for".to_owned(),
            (_, true) => {
                format!("{} goes on after {} s", self.name, self.began.elapsed().as_secs())
            }
            (false, false) => return Ok(None),
        };
        self.end_now();
        Err(Error::new(doing, why))
    }

    /// Kills it with all that it started, without waiting for it.
    pub(crate) fn kill(&self) {
        if let Some(pid) = self.pid().filter(|_| self.is_running()) {
            signal_tree(pid, Signal::SIGKILL);
        }
    }

    /// Ends the processes that a tool started and that outlive it.
    pub(crate) fn end_helpers(&self) {
        if let Some(pid) = self.pid() {
            // Where none is left there is no such group any more.
            let _ = killpg(pid, Signal::SIGKILL);
        }
    }

    fn end_now(&self) {
        if let Some(pid) = self.pid().filter(|_| self.is_running()) {
            signal_tree(pid, Signal::SIGKILL);
            self.end_helpers();
            // It was sent SIGKILL: it ends, and there is nothing else to do with its status.
            let _ = self.child().wait();
        }
    }

    /// The error of a program that failed.
    pub(crate) fn failed(&self, doing: &str, status: ExitStatus) -> Error {
        Error::new(doing, self.why(status))
    }

    /// How it ended, and the last lines that it said.
    pub(crate) fn why(&self, status: ExitStatus) -> String {
        let mut said = Vec::new();
        let mut file = &self.said;
        let read = file.rewind().and_then(|()| file.read_to_end(&mut said));
        let said = match read {
            Ok(_) => last_lines(&String::from_utf8_lossy(&said)),
            Err(why) => format!("  and what it said cannot be read: {why}"),
        };
        format!("{} ended with {status}\n{said}", self.name)
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        self.end_now();
    }
}
