//! What a benchmark is: data, a workload, and the truth that must hold before and after it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub use dbdyno_core::Check;
use dbdyno_core::load::{Length, LoadReport, Tally, Witness, Workload};
use dbdyno_core::{
    DbError, Dialect, Measurement, NativeSql, Result, RowLists, Scale, Session, Statement,
};
use dbdyno_datasets::Dataset;

use crate::runner::{Measured, RunOptions, Stand};

/// The clients of a case when neither the user nor the benchmark names a number.
pub const DEFAULT_CLIENTS: u32 = 4;
/// The clients of a benchmark that shows how an engine scales with them.
pub const SWEEP_CLIENTS: [u32; 4] = [1, 2, 4, 8];

/// One workload of a suite.
pub trait Benchmark: Send + Sync {
    /// Its name without its suite, such as `tpcc`.
    fn name(&self) -> &'static str;

    /// What it does and where its definition comes from, in one sentence.
    fn summary(&self) -> &'static str;

    /// The data it runs on.
    fn dataset(&self) -> &'static dyn Dataset;

    /// What its data set is good for afterwards.
    fn after_use(&self) -> AfterUse {
        AfterUse::Reusable
    }

    /// The numbers of clients it is run with when the user names none.
    fn default_clients(&self) -> &'static [u32] {
        &[DEFAULT_CLIENTS]
    }

    /// Whether the user may say with how many clients it is run.
    fn takes_clients(&self) -> bool {
        true
    }

    /// Whether it is run at every level that an engine tells apart when the user names none, for it is
    /// about how they differ.
    fn compares_isolation(&self) -> bool {
        false
    }

    /// How long it runs where that is its own matter: one that is done when all its queries are.
    fn length(&self, _clients: u32) -> Option<Length> {
        None
    }

    /// Whether streams of queries work beside its clients, as many as `--streams` says.
    fn has_streams(&self) -> bool {
        false
    }

    /// Whether it crashes the target, as often as `--cycles` says.
    fn has_cycles(&self) -> bool {
        false
    }

    /// Whether it measures connection pools, which `--pool` and `--pool-size` choose.
    fn has_pools(&self) -> bool {
        false
    }

    /// Whether it makes backups, which `--backup` and `--backup-dir` choose.
    fn has_backups(&self) -> bool {
        false
    }

    /// Whether it replicates, in topologies that `--topology` chooses.
    fn has_topologies(&self) -> bool {
        false
    }

    /// Whether it puts a network between the nodes, which `--network` chooses, and cuts it for as long as `--cut` says.
    fn has_links(&self) -> bool {
        false
    }

    /// Whether it stops a replica, for as long as `--away` says.
    fn has_absences(&self) -> bool {
        false
    }

    /// How long transactions under way at the end of a load may take, where that is its own matter:
    /// one of whose queries some outlast any load.
    fn drain_limit(&self) -> Option<Duration> {
        None
    }

    /// How long its loads last at least where the user does not say: shorter ones tell nothing.
    fn shortest_load(&self, _options: &RunOptions) -> Duration {
        Duration::ZERO
    }

    /// Whether answers are known that its own can be compared with at this scale.
    fn has_answers(&self, _scale: Scale) -> bool {
        false
    }

    /// What it has the engine create for a load: procedures and triggers, each with its name, in the
    /// engine's own words.
    fn scripts(&self, _dialect: &dyn Dialect) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// How a case of it is measured.
    fn procedure(&self) -> Procedure<'_>;
}

/// How a case of a benchmark is measured.
#[derive(Clone, Copy)]
pub enum Procedure<'b> {
    /// In one load: the tables are looked at, the clients work, the tables are looked at again.
    Load(&'b dyn LoadBenchmark),
    /// In stages of its own, whose comparison is the result.
    Staged(&'b dyn StagedBenchmark),
}

impl<'b> Procedure<'b> {
    /// The benchmark, where it is measured in one load.
    pub fn load(self) -> Option<&'b dyn LoadBenchmark> {
        match self {
            Self::Load(benchmark) => Some(benchmark),
            Self::Staged(_) => None,
        }
    }

    /// How many loads a case has that take as long as the user says.
    pub fn loads(self, options: &RunOptions) -> u32 {
        match self {
            Self::Load(_) => 1,
            Self::Staged(benchmark) => benchmark.loads(options),
        }
    }

    /// The statements that its clients prepare.
    pub fn statements(self, context: &WorkloadContext) -> Vec<Statement> {
        match self {
            Self::Load(benchmark) => {
                benchmark.workload(context, &State::default()).statements().to_vec()
            }
            Self::Staged(benchmark) => benchmark.statements(context),
        }
    }
}

