//! Ten times the clients for two seconds: how long clients wait then, and until they wait no longer than
//! before.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dbdyno_core::load::{AnyClient, Client, Draw, Length, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Better, DbError, Measurement, Result, Statement, Steps};
use dbdyno_datasets::Dataset;

use super::bench::Bench;
use super::found;
use super::leasing::{Log, Shared, Turn};
use super::stages::{Account, Opened, Planned, size_row};
use super::sweep::shuffle;
use crate::benchmark::{Benchmark, LoadBenchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, RunOptions, Stand};

/// The transactions.
const TRANSACTIONS: &dyn LoadBenchmark = &TpcB;
/// So many times the clients of the case work in the burst.
pub const TIMES: u32 = 10;
/// How long it lasts.
const BURST: Duration = Duration::from_secs(2);
/// How long the load before it lasts, and the one after it, between these.
const BESIDE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// The one after it lasts so long at least: a transaction of the burst may keep its connection for a second and more where
/// locks are not fair, as SQLite's are not, and until then the others share what is left.
const LEAST_AFTER: Duration = Duration::from_secs(4);
/// Clients wait as before where, of so many waits in a row, at most so many are longer.
const CALM: (usize, usize) = (20, 1);
/// Waits shorter than this are none that a client notices.
const UNNOTICED: Duration = Duration::from_micros(100);

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Burst;

impl Benchmark for Burst {
    fn name(&self) -> &'static str {
        "burst"
    }

    fn summary(&self) -> &'static str {
        "Ten times the clients for two seconds on a pool with a connection for each usual client, and how \
         long it takes until none waits longer than before"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        TRANSACTIONS.dataset()
    }

    fn has_pools(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Burst {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        TRANSACTIONS.procedure().statements(context)
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        3
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand, measured)?.closed_loop()?;
        let Some(mut account) = Account::open(&bench, TRANSACTIONS, measured)? else {
            return Ok(());
        };
        let size = stand.options().pool.size(stand.case().clients);
        let mut loads: Vec<Planned> =
            bench.kinds()?.into_iter().map(|kind| Planned::Pool(kind, size)).collect();
        shuffle(&bench, &mut loads);
        for planned in loads {
            stand.go_on()?;
            if !burst(&mut account, planned, size, measured)? {
                return Ok(());
            }
        }
        account.close(measured);
        Ok(())
    }
}

/// One pool; whether there may be another one.
fn burst(
    account: &mut Account<'_>,
    planned: Planned,
    size: u32,
    measured: &mut Measured,
) -> Result<bool> {
    let (bench, name) = (account.bench, planned.name());
    let usual = bench.stand.case().clients;
    let clients = usual * TIMES;
    let inner = account.workload();
    let Opened::Pool(pool) = account.open_pool(planned, &inner, measured)? else {
        return Ok(true);
    };
    let beside = match bench.stand.length(usual).1 {
        Length::Duration(duration) => duration.clamp(BESIDE.0, BESIDE.1),
        Length::Transactions(_) => BESIDE.0,
    };
    let timing = Timing { began: Arc::default(), usual, from: beside, until: beside + BURST };
    let workload: Arc<dyn Workload> =
        Arc::new(Bursting { inner: Arc::clone(&inner), timing: timing.clone() });
    let shared = Shared::new(Log::new(Duration::ZERO, true));
    let length = (Duration::ZERO, Length::Duration(beside + BURST + beside.max(LEAST_AFTER)));
    let (stage, looks) =
        bench.load_noted(&name, Some(&pool), clients, length, &workload, &shared)?;
    measured.own.push(size_row(&name, &pool, size));
    drop(pool);
    measured.checks.push(found::size_kept(&name, size, &looks));
    if let Some(began) = shared.log.began() {
        let rows = recovery(&shared.log.turns(), began, &timing, began + length_of(length.1));
        measured.own.extend(rows.into_iter().map(|row| row.of(&*name)));
    }
    measured.own.extend(found::waits(&shared.log.acquired()).into_iter().map(|row| row.of(&*name)));
    let report = stage.report.clone();
    measured.stages.push(stage);
    Ok(account.settle(&name, &*workload, &report, measured) && report.is_whole())
}

fn length_of(length: Length) -> Duration {
    match length {
        Length::Duration(duration) => duration,
        Length::Transactions(_) => Duration::ZERO,
    }
}

/// When more clients work.
#[derive(Clone, Debug)]
struct Timing {
    /// When the first of all clients began.
    began: Arc<OnceLock<Instant>>,
    /// Clients that always work.
    usual: u32,
    /// The others work from then on, and until then.
    from: Duration,
    until: Duration,
}

impl Timing {
    /// How long a client waits before its next transaction; for ever once it is not needed any more.
    fn pause(&self, client: u32) -> Duration {
        /// Longer than any load.
        const FOR_EVER: Duration = Duration::from_secs(24 * 3600);
        let elapsed = self.began.get_or_init(Instant::now).elapsed();
        match client < self.usual || (self.from..self.until).contains(&elapsed) {
            true => Duration::ZERO,
            false if elapsed < self.from => self.from - elapsed,
            false => FOR_EVER,
        }
    }
}

