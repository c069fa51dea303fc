//! What is worked out of several samples of a moment.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use dbdyno_core::metrics::Source;

use super::points::Point;
use super::rule::{DERIVED, Subject};

/// Over how long the share of pages found in the cache is taken. Engines tell of pages with the end of a statement or
/// later, and what samples ask for themselves are pages, too: a second alone may tell of nothing else.
const WINDOW: Duration = Duration::from_secs(10);

/// Two metrics, and how another is worked out of them.
struct How {
    of: (&'static str, &'static str),
    way: Way,
}

enum Way {
    /// Of the values of this moment.
    Now(fn(f64, f64) -> f64),
    /// The share of the first counter in how much both grew lately.
    Lately,
}

fn how(derived: &str) -> Option<How> {
    let (of, way) = match derived {
        "cache_hit_ratio" => (("cache_hits", "cache_misses"), Way::Lately),
        "connections_ratio" => {
            (("connections", "connections_limit"), Way::Now(|open, limit| open / limit))
        }
        "cpu_busy_ratio" => (("cpu_busy_s", "processors"), Way::Now(|busy, all| busy / all)),
        "file_system_used_ratio" => (
            ("file_system_free_bytes", "file_system_bytes"),
            Way::Now(|free, all| 1.0 - free / all),
        ),
        _ => return None,
    };
    Some(How { of, way })
}

/// What is worked out of an engine's metrics, of those that there are.
pub(super) fn worked_out_of(metrics: &[&str]) -> Vec<&'static str> {
    let of_engine = DERIVED.iter().filter(|(source, _)| *source == Source::Engine);
    let has_both = |name: &&'static str| {
        how(name).is_some_and(|How { of: (one, other), .. }| {
            metrics.contains(&one) && metrics.contains(&other)
        })
    };
    of_engine.map(|(_, info)| info.name).filter(has_both).collect()
}

/// Works metrics out of others.
#[derive(Debug, Default)]
pub(super) struct Derived {
    /// By target, which of several and metric.
    lately: BTreeMap<(String, String, &'static str), Lately>,
}

impl Derived {
    /// Adds what follows from the points of one moment.
    pub(super) fn extend(&mut self, at: Duration, points: &mut Vec<Point>) {
        let mut found = Vec::new();
        for (source, info) in DERIVED {
            let Some(How { of, way }) = how(info.name) else { continue };
            for (one, other) in pairs(points, Subject::Sampled(*source), of) {
                let known = match way {
                    Way::Now(ratio) => one.value.zip(other.value).map(|(one, other)| {
                        let ratio = ratio(one, other);
                        if ratio.is_finite() { Known::Is(ratio) } else { Known::Nothing }
                    }),
                    Way::Lately => one.raw.zip(other.raw).map(|grown| {
                        let key = (one.target.clone(), one.of.clone(), info.name);
                        self.lately.entry(key).or_default().share(at, grown)
                    }),
                };
                let (value, is_absent) = match known.unwrap_or(Known::Nothing) {
                    Known::Nothing => (None, true),
                    Known::NothingNew => (None, false),
                    Known::Is(value) => (Some(value), false),
                };
                let metric = info.name;
                found.push(Point { metric, value, is_absent, raw: value, ..one.clone() });
            }
        }
        points.extend(found);
    }

    /// A target is no more; another may have its name.
    pub(super) fn forget(&mut self, target: &str) {
        self.lately.retain(|(of, _, _), _| of != target);
    }

    /// A load begins on a target: what was asked for before is none of its own.
    pub(super) fn load_began(&mut self, target: &str) {
        let of_target = self.lately.iter_mut().filter(|((of, _, _), _)| of == target);
        of_target.for_each(|(_, lately)| lately.begin_anew());
    }
}

/// The points of two metrics that belong together.
fn pairs<'a>(
    points: &'a [Point],
    subject: Subject,
    (one, other): (&str, &str),
) -> Vec<(&'a Point, &'a Point)> {
    let is = |point: &&Point, metric: &str| point.subject == subject && point.metric == metric;
    let key = |point: &'a Point| (point.target.as_str(), point.of.as_str());
    let others: BTreeMap<_, _> =
        points.iter().filter(|point| is(point, other)).map(|point| (key(point), point)).collect();
    let ones = points.iter().filter(|point| is(point, one));
    ones.filter_map(|point| Some((point, *others.get(&key(point))?))).collect()
}

/// What is known at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Nothing,
    /// There is something, but nothing has come to it.
    NothingNew,
    Is(f64),
}

/// Two counters, as they were lately.
#[derive(Debug, Default)]
struct Lately(VecDeque<(Duration, (f64, f64))>);

impl Lately {
    /// The share of the first in how much both grew.
    fn share(&mut self, at: Duration, now: (f64, f64)) -> Known {
        let last = self.0.back().map_or(now, |(_, last)| *last);
        if now.0 < last.0 || now.1 < last.1 {
            self.0.clear();
        }
        self.0.push_back((at, now));
        let is_old = |(then, _): &(Duration, (f64, f64))| at.saturating_sub(*then) >= WINDOW;
        // However seldom samples are taken, there are two.
        while self.0.len() > 2 && self.0.get(1).is_some_and(is_old) {
            self.0.pop_front();
        }
        let first = self.0.front().map_or(now, |(_, first)| *first);
        let (one, other) = (now.0 - first.0, now.1 - first.1);
        if one + other <= 0.0 {
            Known::Nothing
        } else if now == last {
            Known::NothingNew
        } else {
            Known::Is(one / (one + other))
        }
    }

    fn begin_anew(&mut self) {
        let last = self.0.pop_back();
        self.0 = last.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_that_of_the_last_ten_seconds_and_stands_while_nothing_is_asked() {
        let mut lately = Lately::default();
        let mut share =
            |second, hits, misses| lately.share(Duration::from_secs(second), (hits, misses));
        assert_eq!(share(0, 100.0, 0.0), Known::Nothing);
        assert_eq!(share(1, 101.0, 3.0), Known::Is(0.25));
        assert_eq!(share(4, 101.0, 3.0), Known::NothingNew);
        assert_eq!(share(5, 104.0, 4.0), Known::Is(0.5));
        // Nothing is left of the first second.
        assert_eq!(share(11, 107.0, 4.0), Known::Is(6.0 / 7.0));
        assert_eq!(share(22, 107.0, 4.0), Known::Nothing);
        // However seldom samples are taken.
        assert_eq!(share(60, 108.0, 5.0), Known::Is(0.5));
        // A server that began anew has not asked for less than nothing.
        assert_eq!(share(61, 0.0, 0.0), Known::Nothing);
        assert_eq!(share(62, 1.0, 1.0), Known::Is(0.5));
    }

    #[test]
    fn a_load_has_a_share_of_its_own() {
        let mut lately = Lately::default();
        lately.share(Duration::from_secs(0), (0.0, 0.0));
        lately.share(Duration::from_secs(1), (1_000_000.0, 0.0));
        lately.begin_anew();
        assert_eq!(lately.share(Duration::from_secs(2), (1_000_001.0, 1.0)), Known::Is(0.5));
    }
}