/// A benchmark that is measured in stages, each with its own part in the result: without an index and
/// with it, alone and beside others.
pub trait StagedBenchmark: Benchmark {
    /// The statements that its clients prepare in any stage.
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement>;

    /// How many loads a case has that take as long as the user says.
    fn loads(&self, options: &RunOptions) -> u32;

    /// Goes through the stages of one case, and puts what they measure into `measured` as it comes.
    ///
    /// # Errors
    /// The next stage could not be begun; what was measured until then is kept. What clients and tables
    /// did wrong is no error, but part of what was measured.
    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()>;
}

/// A benchmark that is measured in one load.
#[async_trait]
pub trait LoadBenchmark: Benchmark {
    /// Metrics of its own, beside those that every benchmark has.
    fn metrics(
        &self,
        _report: &LoadReport,
        _context: &WorkloadContext,
        _before: &State,
        _after: &State,
    ) -> Vec<Measurement> {
        Vec::new()
    }

    /// The workload of one case. `before` is the state of the tables that `state` found.
    fn workload(&self, context: &WorkloadContext, before: &State) -> Arc<dyn Workload>;

    /// Looks at the tables: the consistency conditions, and the counters that a case moves.
    async fn state(&self, session: &mut dyn Session, scale: Scale) -> Result<State, DbError>;

    /// Whether the tables account for every acknowledged commit: how far the counters moved
    /// against what the clients counted. A commit whose outcome is unknown may have moved them or
    /// not. `counted` is what the workload's clients counted themselves.
    fn account(
        &self,
        before: &State,
        after: &State,
        counted: &BTreeMap<&'static str, i64>,
        tally: &Tally,
    ) -> Vec<Check>;

    /// Whether single values in the tables are what the clients' commits made them: the samples
    /// of `before` and `after` against what the clients witnessed.
    fn account_samples(
        &self,
        _before: &State,
        _after: &State,
        _witnessed: &BTreeMap<String, Witness>,
    ) -> Vec<Check> {
        Vec::new()
    }
}

/// What a workload is made from.
#[derive(Clone, Debug)]
pub struct WorkloadContext {
    /// The engine; empty where nothing is said for a single one.
    pub engine: String,
    /// The scale factor of the data set.
    pub scale: Scale,
    /// The seed of the data set and of everything random in the case.
    pub seed: u64,
    /// The number of clients of the case.
    pub clients: u32,
    /// Whether keying and think times are kept (TPC-C 5.2.5.7).
    pub think_times: bool,
    /// Whether answers are compared with those that are known, for the same parameters.
    pub validate: bool,
    /// What the engine can say beyond portable SQL, where the case's statements are native; `None`
    /// where they are portable.
    pub native: Option<NativeSql>,
    /// The stored procedures that transactions are; `None` where clients send statements. Only
    /// benchmarks whose procedures there are look at it.
    pub called: Option<Called>,
}

/// Stored procedures in the place of the statements of transactions.
#[derive(Clone, Debug)]
pub struct Called {
    /// What calls them: one statement for each of the workload's transaction types, in their order.
    pub calls: Vec<Statement>,
    /// How one call takes many rows.
    pub lists: RowLists,
}

impl Default for WorkloadContext {
    /// One client on the data of scale 1, in portable SQL.
    fn default() -> Self {
        Self {
            engine: String::new(),
            scale: Scale::ONE,
            seed: 1,
            clients: 1,
            think_times: false,
            validate: false,
            native: None,
            called: None,
        }
    }
}

/// What a data set is good for after a benchmark ran on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterUse {
    /// The next benchmark finds it as good as new, or grown in a way that the benchmark allows.
    Reusable,
    /// Rows were added or removed for good: it is loaded again before the next use.
    Spent,
}

/// What the tables looked like at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The consistency conditions.
    pub checks: Vec<Check>,
    /// Numbers that a case moves by what it commits: rows of a history, order numbers.
    pub counters: BTreeMap<&'static str, i64>,
    /// Single values that a case overwrites or moves, by the names that the workload's witnesses
    /// have; of a text, its hash.
    pub samples: BTreeMap<String, i64>,
}

impl State {
    /// A counter; 0 where it was not looked at.
    pub fn counter(&self, name: &str) -> i64 {
        self.counters.get(name).copied().unwrap_or(0)
    }
}
