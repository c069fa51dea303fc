//! The thread that samples, and the load that may do so in its place.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dbdyno_core::load::{UnderWay, leaving_out};
use dbdyno_core::measurement::Second;
use dbdyno_core::metrics::Sample;
use dbdyno_core::{Case, DbError, Driver, Error, Result};
use tokio::sync::Notify;

use crate::guests::Guests;
use crate::overheard::LoadListener;
use crate::sampler::Sampler;

/// From so many transactions in a second on, what a second thread costs is worth to be without it: some 0.15 us for
/// each (docs/monitoring.md). A load of fewer may have one that lasts long, and nobody would sample meanwhile.
const MANY: u64 = 2_000;

/// A load that is measured for less than so many intervals is looked at when that begins and shortly before it ends, too:
/// there might not be two samples within.
const FEW_INTERVALS: u32 = 3;
/// Of a shorter load they would say nothing: processor time is counted in hundredths of a second.
const SHORTEST: Duration = Duration::from_millis(300);
/// How long before its end.
const BEFORE_END: Duration = Duration::from_millis(40);

/// By how much of an interval a load samples too soon: its seconds end a little sooner than they might at times.
const EARLY: f64 = 0.1;

/// Who is given samples.
pub trait Sink: Send + Sync {
    /// All samples of one moment. It is called by whoever samples, who waits meanwhile.
    ///
    /// # Errors
    /// They could not be kept. Sampling goes on without this sink.
    fn samples(&self, samples: &[Sample]) -> Result<()>;

    /// What processes and the machine told as the measured part of a short load began, or shortly before it ended. It is
    /// beside the samples of the intervals: who has no need of two within a load leaves it.
    ///
    /// # Errors
    /// It could not be kept.
    fn looked(&self, _samples: &[Sample]) -> Result<()> {
        Ok(())
    }

    /// A server that a suite started is sampled from now on, beside the targets.
    ///
    /// # Errors
    /// It could not be kept.
    fn joined(&self, _target: &str, _engine: &str) -> Result<()> {
        Ok(())
    }

    /// It is no more.
    ///
    /// # Errors
    /// It could not be kept.
    fn left(&self, _target: &str) -> Result<()> {
        Ok(())
    }

    /// A target could not be asked, which is told once until it answers again.
    ///
    /// # Errors
    /// It could not be kept.
    fn silent(&self, _target: &str, _why: &DbError) -> Result<()> {
        Ok(())
    }
}

/// Samples until it is dropped or [stopped](Self::stop): on a thread of its own, but for loads that run
/// [alone](dbdyno_core::load::LoadObserver::alone), where it listens to them. Those that do many transactions a second
/// do it on their own thread, between two transactions, so that their process has no other.
pub struct Monitor {
    interval: Duration,
    told: Arc<Told>,
    place: Mutex<Place>,
    /// The load that runs is alone.
    is_alone: AtomicBool,
    /// It stays on its thread all the time.
    keeps_thread: bool,
}

/// What the thread that samples and others tell each other.
#[derive(Default)]
struct Told {
    /// Woken to end.
    end: Notify,
    /// Whoever sets it may go on: the thread to sample, or a load to end the thread while it does not.
    is_taken: AtomicBool,
    /// A sink failed.
    has_failed: AtomicBool,
    /// When to look beside the intervals, the soonest first.
    moments: Mutex<VecDeque<Instant>>,
    /// There are more of these.
    more: Notify,
}

/// Who samples.
enum Place {
    Thread(JoinHandle<Sampler>),
    Load(Box<Sampler>),
    /// Nobody any more, and why.
    Over(Option<Error>),
}

