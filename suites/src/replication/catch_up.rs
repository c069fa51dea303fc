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
use super::heartbeat::Beats;
use super::staleness::Staleness;
use crate::benchmark::{AfterUse, Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, Stand};

/// The place of the replica that is stopped.
const PLACE: usize = 0;
/// How long clients work before the replica is stopped.
const BEFORE: Duration = Duration::from_secs(1);
/// How long it is stopped.
const AWAY: Duration = Duration::from_secs(3);
/// How long servers may take to say how far it is behind: it stands still for that much longer, and a primary whose
/// commits wait for it may not answer.
const SAY_LIMIT: Duration = Duration::from_secs(1);
/// How long it may take to catch up while the load goes on.
const LIMIT: Duration = Duration::from_secs(5);
/// How long one look at that lasts at the most: the end may be asked for.
const LOOK: Duration = Duration::from_secs(1);
/// A replica that shows within this time what was committed has caught up.
const CAUGHT_UP: Duration = Duration::from_millis(100);
/// The shortest time that a rate is counted over, in seconds.
const SHORTEST_S: f64 = 1e-3;
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
    /// What the servers said of it before it went on.
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
    let absence = |over: &Stop| be_away(bench, &running, over);
    let (absence, beats, ended) = bench.beat_beside(&running, measured, absence)?;
    // Commits are counted by the heartbeat's: it is one more client, at a fixed rate where nothing waits.
    let beaten = beats.acknowledged_within(absence.stopped, absence.resumed);
    let away = absence.resumed - absence.stopped;
    let staleness = Staleness::of(&beats, PLACE);
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
    rows.extend(caught_up(took, bytes, name));
    rows.extend(
        speed(&beats, &staleness, &absence)
            .map(|speed| Measurement::new("catch_up_speed", speed, "1", Better::Higher).of(name)),
    );
    measured.own.extend(rows);
    let file = stand.file("replication", "csv")?;
    let of = found::replica_name(name, PLACE);
    found::keep_said(&file, &staleness.said, absence.stopped - BEFORE, &of)?;
    // Where the load was too much for the replica, this is how long it takes without.
    bench.wait(running.cluster.settle(SETTLE_LIMIT))?;
    measured.own.push(ms("drained_ms", ended.elapsed(), name));
    bench.compare(&running, &TpcB, measured)?;
    Ok(took.map(|took| format!("{name}: {} ms after {} s", took.as_millis(), away.as_secs())))
}

/// How long it took, and how many bytes of the log it made up for in a second.
fn caught_up(took: Option<Duration>, bytes: Option<u64>, name: &str) -> Vec<Measurement> {
    let mut row = Measurement::new("catch_up_ms", 0.0, "ms", Better::Lower).of(name);
    row.value = took.map(|took| took.as_secs_f64() * 1e3);
    let Some(took) = took else {
        row.detail = format!("under load it had not caught up after {} s", LIMIT.as_secs());
        return vec![row];
    };
    let rate = bytes.filter(|bytes| *bytes > 0).map(|bytes| {
        let rate = bytes as f64 / took.as_secs_f64().max(SHORTEST_S);
        Measurement::new("catch_up_bytes_per_s", rate, "bytes/s", Better::Higher).of(name)
    });
    [row].into_iter().chain(rate).collect()
}

/// How many seconds of the primary's work the replica did in a second, until it had caught up: the beats that were
/// committed by then and that it did not show when it went on, at the rate at which they were committed before it was
/// stopped. `None` where the primary stood still with it, so that there was nothing to catch up with, or where that is
/// not known.
fn speed(beats: &Beats, staleness: &Staleness, absence: &Absence) -> Option<f64> {
    let Absence { stopped, resumed, caught_up, .. } = *absence;
    let caught_up = caught_up.filter(|_| staleness.broke.is_none())?;
    // The answer to one that was sent before may have been under way.
    if beats.acknowledged_within(stopped, resumed) <= 1 {
        return None;
    }
    let began = beats.sent.first()?.due;
    let before = beats.acknowledged_within(began, stopped) as f64;
    let per_s = before / stopped.saturating_duration_since(began).as_secs_f64();
    let is_outstanding = |(acknowledged, took): &&(Instant, Duration)| {
        *acknowledged < caught_up && *acknowledged + *took >= resumed
    };
    let outstanding = staleness.visible.iter().filter(is_outstanding).count() as f64;
    let speed = outstanding / per_s / (caught_up - resumed).as_secs_f64().max(SHORTEST_S);
    speed.is_finite().then_some(speed)
}

/// Stops the first replica and has it go on, beside a load.
fn be_away(bench: &Bench<'_>, running: &Running, over: &Stop) -> Result<Absence> {
    let replica = &running.replicas[PLACE];
    let doing = || format!("stop {}", replica.target());
    let control = replica.server_control();
    let control = control.ok_or_else(|| Error::new(doing(), "dbdyno did not start it"))?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Error::new(doing(), why))?;
    let mut watch = runtime.block_on(running.cluster.lag_watch()).ok();
    sleep(bench, BEFORE, over)?;
    // Where only the replica knows how far it is, it says so at the last moment at which it can. What is behind is
    // too much by what it applies between its answer and its stop.
    let said = watch.as_mut().map(|watch| runtime.block_on(within(SAY_LIMIT, watch.reports())));
    watch = watch.filter(|_| said.is_some_and(|said| said.is_ok()));
    control.pause()?;
    let stopped = Instant::now();
    let slept = sleep(bench, AWAY, over);
    // Asked before it makes up for anything.
    let said = watch.and_then(|mut watch| {
        runtime.block_on(within(SAY_LIMIT, watch.reports_beside(PLACE))).ok()
    });
    // Whatever happened meanwhile, nobody else would have it go on.
    control.resume()?;
    let resumed = Instant::now();
    slept?;
    let behind = said.and_then(|reports| reports.get(PLACE).copied());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::heartbeat::Beat;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A replica that is stopped from 1,000 to 3,000 ms and shows everything at 3,500 ms; beats are committed every
    /// 100 ms but for a time.
    fn speed_with(stands: std::ops::Range<u64>) -> Option<f64> {
        let began = Instant::now();
        let at = |at| began + ms(at);
        let mut beats = Beats { shown: vec![Vec::new()], ..Beats::default() };
        for due in (0..4_000).step_by(100).filter(|due| !stands.contains(due)) {
            let acknowledged = at(due) + ms(1);
            beats.sent.push(Beat {
                due: at(due),
                carries_until: at(due),
                sent: at(due),
                acknowledged,
            });
            let number = beats.sent.len() as u64;
            if !(1_000..3_500).contains(&due) {
                beats.shown[0].push((acknowledged + ms(1), number));
            }
        }
        beats.looked_until = vec![Some(at(5_000))];
        let staleness = Staleness::of(&beats, 0);
        let (stopped, resumed, caught_up) = (at(1_000), at(3_000), Some(at(3_500)));
        speed(&beats, &staleness, &Absence { stopped, resumed, caught_up, behind: None })
    }

    #[test]
    fn a_replica_is_credited_with_what_was_outstanding() {
        let near = |speed: Option<f64>, expected: f64| {
            assert!(speed.is_some_and(|speed| (speed - expected).abs() < 1e-9), "{speed:?}");
        };
        // Two seconds of its absence and the half of one in which it caught up.
        near(speed_with(0..0), 5.0);
        // The primary stood still for one of them.
        near(speed_with(1_500..2_500), 3.0);
        // It did nothing meanwhile, but for an answer that was under way.
        assert_eq!(speed_with(1_100..3_000), None);
        assert_eq!(speed_with(1_000..4_000), None);
    }
}
