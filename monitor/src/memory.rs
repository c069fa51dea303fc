//! What was sampled, for as long as loads ask for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dbdyno_core::metrics::{LoadWatch, Sample, Source};
use dbdyno_core::{Better, Driver, Measurement, Result};

use crate::guests::Guests;
use crate::monitor::Sink;

/// How long samples are remembered.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// What is remembered.
const WANTED: [(Source, &str); 8] = [
    (Source::Machine, "processors"),
    (Source::Machine, "cpu_busy_s"),
    (Source::Server, "cpu_s"),
    (Source::Client, "cpu_s"),
    (Source::Client, "busiest_thread"),
    (Source::Client, "busiest_thread_ready"),
    (Source::Engine, "cache_hits"),
    (Source::Engine, "cache_misses"),
];
/// Samples that a load must have in its midst.
const ENOUGH: usize = 2;
/// How far what was looked at must be apart: processor time is counted in hundredths of a second.
const LEAST: Duration = Duration::from_millis(200);
/// A thread that runs, or waits for a processor, for so much of the time has no time left to wait for a server.
const BUSY_THREAD: f64 = 0.9;
/// Processors that are in use for so much of the time leave nothing for more.
const BUSY_MACHINE: f64 = 0.95;

/// Samples by when they were taken.
type Moments = VecDeque<(Instant, Vec<Sample>)>;

/// Remembers the samples of the last hour.
#[derive(Debug, Default)]
pub struct Memory {
    /// The samples of the intervals.
    moments: Mutex<Moments>,
    /// What was looked at as short loads began, and shortly before they ended.
    looks: Mutex<Moments>,
    /// Targets whose engine runs in this process.
    embedded: Vec<String>,
    /// Servers of suites' own.
    guests: Arc<Guests>,
}

impl Memory {
    /// A memory; `embedded` are the targets whose engine runs in this process, so that nobody can tell the
    /// one's work from the other's.
    pub fn new(embedded: Vec<String>) -> Self {
        Self { embedded, ..Self::default() }
    }

    /// The servers that suites say have come and go, for whoever samples.
    pub fn guests(&self) -> Arc<Guests> {
        Arc::clone(&self.guests)
    }
}

/// Remembers what is wanted of samples, and forgets what is old.
fn remember(moments: &Mutex<Moments>, samples: &[Sample]) {
    let Some(at) = samples.first().map(|sample| sample.taken) else { return };
    let mut moments = locked(moments);
    let is_wanted =
        |sample: &&Sample| WANTED.contains(&(sample.source, sample.reading.metric.name));
    moments.push_back((at, samples.iter().filter(is_wanted).cloned().collect()));
    let is_old = |then: &Instant| at.saturating_duration_since(*then) > REMEMBERED;
    while moments.front().is_some_and(|(then, _)| is_old(then)) {
        moments.pop_front();
    }
}

fn locked(moments: &Mutex<Moments>) -> MutexGuard<'_, Moments> {
    moments.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink for Memory {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        remember(&self.moments, samples);
        Ok(())
    }

    fn looked(&self, samples: &[Sample]) -> Result<()> {
        remember(&self.looks, samples);
        Ok(())
    }
}

impl LoadWatch for Memory {
    fn joins(&self, server: &Arc<dyn Driver>) {
        self.guests.joins(server);
    }

    fn leaves(&self, server: &Arc<dyn Driver>) {
        self.guests.leaves(server);
    }

