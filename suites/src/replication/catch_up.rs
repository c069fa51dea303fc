//! A replica that was away: stopped under load, and how fast it catches up once it goes on.
//!
//! Its processes are stopped where they stand (SIGSTOP), as a machine that stalls would be; the load goes on
//! as far as the topology lets it. It has caught up once it shows, within a tenth of a second, what the primary
//! has committed.

use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::query::within;
use dbdyno_core::{
    Better, Error, LagReport, Measurement, Result, Settled, Settling, Statement, Stop, Topology,
};
use dbdyno_datasets::Dataset;
use tokio::runtime::{Builder, Runtime};

use super::bench::{Bench, Running};
use super::found::{self, count, ms};
use super::heartbeat::Beats;
use super::staleness::Staleness;
use crate::benchmark::{AfterUse, Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, RunOptions, Stand};

/// The place of the replica that is stopped.
const PLACE: usize = 0;
/// How long clients work before the replica is stopped.
const BEFORE: Duration = Duration::from_secs(1);
/// How long servers may take to say how far it is behind: it stands still for that much longer, and a primary whose
/// commits wait for it may not answer.
const SAY_LIMIT: Duration = Duration::from_secs(1);
/// How long it may take to catch up while the load goes on: so long at least, and as long as it was stopped.
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
        "a replica is stopped (--away: 3 s) under TPC-B-like transactions: what the primary does meanwhile, and how fast \
         the replica catches up"
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

    fn has_absences(&self) -> bool {
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
    fn loads(&self, _options: &RunOptions) -> u32 {
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
    /// When it had caught up, or was not waited for any more.
    waited_until: Instant,
    has_caught_up: bool,
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
    let stopped_for = bench.options().away;
    stand.working_on(&format!("stop a replica of {name} for {} s", stopped_for.as_secs_f64()));
    let absence = |over: &Stop| be_away(bench, &running, over);
    let mut settling = bench.wait(running.cluster.settling())?;
    // Where the load was too much for the replica, this is how long it takes without.
    let drain = |ended: Instant| {
        let settled = bench.wait(settle(&mut *settling, bench.settle_limit(), name));
        Ok(settled.map(|()| ended.elapsed()))
    };
    let (absence, beats, drained) =
        bench.beat_beside(&running, stopped_for, measured, absence, drain)?;
    drop(settling);
    // Commits are counted by the heartbeat's: it is one more client, at a fixed rate where nothing waits.
    let beaten = beats.acknowledged_within(absence.stopped, absence.resumed);
    let away = absence.resumed - absence.stopped;
    let staleness = Staleness::of(&beats, PLACE);
    let beaten = count("beats_while_away", beaten, name);
    let mut rows = vec![ms("away_ms", away, name), found::of_beats(beaten, &beats)];
    rows.extend(found::longest(&beats, &staleness, name));
    if let Some(transactions) = absence.behind.and_then(|report| report.transactions) {
        rows.push(count("behind_transactions", transactions, name));
    }
    let bytes = absence.behind.and_then(|report| report.bytes);
    if let Some(bytes) = bytes {
        let row = Measurement::new("behind_bytes", bytes as f64, "bytes", Better::Lower);
        rows.push(row.of(name));
    }
    rows.extend(caught_up(&absence, bytes, name));
    let speed_row = |speed| Measurement::new("catch_up_speed", speed, "1", Better::Higher).of(name);
    rows.extend(match &staleness.broke {
        Some(why) => Some(found::failed(speed_row(0.0), why)),
        None => speed(&beats, &staleness, &absence).map(speed_row),
    });
    measured.own.extend(rows);
    measured.own.push(ms("drained_ms", drained?, name));
    let file = stand.file("replication", "csv")?;
    let of = found::replica_name(name, PLACE);
    found::keep_said(&file, &staleness.said, absence.stopped - BEFORE, &of)?;
    bench.compare(&running, &TpcB, measured)?;
    let (took, word) = (absence.took(), if absence.has_caught_up { "" } else { "more than " });
    Ok(Some(format!("{name}: {word}{} ms after {:.1} s", took.as_millis(), away.as_secs_f64())))
}

impl Absence {
    /// How long it took to catch up; where it had not in time, how long it was waited for.
    fn took(&self) -> Duration {
        self.waited_until - self.resumed
    }
}

/// How long it took, and how many bytes of the log it made up for in a second. A replica that had not caught up counts
/// with the time that it was waited for, and is told: left out, it would make the others look like all.
fn caught_up(absence: &Absence, bytes: Option<u64>, name: &str) -> Vec<Measurement> {
    let took = absence.took();
    let mut waited = ms("catch_up_ms", took, name);
    let mut rate = bytes.filter(|bytes| *bytes > 0).map(|bytes| {
        let rate = bytes as f64 / took.as_secs_f64().max(SHORTEST_S);
        Measurement::new("catch_up_bytes_per_s", rate, "bytes/s", Better::Higher).of(name)
    });
    if !absence.has_caught_up {
        let why = format!("under load it had not caught up after {:.1} s", took.as_secs_f64());
        waited.detail = format!("{why}: it takes longer");
        rate.iter_mut().for_each(|row| row.detail = format!("{why}: it is slower"));
    }
    let not_caught_up = count("not_caught_up", u64::from(!absence.has_caught_up), name);
    [waited, not_caught_up].into_iter().chain(rate).collect()
}

/// Waits until replicas show what the primary has committed.
async fn settle(settling: &mut dyn Settling, limit: Duration, name: &str) -> Result<()> {
    match settling.settle(limit).await? {
        Settled::Shown => Ok(()),
        Settled::Behind(why) => Err(Error::new(format!("wait for the replicas of {name}"), why)),
    }
}

/// How many seconds of the primary's work the replica did in a second, until it had caught up or was not waited for any
/// more: the beats that were committed and that it showed by then and not when it went on, at the rate at which they were
/// committed before it was stopped. `None` where the primary stood still with it, so that there was nothing to catch up
/// with.
fn speed(beats: &Beats, staleness: &Staleness, absence: &Absence) -> Option<f64> {
    let Absence { stopped, resumed, waited_until, has_caught_up, .. } = *absence;
    // The answer to one that was sent before may have been under way.
    if beats.acknowledged_within(stopped, resumed) <= 1 {
        return None;
    }
    let began = beats.sent.first()?.due;
    let before = beats.acknowledged_within(began, stopped) as f64;
    let per_s = before / stopped.saturating_duration_since(began).as_secs_f64();
    let is_made_up = |(acknowledged, took): &&(Instant, Duration)| {
        let shown = *acknowledged + *took;
        // One that has caught up shows by then all that was committed.
        *acknowledged < waited_until && shown >= resumed && (has_caught_up || shown <= waited_until)
    };
    let made_up = staleness.visible.iter().filter(is_made_up).count() as f64;
    let speed = made_up / per_s / (waited_until - resumed).as_secs_f64().max(SHORTEST_S);
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
    let mut settling = runtime.block_on(running.cluster.settling())?;
    sleep(bench, BEFORE, over)?;
    // Where only the replica knows how far it is, it says so at the last moment at which it can. What is behind is
    // too much by what it applies between its answer and its stop.
    let said = watch.as_mut().map(|watch| runtime.block_on(within(SAY_LIMIT, watch.reports())));
    watch = watch.filter(|_| said.is_some_and(|said| said.is_ok()));
    control.pause()?;
    let stopped = Instant::now();
    let slept = sleep(bench, bench.options().away, over);
    // Asked before it makes up for anything.
    let said = watch.and_then(|mut watch| {
        runtime.block_on(within(SAY_LIMIT, watch.reports_beside(PLACE))).ok()
    });
    // Before it goes on: on a busy machine it may acknowledge something before whoever woke it reads the clock.
    let resumed = Instant::now();
    // Whatever happened meanwhile, nobody else would have it go on.
    control.resume()?;
    slept?;
    let behind = said.and_then(|reports| reports.get(PLACE).copied());
    let has_caught_up = wait_until_caught_up(bench, &mut *settling, &runtime)?;
    Ok(Absence { stopped, resumed, waited_until: Instant::now(), has_caught_up, behind })
}

/// Waits until it has caught up; whether it has in time.
fn wait_until_caught_up(
    bench: &Bench<'_>,
    settling: &mut dyn Settling,
    runtime: &Runtime,
) -> Result<bool> {
    let deadline = Instant::now() + LIMIT.max(bench.options().away);
    while Instant::now() < deadline {
        bench.stand.go_on()?;
        let asked = Instant::now();
        let settled = runtime.block_on(settling.settle(LOOK))?;
        if settled == Settled::Shown && asked.elapsed() < CAUGHT_UP {
            return Ok(true);
        }
    }
    Ok(false)
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
        let (stopped, resumed, waited_until) = (at(1_000), at(3_000), at(3_500));
        let absence = Absence { stopped, resumed, waited_until, has_caught_up: true, behind: None };
        speed(&beats, &staleness, &absence)
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
