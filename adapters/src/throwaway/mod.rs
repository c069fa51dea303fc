//! Private servers that dbdyno starts from installed programs and removes when it ends, whatever
//! ends it.
//!
//! A server lives in a folder of its own, marked as dbdyno's, below `/var/tmp` (which is on a disk
//! where `/tmp` may not be). It runs in a process group of its own, so that Ctrl-C in the terminal
//! does not reach it, and as an unprivileged user where dbdyno is root. It listens on a Unix
//! socket in that folder and on a free port of 127.0.0.1. A watchdog process outlives dbdyno for
//! as long as it takes to stop the server and remove the folder.
//!
//! An engine says by [`ServerProgram`] how its server is made and started; [`Throwaway`] does the
//! rest, and is the [`ServerControl`] of its driver.

mod folder;
pub mod forget;
#[cfg(test)]
pub(crate) mod hanging;
pub mod machine;
mod place;
mod port;
pub(crate) mod processes;
pub mod programs;
pub mod runtime;
mod shared_memory;
mod watchdog;

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::ability::ENDED;
use dbdyno_core::{ColdStart, Error, Result, ServerControl};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

pub use folder::Folder;
use forget::forget_files;
pub use place::Place;
pub(crate) use place::last_lines;
pub use port::Port;
use processes::{has_ended, signal, signal_tree, stands_still};
use shared_memory::SharedMemory;
use watchdog::Watchdog;

/// How long it may take to make a server's data folder, and a server to answer after it was started, where its program
/// says nothing else.
pub(crate) const START_DEADLINE: Duration = Duration::from_secs(120);
/// How long a server may take to stop when asked, before it is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(8);
/// How long a server may take to write down all that it has in memory.
const ORDERLY_STOP_DEADLINE: Duration = Duration::from_secs(300);
/// How long one look at a starting or stopping process is followed by the next.
const LOOK_AGAIN: Duration = Duration::from_millis(15);
/// What servers say of data that processes of an earlier server still use: PostgreSQL of its shared
/// memory, InnoDB of its files, Aria of its log.
const HELD: [&str; 3] = ["is still in use", "Unable to lock ./", "Can't lock aria control file"];
/// How long such processes may take to end.
const HELD_FOR: Duration = Duration::from_secs(20);
/// How many ports are tried: another program may take one between its choice and its use.
const PORT_ATTEMPTS: u32 = 4;

/// What an engine knows of its server process. All of it blocks.
pub trait ServerProgram: Send + Sync {
    /// The product's name, for messages.
    fn product(&self) -> &str;

    /// The unprivileged user that the server runs as where dbdyno is root; `nobody` is taken
    /// where this one does not exist.
    fn account(&self) -> &str;

    /// Makes the data folder, [`Place::data`]. Its commands come from [`Place::command`].
    ///
    /// # Errors
    /// A program failed, or took longer than [`Place::making_limit`]; what it printed is part of the error. The end was
    /// asked for.
    fn initialise(&self, place: &Place) -> Result<()>;

    /// The command that runs the server in the foreground, with its log on the standard streams,
    /// listening on 127.0.0.1 at `port` and on a socket in [`Place::folder`].
    fn command(&self, place: &Place, port: u16) -> Command;

    /// Whether the server takes a session through its socket now; why not, if it does not. It
    /// must give up within some seconds.
    ///
    /// # Errors
    /// The server does not take sessions yet.
    fn answers(&self, place: &Place, port: u16) -> Result<(), String>;

    /// The file in the place's folder whose first line is the number of the server's process.
    fn pid_file(&self, place: &Place) -> PathBuf;

    /// What makes the server stop fast and leave nothing behind outside of its folder. SIGKILL
    /// follows where it does not help.
    fn stop_signal(&self) -> Signal;

    /// What makes the server stop as fast as it can without losing anything.
    fn orderly_stop_signal(&self) -> Signal;

    /// How long the server may take to answer after it was started on the data that is in its place: crash
    /// recovery is part of it.
    fn start_limit(&self, _place: &Place) -> Duration {
        START_DEADLINE
    }

    /// How long its programs may take to make the data folder.
    fn making_limit(&self) -> Duration {
        START_DEADLINE
    }

    /// Whether nobody waits any more for the server to answer.
    fn is_given_up(&self) -> bool {
        false
    }
}

/// A running throwaway server. Dropping it stops the server and removes its folder.
pub struct Throwaway {
    program: Box<dyn ServerProgram>,
    place: Place,
    state: Mutex<State>,
    // Dropped last: from then on there is nothing to watch.
    _watchdog: Watchdog,
}

