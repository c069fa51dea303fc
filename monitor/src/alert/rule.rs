//! What alerts are about: rules over metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use dbdyno_core::metrics::{MetricInfo, MetricKind, Source};

/// A rule: it fires once what it says has held for so long.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What is looked at.
    pub metric: Metric,
    /// The one target that it is about; all where there is none. The machine and dbdyno itself are no target's.
    pub target: Option<String>,
    /// Which of several (a disk, a replica, a wait event); each by itself where there is none.
    pub of: Option<String>,
    /// What must hold.
    pub condition: Condition,
    /// For how long without a break.
    pub lasting: Duration,
    /// How bad it is.
    pub severity: Severity,
    /// Whether somebody asked for this one, and not for a set of which some find nothing to judge.
    pub is_asked_for: bool,
}

/// What must hold for a rule to fire.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A value is beyond a threshold.
    Beyond {
        /// On which side.
        op: Op,
        /// The threshold: in the metric's unit, or with a baseline a multiple of its value.
        threshold: f64,
        /// Once it has fired, it is over only beyond this on the other side; the threshold where there is none.
        clear: Option<f64>,
        /// Looks at how much the value grows in a second, taken over so long.
        rate: Option<Duration>,
        /// What the value was in another run.
        baseline: Option<Baseline>,
    },
    /// There is no value.
    Absent,
}

/// Values of a load's metric in another run, by target and [what makes cases comparable](crate::comparable_name).
pub type Baseline = BTreeMap<(String, String), f64>;

/// How a value stands to a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

impl Op {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Above, Self::AtLeast, Self::Below, Self::AtMost];

    /// The sign.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }

    /// Whether it holds of a value.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
        }
    }

    /// Whether it is fired by what is large.
    pub const fn is_upwards(self) -> bool {
        matches!(self, Self::Above | Self::AtLeast)
    }
}

/// How bad it is when a rule fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A person should know.
    Warn,
    /// What was measured has failed.
    Fail,
}

impl Severity {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::Warn, Self::Fail];

    /// The word in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Whose metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A load, as its clients see it.
    Load,
    /// What is sampled.
    Sampled(Source),
}

impl Subject {
    /// All that there are.
    pub const ALL: [Self; 5] = [
        Self::Load,
        Self::Sampled(Source::Engine),
        Self::Sampled(Source::Server),
        Self::Sampled(Source::Client),
        Self::Sampled(Source::Machine),
    ];

    /// The word before the dot.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Sampled(source) => source.name(),
        }
    }

    /// Whether there is one for each target.
    pub const fn is_of_target(self) -> bool {
        matches!(self, Self::Load | Self::Sampled(Source::Engine | Source::Server))
    }
}

/// A metric that rules may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Whose.
    pub subject: Subject,
    /// Which.
    pub info: &'static MetricInfo,
}

impl fmt::Display for Metric {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.subject.name(), self.info.name)
    }
}

/// The unit of shares: from 0 to 1, said in percent.
pub const RATIO: &str = "ratio";

/// What loads are judged by, second by second.
pub const LOAD_METRICS: &[MetricInfo] = &[
    MetricInfo::gauge("throughput", "1/s", "transactions per second that ended well"),
    MetricInfo::gauge("errors", RATIO, "share of the transactions that failed for good"),
    MetricInfo::gauge("retries", "1/s", "retries per second"),
    MetricInfo::gauge("mean", "s", "mean response time"),
    MetricInfo::gauge("p50", "s", "median response time"),
    MetricInfo::gauge("p95", "s", "95th percentile of response times"),
    MetricInfo::gauge("p99", "s", "99th percentile of response times"),
    MetricInfo::gauge("p999", "s", "99.9th percentile of response times"),
    MetricInfo::gauge("max", "s", "longest response time"),
    MetricInfo::gauge("oldest", "s", "age of the oldest transaction under way"),
];

