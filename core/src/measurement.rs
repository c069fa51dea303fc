//! What a run yields, and who keeps it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use hdrhistogram::Histogram;

use crate::cache::Cache;
use crate::durability::Durability;
use crate::isolation::Isolation;
use crate::load::UnderWay;
use crate::plan::Plan;
use crate::scale::Scale;
use crate::schema::Keys;
use crate::statement_form::StatementForm;

/// What one measurement measures: a benchmark on a target under one set of conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The suite, such as `oltp`.
    pub suite: String,
    /// The benchmark without its suite, such as `tpcc`.
    pub benchmark: String,
    /// The engine, such as `mariadb`.
    pub engine: String,
    /// The server's version.
    pub engine_version: String,
    /// The driver, named after its client library.
    pub driver: String,
    /// The target as the user named it, without passwords.
    pub target: String,
    /// The isolation level of its transactions.
    pub isolation: Isolation,
    /// What its commits survive.
    pub durability: Durability,
    /// Clients at work at once.
    pub clients: u32,
    /// Streams of queries beside the clients; 0 where the benchmark has none.
    pub streams: u32,
    /// Transactions per second asked for in open loop; `None` in closed loop.
    pub rate: Option<f64>,
    /// How its statements are said.
    pub statements: StatementForm,
    /// Whether requests that do not depend on each other's answers are sent together.
    pub pipeline: bool,
    /// The keys and indexes of its data set, where that leaves them open; the default elsewhere.
    pub keys: Keys,
    /// What the load finds in memory.
    pub cache: Cache,
    /// The scale factor of its data set.
    pub scale: Scale,
    /// The seed of everything random in it.
    pub seed: u64,
    /// Which repetition it is, counted from 1.
    pub repetition: u32,
}

/// The word of `--pipeline` and of CSV files for whether a case pipelines.
pub const fn pipeline_name(pipeline: bool) -> &'static str {
    if pipeline { "on" } else { "off" }
}

/// One number of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The transaction type; empty for the case as a whole.
    pub transaction: String,
    /// The metric's name, unit last.
    pub metric: String,
    /// The number; `None` where there is none to give (`unsupported`).
    pub value: Option<f64>,
    /// Its unit: `us`, `1/s`, `1`, `bytes`.
    pub unit: &'static str,
    /// Which direction is better.
    pub better: Better,
    /// What became of it.
    pub status: Status,
    /// A sentence about it, empty where there is nothing to say.
    pub detail: String,
}

impl Measurement {
    /// A number of the case as a whole that went well.
    pub fn new(metric: impl Into<String>, value: f64, unit: &'static str, better: Better) -> Self {
        Self {
            transaction: String::new(),
            metric: metric.into(),
            value: Some(value),
            unit,
            better,
            status: Status::Ok,
            detail: String::new(),
        }
    }

    /// The same for one transaction type.
    #[must_use]
    pub fn of(mut self, transaction: impl Into<String>) -> Self {
        self.transaction = transaction.into();
        self
    }

    /// The same with another status and its reason.
    #[must_use]
    pub fn with_status(mut self, status: Status, detail: impl Into<String>) -> Self {
        self.status = status;
        self.detail = detail.into();
        self
    }
}

/// Which direction of a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither.
    Neither,
}

impl Better {
    /// The word in CSV files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::Neither => "",
        }
    }
}

/// What became of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It was measured, and what was promised held.
    Ok,
    /// The target truly cannot do it.
    Unsupported,
    /// The end was asked for; the number covers what was measured until then.
    Interrupted,
    /// A promise was broken, or the measurement could not be made.
    Failed,
}

impl Status {
    /// The word in CSV files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unsupported => "unsupported",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// Something that happened during a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: SystemTime,
    /// What: `error`, `retry`, `connection_lost`, `outage_started`, `outage_ended`,
    /// `server_restarted`, `check_failed`, `interrupted` …
    pub kind: &'static str,
    /// The transaction type, where it concerns one.
    pub transaction: String,
    /// The error class, where it is an error.
    pub class: &'static str,
    /// The engine's own error code.
    pub code: String,
    /// How often it happened in the second before `at`.
    pub count: u64,
    /// A sentence about it.
    pub detail: String,
}

impl Event {
    /// Something that happened once, now.
    pub fn now(kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            at: SystemTime::now(),
            kind,
            transaction: String::new(),
            class: "",
            code: String::new(),
            count: 1,
            detail: detail.into(),
        }
    }
}

/// One transaction type in one second of a case.
#[derive(Clone, Debug)]
pub struct Second {
    /// Seconds since the load began, counted from 0: this one covers `[second, second + 1)`.
    pub second: u64,
    /// Whether it belongs to the warm-up.
    pub warmup: bool,
    /// The transaction type.
    pub transaction: Cow<'static, str>,
    /// Transactions that ended in it: committed, or rolled back as the workload meant to.
    pub completed: u64,
    /// Failed transactions.
    pub errors: u64,
    /// Retries.
    pub retries: u64,
    /// Response times in nanoseconds.
    pub response_ns: Histogram<u64>,
}

/// Keeps what is measured. Every call is on disk when it returns.
pub trait Recorder: Send + Sync {
    /// Adds rows to `results.csv`.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    fn measurements(&self, case: &Case, rows: &[Measurement]) -> crate::Result<()>;

    /// Adds a second to `timeline.csv` and `latency.hlog`: one entry per transaction type that had
    /// anything to tell. `began` is when the load began, from which seconds are counted.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    fn second(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> crate::Result<()>;

    /// Adds to `latency.hlog` how long arrivals of an open loop had waited that never started, for they count in the
    /// response times of the whole case. `waited` is named like a transaction type of the load, which `began` then, in the
    /// second in which it ended; nothing completed in it, and the timeline does not have it.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    fn unstarted(&self, case: &Case, began: SystemTime, waited: &Second) -> crate::Result<()>;

    /// A load of the case begins, for those who look on while it runs; with its transaction types, as
    /// [`second`](Self::second) will name them.
    fn load_began(&self, _case: &Case, _transactions: &[String], _under_way: &Arc<UnderWay>) {}

    /// A load of the case is about to run [alone](crate::load::LoadObserver::alone) (`true`), or did so and is over.
    fn load_alone(&self, _case: &Case, _is: bool) {}

    /// The same as [`second`](Self::second) of something that was measured beside a load and is none, such as how stale a replica was: whoever
    /// looks at response times of transactions is not to take it for one.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    fn beside(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> crate::Result<()>;

    /// Puts a plan into the run folder, by the name of what it is a plan of: `without index`.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    fn plan(&self, case: &Case, name: &str, plan: &Plan) -> crate::Result<()>;

    /// The place in the run folder of a file about the case: the folder `folder` is made, the file, whose
    /// name ends in `.extension`, is not. Each case and repetition has a name of its own.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    fn file(&self, case: &Case, folder: &str, extension: &str) -> crate::Result<PathBuf>;

    /// Adds an event to `events.csv`.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    fn event(&self, case: &Case, event: &Event) -> crate::Result<()>;
}
