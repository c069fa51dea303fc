//! What a load does: the seconds that its recorder is told.

use std::collections::VecDeque;
use std::time::Duration;

use dbdyno_core::measurement::Second;
use hdrhistogram::Histogram;

/// Over how many seconds percentiles are taken, of the histograms of all of them together.
pub const WINDOW: usize = 10;
/// How many seconds are remembered: as many as a wide screen has columns.
const REMEMBERED: usize = 600;

/// The loads of a run, the one under way in detail.
#[derive(Debug, Default)]
pub struct Loads {
    /// Seconds, the newest last; `None` where another load began.
    course: VecDeque<Option<Moment>>,
    /// The last seconds of the load under way that are of one phase.
    recent: VecDeque<Recent>,
    /// How long the load takes, warm-up and all, where that is known.
    length: Option<Duration>,
    /// What has happened in the load under way since it began.
    pub totals: Totals,
    /// Response times of the last seconds.
    pub latency: Option<Latency>,
    /// Whether the last second told of was of the warm-up; `None` before the first.
    pub warmup: Option<bool>,
}

/// A second of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Transactions that ended well; `None` where the load did not last the whole second.
    pub completed: Option<u64>,
    /// The 99th percentile of their response times.
    pub p99_us: Option<f64>,
}

/// Counts since a load began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub completed: u64,
    pub errors: u64,
    pub retries: u64,
}

/// Response times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    pub p50_us: f64,
    pub p95_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
    /// Of how many seconds.
    pub seconds: usize,
}

#[derive(Debug)]
struct Recent {
    completed: Option<u64>,
    response_ns: Option<Histogram<u64>>,
}

impl Loads {
    /// A load begins.
    pub fn begin(&mut self, length: Option<Duration>) {
        self.end();
        if self.course.back().is_some_and(Option::is_some) {
            self.remember(None);
        }
        self.recent.clear();
        (self.length, self.totals, self.latency, self.warmup) =
            (length, Totals::default(), None, None);
    }

    /// The load under way is over. Where its length was not known, nobody knows whether its last second was a
    /// whole one: it tells nothing of throughput.
    pub fn end(&mut self) {
        if self.length.is_some() {
            return;
        }
        if let Some(Some(last)) = self.course.back_mut() {
            last.completed = None;
        }
        if let Some(last) = self.recent.back_mut() {
            last.completed = None;
        }
    }

    /// A second of the load under way: an entry for each transaction type, and for each phase that it has a part of.
    pub fn second(&mut self, seconds: &[Second]) {
        let Some(number) = seconds.first().map(|second| second.second) else { return };
        let count = |count: fn(&Second) -> u64| seconds.iter().map(count).sum::<u64>();
        let completed = count(|second| second.completed);
        self.totals.completed += completed;
        self.totals.errors += count(|second| second.errors);
        self.totals.retries += count(|second| second.retries);
        let warmup = seconds.iter().all(|second| second.warmup);
        if self.warmup.is_some_and(|before| before != warmup) {
            self.recent.clear();
        }
        self.warmup = Some(warmup);
        let is_whole = self.length.is_none_or(|length| Duration::from_secs(number + 1) <= length);
        let completed = is_whole.then_some(completed);
        // Of a second that the warm-up ends in only what is measured.
        let response_ns = merged(
            seconds
                .iter()
                .filter(|second| second.warmup == warmup)
                .map(|second| &second.response_ns),
        );
        let p99_us = response_ns.as_ref().map(|all| quantile(all, 0.99));
        self.remember(Some(Moment { completed, p99_us }));
        self.recent.push_back(Recent { completed, response_ns });
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }
        self.latency = self.latency_of_recent();
    }

    fn latency_of_recent(&self) -> Option<Latency> {
        let all = merged(self.recent.iter().filter_map(|recent| recent.response_ns.as_ref()))?;
        Some(Latency {
            p50_us: quantile(&all, 0.50),
            p95_us: quantile(&all, 0.95),
            p99_us: quantile(&all, 0.99),
            max_us: all.max() as f64 / 1e3,
            seconds: self.recent.len(),
        })
    }

    /// Transactions per second in the last whole second, and over the last seconds, of which the second number says
    /// how many.
    pub fn throughput(&self) -> Option<(u64, f64, usize)> {
        let whole: Vec<u64> = self.recent.iter().filter_map(|recent| recent.completed).collect();
        let last = *whole.last()?;
        Some((last, whole.iter().sum::<u64>() as f64 / whole.len() as f64, whole.len()))
    }

    /// The last seconds, at most so many, the oldest first.
    pub fn course(&self, count: usize) -> impl Iterator<Item = Option<Moment>> {
        let skipped = self.course.len().saturating_sub(count);
        self.course.iter().skip(skipped).copied()
    }

    fn remember(&mut self, moment: Option<Moment>) {
        if self.course.len() == REMEMBERED {
            self.course.pop_front();
        }
        self.course.push_back(moment);
    }
}

/// All histograms in one; `None` where nothing is in them.
fn merged<'a>(histograms: impl Iterator<Item = &'a Histogram<u64>>) -> Option<Histogram<u64>> {
    histograms.filter(|each| !each.is_empty()).fold(None, |all, each| match all {
        None => Some(each.clone()),
        Some(mut all) => {
            // Only a histogram that may not grow refuses, and all of ours may.
            let _ = all.add(each);
            Some(all)
        }
    })
}

fn quantile(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e3
}