/// What is worked out of several samples of a moment: see [`derived`](super::derived).
pub(super) const DERIVED: &[(Source, MetricInfo)] = &[
    (
        Source::Engine,
        MetricInfo::gauge(
            "cache_hit_ratio",
            RATIO,
            "pages found in the cache, of all asked for in the last ten seconds",
        ),
    ),
    (
        Source::Engine,
        MetricInfo::gauge("connections_ratio", RATIO, "sessions, of those there may be"),
    ),
    (
        Source::Machine,
        MetricInfo::gauge("cpu_busy_ratio", RATIO, "processors in use, of all there are"),
    ),
    (
        Source::Machine,
        MetricInfo::gauge("file_system_used_ratio", RATIO, "space in use, by file system"),
    ),
];

/// All metrics that rules may be about. `engines` are the catalogues of the engines.
pub fn metrics(engines: &[&'static [MetricInfo]]) -> Vec<Metric> {
    let of = |subject, catalogue: &'static [MetricInfo]| {
        catalogue.iter().map(move |info| Metric { subject, info })
    };
    let mut all: Vec<Metric> = of(Subject::Load, LOAD_METRICS).collect();
    for engine in engines {
        for metric in of(Subject::Sampled(Source::Engine), engine) {
            let known = |known: &Metric| {
                known.subject == metric.subject && known.info.name == metric.info.name
            };
            if !all.iter().any(known) {
                all.push(metric);
            }
        }
    }
    all.extend(of(Subject::Sampled(Source::Server), crate::PROCESS_CATALOGUE));
    all.extend(of(Subject::Sampled(Source::Client), crate::PROCESS_CATALOGUE));
    all.extend(of(Subject::Sampled(Source::Machine), crate::MACHINE_CATALOGUE));
    let derived = |(source, info): &'static (Source, MetricInfo)| Metric {
        subject: Subject::Sampled(*source),
        info,
    };
    all.extend(DERIVED.iter().map(derived));
    all
}

impl Rule {
    /// Whether values are so many a second rather than what the metric says itself.
    pub(super) fn is_rate(&self) -> bool {
        let has_rate = matches!(self.condition, Condition::Beyond { rate: Some(_), .. });
        has_rate || self.metric.info.kind == MetricKind::Counter
    }

    /// A value in words.
    pub fn in_words(&self, value: f64) -> String {
        let per_second = if self.is_rate() { "/s" } else { "" };
        format!("{}{per_second}", in_unit(value, self.metric.info.unit))
    }
}

/// A number and its unit, as a person says it.
fn in_unit(value: f64, unit: &str) -> String {
    let short = |value: f64| {
        let decimals = match value.abs() {
            0.0 => 0,
            size if size < 0.01 => 6,
            size if size < 10.0 => 2,
            size if size < 100.0 => 1,
            _ => 0,
        };
        let text = format!("{value:.decimals$}");
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    };
    let seconds = |value: f64| match value.abs() {
        0.0 => "0s".to_owned(),
        size if size < 1e-3 => format!("{}us", short(value * 1e6)),
        size if size < 1.0 => format!("{}ms", short(value * 1e3)),
        _ => format!("{}s", short(value)),
    };
    match unit {
        RATIO => format!("{}%", short(value * 100.0)),
        "s" => seconds(value),
        "ms" => seconds(value / 1e3),
        "bytes" => match value.abs() {
            size if size < 1e3 => format!("{}B", short(value)),
            size if size < 1e6 => format!("{}kB", short(value / 1e3)),
            size if size < 1e9 => format!("{}MB", short(value / 1e6)),
            _ => format!("{}GB", short(value / 1e9)),
        },
        "1/s" => format!("{}/s", short(value)),
        _ => short(value),
    }
}

#[cfg(test)]
mod tests {
    use super::in_unit;

    #[test]
    fn values_are_said_as_people_do() {
        for (value, unit, text) in [
            (0.0312, "s", "31.2ms"),
            (2.0, "s", "2s"),
            (15_000.0, "ms", "15s"),
            (0.0005, "ratio", "0.05%"),
            (0.9, "ratio", "90%"),
            (1.5e9, "bytes", "1.5GB"),
            (1234.0, "1/s", "1234/s"),
            (100.0, "1", "100"),
            (0.0, "1", "0"),
        ] {
            assert_eq!(in_unit(value, unit), text, "{value} {unit}");
        }
    }
}
