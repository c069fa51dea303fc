//! A node that is cut off from others that are more: how long both sides take to know, what the one that is alone
//! refuses, and how long it takes to take part again.
//!
//! The clients of the load are on the side that goes on. A probe writes a row of its own on the node that is alone,
//! one number after another, until a write is refused, and again from when the link is mended until one is taken.

use std::time::{Duration, Instant};

use dbdyno_core::query::{scalar_sql, within};
use dbdyno_core::{
    Better, Check, DbError, Driver, Error, Link, Measurement, Result, Session, SessionOptions, Stop,
};
use tokio::runtime::{Builder, Runtime};

use super::bench::{Bench, Running};
use super::catch_up::sleep;
use super::found::ms;
use super::heartbeat::ANSWER_LIMIT;
use super::network::{BEFORE, found_of_cut};
use super::staleness::Staleness;
use crate::runner::Measured;

/// The row of `dbdyno_heartbeat` that the probe writes; the first one beats.
const ROW: i64 = 3;
/// How long the node that is alone may take to refuse a write, and then to take one again.
const LIMIT: Duration = Duration::from_secs(60);
/// How long between two writes.
const PAUSE: Duration = Duration::from_millis(20);

/// What became of the node that was alone.
struct Alone {
    began: Instant,
    mended: Instant,
    /// How long after the cut it refused a write, and why.
    refused: Option<(Duration, String)>,
    /// How long after the link was mended it took one.
    rejoined: Option<Duration>,
    /// The last number that it acknowledged.
    acknowledged: i64,
}

/// Cuts the last node off under load until it refuses writes, for as long as was chosen at least, and mends the link.
///
/// # Errors
/// A node cannot be asked, the load came to no good end, or the end was asked for.
pub fn measure(
    bench: &Bench<'_>,
    running: &Running,
    name: &str,
    measured: &mut Measured,
) -> Result<()> {
    let topology = running.topology.name;
    bench.stand.go_on()?;
    bench.stand.working_on(&format!("cut a node of {topology} off"));
    let row = format!("INSERT INTO dbdyno_heartbeat (id, beat) VALUES ({ROW}, 0)");
    let make = async |session: &mut dyn Session| session.run_sql(&row).await.map(drop);
    bench.ask(&*running.primary, "make the row of a probe", make)?;
    bench.settle(running)?;
    let cut = |over: &Stop| be_alone(bench, running, over);
    let stall = bench.options().cut.max(LIMIT);
    let (alone, beats, ()) = bench.beat_beside(running, stall, measured, cut, |_| Ok(()))?;
    let staleness = Staleness::of(&beats, running.replicas.len() - 1);
    measured.own.extend(found_of_cut(&beats, &staleness, (alone.began, alone.mended), name));
    measured.own.extend(rows(&alone, name));
    bench.settle(running)?;
    let sql = format!("SELECT beat FROM dbdyno_heartbeat WHERE id = {ROW}");
    let read = async |session: &mut dyn Session| scalar_sql(session, &sql).await;
    let kept = bench.ask(&*running.primary, "look at the row of a probe", read)?;
    let detail = format!(
        "the node that was cut off acknowledged {}, and the others have {kept}",
        alone.acknowledged
    );
    let check = Check::new("minority_lost_nothing", kept >= alone.acknowledged, detail);
    measured.checks.push(check.of(topology));
    Ok(())
}

fn rows(alone: &Alone, name: &str) -> Vec<Measurement> {
    let limit = LIMIT.as_secs();
    let unknown = |metric: &str, what: &str| {
        let row = ms(metric, LIMIT, name);
        Measurement { detail: format!("it {what} for {limit} s"), better: Better::Lower, ..row }
    };
    let refused = match &alone.refused {
        Some((after, why)) => {
            Measurement { detail: why.clone(), ..ms("minority_refused_ms", *after, name) }
        }
        None => unknown("minority_refused_ms", "refused no write"),
    };
    let rejoined = match alone.rejoined {
        Some(after) => ms("minority_rejoined_ms", after, name),
        None => unknown("minority_rejoined_ms", "took no write again"),
    };
    vec![refused, rejoined]
}

/// A probe on the node that is cut off.
struct Probe<'b> {
    bench: &'b Bench<'b>,
    runtime: Runtime,
    node: &'b dyn Driver,
    options: SessionOptions,
    session: Option<Box<dyn Session>>,
    number: i64,
}

fn be_alone(bench: &Bench<'_>, running: &Running, over: &Stop) -> Result<Alone> {
    let doing = || format!("cut a node of {} off", running.topology.name);
    let node = running.replicas.last().ok_or_else(|| Error::new(doing(), "it has no other"))?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Error::new(doing(), why))?;
    let options = bench.session_options();
    let mut probe = Probe { bench, runtime, node: &**node, options, session: None, number: 0 };
    sleep(bench, BEFORE, over)?;
    probe.write().map_err(|why| Error::new(doing(), why))?;
    running.cluster.set_link(Link { cut: true, ..Link::default() })?;
    let began = Instant::now();
    let refused = probe.until(|probe| probe.write().err());
    let left = bench.options().cut.saturating_sub(began.elapsed());
    let slept = sleep(bench, left, over);
    let mended = Instant::now();
    running.cluster.set_link(Link::default())?;
    slept?;
    let refused = refused?.map(|(after, why)| (after, why.to_string()));
    let rejoined = probe.until(|probe| probe.write().ok())?.map(|(after, ())| after);
    Ok(Alone { began, mended, refused, rejoined, acknowledged: probe.number })
}

impl Probe<'_> {
    /// Commits the next number.
    fn write(&mut self) -> Result<(), DbError> {
        let sql =
            format!("UPDATE dbdyno_heartbeat SET beat = {} WHERE id = {ROW}", self.number + 1);
        let (node, options) = (self.node, &self.options);
        let session = self.session.take();
        let written = self.runtime.block_on(async {
            let mut session = match session {
                Some(session) => session,
                None => within(ANSWER_LIMIT, node.connect(options)).await?,
            };
            within(ANSWER_LIMIT, session.run_sql(&sql)).await?;
            Ok(session)
        });
        // After an error it is not known what becomes of a session.
        self.session = Some(written?);
        self.number += 1;
        Ok(())
    }

    /// Does something again until it gives what is waited for, and how long that took; `None` where it does not in time.
    fn until<T>(
        &mut self,
        mut once: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<Option<(Duration, T)>> {
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            self.bench.stand.go_on()?;
            if let Some(done) = once(self) {
                return Ok(Some((began.elapsed(), done)));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(None)
    }
}
