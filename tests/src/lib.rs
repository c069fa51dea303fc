//! What dbdyno's end-to-end tests share: real targets, and a recorder to look into.

mod certificate;
mod meddler;
pub mod olap;
mod small_disk;
mod spoiled;
pub mod unsafe_cluster;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use dbdyno_adapters::{ServerSettings, Target, open};
use dbdyno_core::load::{Arrival, Length, RetryPolicy};
use dbdyno_core::measurement::Second;
use dbdyno_core::schema::Keys;
use dbdyno_core::{
    Cache, Case, Driver, Event, LoadProgress, Measurement, Pause, Plan, Recorder, Result, Scale,
    StatementForm, Stop,
};
use dbdyno_datasets::LoadObserver;
use dbdyno_suites::Benchmark;
use dbdyno_suites::backup::BackupOptions;
use dbdyno_suites::pool::PoolOptions;
use dbdyno_suites::replication::ReplicationOptions;
use dbdyno_suites::runner::{
    CaseSummary, DurabilityChoice, IsolationChoice, RunObserver, RunOptions, RunSummary, Selection,
    run,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub use certificate::certificate;
pub use meddler::Meddler;
pub use small_disk::SmallDisk;
pub use spoiled::{Fault, Spoiled};

/// Engines that the user left out of the test run by name (`./tests/run --without NAME`).
pub fn left_out(engine: &str) -> bool {
    let left_out = std::env::var("DBDYNO_TEST_WITHOUT").unwrap_or_default();
    let is_left_out = left_out.split_whitespace().any(|name| name == engine);
    if is_left_out {
        eprintln!("left out by name: {engine}");
    }
    is_left_out
}

/// An event loop on the thread that runs it, as dbdyno itself uses.
pub fn runtime() -> Runtime {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    #[expect(clippy::expect_used, reason = "a test without an event loop has nothing to test")]
    built.expect("an event loop")
}

/// Opens a target that is known to be right. Where an engine is not installed the test fails, with
/// the line that installs it: it is never skipped silently.
pub fn target(runtime: &Runtime, text: &str) -> Arc<dyn Driver> {
    let settings = ServerSettings { sessions: 64, ..ServerSettings::default() };
    let opened = Target::parse(text)
        .and_then(|target| runtime.block_on(async { open(&target, &settings).await }));
    opened.unwrap_or_else(|error| {
        panic!("{error}\n  or leave the engine out: ./tests/run --without NAME")
    })
}

/// Waits until `condition` gives something.
///
/// # Panics
/// It did not within a minute.
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited a minute for {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Keeps everything in memory, for tests to look at.
#[derive(Debug, Default)]
pub struct Kept {
    rows: Mutex<Vec<(Case, Measurement)>>,
    events: Mutex<Vec<Event>>,
    seconds: Mutex<Vec<Second>>,
    plans: Mutex<Vec<(String, Plan)>>,
    folder: Mutex<Option<TempDir>>,
}

impl Kept {
    /// The rows so far.
    pub fn rows(&self) -> Vec<(Case, Measurement)> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The events so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The plans so far, by name.
    pub fn plans(&self) -> Vec<(String, Plan)> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The seconds so far.
    pub fn seconds(&self) -> Vec<Second> {
        self.seconds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Recorder for Kept {
    fn measurements(&self, case: &Case, rows: &[Measurement]) -> Result<()> {
        let mut kept = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(rows.iter().map(|row| (case.clone(), row.clone())));
        Ok(())
    }

    fn second(&self, _: &Case, _: SystemTime, seconds: &[Second]) -> Result<()> {
        self.seconds.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(seconds);
        Ok(())
    }

    fn beside(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> Result<()> {
        Recorder::second(self, case, began, seconds)
    }

    fn unstarted(&self, _: &Case, _: SystemTime, _: &Second) -> Result<()> {
        Ok(())
    }

    fn plan(&self, _: &Case, name: &str, plan: &Plan) -> Result<()> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.push((name.to_owned(), plan.clone()));
        Ok(())
    }

    fn file(&self, case: &Case, folder: &str, extension: &str) -> Result<PathBuf> {
        let mut folders = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::expect_used, reason = "a test without a temporary folder cannot go on")]
        let root = folders.get_or_insert_with(|| tempfile::tempdir().expect("a folder"));
        let name = format!("{}-{}-{}.{extension}", case.benchmark, case.engine, case.isolation);
        let folder = root.path().join(folder);
        std::fs::create_dir_all(&folder).map_err(|why| dbdyno_core::Error::new("make it", why))?;
        Ok(folder.join(name))
    }

    fn event(&self, _: &Case, event: &Event) -> Result<()> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        Ok(())
    }
}

impl dbdyno_core::load::LoadObserver for Kept {
    fn second(&self, _: SystemTime, seconds: &[Second]) -> Result<()> {
        self.seconds.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(seconds);
        Ok(())
    }

    fn event(&self, event: &Event) -> Result<()> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        Ok(())
    }
}