impl Monitor {
    /// Samples these targets, their processes, this process and the machine, for the first time at once
    /// and then every `interval`. What took longer is not caught up with.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        drivers: Vec<Arc<dyn Driver>>,
        interval: Duration,
        sinks: Vec<Arc<dyn Sink>>,
    ) -> Result<Self> {
        Self::start_with(drivers, Arc::default(), interval, sinks, false)
    }

    /// The same, and servers that come and go. Where it `keeps_thread`, no load takes its place: somebody has to hear of what
    /// takes long while it lasts.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start_with(
        drivers: Vec<Arc<dyn Driver>>,
        guests: Arc<Guests>,
        interval: Duration,
        sinks: Vec<Arc<dyn Sink>>,
        keeps_thread: bool,
    ) -> Result<Self> {
        let told = Arc::default();
        let thread = spawn(Sampler::new(drivers, guests, sinks), interval, &told)?;
        let place = Mutex::new(Place::Thread(thread));
        Ok(Self { interval, told, place, is_alone: AtomicBool::new(false), keeps_thread })
    }

    /// Whether samples could not be kept by some sink.
    pub fn has_failed(&self) -> bool {
        self.told.has_failed.load(Ordering::Relaxed)
    }

    /// Ends sampling.
    ///
    /// # Errors
    /// What the first sink that failed said, or why nobody sampled any more.
    pub fn stop(&self) -> Result<()> {
        let mut place = self.place();
        let failure = match std::mem::replace(&mut *place, Place::Over(None)) {
            Place::Thread(thread) => self.join(thread).into_failure(),
            Place::Load(sampler) => sampler.into_failure(),
            Place::Over(why) => why,
        };
        failure.map_or(Ok(()), Err)
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, thread: JoinHandle<Sampler>) -> Sampler {
        self.told.end.notify_one();
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Has the load sample from now on, unless a sample is being taken, for which it must not wait.
    fn move_to_load(&self, place: &mut Place) {
        if !matches!(place, Place::Thread(_)) || !self.told.take() {
            return;
        }
        if let Place::Thread(thread) = std::mem::replace(place, Place::Over(None)) {
            *place = Place::Load(Box::new(self.join(thread)));
        }
        self.told.give_back();
    }

    /// Has a thread sample from now on.
    fn move_to_thread(&self, place: &mut Place) {
        if !matches!(place, Place::Load(_)) {
            return;
        }
        let Place::Load(sampler) = std::mem::replace(place, Place::Over(None)) else { return };
        *place = match spawn(*sampler, self.interval, &self.told) {
            Ok(thread) => Place::Thread(thread),
            Err(why) => {
                self.told.has_failed.store(true, Ordering::Relaxed);
                Place::Over(Some(why))
            }
        };
    }
}

impl LoadListener for Monitor {
    fn began(&self, _: &Case, _: &[String], under_way: &Arc<UnderWay>) {
        let Some((from, to)) = under_way.window() else { return };
        let length = to.saturating_duration_since(from);
        let is_short = length < self.interval * FEW_INTERVALS;
        if is_short && length >= SHORTEST && !self.is_alone.load(Ordering::Relaxed) {
            self.told.look_at([from, to - BEFORE_END]);
        }
    }

    fn alone(&self, _: &Case, is: bool) {
        self.is_alone.store(is, Ordering::Relaxed);
        if !is {
            self.move_to_thread(&mut self.place());
        }
    }

    fn second(&self, _: &Case, seconds: &[Second]) {
        if self.keeps_thread || !self.is_alone.load(Ordering::Relaxed) {
            return;
        }
        let mut place = self.place();
        let completed: u64 = seconds.iter().map(|second| second.completed).sum();
        match completed >= MANY {
            true => self.move_to_load(&mut place),
            false => self.move_to_thread(&mut place),
        }
        if let Place::Load(sampler) = &mut *place
            && sampler.next(self.interval) <= Instant::now() + self.interval.mul_f64(EARLY)
        {
            leaving_out(|| sampler.sample_at_once());
            self.told.heed(sampler);
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // Whoever drops it has no use for what went wrong.
        let _ = self.stop();
    }
}

impl Told {
    /// Whether it was free to take.
    fn take(&self) -> bool {
        !self.is_taken.swap(true, Ordering::AcqRel)
    }

    fn give_back(&self) {
        self.is_taken.store(false, Ordering::Release);
    }

    fn moments(&self) -> MutexGuard<'_, VecDeque<Instant>> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_at(&self, moments: [Instant; 2]) {
        let mut all = self.moments();
        all.extend(moments);
        all.make_contiguous().sort_unstable();
        drop(all);
        self.more.notify_one();
    }

    /// Whether one of these moments has come; the first that has not.
    fn due(&self, now: Instant) -> (bool, Option<Instant>) {
        let mut all = self.moments();
        let before = all.len();
        all.retain(|moment| *moment > now);
        (all.len() < before, all.front().copied())
    }

