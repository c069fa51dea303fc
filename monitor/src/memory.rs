//! What was sampled, for as long as loads ask for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use dbdyno_core::metrics::{LoadWatch, Sample, Source};
use dbdyno_core::{Better, Measurement, Result};

use crate::monitor::Sink;

/// How long samples are remembered.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// What is remembered.
const WANTED: [(Source, &str); 7] = [
    (Source::Machine, "processors"),
    (Source::Machine, "cpu_busy_s"),
    (Source::Server, "cpu_s"),
    (Source::Client, "cpu_s"),
    (Source::Client, "busiest_thread"),
    (Source::Engine, "cache_hits"),
    (Source::Engine, "cache_misses"),
];
/// Samples that a load must have in its midst.
const ENOUGH: usize = 2;
/// A thread that runs for so much of the time has no time left to wait for a server.
const BUSY_THREAD: f64 = 0.9;
/// Processors that are in use for so much of the time leave nothing for more.
const BUSY_MACHINE: f64 = 0.95;

/// Remembers the samples of the last hour.
#[derive(Debug, Default)]
pub struct Memory {
    moments: Mutex<VecDeque<(SystemTime, Vec<Sample>)>>,
    /// Targets whose engine runs in this process.
    embedded: Vec<String>,
}

impl Memory {
    /// A memory; `embedded` are the targets whose engine runs in this process, so that nobody can tell the
    /// one's work from the other's.
    pub fn new(embedded: Vec<String>) -> Self {
        Self { moments: Mutex::default(), embedded }
    }

    fn moments(&self) -> MutexGuard<'_, VecDeque<(SystemTime, Vec<Sample>)>> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Memory {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        let Some(at) = samples.first().map(|sample| sample.at) else { return Ok(()) };
        let mut moments = self.moments();
        let is_wanted =
            |sample: &&Sample| WANTED.contains(&(sample.source, sample.reading.metric.name));
        moments.push_back((at, samples.iter().filter(is_wanted).cloned().collect()));
        let is_old =
            |then: &SystemTime| at.duration_since(*then).is_ok_and(|elapsed| elapsed > REMEMBERED);
        while moments.front().is_some_and(|(then, _)| is_old(then)) {
            moments.pop_front();
        }
        Ok(())
    }
}

impl LoadWatch for Memory {
    fn seen(&self, target: &str, from: SystemTime, to: SystemTime) -> Vec<Measurement> {
        let moments = self.moments();
        let within: Vec<&Vec<Sample>> = moments
            .iter()
            .filter(|(at, _)| (from..=to).contains(at))
            .map(|(_, samples)| samples)
            .collect();
        if within.len() < ENOUGH {
            return Vec::new();
        }
        let window = Window { within: &within, target };
        let mut rows = Vec::new();
        let mut add = |metric: &str, value: Option<f64>, unit| {
            let row = value.map(|value| Measurement::new(metric, value, unit, Better::Neither));
            rows.extend(row);
        };
        let (busy, processors) = (
            window.grown(Source::Machine, "cpu_busy_s"),
            window.mean(Source::Machine, "processors"),
        );
        let machine = busy.zip(processors).map(|(busy, processors)| busy / processors);
        let server = window.grown(Source::Server, "cpu_s");
        let client = window.grown(Source::Client, "cpu_s");
        let busiest = window.mean(Source::Client, "busiest_thread");
        add("machine_busy_ratio", machine, "1");
        add("server_processors", server, "1");
        add("client_busiest_thread_ratio", busiest, "1");
        let hits = window.grown(Source::Engine, "cache_hits");
        let misses = window.grown(Source::Engine, "cache_misses");
        let ratio = hits.zip(misses).filter(|(hits, misses)| hits + misses > 0.0);
        add("cache_hit_ratio", ratio.map(|(hits, misses)| hits / (hits + misses)), "1");
        if let (false, Some(busiest)) = (self.is_embedded(target), busiest) {
            rows.push(bottleneck(busiest, machine, busy.zip(client)));
        }
        rows
    }
}

impl Memory {
    fn is_embedded(&self, target: &str) -> bool {
        self.embedded.iter().any(|embedded| embedded == target)
    }
}

/// The samples of a time, as one target sees them.
struct Window<'a> {
    within: &'a [&'a Vec<Sample>],
    target: &'a str,
}

impl Window<'_> {
    fn values(&self, source: Source, metric: &str) -> Vec<&Sample> {
        let of_target = |sample: &&Sample| {
            matches!(source, Source::Client | Source::Machine) || sample.target == self.target
        };
        let wanted =
            |sample: &&Sample| sample.source == source && sample.reading.metric.name == metric;
        self.within
            .iter()
            .flat_map(|samples| samples.iter())
            .filter(wanted)
            .filter(of_target)
            .collect()
    }

    /// How much a counter that there is one of grew in a second.
    fn grown(&self, source: Source, metric: &str) -> Option<f64> {
        let samples = self.values(source, metric);
        let (first, last) = (samples.first()?, samples.last()?);
        let elapsed = last.at.duration_since(first.at).ok()?.as_secs_f64();
        let more = last.reading.value - first.reading.value;
        (elapsed > 0.0 && more >= 0.0).then(|| more / elapsed)
    }

    /// The mean of a gauge. The first sample tells of the time before the window.
    fn mean(&self, source: Source, metric: &str) -> Option<f64> {
        let samples = self.values(source, metric);
        let within = samples.get(1..).filter(|within| !within.is_empty())?;
        let sum: f64 = within.iter().map(|sample| sample.reading.value).sum();
        Some(sum / within.len() as f64)
    }
}

