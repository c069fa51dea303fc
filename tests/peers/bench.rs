//! What every comparison needs: the options, a place for files, programs and how to run them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_adapters::engines;
use dbdyno_core::load::Workload;
use dbdyno_core::{Durability, Error, Result, Scale};
use dbdyno_suites::registry::suites;
use dbdyno_suites::{Benchmark, LoadBenchmark, WorkloadContext};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::child::{Finished, Runner};
use crate::interrupt::Interrupt;

/// Sessions besides those of the most clients: dbdyno's own and this program's.
pub const SPARE_SESSIONS: u32 = 44;

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rounds of transactions.
    pub rounds: u32,
    /// How long a side is measured in a round.
    pub seconds: u32,
    /// Rounds of loads.
    pub load_rounds: u32,
    /// Parts of names; whatever has one of them in its name is run, all where there is none.
    pub only: Vec<String>,
    /// Numbers of clients of the comparisons of transactions.
    pub clients: Vec<u32>,
    /// What the servers' commits survive.
    pub durability: Durability,
    /// The scale of pgbench's tables.
    pub scale: u32,
    /// Rows of sysbench's table, a multiple of those at scale 1.
    pub rows: u32,
    /// Warehouses of TPC-C's tables.
    pub warehouses: u32,
    /// Whether the checks that take minutes are run.
    pub long: bool,
}

impl Options {
    /// Whether something of that name is to be run.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part))
    }

    /// The scale at which dbdyno's data set has the rows asked for.
    pub fn sbtest_scale(&self) -> u32 {
        let each = u32::try_from(dbdyno_datasets::sbtest::ROWS).unwrap_or(u32::MAX);
        self.rows / each
    }
}

/// The bench.
pub struct Bench {
    pub options: Options,
    pub runtime: Runtime,
    pub interrupt: Interrupt,
    runner: Runner,
    scratch: TempDir,
    dbdyno: PathBuf,
}

impl Bench {
    /// Makes the private folder for files, in memory where the system has a file system there.
    ///
    /// # Errors
    /// There is no place for it, no event loop, or no dbdyno beside this program.
    pub fn new(options: Options) -> Result<Self> {
        let failed = |why: &dyn std::fmt::Display| Error::new("set up the comparison", why);
        let dbdyno = std::env::current_exe().map_err(|why| failed(&why))?.with_file_name("dbdyno");
        if !dbdyno.is_file() {
            return Err(failed(&format!("there is no {}", dbdyno.display()))
                .next("run tests/peers/run, which builds it"));
        }
        let memory = Path::new("/dev/shm");
        let temporary = std::env::temp_dir();
        let base = if memory.is_dir() { memory } else { &temporary };
        let scratch = tempfile::Builder::new().prefix("dbdyno-peers-").tempdir_in(base);
        let scratch = scratch.map_err(|why| failed(&why))?;
        let interrupt = Interrupt::watch()?;
        Ok(Self {
            options,
            runtime: Runtime::new().map_err(|why| failed(&why))?,
            runner: Runner::new(scratch.path(), interrupt.clone()),
            interrupt,
            scratch,
            dbdyno,
        })
    }

    /// The folder for files; it is gone with the bench.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// An empty folder in it.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn empty_folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.scratch().join(name);
        let made = match path.exists() {
            true => std::fs::remove_dir_all(&path).and_then(|()| std::fs::create_dir(&path)),
            false => std::fs::create_dir(&path),
        };
        made.map(|()| path.clone())
            .map_err(|why| Error::new(format!("empty {}", path.display()), why))
    }

    /// dbdyno's program.
    pub fn dbdyno(&self) -> &Path {
        &self.dbdyno
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// See [`Runner::run`].
    pub fn run(&self, command: &Command) -> Result<Finished> {
        self.runner.run(command)
    }

    /// How long a side is measured.
    pub fn measured(&self) -> Duration {
        Duration::from_secs(self.options.seconds.into())
    }
}

/// dbdyno's benchmark of that name.
///
/// # Errors
/// There is no such benchmark.
pub fn benchmark(name: &str) -> Result<Box<dyn Benchmark>> {
    let mut benchmarks = suites().into_iter().flat_map(|suite| suite.benchmarks);
    let found = benchmarks.find(|found| found.name() == name);
    found.ok_or_else(|| Error::new(format!("run {name}"), "there is no such benchmark"))
}

/// A benchmark that is measured in one load.
///
/// # Errors
/// It is measured another way.
pub fn in_one_load(benchmark: &dyn Benchmark) -> Result<&dyn LoadBenchmark> {
    benchmark.procedure().load().ok_or_else(|| {
        Error::new(format!("run {}", benchmark.name()), "it is not measured in one load")
    })
}

/// The workload of dbdyno's benchmark, for one client.
///
/// # Errors
/// There is no such benchmark.
pub fn workload(name: &str, scale: u32) -> Result<Arc<dyn Workload>> {
    let scale = Scale::whole(scale);
    let context = WorkloadContext { scale, ..WorkloadContext::default() };
    Ok(in_one_load(&*benchmark(name)?)?.workload(&context, &Default::default()))
}

/// Processors that this machine gives.
pub fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1))
}

/// A program of the PostgreSQL installation whose server is started. What Debian puts on the path
/// is a script that looks for it, whose cost would be the program's.
pub fn postgres_program(name: &str) -> PathBuf {
    let installed = engines().iter().find(|engine| engine.name == "postgres");
    let found = installed.and_then(|engine| (engine.find)(None).ok());
    let beside = found.and_then(|found| Some(found.programs.first()?.with_file_name(name)));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(name))
}
