//! A replica that was away: stopped under load, and how fast it catches up once it goes on.
//!
//! Its processes are stopped where they stand (SIGSTOP), as a machine that stalls would be; the load goes on
//! as far as the topology lets it. It has caught up once it shows, within a tenth of a second, what the primary
//! has committed.

use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::query::within;
use dbdyno_core::{Better, Error, LagReport, Measurement, Result, Statement, Stop, Topology};
use dbdyno_datasets::Dataset;
use tokio::runtime::{Builder, Runtime};

use super::bench::{Bench, Running, SETTLE_LIMIT};
use super::found::{self, beats_unseen, count, ms};
use super::staleness::Staleness;
use crate::benchmark::{
    AfterUse, Benchmark, LoadBenchmark as _, Procedure, StagedBenchmark, State, WorkloadContext,
};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, Stand};

/// How long clients work before the replica is stopped.
const BEFORE: Duration = Duration::from_secs(1);
/// How long it is stopped.
const AWAY: Duration = Duration::from_secs(3);
/// How long servers may take to say how far it is behind while it stands still: where it is asked itself, it
/// does not answer.
const PRIMARY_LIMIT: Duration = Duration::from_millis(200);
/// How long it may take to catch up while the load goes on.
const LIMIT: Duration = Duration::from_secs(5);
/// How long one look at that lasts at the most: the end may be asked for.
const LOOK: Duration = Duration::from_secs(1);
/// A replica that shows within this time what was committed has caught up.
const CAUGHT_UP: Duration = Duration::from_millis(100);
/// How often the end is looked for.
const NAP: Duration = Duration::from_millis(20);

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct CatchUp;

impl Benchmark for CatchUp {
    fn name(&self) -> &'static str {
        "catch-up"
    }

    fn summary(&self) -> &'static str {
        "a replica is stopped for three seconds under TPC-B-like transactions: what the primary does meanwhile, and \
         how fast the replica catches up"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        TpcB.dataset()
    }

    fn after_use(&self) -> AfterUse {
        TpcB.after_use()
    }

    fn has_topologies(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for CatchUp {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        TpcB.procedure().statements(context)
    }

    /// Each lasts until its replica has caught up.
    fn loads(&self) -> u32 {
        0
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand)?;
        let topologies = bench.telling_topologies(measured)?;
        bench.each(topologies, measured, |topology, measured| {
            measure_one(&bench, topology, measured)
        })
    }
}

/// What happened to the replica.
struct Absence {
    stopped: Instant,
    resumed: Instant,
    /// When it had caught up; `None` where it did not in time.
    caught_up: Option<Instant>,
    /// What the servers said of it before it went on, or where only it can say that, as it did.
    behind: Option<LagReport>,
}

fn measure_one(
    bench: &Bench<'_>,
    topology: Topology,
    measured: &mut Measured,
) -> Result<Option<String>> {
    let Some(running) = bench.start(topology, false, measured)? else { return Ok(None) };
    let (stand, name) = (bench.stand, topology.name);
    stand.working_on(&format!("stop a replica of {name} for {} s", AWAY.as_secs()));
    let workload = TpcB.workload(&stand.context(), &State::default());
    let (clients, seed) = (stand.case().clients, stand.case().seed);
    let load = || {
        let absence = |over: &Stop| be_away(bench, &running, over);
        stand.load_beside_through(&running.primary, clients, &workload, seed, absence)
    };
    let (loaded, beats) = bench.beat_during(&running, measured, load)?;
    let (report, absence) = loaded?;
    if let Some(failure) = report.failure {
        return Err(failure);
    }
    let absence = absence?;
    // Commits are counted by the heartbeat's: it is one more client, at a fixed rate where nothing waits.
    let beaten = beats.acknowledged_within(absence.stopped, absence.resumed);
    let away = absence.resumed - absence.stopped;
    let staleness = Staleness::of(&beats, 0);
    let mut rows = vec![ms("away_ms", away, name), count("beats_while_away", beaten, name)];
    rows.extend(beats_unseen(&staleness, name));
    rows.extend(beats.longest().map(|longest| ms("commit_longest_ms", longest, name)));
    rows.extend(staleness.longest().map(|stalest| ms("visible_longest_ms", stalest, name)));
    if let Some(transactions) = absence.behind.and_then(|report| report.transactions) {
        rows.push(count("behind_transactions", transactions, name));
    }
    let bytes = absence.behind.and_then(|report| report.bytes);
    if let Some(bytes) = bytes {
        let row = Measurement::new("behind_bytes", bytes as f64, "bytes", Better::Lower);
        rows.push(row.of(name));
    }
    let took = absence.caught_up.map(|at| at - absence.resumed);
    // Where commits wait for the replica, the primary did nothing meanwhile that it could catch up with.
    let worked = (!topology.acknowledged.outlives_primary()).then_some(away);
    rows.extend(caught_up(took, worked, bytes, name));
    measured.own.extend(rows);
    let file = stand.file("replication", "csv")?;
    let of = found::replica_name(name, 0);
    found::keep_said(&file, &staleness.said, absence.stopped - BEFORE, &of)?;
    // Where the load was too much for the replica, this is how long it takes without.
    let ended = found::moment(report.began_at) + report.window;
    bench.wait(running.cluster.settle(SETTLE_LIMIT))?;
    measured.own.push(ms("drained_ms", ended.elapsed(), name));
    bench.compare(&running, &TpcB, measured)?;
    Ok(took.map(|took| format!("{name}: {} ms after {} s", took.as_millis(), away.as_secs())))
}