struct State {
    port: Option<Port>,
    child: Option<Child>,
    shared_memory: SharedMemory,
}

impl Throwaway {
    /// Makes a folder, initialises a server in it, starts it and waits until it answers. Blocks
    /// for some seconds.
    ///
    /// # Errors
    /// There is no place for the folder, or the server cannot be initialised or started: the end
    /// of its log is part of the error. Nothing is left behind.
    pub fn start(program: Box<dyn ServerProgram>) -> Result<Self> {
        let mut place = Place::create(program.account())?;
        place.making_limit = program.making_limit();
        let watchdog = Watchdog::start(&place, &program.pid_file(&place), program.stop_signal())?;
        let state =
            Mutex::new(State { port: None, child: None, shared_memory: SharedMemory::default() });
        // From here on an error drops `server`, and with it the folder.
        let server = Self { program, place, state, _watchdog: watchdog };
        server.program.initialise(&server.place)?;
        server.launch(&mut server.state())?;
        Ok(server)
    }

    /// Where the server lives.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The port on 127.0.0.1 that the server listens on; 0 where none was found.
    pub fn port(&self) -> u16 {
        self.state().port.as_ref().map_or(0, Port::number)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panicking thread left behind is still the truth about the process.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn doing(&self) -> String {
        format!("start a throwaway {} server", self.program.product())
    }

    /// Starts the server on the data it has and waits until it answers.
    fn launch(&self, state: &mut State) -> Result<()> {
        // A server that ran before keeps its port: sessions know it.
        let mut attempts = if state.port.is_none() { PORT_ATTEMPTS } else { 1 };
        let began = Instant::now();
        loop {
            let port = match &state.port {
                Some(port) => port.number(),
                None => {
                    let chosen = Port::choose().map_err(|why| {
                        Error::new(self.doing(), format!("no port of 127.0.0.1 was found: {why}"))
                    })?;
                    state.port.insert(chosen).number()
                }
            };
            let log_start = self.place.log_length();
            state.child = Some(self.spawn(port)?);
            match self.wait_until_it_answers(state, port) {
                Ok(()) => return Ok(()),
                Err(why) => {
                    self.stop(state);
                    let log = self.place.log_tail(log_start);
                    // Where somebody killed the first process alone, the others hold on to the
                    // data for a moment longer.
                    if HELD.iter().any(|words| log.contains(words)) && began.elapsed() < HELD_FOR {
                        thread::sleep(LOOK_AGAIN);
                        continue;
                    }
                    attempts -= 1;
                    if log.contains("ddress already in use") && attempts > 0 {
                        state.port = None;
                        continue;
                    }
                    return Err(Error::new(self.doing(), format!("{why}\n{log}"))
                        .next("Look for the cause in the server's own words above"));
                }
            }
        }
    }

    fn spawn(&self, port: u16) -> Result<Child> {
        let open = || OpenOptions::new().create(true).append(true).open(self.place.log());
        let (out, err) = open().and_then(|out| Ok((out, open()?))).map_err(|why| {
            Error::new(self.doing(), format!("{}: {why}", self.place.log().display()))
        })?;
        let mut command = self.program.command(&self.place, port);
        let program = PathBuf::from(command.get_program());
        command
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|why| Error::new(self.doing(), format!("{}: {why}", program.display())))
    }

