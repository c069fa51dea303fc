//! What rules look at: values of metrics at moments, of samples and of loads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::Case;
use dbdyno_core::load::UnderWay;
use dbdyno_core::measurement::Second;
use dbdyno_core::metrics::{MetricKind, Sample};
use hdrhistogram::Histogram;

use super::rule::{LOAD_METRICS, Subject};

/// The value of a metric at a moment.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// When, since watching began.
    pub at: Duration,
    pub subject: Subject,
    pub metric: &'static str,
    pub target: String,
    pub of: String,
    /// The case whose load it is of.
    pub case: Option<Arc<Case>>,
    /// A gauge's value, how much a counter grew in a second; none where nothing new is known.
    pub value: Option<f64>,
    /// There is nothing that it could be a value of, such as a share of nothing.
    pub is_absent: bool,
    /// The value as it stands.
    pub raw: Option<f64>,
}

/// The points of samples of one moment.
pub(super) fn of_samples(at: Duration, samples: &[Sample]) -> Vec<Point> {
    let point = |sample: &Sample| {
        let (reading, raw) = (&sample.reading, sample.reading.value);
        Point {
            at,
            subject: Subject::Sampled(sample.source),
            metric: reading.metric.name,
            target: sample.target.clone(),
            of: reading.of.clone(),
            case: None,
            value: match reading.metric.kind {
                MetricKind::Counter => sample.per_second,
                MetricKind::Gauge => Some(raw),
            },
            is_absent: false,
            raw: Some(raw),
        }
    };
    samples.iter().map(point).collect()
}

/// Makes points of what loads tell.
#[derive(Debug, Default)]
pub(super) struct Loads {
    known: BTreeMap<String, Known>,
}

/// The load of a target that was told of last, until its case is over.
#[derive(Debug)]
struct Known {
    case: Arc<Case>,
    /// What its clients have under way, where whoever looks on was told that it began.
    under_way: Option<Arc<UnderWay>>,
    second: u64,
    /// Completed and tried again in the last second, which was a whole one if another follows: the load may have
    /// ended in its midst.
    held_back: Option<(u64, u64)>,
}

/// A load that runs.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub case: Arc<Case>,
    /// For how long it has been measured; none during the warm-up, and while it waits for its last transactions.
    pub measured: Option<Duration>,
}

impl Loads {
    /// A load of the case begins.
    pub(super) fn began(&mut self, case: &Case, under_way: &Arc<UnderWay>) {
        let case = Arc::new(case.clone());
        let under_way = Some(Arc::clone(under_way));
        let fresh = Known { case, under_way, second: 0, held_back: None };
        self.known.insert(fresh.case.target.clone(), fresh);
    }

    /// What is known of loads at a moment, whatever they told: a client that waits in a call tells nothing.
    pub(super) fn now(&self, at: Duration) -> Vec<Point> {
        let oldest = |known: &Known| {
            let under_way = known.under_way.as_ref()?;
            if under_way.is_warming_up() || under_way.is_over() {
                return None;
            }
            let age_s = under_way.oldest().unwrap_or_default().as_secs_f64();
            point(at, known, "oldest", age_s)
        };
        self.known.values().filter_map(oldest).collect()
    }

    /// The points of a second of a load. The warm-up has none, nor has a second in which the load waited for its last
    /// transactions; one in which it began or ended tells nothing of throughput.
    pub(super) fn second(&mut self, at: Duration, case: &Case, seconds: &[Second]) -> Vec<Point> {
        let number = seconds.first().map_or(0, |second| second.second);
        let is_new = |known: &Known| {
            *known.case != *case || (number <= known.second && known.under_way.is_none())
        };
        if self.known.get(&case.target).is_none_or(is_new) {
            let case = Arc::new(case.clone());
            let fresh = Known { case, under_way: None, second: number, held_back: None };
            self.known.insert(fresh.case.target.clone(), fresh);
        }
        let Some(known) = self.known.get_mut(&case.target) else { return Vec::new() };
        known.second = number;
        let mut points = Vec::new();
        let held_back = known.held_back.take();
        let mut add = |metric: &str, value: f64| points.extend(point(at, known, metric, value));
        if let Some((completed, retries)) = held_back {
            add("throughput", completed as f64);
            add("retries", retries as f64);
        }
        let end = known.under_way.as_ref().map_or(Duration::MAX, |under_way| under_way.end());
        let measured = || seconds.iter().filter(|second| !second.warmup);
        if measured().next().is_none() || Duration::from_secs(number) >= end {
            return points;
        }
        let sum = |count: fn(&Second) -> u64| measured().map(count).sum::<u64>();
        let (completed, errors) = (sum(|second| second.completed), sum(|second| second.errors));
        if completed + errors > 0 {
            add("errors", errors as f64 / (completed + errors) as f64);
        }
        if let Some(all) = merged(measured().map(|second| &second.response_ns)) {
            let seconds = |ns: u64| ns as f64 / 1e9;
            add("mean", all.mean() / 1e9);
            for (metric, quantile) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)]
            {
                add(metric, seconds(all.value_at_quantile(quantile)));
            }
            add("max", seconds(all.max()));
        }
        if seconds.iter().all(|second| !second.warmup) && Duration::from_secs(number + 1) <= end {
            known.held_back = Some((completed, sum(|second| second.retries)));
        }
        points
    }

    /// The case's loads are over.
    pub(super) fn over(&mut self, case: &Case) {
        self.known.remove(&case.target);
    }

    /// The case that is measured on a target; on any where it is no target's, if there is one alone.
    pub(super) fn case_of(&self, target: &str) -> Option<Arc<Case>> {
        let known = match target {
            "" if self.known.len() == 1 => self.known.values().next(),
            target => self.known.get(target),
        };
        known.map(|known| Arc::clone(&known.case))
    }

    /// The loads that run.
    pub(super) fn running(&self) -> Vec<Running> {
        let running = |known: &Known| {
            let measured = known.under_way.as_ref().map(|under_way| under_way.measured());
            let is_over = known.under_way.as_ref().is_some_and(|under_way| under_way.is_over());
            let measured = measured.unwrap_or_default();
            (!is_over).then(|| Running { case: Arc::clone(&known.case), measured })
        };
        self.known.values().filter_map(running).collect()
    }
}

/// A point of a load's metric.
fn point(at: Duration, known: &Known, metric: &str, value: f64) -> Option<Point> {
    let info = LOAD_METRICS.iter().find(|info| info.name == metric)?;
    Some(Point {
        at,
        subject: Subject::Load,
        metric: info.name,
        target: known.case.target.clone(),
        of: String::new(),
        case: Some(Arc::clone(&known.case)),
        value: Some(value),
        is_absent: false,
        raw: Some(value),
    })
}

/// All in one; none where nothing is in them.
fn merged<'a>(histograms: impl Iterator<Item = &'a Histogram<u64>>) -> Option<Histogram<u64>> {
    let mut all: Option<Histogram<u64>> = None;
    for each in histograms.filter(|each| !each.is_empty()) {
        match &mut all {
            // Ours may grow, and those alone are refused that may not.
            Some(all) => all.add(each).ok()?,
            None => all = Some(each.clone()),
        }
    }
    all
}
