//! Benchmarks in which something is done to each kind of pool while it is used.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::load::{ErrorReport, LoadReport};
use dbdyno_core::{Better, Check, Error, ErrorClass, Measurement, Result, Statement, Stop};
use dbdyno_datasets::Dataset;

use super::bench::Bench;
use super::found;
use super::leasing::{Log, Shared};
use super::stages::{Account, Opened, Planned, size_row};
use super::sweep::shuffle;
use super::watch::Look;
use crate::benchmark::{Benchmark, LoadBenchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, RunOptions, Stand};

/// The transactions.
const TRANSACTIONS: &dyn LoadBenchmark = &TpcB;
/// How often is looked whether something has come.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How long clients work before anything is done, once the first of them was served.
pub const QUIET: Duration = Duration::from_millis(500);

/// What is done to a pool.
pub trait Trouble: Send + Sync {
    /// The benchmark's name.
    fn name(&self) -> &'static str;

    /// What it shows, in one sentence.
    fn summary(&self) -> &'static str;

    /// How long clients wait for a connection where the user does not say.
    fn acquire_timeout(&self) -> Duration;

    /// Does it, on a thread beside the load, and waits for what comes of it.
    ///
    /// # Errors
    /// It cannot be done, or the end was asked for.
    fn make(&self, scene: &Scene<'_>) -> Result<Vec<Finding>>;

    /// Whether the server can be treated so.
    ///
    /// # Errors
    /// It cannot (unsupported).
    fn possible(&self, _stand: &Stand<'_>) -> Result<()> {
        Ok(())
    }
}

/// What came of it.
pub enum Finding {
    Metric(Measurement),
    Check(&'static str, bool, String),
}

/// Where it is done.
pub struct Scene<'a> {
    pub stand: &'a Stand<'a>,
    pub shared: &'a Shared,
    /// How many connections the pool may have.
    pub size: u32,
    /// How long clients wait for one.
    pub acquire_timeout: Duration,
    /// Whether the load is over by itself.
    pub over: &'a Stop,
}

impl Scene<'_> {
    /// Waits until `is_there`; whether that came within `limit`.
    ///
    /// # Errors
    /// The load is over, or the end was asked for.
    pub fn wait_for(&self, limit: Duration, is_there: impl Fn() -> bool) -> Result<bool> {
        let deadline = Instant::now() + limit;
        while !is_there() {
            self.stand.go_on()?;
            if self.over.is_requested() {
                let doing = format!("go on with {}", self.stand.case().benchmark);
                return Err(Error::new(doing, "the load ended before it was to"));
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(true)
    }

    /// Lets clients work for a time.
    ///
    /// # Errors
    /// The load is over, or the end was asked for.
    pub fn work_on(&self, time: Duration) -> Result<()> {
        self.wait_for(time, || false).map(|_| ())
    }

    /// Waits until clients were served after a moment; whether that came within `limit`.
    ///
    /// # Errors
    /// The load is over, or the end was asked for.
    pub fn wait_until_served(&self, after: Instant, limit: Duration) -> Result<bool> {
        self.wait_for(limit, || self.shared.log.last_served().is_some_and(|last| last > after))
    }
}

/// A benchmark of a trouble.
#[derive(Clone, Copy)]
pub struct Troubled(pub &'static dyn Trouble);

impl Benchmark for Troubled {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn summary(&self) -> &'static str {
        self.0.summary()
    }

    fn dataset(&self) -> &'static dyn Dataset {
        TRANSACTIONS.dataset()
    }

    fn has_pools(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Troubled {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        TRANSACTIONS.procedure().statements(context)
    }

    /// Each takes as long as it takes.
    fn loads(&self, _options: &RunOptions) -> u32 {
        1
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        self.0.possible(stand)?;
        let bench = Bench::new(stand, measured)?.closed_loop()?;
        let Some(mut account) = Account::open(&bench, TRANSACTIONS, measured)? else {
            return Ok(());
        };
        let pool = &stand.options().pool;
        account.acquire_timeout = pool.acquire_timeout_or(self.0.acquire_timeout());
        let size = pool.size(stand.case().clients);
        let mut loads: Vec<Planned> =
            bench.kinds()?.into_iter().map(|kind| Planned::Pool(kind, size)).collect();
        shuffle(&bench, &mut loads);
        for planned in loads {
            stand.go_on()?;
            if !self.one(&mut account, planned, size, measured)? {
                return Ok(());
            }
        }
        account.close(measured);
        Ok(())
    }
}

impl Troubled {
    /// One pool; whether there may be another one.
    fn one(
        &self,
        account: &mut Account<'_>,
        planned: Planned,
        size: u32,
        measured: &mut Measured,
    ) -> Result<bool> {
        let (bench, name) = (account.bench, planned.name());
        let workload = account.workload();
        let Opened::Pool(pool) = account.open_pool(planned, &workload, measured)? else {
            return Ok(true);
        };
        bench.stand.working_on(&format!("{} with {name}", self.0.name()));
        let shared = Shared::new(Log::new(Duration::ZERO, true));
        let acquire_timeout = account.acquire_timeout;
        let make = |over: &Stop| {
            let scene = Scene { stand: bench.stand, shared: &shared, size, acquire_timeout, over };
            let served =
                scene.wait_until_served(Instant::now(), bench.stand.options().reconnect_limit)?;
            match served {
                true => scene.work_on(QUIET).and_then(|()| self.0.make(&scene)),
                false => {
                    let doing = format!("use {name} on {}", bench.stand.driver().target());
                    Err(Error::new(doing, "no transaction was committed through it"))
                }
            }
        };
        let (report, found, looks) = bench.load_beside(&name, &pool, &workload, &shared, make)?;
        // What clients forgot to give back goes with the pool.
        shared.mend();
        measured.own.push(size_row(&name, &pool, size));
        drop(pool);
        measured.own.extend(of_load(&name, &report, &shared, &looks));
        measured.checks.push(found::size_kept(&name, size, &looks));
        let settled = account.settle(&name, &*workload, &report, measured);
        // It is why what was made could not be seen to its end.
        if let Some(failure) = report.failure {
            return Err(failure);
        }
        for finding in found? {
            match finding {
                Finding::Metric(row) => {
                    let row = row.of(&*name);
                    headline(&row, measured);
                    measured.own.push(row);
                }
                Finding::Check(check, held, detail) => {
                    let check = format!("{check}_{name}");
                    measured.checks.push(Check::new(check, held, detail));
                }
            }
        }
        Ok(settled)
    }
}

/// Tells a person of a time that was found, the last of each pool.
pub fn headline(row: &Measurement, measured: &mut Measured) {
    let told = match row.value {
        Some(ms) => format!("{} {ms:.0} ms", row.transaction),
        None => format!("{} never", row.transaction),
    };
    let others = measured
        .headline
        .split("; ")
        .filter(|one| !one.is_empty() && one.split(' ').next() != Some(row.transaction.as_str()));
    let all: Vec<String> = others.map(str::to_owned).chain([told]).collect();
    measured.headline = all.join("; ");
}

/// What clients saw during the whole load.
fn of_load(
    name: &str,
    report: &LoadReport,
    shared: &Arc<Shared>,
    looks: &[Look],
) -> Vec<Measurement> {
    let total = report.total();
    let count =
        |metric: &str, count: u64, better| Measurement::new(metric, count as f64, "1", better);
    let mut rows = vec![
        count("transactions", total.committed, Better::Neither),
        count("errors", total.failed, Better::Lower),
    ];
    rows.extend(errors(&report.errors));
    rows.extend(found::waits(&shared.log.acquired()));
    rows.extend(found::most_open(looks).map(found::connections));
    rows.into_iter().map(|row| row.of(name)).collect()
}

/// How many errors of each class there were, with the words of the first.
fn errors(errors: &[ErrorReport]) -> Vec<Measurement> {
    let mut by_class: BTreeMap<ErrorClass, (u64, &str)> = BTreeMap::new();
    for error in errors {
        by_class.entry(error.class).or_insert((0, &error.message)).0 += error.count;
    }
    let row = |(class, (count, message)): (ErrorClass, (u64, &str))| {
        let metric = format!("errors_{}", class.name().replace('-', "_"));
        let row = Measurement::new(metric, count as f64, "1", Better::Lower);
        Measurement { detail: message.to_owned(), ..row }
    };
    by_class.into_iter().map(row).collect()
}

/// A metric in milliseconds.
pub fn ms(metric: &str, time: Option<Duration>, detail: impl Into<String>) -> Finding {
    let row = Measurement::new(metric, 0.0, "ms", Better::Lower);
    let value = time.map(|time| time.as_secs_f64() * 1e3);
    Finding::Metric(Measurement { value, detail: detail.into(), ..row })
}
