//! Crashing an engine that has no server: the process that hosts its clients is killed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dbdyno_core::{Embedded, Error, Result};

use super::Bench;
use super::crash::{Crash, LOOK_AGAIN, Patience, Plan, RECOVERY_LIMIT, last_acknowledged};
use super::hosted::HostedLoad;
use super::journal::{Journal as _, Memory, now_us};

/// Crashes a load that runs in a process of its own, with the engine in it.
///
/// # Errors
/// The load cannot be made, or the end was asked for.
pub fn crash_process(
    bench: &Bench<'_>,
    embedded: &dyn Embedded,
    program: &Path,
    plan: Plan,
) -> Result<Crash> {
    let load = HostedLoad::of(bench.stand, embedded, bench.transactions, (plan.seed, plan.cycle))?;
    let journal = Arc::new(Memory::default());
    let host = Host::start(program, &load, &journal)?;
    let is_over = || host.has_ended();
    let patience = Patience { bench, journal: &journal, is_over: &is_over };
    let loaded = patience
        .wait_for_first_commit(bench.stand.options().reconnect_limit)
        .and_then(|()| patience.sleep(plan.after));
    let (killed, killed_us) = (Instant::now(), now_us());
    // Where it ended by itself, what it says is why.
    host.kill().and(loaded)?;
    let mut entries = journal.take();
    let last_us = last_acknowledged(&entries, u64::MAX);
    let first = Arc::new(Memory::default());
    let recovery =
        commit_first(program, &HostedLoad { first_commit: true, ..load }, &first, killed);
    entries.extend(first.take());
    Ok(Crash { entries, killed_us, last_us, recovery })
}

/// Has a new process open the data; gives how long after the crash its first commit was acknowledged.
fn commit_first(
    program: &Path,
    load: &HostedLoad,
    journal: &Arc<Memory>,
    killed: Instant,
) -> Result<Duration> {
    let host = Host::start(program, load, journal)?;
    loop {
        if journal.acknowledged() > 0 {
            let took = killed.elapsed();
            return host.wait().map(|()| took);
        }
        if host.has_ended() && journal.acknowledged() == 0 {
            host.wait()?;
            let doing = format!("commit on {} after a crash", load.target);
            return Err(Error::new(doing, "the process ended without a commit"));
        }
        if killed.elapsed() > RECOVERY_LIMIT {
            host.kill()?;
            let doing = format!("commit on {} after a crash", load.target);
            let seconds = RECOVERY_LIMIT.as_secs();
            return Err(Error::new(doing, format!("nothing was committed within {seconds} s")));
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// A process that hosts a load; killed where it is not waited for.
pub struct Host {
    child: Child,
    /// Reads its journal until nobody can write there any more.
    journal: Option<JoinHandle<Result<()>>>,
    /// Reads what it says of what went wrong.
    said: Option<JoinHandle<String>>,
}

impl Host {
    /// Starts it; what its clients do is kept in the journal.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(program: &Path, load: &HostedLoad, journal: &Arc<Memory>) -> Result<Self> {
        let failed = |why: &dyn std::fmt::Display| {
            let doing = format!("start {} for a load that is to be killed", program.display());
            Error::new(doing, why)
        };
        // In a group of its own: Ctrl-C in the terminal is for this process alone. It keeps its
        // standard input, so that the other ends when this one does.
        let mut child = Command::new(program)
            .args(load.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|why| failed(&why))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let journal = Arc::clone(journal);
        let mut host = Self { child, journal: None, said: None };
        let (Some(out), Some(mut err)) = (out, err) else {
            return Err(failed(&"its output is not there"));
        };
        let reading = thread::Builder::new().name("journal".to_owned());
        let reading = reading.spawn(move || read(out, &journal)).map_err(|why| failed(&why))?;
        host.journal = Some(reading);
        let hearing = thread::Builder::new().name("errors".to_owned());
        let hearing = hearing.spawn(move || {
            let mut said = Vec::new();
            // What cannot be read is not told.
            let _ = err.read_to_end(&mut said);
            String::from_utf8_lossy(&said).trim().to_owned()
        });
        host.said = Some(hearing.map_err(|why| failed(&why))?);
        Ok(host)
    }

    /// Whether all of its journal was read.
    pub fn has_ended(&self) -> bool {
        self.journal.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Kills it with SIGKILL, and reads what it had written.
    ///
    /// # Errors
    /// It had ended by itself, having gone wrong, or its journal cannot be understood.
    pub fn kill(mut self) -> Result<()> {
        // One that has ended by itself cannot be killed, and says why.
        let _ = self.child.kill();
        self.wait()
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// It went wrong, or its journal cannot be understood.
    fn wait(mut self) -> Result<()> {
        let doing = "host a load in a process of its own";
        // Waiting would close it, and the process end before it has put the data in order.
        let _life_line = self.child.stdin.take();
        let status = self.child.wait().map_err(|why| Error::new(doing, why))?;
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        let read = self.journal.take().map(JoinHandle::join);
        match status.code() {
            Some(0) | None => read.and_then(Result::ok).unwrap_or(Ok(())),
            Some(code) if said.is_empty() => Err(Error::new(doing, format!("exit code {code}"))),
            Some(_) => Err(Error::new(doing, said)),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended, and then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a journal. A last line without an end was cut off in the midst of being written.
fn read(out: ChildStdout, journal: &Memory) -> Result<()> {
    let doing = "read the journal of a load";
    let mut lines = BufReader::new(out);
    let mut line = String::new();
    loop {
        line.clear();
        lines.read_line(&mut line).map_err(|why| Error::new(doing, why))?;
        let Some(whole) = line.strip_suffix('\n') else { return Ok(()) };
        let entry = whole.parse();
        journal.keep(entry.map_err(|()| Error::new(doing, format!("it holds `{whole}`")))?);
    }
}
