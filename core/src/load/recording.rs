//! What a worker keeps of the transactions that its clients run: a histogram and counters per
//! transaction type, handed to the collector once a second.

use hdrhistogram::Histogram;
use tokio::sync::mpsc::UnboundedSender;

use crate::error::{DbError, ErrorClass};

use super::message::Message;
use super::workload::Outcome;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// Whether a transaction is measured: by its intended start, so that one that the end of the
/// warm-up or of the measurement cuts in two still counts as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the measurement.
    Warmup,
    /// Measured.
    Measure,
}

/// A transaction that ended as it was meant to.
#[derive(Clone, Copy, Debug)]
struct Success {
    ended: Ended,
    rolled_back: bool,
}

/// A transaction that ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Its type.
    pub transaction: usize,
    /// Its phase.
    pub phase: Phase,
    /// When it was meant to start.
    pub intended_ns: u64,
    /// When it began: the same in closed loop, and in open loop once a client was free for it.
    pub started_ns: u64,
    /// When its last answer came.
    pub ended_ns: u64,
    /// Whether it ended within the measured window, whenever it began: what throughput counts.
    pub in_window: bool,
    /// Whether it took longer than the latency limit.
    pub late: bool,
}

/// An error or a retry, counted by what the engine said.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorCount {
    /// The transaction type.
    pub transaction: usize,
    /// The class.
    pub class: ErrorClass,
    /// The engine's own code.
    pub code: Option<String>,
    /// How often.
    pub count: u64,
    /// The engine's words, the first time.
    pub message: String,
}

/// One transaction type in one interval.
#[derive(Clone, Debug)]
pub struct TypeInterval {
    pub committed: u64,
    pub rolled_back: u64,
    pub failed: u64,
    pub unknown: u64,
    pub retries: u64,
    pub late: u64,
    pub skipped: u64,
    pub in_window: u64,
    pub response_ns: Histogram<u64>,
    /// Kept in open loop only; in closed loop it equals the response time.
    pub service_ns: Option<Histogram<u64>>,
}

impl TypeInterval {
    pub fn new(service: bool) -> Self {
        Self {
            committed: 0,
            rolled_back: 0,
            failed: 0,
            unknown: 0,
            retries: 0,
            late: 0,
            skipped: 0,
            in_window: 0,
            response_ns: histogram(),
            service_ns: service.then(histogram),
        }
    }

    fn is_empty(&self) -> bool {
        self.committed + self.rolled_back + self.failed + self.retries + self.skipped == 0
    }
}

/// A histogram of nanoseconds with three significant digits and no upper bound. It begins small
/// and grows with what it sees: workers hold one per transaction type and phase.
pub fn histogram() -> Histogram<u64> {
    Histogram::new(3).unwrap_or_else(|_| unreachable!("three digits are within 0 to 5"))
}

/// Records a latency. `saturating_record` would cut it at the histogram's present bound.
#[inline]
pub fn record(histogram: &mut Histogram<u64>, latency_ns: u64) {
    // Only a histogram that may not grow refuses.
    let _ = histogram.record(latency_ns);
}

/// One phase of one second.
#[derive(Clone, Debug)]
pub struct Interval {
    pub phase: Phase,
    pub types: Vec<TypeInterval>,
    pub errors: Vec<ErrorCount>,
    pub retries: Vec<ErrorCount>,
}

impl Interval {
    pub fn new(phase: Phase, types: usize, service: bool) -> Self {
        Self {
            phase,
            types: vec![TypeInterval::new(service); types],
            errors: Vec::new(),
            retries: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.types.iter().all(TypeInterval::is_empty)
    }
}

/// Transactions that are counted at once. What counting needs, code and histograms, is then in the
/// processor's caches for most of them, and not in the way of the transactions themselves.
const BATCH: usize = 64;

/// A worker's recording of the present second.
#[derive(Debug)]
pub struct Recording {
    worker: usize,
    second: u64,
    /// When it is over.
    over_ns: u64,
    service: bool,
    /// Successes not yet counted, at most [`BATCH`].
    successes: Vec<Success>,
    intervals: [Interval; 2],
    sender: UnboundedSender<Message>,
}

impl Recording {
    pub fn new(
        worker: usize,
        types: usize,
        service: bool,
        sender: UnboundedSender<Message>,
    ) -> Self {
        let intervals =
            [Phase::Warmup, Phase::Measure].map(|phase| Interval::new(phase, types, service));
        let (second, over_ns, successes) = (0, NS_PER_SECOND, Vec::with_capacity(BATCH));
        Self { worker, second, over_ns, service, successes, intervals, sender }
    }

    /// Counts a transaction that committed, or rolled back as its inputs ask for.
    #[inline]
    pub fn succeeded(&mut self, outcome: Outcome, ended: Ended) {
        self.roll(ended.ended_ns);
        self.successes.push(Success { ended, rolled_back: outcome == Outcome::RolledBack });
        if self.successes.len() == BATCH {
            self.count_successes();
        }
    }