    fn wait_until_it_answers(&self, state: &mut State, port: u16) -> Result<(), String> {
        let limit = self.program.start_limit(&self.place);
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = ended(state) {
                return Err(format!("{ENDED}{status}"));
            }
            if self.program.is_given_up() {
                return Err("the end was asked for".to_owned());
            }
            match self.program.answers(&self.place, port) {
                Ok(()) => return Ok(()),
                Err(why) if Instant::now() >= deadline => {
                    let seconds = limit.as_secs();
                    return Err(format!("it does not answer after {seconds} s: {why}"));
                }
                Err(_) => thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// Stops the server if it runs, paused or not: first as it likes best, then for sure.
    fn stop(&self, state: &mut State) {
        let Some(pid) = running(state) else { return };
        signal_tree(pid, Signal::SIGCONT);
        signal(pid, self.program.stop_signal());
        let deadline = Instant::now() + STOP_DEADLINE;
        while running(state).is_some() {
            if Instant::now() >= deadline {
                kill_all(state, pid);
                return;
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Stops the server if it runs, so that nothing that it knows is lost: a server that was killed would
    /// lose commits that are not durable, and read much of its data while it recovers.
    fn stop_orderly(&self, state: &mut State) -> Result<()> {
        let Some(pid) = running(state) else { return Ok(()) };
        signal(pid, self.program.orderly_stop_signal());
        let deadline = Instant::now() + ORDERLY_STOP_DEADLINE;
        while running(state).is_some() {
            if Instant::now() >= deadline {
                let seconds = ORDERLY_STOP_DEADLINE.as_secs();
                let doing = format!("stop the {} server", self.program.product());
                return Err(Error::new(doing, format!("it goes on after {seconds} s"))
                    .next("look into its log, or leave out `--cache cold`"));
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// The number of its first process; `None` while it does not run, or is being started or stopped: whoever asks
    /// is not made to wait for that.
    pub fn process(&self) -> Option<u32> {
        let mut state = self.state.try_lock().ok()?;
        running(&mut state).and_then(|pid| u32::try_from(pid.as_raw()).ok())
    }

    /// Stops the server in order, and starts it again as [`ServerProgram::command`] says now.
    ///
    /// # Errors
    /// It does not stop, or does not come up again.
    pub fn restart(&self) -> Result<()> {
        let mut state = self.state();
        self.stop_orderly(&mut state)?;
        self.launch(&mut state)
    }

    fn pid(&self, state: &mut State, doing: &str) -> Result<Pid> {
        running(state).ok_or_else(|| {
            Error::new(format!("{doing} the {} server", self.program.product()), "it does not run")
        })
    }
}

/// How the server's process ended, if it did; forgets the process then.
fn ended(state: &mut State) -> Option<ExitStatus> {
    let status = state.child.as_mut()?.try_wait().ok().flatten()?;
    state.child = None;
    Some(status)
}

/// The server's process, if it runs. The number stays the server's own until the process is
/// waited for, which happens nowhere but here and in `kill_all`, under the same lock.
fn running(state: &mut State) -> Option<Pid> {
    ended(state);
    let id = state.child.as_ref()?.id();
    i32::try_from(id).ok().map(Pid::from_raw)
}

fn kill_all(state: &mut State, pid: Pid) {
    // A stopped server cannot start another process between the look and the kill.
    signal(pid, Signal::SIGSTOP);
    state.shared_memory.note(pid);
    let killed = signal_tree(pid, Signal::SIGKILL);
    if let Some(mut child) = state.child.take() {
        // It was sent SIGKILL: it ends, and there is nothing else to do with its status.
        let _ = child.wait();
    }
    // Its children are not ours to wait for, and hold shared memory until they are gone.
    let deadline = Instant::now() + STOP_DEADLINE;
    while !killed.iter().all(|pid| has_ended(*pid)) && Instant::now() < deadline {
        thread::sleep(LOOK_AGAIN);
    }
}

impl ServerControl for Throwaway {
    fn kill(&self) -> Result<()> {
        let mut state = self.state();
        let pid = self.pid(&mut state, "kill")?;
        kill_all(&mut state, pid);
        Ok(())
    }

    fn ensure_running(&self) -> Result<bool> {
        let mut state = self.state();
        if running(&mut state).is_some() {
            return Ok(false);
        }
        self.launch(&mut state)?;
        Ok(true)
    }

    fn pause(&self) -> Result<()> {
        let mut state = self.state();
        let pid = self.pid(&mut state, "pause")?;
        // The first process first: it starts the others.
        signal(pid, Signal::SIGSTOP);
        let stopped = signal_tree(pid, Signal::SIGSTOP);
        let deadline = Instant::now() + STOP_DEADLINE;
        while !stopped.iter().all(|pid| stands_still(*pid)) {
            if Instant::now() >= deadline {
                let doing = format!("pause the {} server", self.program.product());
                return Err(Error::new(doing, "some of its processes go on"));
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    fn resume(&self) -> Result<()> {
        let mut state = self.state();
        let pid = self.pid(&mut state, "resume")?;
        signal_tree(pid, Signal::SIGCONT);
        Ok(())
    }
}

impl ColdStart for Throwaway {
    fn chill(&self) -> Result<()> {
        let mut state = self.state();
        self.stop_orderly(&mut state)?;
        forget_files(&self.place.data())?;
        self.launch(&mut state)
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop(&mut state);
        state.shared_memory.remove();
        // What cannot be removed now, the watchdog tries again.
        self.place.remove();
    }
}
