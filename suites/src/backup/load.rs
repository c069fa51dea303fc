//! A load with a backup in its midst, and what the clients felt of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::load::{Length, LoadReport, Workload};
use dbdyno_core::{Better, Error, Measurement, Result, Stop};
use hdrhistogram::Histogram;

use super::course::{self, Span};
use super::ledger::Ledger;
use super::noted::{Log, Noted, Turn};
use crate::runner::Stand;

/// How often is looked whether a window is over.
const NAP: Duration = Duration::from_millis(5);
/// How long the last write of the ledger may take after the load, and where a person waits for the end.
const PATIENCE: Duration = Duration::from_secs(30);
const HURRIED: Duration = Duration::from_secs(1);
const NS_PER_US: f64 = 1_000.0;
const NS_PER_MS: f64 = 1_000_000.0;

/// A part of a load.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    pub name: &'static str,
    pub from: Instant,
    pub to: Instant,
}

/// When a backup was made in a load.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// From when on the load is measured.
    pub from: Instant,
    /// When the backup was started, and when it was made.
    pub started: Instant,
    pub made: Instant,
    /// When what came right after it had ended, which is no part of what is measured.
    pub resumed: Instant,
    /// Until when the load is measured; `None` where it did not last as long after the backup as before it.
    pub to: Option<Instant>,
}

/// Does `making` amidst a load, with as long a time before and after it as a load lasts, and between it and the time after
/// it `right_after`, which is not measured; numbers go into the ledger meanwhile.
///
/// # Errors
/// The load could not be or broke before the backup was made, which may have failed for the same reason, or the end was
/// asked for.
pub fn around<T: Send>(
    stand: &Stand<'_>,
    name: &str,
    workload: &Arc<dyn Workload>,
    ledger: &mut Ledger,
    making: impl FnOnce() -> Result<T> + Send,
    right_after: impl FnOnce(&mut T, &Stop) + Send,
) -> Result<Loaded<T>> {
    let log = Arc::<Log>::default();
    let noted = Noted::workload(Arc::clone(workload), &log);
    let (driver, options) = (stand.shared_driver(), stand.session_options());
    let over = AtomicBool::new(false);
    let windows = Windows { stand, log: &log };
    let patience = || if stand.is_stopped() { HURRIED } else { PATIENCE };
    let seed = stand.case().seed;
    let (report, done) = stand.load_beside_named(name, &noted, seed, |load_over| {
        thread::scope(|scope| {
            let _ends = Ending(&over);
            windows.wait_for_first(load_over)?;
            let keeping = scope.spawn(|| ledger.keep(&driver, &options, &over, patience));
            let done = windows.around(load_over, making, right_after);
            over.store(true, Ordering::Relaxed);
            let kept = keeping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok::<_, Halt>((done?, kept))
        })
    })?;
    // Why a load broke is known once it has ended.
    let why = |halt: Halt| match halt {
        Halt::Broke => broke(stand.driver().target(), report.failure.as_ref()),
        Halt::Other(error) => error,
    };
    let (Amidst { times, made, halt }, kept) = done.map_err(why)?;
    let cut_short = halt.map(why);
    Ok(Loaded { report, times, made, cut_short, kept, turns: log.turns() })
}

fn broke(target: &str, failure: Option<&Error>) -> Error {
    let doing = format!("load {target}");
    let why = "the load ended by itself, before there was enough of it";
    match failure {
        Some(failure) => Error::new(doing, format!("{why}: {}", failure.why())),
        None => Error::new(doing, why),
    }
}

