//! A node that is cut off from others that are more: how long both sides take to know, what the one that is alone
//! refuses, and how long it takes to take part again.
//!
//! The clients of the load are on the side that goes on. A probe writes a row of its own on the node that is alone,
//! one number after another, until a write is refused, and another row from when the link is mended until one is taken:
//! the first row shows afterwards whether what was acknowledged is there.

use std::time::{Duration, Instant};

use dbdyno_core::query::{scalar_sql, within};
use dbdyno_core::{
    Better, Check, DbError, Driver, Error, ErrorClass, Link, Measurement, Result, Session,
    SessionOptions, Stop,
};
use tokio::runtime::{Builder, Runtime};

use super::bench::{Bench, Running};
use super::catch_up::sleep;
use super::found::ms;
use super::heartbeat::ANSWER_LIMIT;
use super::network::{BEFORE, found_of_cut};
use super::staleness::Staleness;
use crate::runner::Measured;

/// The rows of `dbdyno_heartbeat` that the probe writes until a write is refused, and once the link is mended; the first
/// one beats.
const CUT_ROW: i64 = 3;
const MENDED_ROW: i64 = 4;
/// How long the node that is alone may take to refuse a write, and then to take one again.
const LIMIT: Duration = Duration::from_secs(60);
/// How long between two writes.
const PAUSE: Duration = Duration::from_millis(20);

/// What became of the node that was alone.
struct Alone {
    began: Instant,
    mended: Instant,
    /// What it did with writes.
    answer: Answer,
    /// How long after the link was mended it took one.
    rejoined: Option<Duration>,
    /// The last number that it acknowledged before the link was mended.
    acknowledged: i64,
}

/// What a node that is alone did with writes.
enum Answer {
    /// It refused one so long after the cut, for this reason.
    Refused(Duration, String),
    /// In the end it neither took nor refused any; what became of the last one.
    None(String),
    /// It took them until the end.
    Took,
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
    let sql =
        format!("INSERT INTO dbdyno_heartbeat (id, beat) VALUES ({CUT_ROW}, 0), ({MENDED_ROW}, 0)");
    let make = async |session: &mut dyn Session| session.run_sql(&sql).await.map(drop);
    bench.ask(&*running.primary, "make the rows of a probe", make)?;
    bench.settle(running)?;
    let cut = |over: &Stop| be_alone(bench, running, over);
    let stall = bench.options().cut.max(LIMIT);
    let (alone, beats, ()) = bench.beat_beside(running, stall, measured, cut, |_| Ok(()))?;
    let staleness = Staleness::of(&beats, running.replicas.len() - 1);
    measured.own.extend(found_of_cut(&beats, &staleness, (alone.began, alone.mended), name));
    measured.own.extend(rows(&alone, name));
    bench.settle(running)?;
    let sql = format!("SELECT beat FROM dbdyno_heartbeat WHERE id = {CUT_ROW}");
    let read = async |session: &mut dyn Session| scalar_sql(session, &sql).await;
    let kept = bench.ask(&*running.primary, "look at the row of a probe", read)?;
    let checks = verdict(alone.acknowledged, kept, &alone.answer);
    measured.checks.extend(checks.map(|check| check.of(topology)));
    Ok(())
}

/// A node that is alone must take no writes: those that it takes are lost, or stand against those of the others.
fn verdict(acknowledged: i64, kept: i64, answer: &Answer) -> [Check; 2] {
    let detail = format!(
        "the node that was cut off acknowledged {acknowledged}, and the others have {kept}"
    );
    let limit = LIMIT.as_secs();
    let took = format!("the node that was cut off must take writes no more after {limit} s");
    [
        Check::new("minority_lost_nothing", kept >= acknowledged, detail),
        Check::new("minority_took_no_writes", !matches!(answer, Answer::Took), took),
    ]
}

fn rows(alone: &Alone, name: &str) -> Vec<Measurement> {
    let limit = LIMIT.as_secs();
    let unknown = |metric: &str, what: &str| {
        let row = ms(metric, LIMIT, name);
        Measurement { detail: format!("for {limit} s it {what}"), better: Better::Lower, ..row }
    };
    let refused = match &alone.answer {
        Answer::Refused(after, why) => {
            Measurement { detail: why.clone(), ..ms("minority_refused_ms", *after, name) }
        }
        Answer::None(last) => {
            let what = format!("refused no write, and in the end took none: {last}");
            unknown("minority_refused_ms", &what)
        }
        Answer::Took => unknown("minority_refused_ms", "refused no write"),
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
    over: &'b Stop,
    runtime: Runtime,
    node: &'b dyn Driver,
    options: SessionOptions,
    session: Option<Box<dyn Session>>,
    /// The number that was written last, or tried.
    tried: i64,
}

fn be_alone(bench: &Bench<'_>, running: &Running, over: &Stop) -> Result<Alone> {
    let doing = || format!("cut a node of {} off", running.topology.name);
    let node = running.replicas.last().ok_or_else(|| Error::new(doing(), "it has no other"))?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Error::new(doing(), why))?;
    let options = bench.session_options();
    let mut probe = Probe { bench, over, runtime, node: &**node, options, session: None, tried: 0 };
    sleep(bench, BEFORE, over)?;
    let mut acknowledged = probe.write(CUT_ROW).map_err(|why| Error::new(doing(), why))?;
    running.cluster.set_link(Link { cut: true, ..Link::default() })?;
    let began = Instant::now();
    let answer = probe.write_until_refused(&mut acknowledged);
    let left = bench.options().cut.saturating_sub(began.elapsed());
    let slept = sleep(bench, left, over);
    let mended = Instant::now();
    running.cluster.set_link(Link::default())?;
    slept?;
    let answer = answer?;
    let rejoined = probe.until(|probe| probe.write(MENDED_ROW).ok())?.map(|(after, _)| after);
    Ok(Alone { began, mended, answer, rejoined, acknowledged })
}

