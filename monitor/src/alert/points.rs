//! What rules look at: values of metrics at moments, of samples and of loads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::measurement::Second;
use dbdyno_core::metrics::{MetricKind, Sample, Source};
use dbdyno_core::{Case, MetricInfo};
use hdrhistogram::Histogram;

use super::rule::{DERIVED, LOAD_METRICS, Subject};

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
    /// A gauge's value; how much a counter grew in a second, where that is known.
    pub value: Option<f64>,
    /// The value as it stands.
    pub raw: f64,
}

/// The points of samples of one moment, and what follows from several of them.
pub(super) fn of_samples(at: Duration, samples: &[Sample]) -> Vec<Point> {
    let point = |source, metric, target: &str, of: &str, value: Option<f64>, raw| Point {
        at,
        subject: Subject::Sampled(source),
        metric,
        target: target.to_owned(),
        of: of.to_owned(),
        case: None,
        value,
        raw,
    };
    let mut points: Vec<Point> = samples
        .iter()
        .map(|sample| {
            let (reading, raw) = (&sample.reading, sample.reading.value);
            let value = match reading.metric.kind {
                MetricKind::Counter => sample.per_second,
                MetricKind::Gauge => Some(raw),
            };
            point(sample.source, reading.metric.name, &sample.target, &reading.of, value, raw)
        })
        .collect();
    for (source, info) in DERIVED {
        for ((target, of), ratio) in ratios(*source, info, &points) {
            points.push(point(*source, info.name, &target, &of, Some(ratio), ratio));
        }
    }
    points
}

/// The values of a derived metric, by target and which of several.
fn ratios(source: Source, info: &MetricInfo, points: &[Point]) -> Vec<((String, String), f64)> {
    let values = |metric: &str| -> BTreeMap<(String, String), f64> {
        let wanted =
            |point: &&Point| point.subject == Subject::Sampled(source) && point.metric == metric;
        let value = |point: &Point| Some(((point.target.clone(), point.of.clone()), point.value?));
        points.iter().filter(wanted).filter_map(value).collect()
    };
    let (first, second, ratio): (_, _, fn(f64, f64) -> f64) = match info.name {
        "cache_hit_ratio" => {
            (values("cache_hits"), values("cache_misses"), |hits, misses| hits / (hits + misses))
        }
        "connections_ratio" => {
            (values("connections"), values("connections_limit"), |open, limit| open / limit)
        }
        "cpu_busy_ratio" => (values("cpu_busy_s"), values("processors"), |busy, all| busy / all),
        "file_system_used_ratio" => {
            (values("file_system_free_bytes"), values("file_system_bytes"), |free, all| {
                1.0 - free / all
            })
        }
        _ => return Vec::new(),
    };
    let both = first.into_iter().filter_map(|(key, one)| {
        let ratio = ratio(one, *second.get(&key)?);
        ratio.is_finite().then_some((key, ratio))
    });
    both.collect()
}

/// Makes points of what loads tell.
#[derive(Debug, Default)]
pub(super) struct Loads {
    running: BTreeMap<String, Running>,
}

/// The load that runs on a target.
#[derive(Debug)]
struct Running {
    case: Arc<Case>,
    second: u64,
    /// Completed and tried again in the last second, which was a whole one if another follows: the load may have
    /// ended in its midst.
    held_back: Option<(u64, u64)>,
}

impl Loads {
    /// The points of a second of a load. The warm-up has none, and a second in which the load began or ended
    /// tells nothing of throughput.
    pub(super) fn second(&mut self, at: Duration, case: &Case, seconds: &[Second]) -> Vec<Point> {
        let number = seconds.first().map_or(0, |second| second.second);
        let known = self.running.get(&case.target);
        if known.is_none_or(|known| *known.case != *case || number <= known.second) {
            let case = Arc::new(case.clone());
            let fresh = Running { case, second: number, held_back: None };
            self.running.insert(fresh.case.target.clone(), fresh);
        }
        let Some(running) = self.running.get_mut(&case.target) else { return Vec::new() };
        running.second = number;
        let mut points = Vec::new();
        let mut add = |metric: &str, value: f64| {
            let info = LOAD_METRICS.iter().find(|info| info.name == metric);
            points.extend(info.map(|info| Point {
                at,
                subject: Subject::Load,
                metric: info.name,
                target: case.target.clone(),
                of: String::new(),
                case: Some(Arc::clone(&running.case)),
                value: Some(value),
                raw: value,
            }));
        };
        if let Some((completed, retries)) = running.held_back.take() {
            add("throughput", completed as f64);
            add("retries", retries as f64);
        }
        let measured = || seconds.iter().filter(|second| !second.warmup);
        if measured().next().is_none() {
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
        if seconds.iter().all(|second| !second.warmup) {
            running.held_back = Some((completed, sum(|second| second.retries)));
        }
        points
    }

    /// The case's loads are over.
    pub(super) fn over(&mut self, case: &Case) {
        self.running.remove(&case.target);
    }

    /// The case whose load runs on a target.
    pub(super) fn case_of(&self, target: &str) -> Option<Arc<Case>> {
        self.running.get(target).map(|running| Arc::clone(&running.case))
    }

    /// The cases whose loads run.
    pub(super) fn cases(&self) -> impl Iterator<Item = &Arc<Case>> {
        self.running.values().map(|running| &running.case)
    }
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