    fn seen(&self, servers: &[&str], from: Instant, to: Instant) -> Vec<Measurement> {
        let (moments, looks) = (locked(&self.moments), locked(&self.looks));
        let within = |moments: &Moments| -> Vec<(Instant, Vec<Sample>)> {
            moments.iter().filter(|(at, _)| (from..=to).contains(at)).cloned().collect()
        };
        let mut found = within(&moments);
        if found.len() < ENOUGH {
            found = within(&looks);
            if !is_most_of(to.saturating_duration_since(from), &found) {
                return Vec::new();
            }
        }
        let within: Vec<&Vec<Sample>> = found.iter().map(|(_, samples)| samples).collect();
        let window = Window { within: &within, servers };
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
        let ready = window.mean(Source::Client, "busiest_thread_ready");
        add("machine_busy_ratio", machine, "1");
        add("server_processors", server, "1");
        add("client_busiest_thread_ratio", busiest, "1");
        add("client_busiest_thread_ready_ratio", ready, "1");
        let hits = window.grown(Source::Engine, "cache_hits");
        let misses = window.grown(Source::Engine, "cache_misses");
        let ratio = hits.zip(misses).filter(|(hits, misses)| hits + misses > 0.0);
        add("cache_hit_ratio", ratio.map(|(hits, misses)| hits / (hits + misses)), "1");
        // Of one who cannot be seen nobody can say that the other was the bottleneck.
        let is_told = !servers.is_empty() && !servers.iter().any(|target| self.is_embedded(target));
        if let (true, Some(busiest)) = (is_told, busiest) {
            let used = Used { ran: busiest, ready, machine, busy, server, client };
            rows.push(used.bottleneck());
        }
        rows
    }
}

impl Memory {
    fn is_embedded(&self, target: &str) -> bool {
        self.embedded.iter().any(|embedded| embedded == target) || self.guests.is_embedded(target)
    }
}

/// Whether moments are far enough apart to speak for a load of that length: a machine that is busy comes to them late.
fn is_most_of(length: Duration, moments: &[(Instant, Vec<Sample>)]) -> bool {
    let (Some((first, _)), Some((last, _))) = (moments.first(), moments.last()) else {
        return false;
    };
    let apart = last.saturating_duration_since(*first);
    apart >= LEAST && apart >= length / 2
}

/// The samples of a time, as a load on some servers sees them.
struct Window<'a> {
    within: &'a [&'a Vec<Sample>],
    servers: &'a [&'a str],
}

impl Window<'_> {
    fn values(&self, source: Source, metric: &str, target: &str) -> Vec<&Sample> {
        let of_target = |sample: &&Sample| sample.target == target;
        let wanted =
            |sample: &&Sample| sample.source == source && sample.reading.metric.name == metric;
        self.within
            .iter()
            .flat_map(|samples| samples.iter())
            .filter(wanted)
            .filter(of_target)
            .collect()
    }

    /// How much a counter grew in a second: of this process or the machine, or of all servers that tell of it.
    fn grown(&self, source: Source, metric: &str) -> Option<f64> {
        let targets = match source {
            Source::Client | Source::Machine => &[""],
            Source::Engine | Source::Server => self.servers,
        };
        let grown = targets.iter().filter_map(|target| self.grown_of(source, metric, target));
        grown.reduce(|one, other| one + other)
    }

    fn grown_of(&self, source: Source, metric: &str, target: &str) -> Option<f64> {
        let samples = self.values(source, metric, target);
        let (first, last) = (samples.first()?, samples.last()?);
        let elapsed = last.taken.saturating_duration_since(first.taken).as_secs_f64();
        let more = last.reading.value - first.reading.value;
        (elapsed > 0.0 && more >= 0.0).then(|| more / elapsed)
    }

    /// The mean of a gauge of this process or the machine. The first sample tells of the time before the window.
    fn mean(&self, source: Source, metric: &str) -> Option<f64> {
        let samples = self.values(source, metric, "");
        let within = samples.get(1..).filter(|within| !within.is_empty())?;
        let sum: f64 = within.iter().map(|sample| sample.reading.value).sum();
        Some(sum / within.len() as f64)
    }
}

/// What was used beside a load.
struct Used {
    /// Shares of the time in which the busiest thread of the clients ran, and in which it ran or waited for a processor.
    ran: f64,
    ready: Option<f64>,
    /// Of all processors, the share that was in use, and how many.
    machine: Option<f64>,
    busy: Option<f64>,
    /// Processors of the server, where dbdyno started that, and of the clients.
    server: Option<f64>,
    client: Option<f64>,
}