/// Why a load does not go on.
enum Halt {
    /// It ended by itself.
    Broke,
    Other(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// A backup in the midst of a load.
struct Amidst<T> {
    times: Times,
    made: Result<T>,
    /// Why the load did not go on for long enough after it.
    halt: Option<Halt>,
}

/// A load that a backup was made in.
pub struct Loaded<T> {
    pub report: LoadReport,
    pub times: Times,
    /// What came of the backup.
    pub made: Result<T>,
    /// Why the load did not go on for long enough after it.
    cut_short: Option<Error>,
    /// What came of the ledger.
    pub kept: Result<()>,
    turns: Vec<Turn>,
}

/// Ends what works beside it when it goes, also in a panic.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Windows<'w> {
    stand: &'w Stand<'w>,
    log: &'w Log,
}

impl Windows<'_> {
    fn wait_for_first(&self, over: &Stop) -> std::result::Result<(), Halt> {
        let limit = self.stand.options().reconnect_limit;
        let deadline = Instant::now() + limit;
        while self.log.ended() == 0 {
            self.nap(over)?;
            if Instant::now() >= deadline {
                let doing = format!("load {}", self.stand.driver().target());
                let why = format!("no transaction ended within {} s", limit.as_secs());
                return Err(Error::new(doing, why)
                    .next("see events.csv for what went wrong")
                    .into());
            }
        }
        Ok(())
    }

    fn around<T>(
        &self,
        over: &Stop,
        making: impl FnOnce() -> Result<T>,
        right_after: impl FnOnce(&mut T, &Stop),
    ) -> std::result::Result<Amidst<T>, Halt> {
        let (warmup, length) = self.stand.length(self.stand.case().clients);
        self.wait(over, Length::Duration(warmup))?;
        let from = Instant::now();
        self.wait(over, length)?;
        let started = Instant::now();
        // The load may break while a backup is made; that ends neither.
        let mut made_it = making();
        let made = Instant::now();
        if over.is_requested() {
            // What broke the load may be what the tool tells of.
            return Err(made_it.err().map_or(Halt::Broke, Halt::Other));
        }
        if let Ok(made_it) = &mut made_it {
            right_after(made_it, over);
        }
        let resumed = Instant::now();
        let halt = self.wait(over, length).err();
        let to = halt.is_none().then(Instant::now);
        Ok(Amidst { times: Times { from, started, made, resumed, to }, made: made_it, halt })
    }

    /// Lets the load go on for so long.
    fn wait(&self, over: &Stop, length: Length) -> std::result::Result<(), Halt> {
        let (began, before) = (Instant::now(), self.log.ended());
        let is_done = || match length {
            Length::Duration(duration) => began.elapsed() >= duration,
            Length::Transactions(count) => self.log.ended() - before >= count,
        };
        while !is_done() {
            self.nap(over)?;
        }
        Ok(())
    }

    fn nap(&self, over: &Stop) -> std::result::Result<(), Halt> {
        self.stand.go_on()?;
        if over.is_requested() {
            return Err(Halt::Broke);
        }
        thread::sleep(NAP);
        Ok(())
    }
}

impl<T> Loaded<T> {
    /// Why the backup, though it was made, cannot be held against what was committed meanwhile: nobody knows all of it.
    pub fn hindrance(&mut self) -> Option<Error> {
        let kept = std::mem::replace(&mut self.kept, Ok(()));
        self.cut_short.take().or(kept.err())
    }

    /// The load before, during and after the backup, as far as it went.
    fn phases(&self) -> Vec<Phase> {
        let Times { from, started, made, resumed, to } = self.times;
        let after = to.map(|to| Phase { name: "after", from: resumed, to });
        [("before", from, started), ("during", started, made)]
            .map(|(name, from, to)| Phase { name, from, to })
            .into_iter()
            .chain(after)
            .collect()
    }

    /// Its course, in spans of a quarter of a second at the most.
    pub fn spans(&self) -> Vec<Span> {
        course::spans(&self.phases(), &self.turns)
    }

    /// Throughput, percentiles, failures and the longest transaction before, during and after the backup.
    pub fn metrics(&self, method: &str) -> Vec<Measurement> {
        let Times { from, started, made, resumed, to } = self.times;
        let turns = &self.turns;
        let touched = |turn: &&Turn| turn.began < made && turn.ended >= started;
        let before = |turn: &&Turn| turn.began >= from && turn.ended < started;
        let after = |turn: &&Turn| turn.began >= resumed && Some(turn.ended) < to;
        let phases = [
            ("before", phase(turns, (from, started), before)),
            ("during", phase(turns, (started, made), touched)),
        ];
        let after = to.map(|to| ("after", phase(turns, (resumed, to), after)));
        let named = |(name, rows): (&'static str, Vec<Measurement>)| {
            rows.into_iter().map(move |row| row.of(format!("{method}/{name}")))
        };
        phases.into_iter().chain(after).flat_map(named).collect()
    }
}

