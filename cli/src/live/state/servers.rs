//! What servers and the machine tell of themselves.

use std::collections::{BTreeMap, VecDeque};

use dbdyno_core::metrics::{Sample, Source};

/// Over how many samples waits are averaged: each is a look at one moment.
pub const WINDOW: usize = 10;
/// How many samples are remembered: as many as a wide screen has columns.
const REMEMBERED: usize = 600;

/// All that is sampled.
#[derive(Debug, Default)]
pub struct Servers {
    /// In the order in which they first told.
    pub servers: Vec<Server>,
    pub machine: Machine,
}

/// A target.
#[derive(Debug, Default)]
pub struct Server {
    pub target: String,
    /// Processors that its processes use.
    pub cpu: Option<f64>,
    /// Pages found in its cache, of all asked for, 0 to 1.
    pub cache_hits: Option<f64>,
    pub connections: Option<f64>,
    pub active: Option<f64>,
    /// Sessions that wait for a lock.
    pub lock_waits: Option<f64>,
    /// Seconds that the replica furthest behind is behind.
    pub lag_s: Option<f64>,
    /// Bytes of write-ahead log a second; where the engine does not say, as in SQLite, how large it is.
    pub log: Option<Log>,
    pub commits: Option<f64>,
    /// Commits a second; where they are not told, none.
    pub course: VecDeque<Option<f64>>,
    /// Why it does not tell.
    pub silent: Option<String>,
    /// Sessions that wait, by what for, of the last samples.
    waits: VecDeque<BTreeMap<String, f64>>,
}

/// What is known of a write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Log {
    BytesPerSecond(f64),
    Bytes(f64),
}

/// The machine, and dbdyno on it.
#[derive(Debug, Default)]
pub struct Machine {
    /// Processors in use of all there are, 0 to 1.
    pub busy: Option<f64>,
    pub processors: Option<f64>,
    /// Processors that dbdyno uses.
    pub client: Option<f64>,
    /// How much of the time its busiest thread ran, 0 to 1.
    pub busiest_thread: Option<f64>,
    /// `busy`, sample by sample.
    pub course: VecDeque<Option<f64>>,
}

/// Something that sessions wait for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// Sessions that waited for it at one moment, on average.
    pub sessions: f64,
    pub what: String,
    pub target: String,
}

impl Servers {
    /// What was sampled at one moment.
    pub fn sampled(&mut self, samples: &[Sample]) {
        let all = Samples(samples);
        let machine = &mut self.machine;
        machine.processors = all.value(Source::Machine, "", "processors");
        let used = all.rate(Source::Machine, "", "cpu_busy_s");
        machine.busy = used.zip(machine.processors).map(|(used, all)| (used / all).min(1.0));
        machine.client = all.rate(Source::Client, "", "cpu_s");
        machine.busiest_thread = all.value(Source::Client, "", "busiest_thread");
        remember(&mut machine.course, machine.busy, REMEMBERED);
        for sample in samples.iter().filter(|sample| !sample.target.is_empty()) {
            self.server(&sample.target);
        }
        for server in &mut self.servers {
            server.sampled(all);
        }
    }

    /// One is no more.
    pub fn left(&mut self, target: &str) {
        self.servers.retain(|server| server.target != target);
    }

    /// A target could not be asked.
    pub fn silent(&mut self, target: &str, why: String) {
        self.server(target).silent = Some(why);
    }

    fn server(&mut self, target: &str) -> &mut Server {
        let known = self.servers.iter().position(|server| server.target == target);
        let place = known.unwrap_or_else(|| {
            self.servers.push(Server { target: target.to_owned(), ..Server::default() });
            self.servers.len() - 1
        });
        &mut self.servers[place]
    }

    /// What sessions of all servers wait for, most of them first.
    pub fn waits(&self) -> Vec<Wait> {
        let mut waits: Vec<Wait> = self.servers.iter().flat_map(Server::waits).collect();
        waits.sort_by(|one, other| {
            other.sessions.total_cmp(&one.sessions).then_with(|| one.what.cmp(&other.what))
        });
        waits
    }
}