impl Probe<'_> {
    /// Commits the next number in a row, and gives it. It is another one after each error: whether the write that failed
    /// took effect may not be known.
    fn write(&mut self, row: i64) -> Result<i64, DbError> {
        self.tried += 1;
        let sql = format!("UPDATE dbdyno_heartbeat SET beat = {} WHERE id = {row}", self.tried);
        let (node, options, over) = (self.node, &self.options, self.over);
        let (stop, session) = (self.bench.stand.stop(), self.session.take());
        let write = async {
            let mut session = match session {
                Some(session) => session,
                None => within(ANSWER_LIMIT, node.connect(options)).await?,
            };
            within(ANSWER_LIMIT, session.run_sql(&sql)).await?;
            Ok(session)
        };
        let written = self.runtime.block_on(async {
            tokio::select! {
                written = write => written,
                () = over.requested() => Err(unanswered()),
                () = stop.requested() => Err(unanswered()),
            }
        });
        // After an error it is not known what becomes of a session.
        self.session = Some(written?);
        Ok(self.tried)
    }

    /// Writes until a write is refused; notes the last number that was acknowledged.
    fn write_until_refused(&mut self, acknowledged: &mut i64) -> Result<Answer> {
        let mut last = None;
        let refused = self.until(|probe| match probe.write(CUT_ROW) {
            Ok(number) => {
                (*acknowledged, last) = (number, None);
                None
            }
            Err(why) if is_refusal(&why) => Some(why.to_string()),
            Err(why) => {
                last = Some(why.to_string());
                None
            }
        })?;
        Ok(match (refused, last) {
            (Some((after, why)), _) => Answer::Refused(after, why),
            (None, Some(last)) => Answer::None(last),
            (None, None) => Answer::Took,
        })
    }

    /// Does something again until it gives what is waited for, and how long that took; `None` where it does not in time.
    fn until<T>(
        &mut self,
        mut once: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<Option<(Duration, T)>> {
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            if let Some(done) = once(self) {
                return Ok(Some((began.elapsed(), done)));
            }
            sleep(self.bench, PAUSE, self.over)?;
        }
        Ok(None)
    }
}

/// The error of a write whose answer is not waited for any longer.
fn unanswered() -> DbError {
    DbError::new(ErrorClass::StatementTimeout, None, "nobody waited for its answer")
}

/// Whether the node said that it does not take a write. It did not where it says to try again, where the connection is
/// lost, and where there was no answer in time, which is an error without a code of the engine's.
fn is_refusal(why: &DbError) -> bool {
    let is_silence = why.class == ErrorClass::StatementTimeout && why.code.is_none();
    !is_silence && !why.is_disconnected() && !why.class.is_retryable()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_alone_and_takes_writes_breaks_a_promise() {
        let held = |acknowledged, kept, answer: &Answer| {
            verdict(acknowledged, kept, answer).map(|check| check.held)
        };
        let refused = Answer::Refused(Duration::from_secs(5), "1047".to_owned());
        assert_eq!(held(2, 2, &refused), [true, true]);
        // The next one had no answer, and was committed.
        assert_eq!(held(2, 3, &Answer::None("no answer".to_owned())), [true, true]);
        assert_eq!(held(5, 2, &refused), [false, true]);
        assert_eq!(held(5, 2, &Answer::Took), [false, false]);
        assert_eq!(held(5, 5, &Answer::Took), [true, false]);
    }

    #[test]
    fn only_a_clear_no_is_a_refusal() {
        let is_refusal = |class, code: Option<&str>| {
            is_refusal(&DbError::new(class, code.map(str::to_owned), "no"))
        };
        assert!(is_refusal(ErrorClass::Other, Some("1047")));
        assert!(is_refusal(ErrorClass::StatementTimeout, Some("1969")));
        assert!(!is_refusal(ErrorClass::StatementTimeout, None));
        assert!(!is_refusal(ErrorClass::Disconnected, Some("2013")));
        assert!(!is_refusal(ErrorClass::Deadlock, Some("1213")));
    }
}