/// How long clients waited before, in and after the burst, and when they waited as before again.
fn recovery(turns: &[Turn], began: Instant, timing: &Timing, end: Instant) -> Vec<Measurement> {
    let (from, until) = (began + timing.from, began + timing.until);
    let waits = |from: Instant, until: Instant| {
        let within = turns.iter().filter(|turn| (from..until).contains(&turn.began));
        let mut waits: Vec<Duration> = within.map(|turn| turn.waited).collect();
        waits.sort();
        waits
    };
    let at = |waits: &[Duration], share: f64| {
        let place = ((waits.len() as f64 * share).ceil() as usize).saturating_sub(1);
        waits.get(place).copied()
    };
    let mut rows = Vec::new();
    let us = |name: &str, wait: Duration| {
        Measurement::new(name, wait.as_secs_f64() * 1e6, "us", Better::Lower)
    };
    // Opening the first connections is no part of what is usual.
    let before = waits(began + timing.from / 2, from);
    let during = waits(from, until);
    let (Some(usual), Some(burst)) = (at(&before, 0.95), at(&during, 0.95)) else { return rows };
    rows.push(us("acquire_before_p95_us", usual));
    rows.push(us("acquire_burst_p95_us", burst));
    rows.push(us("acquire_burst_max_us", during.last().copied().unwrap_or_default()));
    let row = Measurement::new("burst_recovery_ms", 0.0, "ms", Better::Lower);
    rows.push(match recovered_at(turns, until, (usual * 2).max(UNNOTICED)) {
        Some(moment) => Measurement { value: Some((moment - until).as_secs_f64() * 1e3), ..row },
        None => {
            let watched = (end - until).as_secs_f64();
            let detail = format!("clients waited longer than before for all of {watched:.1} s");
            Measurement { value: None, detail, ..row }
        }
    });
    rows
}

/// When clients began to wait as before after the burst, which ended at `until`: nearly all of the next waits
/// are no longer than `usual`, and every longer one that began earlier is over.
fn recovered_at(turns: &[Turn], until: Instant, usual: Duration) -> Option<Instant> {
    let is_long = |turn: &Turn| turn.waited > usual;
    let first = turns.partition_point(|turn| turn.began < until);
    let after = &turns[first..];
    let calm = after.windows(CALM.0).position(|next| {
        !is_long(&next[0]) && next.iter().filter(|turn| is_long(turn)).count() <= CALM.1
    })?;
    let long_before = turns[..first + calm].iter().filter(|turn| is_long(turn));
    let ends = long_before.map(|turn| turn.began + turn.waited);
    Some(ends.fold(until, Instant::max))
}

/// A workload with more clients for a time.
struct Bursting {
    inner: Arc<dyn Workload>,
    timing: Timing,
}

impl Workload for Bursting {
    fn transactions(&self) -> &[&'static str] {
        self.inner.transactions()
    }

    fn statements(&self) -> &[Statement] {
        self.inner.statements()
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let inner = self.inner.client(index, rng);
        Box::new(BurstingClient { inner, index, timing: self.timing.clone() })
    }
}

struct BurstingClient {
    inner: Box<dyn AnyClient>,
    index: u32,
    timing: Timing,
}

impl Client for BurstingClient {
    fn draw(&mut self) -> Draw {
        Draw { keying_time: self.timing.pause(self.index), ..self.inner.draw() }
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        self.inner.run(steps.session()).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::leasing::TurnEnd;
    use super::*;

    fn turn(began: Instant, at_ms: u64, wait_ms: u64) -> Turn {
        let (began, waited) =
            (began + Duration::from_millis(at_ms), Duration::from_millis(wait_ms));
        Turn { began, waited, end: TurnEnd::Acquired }
    }

    fn found(wait_after: impl Fn(u64) -> u64) -> Vec<Measurement> {
        let began = Instant::now();
        let second = Duration::from_secs(1);
        let timing = Timing { began: Arc::default(), usual: 1, from: second, until: second * 3 };
        let wait = |at_ms: u64| match at_ms {
            0..1_000 => 1,
            1_000..3_000 => 40,
            _ => wait_after(at_ms),
        };
        let turns: Vec<Turn> =
            (0..4_000).step_by(10).map(|at_ms| turn(began, at_ms, wait(at_ms))).collect();
        recovery(&turns, began, &timing, began + second * 4)
    }

    fn value(rows: &[Measurement], metric: &str) -> Option<f64> {
        rows.iter().find(|row| row.metric == metric)?.value
    }

    #[test]
    fn recovery_is_when_waits_are_as_before() {
        // The last long one begins at 3.24 s and takes 30 ms.
        let rows = found(|at_ms| if at_ms < 3_250 { 30 } else { 2 });
        assert_eq!(value(&rows, "burst_recovery_ms"), Some(270.0));
        assert_eq!(value(&rows, "acquire_before_p95_us"), Some(1_000.0));
        assert_eq!(value(&rows, "acquire_burst_max_us"), Some(40_000.0));
        // The last of the burst begins at 2.99 s and takes 40 ms.
        assert_eq!(value(&found(|_| 1), "burst_recovery_ms"), Some(30.0));
        // A single long one among many that are not is nothing.
        let rows = found(|at_ms| if at_ms % 250 == 0 { 30 } else { 2 });
        assert_eq!(value(&rows, "burst_recovery_ms"), Some(30.0));
        let rows = found(|_| 30);
        let never = rows.iter().find(|row| row.metric == "burst_recovery_ms");
        assert!(never.is_some_and(|row| row.value.is_none() && row.detail.contains("1.0 s")));
    }

    #[test]
    fn only_the_burst_has_all_clients() {
        let timing = Timing {
            began: Arc::default(),
            usual: 2,
            from: Duration::from_secs(600),
            until: Duration::from_secs(602),
        };
        assert!((0..2).all(|client| timing.pause(client).is_zero()));
        let pause = timing.pause(2);
        assert!(pause <= timing.from && pause > timing.from / 2, "{pause:?}");
        let now = Timing { from: Duration::ZERO, ..timing.clone() };
        assert!(now.pause(2).is_zero());
        let over = Timing { from: Duration::ZERO, until: Duration::ZERO, ..timing };
        assert!(over.pause(2) > Duration::from_secs(3600) && over.pause(1).is_zero());
    }
}