/// Whether the clients had no time to wait for the server, so that a faster one would not have helped.
///
/// `machine` is the share of all processors that was in use, `used` how many were, and by the client.
fn bottleneck(busiest: f64, machine: Option<f64>, used: Option<(f64, f64)>) -> Measurement {
    let percent = |ratio: f64| (ratio * 100.0).round();
    let full = machine.filter(|busy| *busy >= BUSY_MACHINE).zip(used);
    // What is not the client's is the server's or somebody else's: either way not for the client to have.
    let mostly_own = full.filter(|(_, (all, client))| *client > all - client);
    let why = if busiest >= BUSY_THREAD {
        let busiest = percent(busiest);
        format!("a thread of dbdyno's clients ran for {busiest} % of the time")
    } else if let Some((machine, (all, client))) = mostly_own {
        let machine = percent(machine);
        format!(
            "all processors were in use for {machine} % of the time, {client:.2} of {all:.2} by \
             dbdyno's clients"
        )
    } else {
        String::new()
    };
    let found = !why.is_empty();
    let row =
        Measurement::new("client_bottleneck", f64::from(u8::from(found)), "1", Better::Neither);
    if !found {
        return row;
    }
    Measurement { detail: format!("the client, not the server, was the bottleneck: {why}"), ..row }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use dbdyno_core::metrics::{MetricInfo, Reading};

    use super::*;
    use crate::machine::{BUSY, PROCESSORS};
    use crate::processes::{BUSIEST, CPU};

    static HITS: MetricInfo = MetricInfo::counter("cache_hits", "1", "");
    static MISSES: MetricInfo = MetricInfo::counter("cache_misses", "1", "");

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    /// A memory of ten seconds on two processors, in each of which so much was used.
    fn memory(machine: f64, server: f64, client: f64, busiest: f64) -> Memory {
        let memory = Memory::new(vec!["sqlite".to_owned()]);
        for second in 0..10 {
            let grown = |each: f64| 100.0 + each * second as f64;
            let sample = |source, target: &str, metric, value| Sample {
                at: at(second),
                source,
                target: target.to_owned(),
                reading: Reading::new(metric, value),
                per_second: None,
            };
            let samples = [
                sample(Source::Machine, "", &PROCESSORS, 2.0),
                sample(Source::Machine, "", &BUSY, grown(machine)),
                sample(Source::Client, "", &CPU, grown(client)),
                sample(Source::Client, "", &BUSIEST, busiest),
                sample(Source::Server, "postgres", &CPU, grown(server)),
                sample(Source::Server, "mariadb", &CPU, grown(9.0)),
                sample(Source::Engine, "postgres", &HITS, grown(75.0)),
                sample(Source::Engine, "postgres", &MISSES, grown(25.0)),
            ];
            memory.samples(&samples).unwrap_or_default();
        }
        memory
    }

    fn value(rows: &[Measurement], metric: &str) -> Option<f64> {
        rows.iter().find(|row| row.metric == metric).and_then(|row| row.value)
    }

    #[test]
    fn rows_are_of_the_target_and_the_time_that_were_asked_for() {
        let memory = memory(1.0, 0.5, 0.25, 0.2);
        let rows = memory.seen("postgres", at(2), at(7));
        assert_eq!(value(&rows, "machine_busy_ratio"), Some(0.5));
        assert_eq!(value(&rows, "server_processors"), Some(0.5));
        assert_eq!(value(&rows, "cache_hit_ratio"), Some(0.75));
        assert_eq!(value(&rows, "client_bottleneck"), Some(0.0));
        assert!(memory.seen("postgres", at(20), at(30)).is_empty());
        assert!(memory.seen("postgres", at(2), at(2)).is_empty());
    }

    #[test]
    fn a_client_without_time_to_wait_is_the_bottleneck() {
        let of = |memory: Memory, target: &str| {
            let rows = memory.seen(target, at(0), at(9));
            rows.into_iter().find(|row| row.metric == "client_bottleneck")
        };
        let told = |memory| of(memory, "postgres").map(|row| (row.value, row.detail));
        let (value, why) = told(memory(1.2, 0.2, 0.97, 0.97)).unwrap_or_default();
        assert!(value == Some(1.0) && why.contains("ran for 97 % of the time"), "{why}");
        let (value, why) = told(memory(1.98, 0.5, 1.4, 0.7)).unwrap_or_default();
        assert!(value == Some(1.0) && why.contains("1.40 of 1.98 by dbdyno's clients"), "{why}");
        // The server has more to do: a faster one would help.
        assert_eq!(told(memory(1.98, 1.4, 0.5, 0.4)), Some((Some(0.0), String::new())));
        assert_eq!(of(memory(1.98, 0.0, 1.9, 0.99), "sqlite"), None);
    }
}