    fn heed(&self, sampler: &Sampler) {
        if sampler.has_failed() {
            self.has_failed.store(true, Ordering::Relaxed);
        }
    }
}

/// Starts a thread that samples.
fn spawn(
    mut sampler: Sampler,
    interval: Duration,
    told: &Arc<Told>,
) -> Result<JoinHandle<Sampler>> {
    let cannot = |why: std::io::Error| Error::new("start sampling", why);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(cannot)?;
    let told = Arc::clone(told);
    let work = move || {
        runtime.block_on(async {
            sample_until_end(&mut sampler, interval, &told).await;
            sampler.leave_servers();
        });
        // A name that is looked up for ever is not waited for.
        runtime.shutdown_background();
        sampler
    };
    std::thread::Builder::new().name("monitor".to_owned()).spawn(work).map_err(cannot)
}

async fn sample_until_end(sampler: &mut Sampler, interval: Duration, told: &Told) {
    let mut next = sampler.next(interval);
    loop {
        let now = Instant::now();
        let (is_due, moment) = told.due(now);
        // Where it is taken, the end is near.
        if (next <= now || is_due) && told.take() {
            if is_due {
                sampler.look();
            }
            if next <= now {
                // To its end, which is near: a run that is short has this one alone.
                sampler.sample().await;
            }
            told.heed(sampler);
            told.give_back();
            let now = Instant::now();
            while next <= now {
                next += interval;
            }
        }
        let until = moment.map_or(next, |moment| moment.min(next));
        tokio::select! {
            () = told.end.notified() => return,
            () = told.more.notified() => {}
            () = tokio::time::sleep_until(until.into()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::load::{Clock, Places};

    use super::*;
    use crate::made_up::case;

    /// When it was looked beside the intervals.
    #[derive(Default)]
    struct Looks(Mutex<Vec<Instant>>);

    impl Sink for Looks {
        fn samples(&self, _: &[Sample]) -> Result<()> {
            Ok(())
        }

        fn looked(&self, samples: &[Sample]) -> Result<()> {
            self.0.lock().unwrap().extend(samples.first().map(|sample| sample.taken));
            Ok(())
        }
    }

    fn load(warmup_ms: u64, end_ms: u64) -> Arc<UnderWay> {
        let places = Places::new(1, (warmup_ms * 1_000_000, end_ms * 1_000_000));
        Arc::new(UnderWay::new(Arc::new(places), Clock::start(), &[]))
    }

    #[test]
    fn a_short_load_is_looked_at_as_it_begins_and_before_it_ends() {
        let looks = Arc::new(Looks::default());
        let hour = Duration::from_secs(3_600);
        let monitor = Monitor::start(Vec::new(), hour, vec![looks.clone()]).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let (found, (from, to)) = loop {
            looks.0.lock().unwrap().clear();
            let short = load(100, 3_100);
            monitor.began(&case(), &[], &short);
            let window = short.window().unwrap();
            let over = window.1 + Duration::from_secs(1);
            while looks.0.lock().unwrap().len() < 2 && Instant::now() < over {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            let found = looks.0.lock().unwrap().clone();
            if found.len() == 2 {
                break (found, window);
            }
            // A machine that stood still for all of it has looked once.
            assert!(Instant::now() < deadline, "{found:?}");
        };
        assert!(found[0] >= from && found[1] >= to - BEFORE_END, "{found:?} {from:?} {to:?}");
        monitor.stop().unwrap();
    }

    #[test]
    fn others_are_looked_at_in_intervals_alone() {
        let monitor = Monitor::start(Vec::new(), Duration::from_secs(1), Vec::new()).unwrap();
        let is_looked_at = |load: &Arc<UnderWay>| {
            monitor.began(&case(), &[], load);
            !monitor.told.moments().is_empty()
        };
        assert!(!is_looked_at(&load(0, 5_000)), "it has samples enough");
        assert!(!is_looked_at(&load(0, 100)), "nothing can be said of what is over at once");
        monitor.alone(&case(), true);
        assert!(!is_looked_at(&load(60_000, 61_000)), "it has its process to itself");
        monitor.alone(&case(), false);
        assert!(is_looked_at(&load(60_000, 61_000)));
        monitor.stop().unwrap();
    }
}