/// How long it took, and how much faster than the primary writes the replica applies.
fn caught_up(
    took: Option<Duration>,
    worked: Option<Duration>,
    bytes: Option<u64>,
    name: &str,
) -> Vec<Measurement> {
    let mut row = Measurement::new("catch_up_ms", 0.0, "ms", Better::Lower).of(name);
    row.value = took.map(|took| took.as_secs_f64() * 1e3);
    let Some(took) = took else {
        row.detail = format!("under load it had not caught up after {} s", LIMIT.as_secs());
        return vec![row];
    };
    let seconds = took.as_secs_f64().max(1e-3);
    // What the primary did while the replica was away and while it caught up, it did in that time.
    let speed = worked.map(|away| {
        let speed = (away.as_secs_f64() + seconds) / seconds;
        Measurement::new("catch_up_speed", speed, "1", Better::Higher).of(name)
    });
    let rate = bytes.filter(|bytes| *bytes > 0).map(|bytes| {
        let rate = bytes as f64 / seconds;
        Measurement::new("catch_up_bytes_per_s", rate, "bytes/s", Better::Higher).of(name)
    });
    [row].into_iter().chain(speed).chain(rate).collect()
}

/// Stops the first replica and has it go on, beside a load.
fn be_away(bench: &Bench<'_>, running: &Running, over: &Stop) -> Result<Absence> {
    let replica = &running.replicas[0];
    let doing = || format!("stop {}", replica.target());
    let control = replica.server_control();
    let control = control.ok_or_else(|| Error::new(doing(), "dbdyno did not start it"))?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Error::new(doing(), why))?;
    let watch = runtime.block_on(running.cluster.lag_watch());
    sleep(bench, BEFORE, over)?;
    control.pause()?;
    let stopped = Instant::now();
    let slept = sleep(bench, AWAY, over);
    // Where the primary knows, it is asked before the replica makes up for anything.
    let known =
        watch.and_then(|mut watch| runtime.block_on(within(PRIMARY_LIMIT, watch.reports())));
    // Whatever happened meanwhile, nobody else would have it go on.
    control.resume()?;
    let resumed = Instant::now();
    slept?;
    let behind = known.or_else(|_| runtime.block_on(running.cluster.reports())).ok();
    let behind = behind.and_then(|reports| reports.first().copied());
    let caught_up = wait_until_caught_up(bench, running, &runtime)?;
    Ok(Absence { stopped, resumed, caught_up, behind })
}

fn wait_until_caught_up(
    bench: &Bench<'_>,
    running: &Running,
    runtime: &Runtime,
) -> Result<Option<Instant>> {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        bench.stand.go_on()?;
        let asked = Instant::now();
        let settled = runtime.block_on(running.cluster.settle(LOOK));
        if settled.is_ok() && asked.elapsed() < CAUGHT_UP {
            return Ok(Some(Instant::now()));
        }
    }
    Ok(None)
}

/// Lets the load go on for a time.
pub fn sleep(bench: &Bench<'_>, time: Duration, over: &Stop) -> Result<()> {
    let until = Instant::now() + time;
    loop {
        bench.stand.go_on()?;
        if over.is_requested() {
            return Err(Error::new("go on with the load", "it ended before it should"));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(NAP));
    }
}