/// A phase of a load: throughput by what ended well in it, failures by what ended in it, response times of the
/// transactions that belong to it and ended well. Those that a backup touched belong to it and to no other phase, so that
/// a client who had to wait until it was over counts by how long; one who waited in vain has waited, too.
fn phase(
    turns: &[Turn],
    (from, to): (Instant, Instant),
    belongs: impl Fn(&&Turn) -> bool,
) -> Vec<Measurement> {
    let seconds = (to - from).as_secs_f64();
    let ended = turns.iter().filter(|turn| from <= turn.ended && turn.ended < to);
    let (failed, well): (Vec<&Turn>, Vec<&Turn>) = ended.partition(|turn| turn.failed);
    let throughput = if seconds > 0.0 { well.len() as f64 / seconds } else { 0.0 };
    let mut rows = vec![
        Measurement::new("throughput", throughput, "1/s", Better::Higher),
        Measurement::new("errors", failed.len() as f64, "1", Better::Lower),
    ];
    if let Some(histogram) = response_times(turns.iter().filter(&belongs)) {
        let us = |name: &str, ns: u64| {
            Measurement::new(name, ns as f64 / NS_PER_US, "us", Better::Lower)
        };
        rows.push(us("latency_p50_us", histogram.value_at_quantile(0.5)));
        rows.push(us("latency_p99_us", histogram.value_at_quantile(0.99)));
    }
    let longest = turns.iter().filter(belongs).map(|turn| turn.ended - turn.began).max();
    if let Some(pause) = longest {
        let ms = pause.as_nanos() as f64 / NS_PER_MS;
        rows.push(Measurement::new("longest_pause_ms", ms, "ms", Better::Lower));
    }
    rows
}

