//! What a run is asked for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{Arrival, Length, RetryPolicy};
use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Durability, Isolation, LoadWatch, Pause, Scale, StatementForm};

use crate::backup::BackupOptions;
use crate::benchmark::Benchmark;
use crate::pool::PoolOptions;
use crate::replication::ReplicationOptions;

/// How often a benchmark crashes the target where nobody says.
pub const DEFAULT_CYCLES: u32 = 5;

/// A benchmark to run and the suite it belongs to.
#[derive(Clone, Copy)]
pub struct Selection<'a> {
    /// The suite's name.
    pub suite: &'a str,
    /// The benchmark.
    pub benchmark: &'a dyn Benchmark,
}

/// Everything that the user may choose about a run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The isolation levels.
    pub isolation: IsolationChoice,
    /// The durability levels.
    pub durability: DurabilityChoice,
    /// The numbers of clients; the benchmark's own where `None`.
    pub clients: Option<Vec<u32>>,
    /// The streams of queries beside the clients, at least 1, of benchmarks that have such; one where
    /// `None`.
    pub streams: Option<u32>,
    /// How often benchmarks that crash the target do so, at least 1; [`DEFAULT_CYCLES`] where `None`.
    pub cycles: Option<u32>,
    /// Which connection pools are measured, of benchmarks that measure such.
    pub pool: PoolOptions,
    /// Which backups are made, of benchmarks that make such, and where.
    pub backup: BackupOptions,
    /// Which topologies are measured, of benchmarks that replicate.
    pub replication: ReplicationOptions,
    /// The program that hosts a load in a process of its own, where the engine runs in that of its
    /// clients and is to be killed; none, and no such benchmark, where `None`.
    pub load_host: Option<PathBuf>,
    /// How statements are said; each form, of at least one, makes cases of its own.
    pub statements: Vec<StatementForm>,
    /// Whether requests are sent together; each choice, of at least one, makes cases of its own.
    pub pipeline: Vec<bool>,
    /// What loads find in memory; each choice, of at least one, makes cases of its own.
    pub cache: Vec<Cache>,
    /// When transactions start.
    pub arrival: Arrival,
    /// How long each repetition is measured.
    pub length: Length,
    /// How long each repetition runs before.
    pub warmup: Duration,
    /// How often each case is measured, at least 1.
    pub repetitions: u32,
    /// The number of the first repetition, which is 1 unless others were measured before.
    pub first_repetition: u32,
    /// The scale factor of the data sets.
    pub scale: Scale,
    /// The keys and indexes of data sets that leave them open.
    pub keys: Keys,
    /// The seed of everything random.
    pub seed: u64,
    /// Whether keying and think times are kept (TPC-C).
    pub think_times: bool,
    /// Whether answers are compared with known ones.
    pub validate: bool,
    /// Whether data is loaded anew even where it could be reused.
    pub reload: bool,
    /// What is done about errors that can be retried.
    pub retry: RetryPolicy,
    /// How long a statement may run before the engine cancels it; without an end where `None`.
    pub statement_timeout: Option<Duration>,
    /// How long a lost server is waited for.
    pub reconnect_limit: Duration,
    /// How long transactions under way at the end may take.
    pub drain_limit: Duration,
    /// Who looks at the servers and the machine meanwhile.
    pub watch: Option<Arc<dyn LoadWatch>>,
    /// By which a person may have the run wait before its next load.
    pub pause: Pause,
}

impl RunOptions {
    /// The streams of queries beside the clients.
    pub fn streams(&self) -> u32 {
        self.streams.unwrap_or(1)
    }

    /// How often a benchmark crashes the target.
    pub fn cycles(&self) -> u32 {
        self.cycles.unwrap_or(DEFAULT_CYCLES)
    }
}

/// Which isolation levels are measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IsolationChoice {
    /// Each engine's default; every level where the benchmark compares them.
    Default,
    /// Every level that an engine tells apart.
    All,
    /// These.
    Listed(Vec<Isolation>),
}

/// Which durability levels are measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DurabilityChoice {
    /// Full where dbdyno may set it, else what the server holds.
    Default,
    /// These.
    Listed(Vec<Durability>),
}