    /// Counts a transaction that failed for good.
    pub fn failed(&mut self, ended: &Ended, error: &DbError) {
        self.roll(ended.ended_ns);
        let interval = &mut self.intervals[ended.phase as usize];
        let entry = &mut interval.types[ended.transaction];
        entry.failed += 1;
        entry.unknown += u64::from(error.outcome_unknown);
        count(&mut interval.errors, ended.transaction, error);
    }

    /// Counts a retry.
    pub fn retried(&mut self, transaction: usize, phase: Phase, now_ns: u64, error: &DbError) {
        self.roll(now_ns);
        let interval = &mut self.intervals[phase as usize];
        interval.types[transaction].retries += 1;
        count(&mut interval.retries, transaction, error);
    }

    /// Counts an arrival that was given up because it was too late to start it. It is nobody's in
    /// particular: the type is drawn only when it starts.
    pub fn skipped(&mut self, phase: Phase, now_ns: u64) {
        self.roll(now_ns);
        if let Some(first) = self.intervals[phase as usize].types.first_mut() {
            first.skipped += 1;
        }
    }

    /// Hands over what there is if its second is over. Called by every count and by a ticker.
    #[inline]
    pub fn roll(&mut self, now_ns: u64) {
        if now_ns >= self.over_ns {
            self.flush(now_ns / NS_PER_SECOND);
        }
    }

    /// Hands over what there is, whatever the time.
    pub fn finish(&mut self) {
        self.flush(self.second + 1);
    }

    #[cold]
    fn count_successes(&mut self) {
        for Success { ended, rolled_back } in self.successes.drain(..) {
            let entry = &mut self.intervals[ended.phase as usize].types[ended.transaction];
            entry.committed += u64::from(!rolled_back);
            entry.rolled_back += u64::from(rolled_back);
            entry.in_window += u64::from(ended.in_window);
            entry.late += u64::from(ended.late);
            record(&mut entry.response_ns, ended.ended_ns.saturating_sub(ended.intended_ns));
            if let Some(service) = &mut entry.service_ns {
                record(service, ended.ended_ns.saturating_sub(ended.started_ns));
            }
        }
    }

    #[cold]
    fn flush(&mut self, next_second: u64) {
        self.count_successes();
        let mut intervals = Vec::new();
        for interval in &mut self.intervals {
            if !interval.is_empty() {
                let fresh = Interval::new(interval.phase, interval.types.len(), self.service);
                intervals.push(std::mem::replace(interval, fresh));
            }
        }
        // The collector outlives the workers; if it does not, nobody is left to tell.
        let _ = self.sender.send(Message::Flush {
            worker: self.worker,
            second: self.second,
            done_until: next_second,
            intervals,
        });
        self.second = next_second;
        self.over_ns = (next_second + 1).saturating_mul(NS_PER_SECOND);
    }
}

fn count(counts: &mut Vec<ErrorCount>, transaction: usize, error: &DbError) {
    let known = counts.iter_mut().find(|known| {
        known.transaction == transaction && known.class == error.class && known.code == error.code
    });
    match known {
        Some(known) => known.count += 1,
        None => counts.push(ErrorCount {
            transaction,
            class: error.class,
            code: error.code.clone(),
            count: 1,
            message: error.message.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    fn ended(phase: Phase, ended_ns: u64) -> Ended {
        Ended {
            transaction: 0,
            phase,
            intended_ns: ended_ns - 1_000,
            started_ns: ended_ns - 500,
            ended_ns,
            in_window: phase == Phase::Measure,
            late: false,
        }
    }

    #[test]
    fn seconds_are_handed_over_once_and_phases_kept_apart() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut recording = Recording::new(3, 1, true, sender);
        recording.succeeded(Outcome::Committed, ended(Phase::Warmup, 500_000_000));
        recording.succeeded(Outcome::Committed, ended(Phase::Measure, 900_000_000));
        recording.succeeded(Outcome::Committed, ended(Phase::Measure, 2_100_000_000));
        recording.finish();
        let flushes: Vec<_> = std::iter::from_fn(|| receiver.try_recv().ok())
            .map(|message| match message {
                Message::Flush { worker, second, done_until, intervals } => {
                    let counts: Vec<_> = intervals
                        .iter()
                        .map(|interval| (interval.phase, interval.types[0].committed))
                        .collect();
                    (worker, second, done_until, counts)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            flushes,
            [
                (3, 0, 2, vec![(Phase::Warmup, 1), (Phase::Measure, 1)]),
                (3, 2, 3, vec![(Phase::Measure, 1)]),
            ]
        );
    }

    #[test]
    fn response_and_service_time_are_told_apart() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut recording = Recording::new(0, 1, true, sender);
        recording.succeeded(Outcome::Committed, ended(Phase::Measure, 10_000));
        recording.finish();
        let Ok(Message::Flush { intervals, .. }) = receiver.try_recv() else { panic!() };
        let entry = &intervals[0].types[0];
        assert_eq!(entry.response_ns.max(), 1_000);
        assert_eq!(entry.service_ns.as_ref().map(Histogram::max), Some(500));
    }

    #[test]
    fn latencies_have_no_cap() {
        let mut hour = histogram();
        record(&mut hour, 3_600 * NS_PER_SECOND);
        assert!(hour.max() >= 3_600 * NS_PER_SECOND);
    }
}
