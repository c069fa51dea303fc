//! A crash and the first commit after it: the server is killed under load and started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::{Error, Result, ServerControl, Stop};
use tokio::runtime::Builder;

use super::Bench;
use super::journal::{Entry, Memory, now_us};
use super::probe::Probe;

/// How often is looked whether the first commit was acknowledged.
pub const LOOK_AGAIN: Duration = Duration::from_micros(200);
/// How long a nap is before the end is looked for.
const NAP: Duration = Duration::from_millis(20);
/// How long the first commit after a crash may take.
pub const RECOVERY_LIMIT: Duration = Duration::from_secs(180);

/// When a load is crashed.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The cycle, counted from 1.
    pub cycle: u32,
    /// The seed of the clients' inputs.
    pub seed: u64,
    /// How long after the first commit was acknowledged.
    pub after: Duration,
}

/// What came of a load that was crashed.
#[derive(Debug)]
pub struct Crash {
    /// What clients wrote, the first commit after the crash among it.
    pub entries: Vec<Entry>,
    /// When SIGKILL was sent, in microseconds after 1970.
    pub killed_us: u64,
    /// When the last commit before the crash was acknowledged, likewise: a server works on for the moment
    /// that it takes to kill all of its processes.
    pub last_us: u64,
    /// From then to the first commit that was acknowledged; why there was none.
    pub recovery: Result<Duration>,
}

/// Crashes a throwaway server under load.
///
/// # Errors
/// The load cannot be made, or the end was asked for.
pub fn crash_server(bench: &Bench<'_>, control: &dyn ServerControl, plan: Plan) -> Result<Crash> {
    let journal = Arc::new(Memory::default());
    let workload = bench.workload(plan.cycle, true, Arc::clone(&journal));
    let crash = |over: &Stop| {
        let patience = Patience { bench, journal: &journal, is_over: &|| over.is_requested() };
        patience.wait_for_first_commit(bench.stand.options().reconnect_limit)?;
        patience.sleep(plan.after)?;
        let (killed, killed_us) = (Instant::now(), now_us());
        control.kill()?;
        let gone_us = now_us();
        over.request();
        let recovery = restart(bench, control, plan, &journal, killed);
        Ok((killed_us, gone_us, recovery))
    };
    let (report, crashed) = bench.stand.load_beside(&workload, plan.seed, crash)?;
    if let Some(failure) = report.failure.filter(|_| crashed.is_err()) {
        return Err(failure);
    }
    let (killed_us, gone_us, recovery) = crashed?;
    let entries = journal.take();
    let last_us = last_acknowledged(&entries, gone_us);
    Ok(Crash { entries, killed_us, last_us, recovery })
}

/// When the last commit up to a moment was acknowledged.
pub fn last_acknowledged(entries: &[Entry], until_us: u64) -> u64 {
    let acknowledged = entries.iter().filter_map(|entry| match entry {
        Entry::Acknowledged(_, at_us) if *at_us <= until_us => Some(*at_us),
        _ => None,
    });
    acknowledged.max().unwrap_or(until_us)
}

/// Starts the server again; gives how long after the crash the first commit was acknowledged.
fn restart(
    bench: &Bench<'_>,
    control: &dyn ServerControl,
    plan: Plan,
    journal: &Arc<Memory>,
    killed: Instant,
) -> Result<Duration> {
    let doing = || format!("commit on {} after a crash", bench.stand.driver().target());
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Error::new(doing(), why))?;
    let probe = Probe {
        driver: bench.stand.driver(),
        session: bench.stand.client_options(),
        workload: bench.workload(plan.cycle, false, Arc::clone(journal)),
        client: bench.stand.case().clients,
        seed: plan.seed,
    };
    let failed = AtomicBool::new(false);
    let given_up = || failed.load(Ordering::Relaxed) || killed.elapsed() > RECOVERY_LIMIT;
    thread::scope(|scope| {
        let starting = scope.spawn(|| {
            let started = control.ensure_running();
            failed.store(started.is_err(), Ordering::Relaxed);
            started
        });
        let committed = runtime.block_on(probe.commit(given_up)).map(|()| killed.elapsed());
        let started = starting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        started?;
        committed.map_err(|why| Error::new(doing(), why).next("look into the server's log"))
    })
}

/// Waits for a load to be where it is to be crashed.
pub struct Patience<'p> {
    /// The case.
    pub bench: &'p Bench<'p>,
    /// What the clients write.
    pub journal: &'p Memory,
    /// Whether the load is over by itself.
    pub is_over: &'p dyn Fn() -> bool,
}

impl Patience<'_> {
    /// Waits for the first commit.
    ///
    /// # Errors
    /// There is none within `limit`, the load is over, or the end was asked for.
    pub fn wait_for_first_commit(&self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while self.journal.acknowledged() == 0 {
            self.go_on()?;
            if Instant::now() >= deadline {
                let doing = format!("load {}", self.bench.stand.driver().target());
                let why = format!("no commit was acknowledged within {} s", limit.as_secs());
                return Err(Error::new(doing, why).next("see events.csv for what went wrong"));
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Lets the load go on for a time.
    ///
    /// # Errors
    /// The load is over, or the end was asked for.
    pub fn sleep(&self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        loop {
            self.go_on()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(NAP));
        }
    }

    fn go_on(&self) -> Result<()> {
        self.bench.stand.go_on()?;
        if (self.is_over)() {
            let doing = format!("load {}", self.bench.stand.driver().target());
            return Err(Error::new(doing, "the load ended before it was crashed"));
        }
        Ok(())
    }
}