impl Used {
    /// Whether the clients had no time to wait for the server, so that a faster one would not have helped.
    fn bottleneck(&self) -> Measurement {
        let why = self.busy_thread().or_else(|| self.thread_without_processor());
        let why = why.or_else(|| self.full_machine());
        let found = f64::from(u8::from(why.is_some()));
        let row = Measurement::new("client_bottleneck", found, "1", Better::Neither);
        let Some(why) = why else { return row };
        let detail = format!("the client, not the server, was the bottleneck: {why}");
        Measurement { detail, ..row }
    }

    fn busy_thread(&self) -> Option<String> {
        let ran = percent(self.ran);
        (self.ran >= BUSY_THREAD)
            .then(|| format!("a thread of dbdyno's clients ran for {ran} % of the time"))
    }

    /// A thread that never waits for the server has more to do than it gets done: others are on its processor, or it may
    /// not use more. Where it is the server that takes the processors, it is that which has most to do.
    fn thread_without_processor(&self) -> Option<String> {
        let (ready, client) = self.ready.zip(self.client)?;
        let others = self.server.or_else(|| self.others_on_full_machine()).unwrap_or(0.0);
        (ready >= BUSY_THREAD && client > others).then(|| {
            let (ran, waited) = (percent(self.ran), percent(ready - self.ran));
            format!(
                "a thread of dbdyno's clients ran for {ran} % of the time and waited for a processor \
                 for {waited} %"
            )
        })
    }

    fn full_machine(&self) -> Option<String> {
        let (client, busy) = self.client.zip(self.busy)?;
        // What is not the client's is the server's or somebody else's: either way not for the client to have.
        let others = self.others_on_full_machine()?;
        (client > others).then(|| {
            format!(
                "all processors were in use for {} % of the time, {client:.2} of {busy:.2} by \
                 dbdyno's clients",
                percent(self.machine.unwrap_or(1.0))
            )
        })
    }

    /// Processors that others than the clients used, where all were in use.
    fn others_on_full_machine(&self) -> Option<f64> {
        let is_full = self.machine.is_some_and(|busy| busy >= BUSY_MACHINE);
        let (busy, client) = self.busy.zip(self.client)?;
        is_full.then_some(busy - client)
    }
}

