//! What was sampled, for as long as loads ask for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use dbdyno_core::metrics::{LoadWatch, Sample, Source};
use dbdyno_core::{Better, Measurement, Result};

use crate::monitor::Sink;

/// How long samples are remembered.
const REMEMBERED: Duration = Duration::from_secs(3_600);
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
    processors: f64,
    /// Targets whose engine runs in this process.
    embedded: Vec<String>,
}

impl Memory {
    /// A memory of a machine with so many processors; `embedded` are the targets whose engine runs in
    /// this process, so that nobody can tell the one's work from the other's.
    pub fn new(processors: usize, embedded: Vec<String>) -> Self {
        Self { moments: Mutex::default(), processors: processors as f64, embedded }
    }

    fn moments(&self) -> MutexGuard<'_, VecDeque<(SystemTime, Vec<Sample>)>> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Memory {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        let Some(at) = samples.first().map(|sample| sample.at) else { return Ok(()) };
        let mut moments = self.moments();
        moments.push_back((at, samples.to_vec()));
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
        let machine =
            window.grown(Source::Machine, "cpu_busy_s").map(|busy| busy / self.processors);
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
            rows.push(bottleneck(busiest, machine, client, server));
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
fn bottleneck(
    busiest: f64,
    machine: Option<f64>,
    client: Option<f64>,
    server: Option<f64>,
) -> Measurement {
    let (client, server) = (client.unwrap_or(0.0), server.unwrap_or(0.0));
    let percent = |ratio: f64| (ratio * 100.0).round();
    let why = if busiest >= BUSY_THREAD {
        let busiest = percent(busiest);
        format!("a thread of dbdyno's clients ran for {busiest} % of the time")
    } else if let Some(machine) = machine.filter(|busy| *busy >= BUSY_MACHINE && client > server) {
        format!(
            "all processors were in use for {} % of the time, by dbdyno's clients more ({client:.2}) \
             than by the server ({server:.2})",
            percent(machine)
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