/// How long transactions took, in nanoseconds, of those that ended well; `None` where none did.
pub fn response_times<'t>(turns: impl Iterator<Item = &'t Turn>) -> Option<Histogram<u64>> {
    let mut histogram = Histogram::<u64>::new_with_max(u64::from(u32::MAX) * 1_000, 3)
        .map_err(|why| tracing::error!("no histogram of a phase: {why}"))
        .ok()?;
    for turn in turns.filter(|turn| !turn.failed) {
        let took = u64::try_from((turn.ended - turn.began).as_nanos()).unwrap_or(u64::MAX);
        histogram.saturating_record(took);
    }
    (!histogram.is_empty()).then_some(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A load in which nothing happened.
    fn loaded() -> Loaded<()> {
        let now = Instant::now();
        Loaded {
            report: crate::made_up::report(Vec::new()),
            times: Times { from: now, started: now, made: now, resumed: now, to: Some(now) },
            made: Ok(()),
            cut_short: None,
            kept: Ok(()),
            turns: Vec::new(),
        }
    }

    #[test]
    fn a_client_that_waits_for_a_backup_counts_in_it_and_nowhere_else() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let turn = |from, to| Turn { began: at(from), ended: at(to), failed: false };
        let turns = vec![
            turn(0, 100),
            turn(100, 200),
            turn(900, 2_900),
            turn(1_100, 1_500),
            turn(3_000, 3_050),
            Turn { failed: true, ..turn(1_900, 3_900) },
        ];
        let (started, made, resumed, to) = (at(1_000), at(2_000), at(2_000), Some(at(4_000)));
        let times = Times { from: at(0), started, made, resumed, to };
        let mut loaded = Loaded { times, turns, ..loaded() };
        let rows = loaded.metrics("m");
        let value = |phase: &str, metric: &str| {
            let its = rows.iter().find(|row| row.metric == metric && row.transaction == phase);
            its.and_then(|row| row.value).unwrap_or_default()
        };
        for (phase, throughput, pause) in
            [("m/before", 2.0, 100.0), ("m/during", 1.0, 2_000.0), ("m/after", 1.0, 50.0)]
        {
            assert_eq!(value(phase, "throughput"), throughput, "{phase}");
            let found = value(phase, "longest_pause_ms");
            assert!((found / pause - 1.0).abs() < 0.01, "{phase}: {found}");
        }
        // What failed is counted where it ended, and is no response time.
        let errors = ["m/before", "m/during", "m/after"].map(|phase| value(phase, "errors"));
        assert_eq!(errors, [0.0, 0.0, 1.0]);
        assert!(value("m/during", "latency_p99_us") < 2_010_000.0);
        // Of a load that was cut short it is known how it was until then.
        loaded.times.to = None;
        let until_then: Vec<_> =
            rows.iter().filter(|row| row.transaction != "m/after").cloned().collect();
        assert_eq!(loaded.metrics("m"), until_then);
        assert_eq!(loaded.phases().len(), 2);
    }

    #[test]
    fn what_ends_right_after_a_backup_belongs_to_no_phase() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let (started, made, resumed, to) = (at(1_000), at(2_000), at(3_000), Some(at(4_000)));
        let times = Times { from: began, started, made, resumed, to };
        let turn = |from, to| Turn { began: at(from), ended: at(to), failed: false };
        let turns = vec![turn(2_100, 2_900), turn(2_950, 3_100), turn(3_200, 3_300)];
        let loaded = Loaded { times, turns, ..loaded() };
        let rows = loaded.metrics("m");
        let of = |metric: &str, phase: &str| {
            let its = rows.iter().find(|row| row.metric == metric && row.transaction == phase);
            its.and_then(|row| row.value)
        };
        let throughput = ["m/before", "m/during", "m/after"].map(|phase| of("throughput", phase));
        assert_eq!(throughput, [Some(0.0), Some(0.0), Some(2.0)]);
        assert_eq!(of("longest_pause_ms", "m/after"), Some(100.0));
        let phases = loaded.phases();
        assert_eq!((phases[1].to, phases[2].from), (made, resumed));
    }

    #[test]
    fn a_phase_in_which_nothing_ended_has_a_throughput_of_zero() {
        let now = Instant::now();
        let rows = phase(&[], (now, now + Duration::from_secs(1)), |_| true);
        assert_eq!((rows.len(), rows[0].value, rows[1].value), (2, Some(0.0), Some(0.0)));
    }

    #[test]
    fn a_load_that_broke_tells_why() {
        let failure = Error::new("go on", "the server did not come back within 60 s");
        let told = broke("postgres", Some(&failure)).to_string();
        let whole = "cannot load postgres: the load ended by itself, before there was enough of it: the server did \
                     not come back within 60 s";
        assert_eq!(told, whole);
        assert!(whole.starts_with(&broke("postgres", None).to_string()));
    }

    #[test]
    fn a_load_or_a_ledger_that_broke_stands_in_the_way() {
        let failed = |why: &str| Error::new("do it", why);
        let why = |cut_short, kept| {
            let hindrance = Loaded { cut_short, kept, ..loaded() }.hindrance();
            hindrance.map(|error| error.why().to_owned())
        };
        let (load, ledger) = (|| Some(failed("load")), || Err(failed("ledger")));
        assert_eq!(why(load(), ledger()).as_deref(), Some("load"));
        assert_eq!(why(None, ledger()).as_deref(), Some("ledger"));
        assert_eq!(why(load(), Ok(())).as_deref(), Some("load"));
        assert_eq!(why(None, Ok(())), None);
    }

    #[test]
    fn a_client_that_waited_in_vain_has_waited() {
        let now = Instant::now();
        let ended = now + Duration::from_millis(700);
        let turn = Turn { began: now, ended, failed: true };
        let rows = phase(&[turn], (now, now + Duration::from_secs(1)), |_| true);
        let pause = rows.iter().find(|row| row.metric == "longest_pause_ms");
        assert_eq!(pause.and_then(|row| row.value), Some(700.0));
        assert!(!rows.iter().any(|row| row.metric.starts_with("latency")));
    }
}