fn percent(ratio: f64) -> f64 {
    (ratio * 100.0).round()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::time::SystemTime;

    use dbdyno_core::metrics::{MetricInfo, Reading};

    use super::*;
    use crate::machine::{BUSY, PROCESSORS};
    use crate::processes::{BUSIEST, CPU, READY};

    static HITS: MetricInfo = MetricInfo::counter("cache_hits", "1", "");
    static MISSES: MetricInfo = MetricInfo::counter("cache_misses", "1", "");

    fn at(second: u64) -> Instant {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        *BEGAN + Duration::from_secs(second)
    }

    /// A memory of ten seconds on two processors, in each of which so much was used.
    fn memory(machine: f64, server: f64, client: f64, busiest: f64) -> Memory {
        memory_of(machine, server, client, busiest, busiest)
    }

    /// The same of clients whose busiest thread waited for a processor, too: so long was it ready to run.
    fn memory_of(machine: f64, server: f64, client: f64, busiest: f64, ready: f64) -> Memory {
        let memory = Memory::new(vec!["sqlite".to_owned()]);
        for second in 0..10 {
            let grown = |each: f64| 100.0 + each * second as f64;
            let sample = |source, target: &str, metric, value| Sample {
                // Somebody sets the clock back all the time.
                at: SystemTime::UNIX_EPOCH + Duration::from_secs(100 - 9 * second),
                taken: at(second),
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
                sample(Source::Client, "", &READY, ready),
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
        let rows = memory.seen(&["postgres"], at(2), at(7));
        assert_eq!(value(&rows, "machine_busy_ratio"), Some(0.5));
        assert_eq!(value(&rows, "server_processors"), Some(0.5));
        assert_eq!(value(&rows, "cache_hit_ratio"), Some(0.75));
        assert_eq!(value(&rows, "client_bottleneck"), Some(0.0));
        // What a cluster's servers use is theirs together.
        let rows = memory.seen(&["postgres", "mariadb", "sqlite"], at(2), at(7));
        assert_eq!(value(&rows, "server_processors"), Some(9.5));
        // A load on what nobody looks at.
        let rows = memory.seen(&[], at(2), at(7));
        assert_eq!(value(&rows, "machine_busy_ratio"), Some(0.5));
        for row in ["server_processors", "cache_hit_ratio", "client_bottleneck"] {
            assert_eq!(value(&rows, row), None, "{row}");
        }
        assert!(memory.seen(&["postgres"], at(20), at(30)).is_empty());
        assert!(memory.seen(&["postgres"], at(2), at(2)).is_empty());
    }

    /// In the place of samples there are none of, and only where they are most of the load.
    #[test]
    fn what_was_looked_at_speaks_for_a_short_load() {
        let memory = Memory::default();
        let of = |second: u64, cpu: f64, busiest: f64| {
            let sample = |source, target: &str, metric, value| Sample {
                at: SystemTime::UNIX_EPOCH,
                taken: at(second),
                source,
                target: target.to_owned(),
                reading: Reading::new(metric, value),
                per_second: None,
            };
            vec![
                sample(Source::Client, "", &CPU, cpu),
                sample(Source::Client, "", &BUSIEST, busiest),
                sample(Source::Server, "postgres", &CPU, 0.5 * cpu),
            ]
        };
        memory.looked(&of(2, 7.0, 0.1)).unwrap_or_default();
        memory.looked(&of(4, 9.0, 0.97)).unwrap_or_default();
        let rows = memory.seen(&["postgres"], at(1), at(5));
        assert_eq!(value(&rows, "client_busiest_thread_ratio"), Some(0.97));
        assert_eq!(value(&rows, "server_processors"), Some(0.5));
        assert_eq!(value(&rows, "client_bottleneck"), Some(1.0));
        assert!(memory.seen(&["postgres"], at(1), at(9)).is_empty(), "a part says nothing");
        assert!(memory.seen(&["postgres"], at(1), at(3)).is_empty(), "one says nothing");
        memory.samples(&of(2, 7.0, 0.1)).unwrap_or_default();
        memory.samples(&of(3, 8.0, 0.2)).unwrap_or_default();
        let rows = memory.seen(&["postgres"], at(1), at(5));
        assert_eq!(value(&rows, "client_bottleneck"), Some(0.0), "samples come first");
    }

    #[test]
    fn a_client_without_time_to_wait_is_the_bottleneck() {
        let of = |memory: Memory, target: &str| {
            let rows = memory.seen(&[target], at(0), at(9));
            rows.into_iter().find(|row| row.metric == "client_bottleneck")
        };
        let told = |memory| of(memory, "postgres").map(|row| (row.value, row.detail));
        let (value, why) = told(memory(1.2, 0.2, 0.97, 0.97)).unwrap_or_default();
        assert!(value == Some(1.0) && why.contains("ran for 97 % of the time"), "{why}");
        let (value, why) = told(memory(1.98, 0.5, 1.4, 0.7)).unwrap_or_default();
        assert!(value == Some(1.0) && why.contains("1.40 of 1.98 by dbdyno's clients"), "{why}");
        // The server has more to do: a faster one would help.
        assert_eq!(told(memory(1.98, 1.4, 0.5, 0.4)), Some((Some(0.0), String::new())));
        // Others are on its processor, or it may use no more.
        let (value, why) = told(memory_of(1.98, 0.2, 0.7, 0.7, 0.95)).unwrap_or_default();
        let waited = "ran for 70 % of the time and waited for a processor for 25 %";
        assert!(value == Some(1.0) && why.contains(waited), "{why}");
        // The server is, and has more to do.
        assert_eq!(told(memory_of(1.98, 1.4, 0.5, 0.5, 0.99)), Some((Some(0.0), String::new())));
        // Of a server elsewhere nothing is known.
        let elsewhere = |memory| of(memory, "elsewhere").and_then(|row| row.value);
        assert_eq!(elsewhere(memory_of(1.2, 0.0, 1.0, 0.5, 0.98)), Some(1.0));
        assert_eq!(elsewhere(memory_of(1.98, 0.0, 0.5, 0.5, 0.98)), Some(0.0));
        assert_eq!(of(memory(1.98, 0.0, 1.9, 0.99), "sqlite"), None);
    }
}