impl Server {
    fn sampled(&mut self, all: Samples<'_>) {
        let target = self.target.as_str();
        let gauge = |metric| all.value(Source::Engine, target, metric);
        let rate = |metric| all.rate(Source::Engine, target, metric);
        let of_engine = |sample: &&Sample| sample.source == Source::Engine;
        if !all.of(target).any(|sample| of_engine(&sample)) {
            // It did not answer in time; what it said last is not what is.
            let (target, cpu) = (target.to_owned(), all.rate(Source::Server, target, "cpu_s"));
            let (course, silent) = (std::mem::take(&mut self.course), self.silent.take());
            *self = Self { target, cpu, course, silent, ..Self::default() };
            remember(&mut self.course, None, REMEMBERED);
            return;
        }
        let hits = rate("cache_hits").zip(rate("cache_misses"));
        let hits = hits.filter(|(hits, misses)| hits + misses > 0.0);
        let log = rate("log_bytes").map(Log::BytesPerSecond);
        let lags =
            all.of(target).filter(|sample| sample.reading.metric.name == "replication_behind_s");
        let waiting = all
            .of(target)
            .filter(|sample| sample.reading.metric.name == "waiting")
            .map(|sample| (sample.reading.of.clone(), sample.reading.value));
        let mut waits: BTreeMap<String, f64> = waiting.collect();
        let lock_waits = gauge("lock_waits");
        // An engine that does not tell what for tells at least of locks.
        if let (true, Some(count @ 1.0..)) = (waits.is_empty(), lock_waits) {
            waits.insert("locks".to_owned(), count);
        }
        let (cpu, commits) = (all.rate(Source::Server, target, "cpu_s"), rate("commits"));
        let (cache_hits, log) = (
            hits.map(|(hits, misses)| hits / (hits + misses)),
            log.or(gauge("log_file_bytes").map(Log::Bytes)),
        );
        let (connections, active) = (gauge("connections"), gauge("connections_active"));
        let lag_s = lags.map(|sample| sample.reading.value).max_by(f64::total_cmp);
        (self.cpu, self.cache_hits, self.connections, self.active) =
            (cpu, cache_hits, connections, active);
        (self.lock_waits, self.lag_s, self.log, self.commits) = (lock_waits, lag_s, log, commits);
        self.silent = None;
        remember(&mut self.course, commits, REMEMBERED);
        remember(&mut self.waits, waits, WINDOW);
    }

    fn waits(&self) -> Vec<Wait> {
        let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
        for (what, sessions) in self.waits.iter().flatten() {
            *sums.entry(what).or_default() += sessions;
        }
        let samples = self.waits.len() as f64;
        let wait = |(what, sum): (&str, f64)| Wait {
            sessions: sum / samples,
            what: what.to_owned(),
            target: self.target.clone(),
        };
        sums.into_iter().map(wait).collect()
    }
}

/// The samples of one moment.
#[derive(Clone, Copy)]
struct Samples<'a>(&'a [Sample]);

impl<'a> Samples<'a> {
    fn of(self, target: &str) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| sample.target == target)
    }

    fn find(self, source: Source, target: &str, metric: &str) -> Option<&'a Sample> {
        self.of(target)
            .find(|sample| sample.source == source && sample.reading.metric.name == metric)
    }

    fn value(self, source: Source, target: &str, metric: &str) -> Option<f64> {
        self.find(source, target, metric).map(|sample| sample.reading.value)
    }

    fn rate(self, source: Source, target: &str, metric: &str) -> Option<f64> {
        self.find(source, target, metric)?.per_second
    }
}

fn remember<T>(course: &mut VecDeque<T>, newest: T, most: usize) {
    if course.len() == most {
        course.pop_front();
    }
    course.push_back(newest);
}
