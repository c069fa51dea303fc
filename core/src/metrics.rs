//! What an engine and the machine say of themselves while they work.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use async_trait::async_trait;

use crate::driver::Driver;
use crate::error::DbError;
use crate::measurement::Measurement;

/// The counters and gauges of an engine.
#[async_trait]
pub trait ServerMetrics: Send + Sync {
    /// Every metric that [`MetricsReader::read`] may tell of. What engines have in common has the same name.
    fn catalogue(&self) -> &'static [MetricInfo];

    /// Opens what reads them: where there is a server, a session of its own.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses the user.
    async fn open(&self) -> Result<Box<dyn MetricsReader>, DbError>;

    /// The number of the server's first process, from which all others descend; `None` where the server
    /// is not ours to know, or the engine runs in the process of its clients.
    fn process(&self) -> Option<u32> {
        None
    }
}

/// Reads the metrics of an engine, again and again.
#[async_trait]
pub trait MetricsReader: Send {
    /// Reads them, as of one moment as far as the engine allows; one that this version of the engine, or
    /// its settings, lack is left out. It is asked once a second beside loads: it must be cheap, and take
    /// no lock that clients could wait for.
    ///
    /// # Errors
    /// The engine cannot be asked, or does not tell this user.
    async fn read(&mut self) -> Result<Vec<Reading>, DbError>;
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricInfo {
    /// Its name, unit last where it has one.
    pub name: &'static str,
    /// How its values are to be read.
    pub kind: MetricKind,
    /// Its unit: `bytes`, `ms`, `s`; `1` for a number of things or a ratio.
    pub unit: &'static str,
    /// What it counts and where the engine tells it, in one sentence.
    pub summary: &'static str,
}

/// How the values of a metric are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows, but for a start of what counts: how much it grew in a second is what matters.
    Counter,
    /// It stands for itself.
    Gauge,
}

impl MetricKind {
    /// The word in CSV files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

impl MetricInfo {
    /// A metric that only grows.
    pub const fn counter(name: &'static str, unit: &'static str, summary: &'static str) -> Self {
        Self { name, kind: MetricKind::Counter, unit, summary }
    }

    /// A metric that stands for itself.
    pub const fn gauge(name: &'static str, unit: &'static str, summary: &'static str) -> Self {
        Self { name, kind: MetricKind::Gauge, unit, summary }
    }
}

/// The value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The metric.
    pub metric: &'static MetricInfo,
    /// Which of several it is of: a wait event, a replica, a disk; empty where there is one.
    pub of: String,
    /// The value.
    pub value: f64,
}

impl Reading {
    /// The value of a metric that there is one of.
    pub fn new(metric: &'static MetricInfo, value: f64) -> Self {
        Self { metric, of: String::new(), value }
    }
}

/// Whom a sample tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The engine, by its own words.
    Engine,
    /// The processes of the server, by the operating system's.
    Server,
    /// This process.
    Client,
    /// The machine that this process runs on.
    Machine,
}

impl Source {
    /// The word in CSV files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Server => "server",
            Self::Client => "client",
            Self::Machine => "machine",
        }
    }
}

/// A reading with whom it is of, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When it was read.
    pub at: SystemTime,
    /// The same by a clock that nobody sets.
    pub taken: Instant,
    /// Whom it tells of.
    pub source: Source,
    /// The target as the user named it; empty for the client and the machine.
    pub target: String,
    /// What was read.
    pub reading: Reading,
    /// How much a counter grew in a second since the sample before; `None` for a gauge, for the first
    /// sample, and where the counter began anew.
    pub per_second: Option<f64>,
}

/// Finds a metric of a catalogue by its name. Catalogues are short.
pub fn find(catalogue: &'static [MetricInfo], name: &str) -> Option<&'static MetricInfo> {
    catalogue.iter().find(|metric| metric.name == name)
}

/// Tells of a load what was seen beside it.
pub trait LoadWatch: Debug + Send + Sync {
    /// What servers that a load ran on, by their targets' names, the machine and this process did from one moment to
    /// another, as rows of the case; none where the time was too short to tell. Of a load on servers that nobody looks at
    /// (`servers` is empty) nothing is said of them, nor who was the bottleneck.
    fn seen(&self, servers: &[&str], from: Instant, to: Instant) -> Vec<Measurement>;

    /// A server that a suite started is there: it is sampled beside the targets, by its own name, until it leaves.
    fn joins(&self, server: &Arc<dyn Driver>);

    /// It is about to be stopped. Nobody who samples holds it any more when this returns.
    fn leaves(&self, server: &Arc<dyn Driver>);
}
