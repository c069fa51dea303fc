//! What all workers of a load share. On the load path it is only read, but for the schedule of an
//! open loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::driver::{Driver, SessionOptions};
use crate::random::Rng;

use super::arrivals::Arrivals;
use super::clock::Clock;
use super::message::Message;
use super::plan::{Arrival, Length, LoadPlan};
use super::recording::{Phase, histogram, record};
use super::under_way::Places;
use super::workload::Workload;

/// The drain limit once the end was asked for.
const HURRIED_DRAIN: Duration = Duration::from_secs(2);

/// Numbers the random streams of a load.
#[derive(Clone, Copy)]
enum Stream {
    Client = 1,
    Arrivals = 2,
    Pauses = 3,
}

/// Everything that workers need to know.
pub struct Shared {
    pub driver: Arc<dyn Driver>,
    pub workload: Arc<dyn Workload>,
    pub session: SessionOptions,
    pub plan: LoadPlan,
    pub sender: UnboundedSender<Message>,
    /// Set once, when every client has its session.
    pub start: watch::Sender<Option<Clock>>,
    /// What clients have under way, for others to look at, and when new transactions stop to start, which is brought
    /// forward when the end is asked for.
    pub places: Arc<Places>,
    /// When the measurement begins.
    measure_ns: u64,
    /// Asks clients to end; cheaper to look at than the time.
    ended: AtomicBool,
    arrivals: Option<Mutex<Arrivals>>,
}

impl Shared {
    pub fn new(
        driver: Arc<dyn Driver>,
        workload: Arc<dyn Workload>,
        session: SessionOptions,
        plan: LoadPlan,
        sender: UnboundedSender<Message>,
    ) -> Self {
        let end_ns = match plan.length {
            Length::Duration(duration) => nanos(plan.warmup + duration),
            Length::Transactions(_) => u64::MAX,
        };
        let arrivals = match &plan.arrival {
            Arrival::Closed => None,
            Arrival::Open(open) => {
                let rng = stream(&plan, Stream::Arrivals, 0);
                Some(Mutex::new(Arrivals::new(open, rng)))
            }
        };
        Self {
            places: Arc::new(Places::new(plan.clients, (nanos(plan.warmup), end_ns))),
            measure_ns: nanos(plan.warmup),
            driver,
            workload,
            session,
            plan,
            sender,
            start: watch::Sender::new(None),
            ended: AtomicBool::new(false),
            arrivals,
        }
    }

    /// When the measurement begins.
    #[inline]
    pub fn measure_ns(&self) -> u64 {
        self.measure_ns
    }

    /// When it ends, as far as is known now.
    pub fn end_ns(&self) -> u64 {
        self.places.end_ns()
    }

    /// Whether clients are to end, whatever the time.
    #[inline]
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether no transaction may start any more at a moment.
    #[inline]
    pub fn is_over(&self, now_ns: u64) -> bool {
        // Asking for the end brings it forward to the past.
        now_ns >= self.end_ns()
    }

    /// Ends the load at a moment, unless it ends earlier.
    pub fn end_at(&self, now_ns: u64) {
        self.places.end_at(now_ns);
        self.ended.store(true, Ordering::Relaxed);
    }

    /// The phase of a transaction meant to start at a moment.
    #[inline]
    pub fn phase(&self, intended_ns: u64) -> Phase {
        if intended_ns < self.measure_ns() { Phase::Warmup } else { Phase::Measure }
    }

    /// Whether a moment lies in the window in which throughput is counted.
    #[inline]
    pub fn in_window(&self, moment_ns: u64) -> bool {
        (self.measure_ns()..=self.end_ns()).contains(&moment_ns)
    }

    /// The next intended start of an open loop; `None` in closed loop.
    pub fn next_arrival(&self) -> Option<u64> {
        Some(self.arrivals()?.take())
    }

    /// Gives back an arrival for which no time was left, so that it counts as never started.
    #[cold]
    pub fn give_back(&self, intended_ns: u64) {
        if let Some(mut arrivals) = self.arrivals() {
            arrivals.give_back(intended_ns);
        }
    }

    fn arrivals(&self) -> Option<MutexGuard<'_, Arrivals>> {
        let arrivals = self.arrivals.as_ref()?;
        Some(arrivals.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// How long the measured arrivals that no client ever served had waited at the end.
    pub fn unstarted(&self) -> Histogram<u64> {
        let mut waited = histogram();
        let (Some(mut arrivals), end_ns) = (self.arrivals(), self.end_ns()) else { return waited };
        if end_ns == u64::MAX {
            return waited;
        }
        arrivals.drain_until(end_ns, |intended_ns| {
            if self.phase(intended_ns) == Phase::Measure {
                record(&mut waited, end_ns - intended_ns);
            }
        });
        waited
    }

    /// How long transactions under way at the end may take: not long where a person waits for the
    /// end.
    pub fn drain_limit(&self) -> Duration {
        if self.is_ended() {
            self.plan.drain_limit.min(HURRIED_DRAIN)
        } else {
            self.plan.drain_limit
        }
    }

    /// The part of a span of time that lies in the measured window.
    pub fn within_window(&self, from_ns: u64, to_ns: u64) -> u64 {
        to_ns.min(self.end_ns()).saturating_sub(from_ns.max(self.measure_ns()))
    }

    /// The number of measured transactions that a client runs; `None` where time decides.
    pub fn quota(&self, client: u32) -> Option<u64> {
        match self.plan.length {
            Length::Duration(_) => None,
            Length::Transactions(total) => {
                let clients = u64::from(self.plan.clients);
                let even = total / clients + u64::from(u64::from(client) < total % clients);
                Some(self.workload.quota(client).unwrap_or(even))
            }
        }
    }

    /// The random stream of a client's inputs: it depends on the seed, the repetition and the
    /// client's number, never on the engine.
    pub fn client_rng(&self, client: u32) -> Rng {
        stream(&self.plan, Stream::Client, client)
    }

    /// The random stream of a client's pauses between retries.
    pub fn pause_rng(&self, client: u32) -> Rng {
        stream(&self.plan, Stream::Pauses, client)
    }
}

fn stream(plan: &LoadPlan, stream: Stream, client: u32) -> Rng {
    Rng::new(plan.seed, &[stream as u64, u64::from(plan.repetition), u64::from(client)])
}

/// A duration in nanoseconds; 584 years at the most.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