/// An observer that looks at nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unseen;

impl LoadObserver for Unseen {
    fn started(&self, _: &str, _: u64, _: &Arc<LoadProgress>) {}
    fn finished(&self, _: &str, _: u64) {}
}

impl RunObserver for Unseen {
    fn benchmark_started(&self, _: &str, _: &str, _: usize, _: u32) {}
    fn preparing(&self, _: &str) {}
    fn case_started(&self, _: &Case) {}
    fn load_started(&self, _: &Case, _: &str, _: Option<Duration>) {}
    fn working_on(&self, _: &Case, _: &str) {}
    fn second(&self, _: &[Second]) {}
    fn event(&self, _: &Event) {}
    fn case_finished(&self, _: &Case, _: &CaseSummary) {}
}

/// Runs a benchmark of a suite on one target; what comes out goes to the recorder.
///
/// # Panics
/// The run breaks off: the server cannot be asked, or the recorder fails.
pub fn run_one(
    runtime: &Runtime,
    driver: &Arc<dyn Driver>,
    (suite, benchmark): (&str, &dyn Benchmark),
    options: &RunOptions,
    recorder: &dyn Recorder,
) -> RunSummary {
    let version = runtime.block_on(driver.server_info()).map(|info| info.version);
    let version = version.unwrap_or_else(|error| panic!("{error}"));
    let drivers = [(Arc::clone(driver), version)];
    let (selection, stop) = (Selection { suite, benchmark }, Stop::default());
    let ran = run(&[selection], &drivers, options, runtime, recorder, &Unseen, &stop);
    ran.unwrap_or_else(|error| panic!("{error}"))
}

/// The benchmark of that name.
///
/// # Panics
/// There is none.
pub fn named(benchmarks: Vec<Box<dyn Benchmark>>, name: &str) -> Box<dyn Benchmark> {
    let found = benchmarks.into_iter().find(|benchmark| benchmark.name() == name);
    found.unwrap_or_else(|| panic!("there is no benchmark {name}"))
}

/// What a test runs a benchmark with: a few transactions of each of four clients.
pub fn run_options() -> RunOptions {
    RunOptions {
        isolation: IsolationChoice::Default,
        durability: DurabilityChoice::Default,
        clients: Some(vec![4]),
        streams: None,
        cycles: None,
        pool: PoolOptions::default(),
        backup: BackupOptions::default(),
        replication: ReplicationOptions::default(),
        load_host: None,
        statements: vec![StatementForm::Portable],
        pipeline: vec![false],
        cache: vec![Cache::default()],
        arrival: Arrival::Closed,
        // A number, not a time: a disk may take longer than any short time to sync.
        length: Length::Transactions(600),
        warmup: Duration::ZERO,
        first_repetition: 1,
        repetitions: 1,
        scale: Scale::ONE,
        keys: Keys::default(),
        seed: 7,
        think_times: false,
        validate: false,
        reload: false,
        retry: RetryPolicy::default(),
        statement_timeout: None,
        reconnect_limit: Duration::from_secs(30),
        drain_limit: Duration::from_secs(30),
        watch: None,
        pause: Pause::default(),
    }
}
