//! How fast counters grow.

use std::collections::HashMap;
use std::time::{Instant, SystemTime};

use dbdyno_core::metrics::{MetricKind, Reading, Sample, Source};

/// What tells one counter from all others.
type Key = (Source, String, &'static str, String);

/// Remembers counters from one sample to the next.
#[derive(Default)]
pub(crate) struct Rates {
    last: HashMap<Key, (Instant, f64)>,
}

impl Rates {
    /// Makes a sample of a reading. `now` is when it was read, by a clock that nobody sets; `at` that of the whole
    /// sample.
    pub(crate) fn sample(
        &mut self,
        (at, now): (SystemTime, Instant),
        source: Source,
        target: &str,
        reading: Reading,
    ) -> Sample {
        let per_second = match reading.metric.kind {
            MetricKind::Gauge => None,
            MetricKind::Counter => self.grown(now, source, target, &reading),
        };
        Sample { at, taken: now, source, target: target.to_owned(), reading, per_second }
    }

    /// Counters of a target that is another server from now on.
    pub(crate) fn forget(&mut self, target: &str) {
        self.last.retain(|(_, of, _, _), _| of != target);
    }

    fn grown(
        &mut self,
        now: Instant,
        source: Source,
        target: &str,
        reading: &Reading,
    ) -> Option<f64> {
        let key = (source, target.to_owned(), reading.metric.name, reading.of.clone());
        let (then, before) = self.last.insert(key, (now, reading.value))?;
        let elapsed = now.duration_since(then).as_secs_f64();
        // One that is less than before began anew: its server did.
        (elapsed > 0.0 && reading.value >= before).then(|| (reading.value - before) / elapsed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dbdyno_core::metrics::MetricInfo;

    use super::*;

    static COUNTER: MetricInfo = MetricInfo::counter("commits", "1", "");
    static GAUGE: MetricInfo = MetricInfo::gauge("connections", "1", "");

    #[test]
    fn a_counter_has_a_rate_once_it_was_seen_twice_and_none_where_it_began_anew() {
        let mut rates = Rates::default();
        let (epoch, began) = (SystemTime::UNIX_EPOCH, Instant::now());
        let at = |ms| (epoch + Duration::from_millis(ms), began + Duration::from_millis(ms));
        let mut rate = |ms, target: &str, value| {
            rates.sample(at(ms), Source::Engine, target, Reading::new(&COUNTER, value)).per_second
        };
        assert_eq!(rate(1_000, "a", 100.0), None);
        assert_eq!(rate(1_500, "b", 7.0), None);
        assert_eq!(rate(3_000, "a", 150.0), Some(25.0));
        assert_eq!(rate(4_000, "a", 0.0), None);
        assert_eq!(rate(4_500, "a", 5.0), Some(10.0));
        // Another server of that name is no further than this one was.
        rates.forget("a");
        let mut rate = |ms, target: &str, value| {
            rates.sample(at(ms), Source::Engine, target, Reading::new(&COUNTER, value)).per_second
        };
        assert_eq!(rate(5_000, "a", 50.0), None);
        assert_eq!(rate(5_500, "b", 9.0), Some(0.5));
        let gauge = rates.sample(at(9_000), Source::Engine, "a", Reading::new(&GAUGE, 5.0));
        assert_eq!(gauge.per_second, None);
    }
}
