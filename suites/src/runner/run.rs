//! A whole run.

use std::collections::BTreeMap;
use std::sync::Arc;

use dbdyno_core::driver::Claim;
use dbdyno_core::load::Arrival;
use dbdyno_core::schema::Keys;
use dbdyno_core::{
    Case, Driver, Durability, Error, HeldDurability, Recorder, Result, Status, Stop,
};
use dbdyno_datasets::{self as datasets, Wanted};
use tokio::runtime::Runtime;

use super::cases::{PlannedCase, plan, round_order};
use super::observer::RunObserver;
use super::options::{RunOptions, Selection};
use super::stand::Tools;
use crate::benchmark::{AfterUse, Benchmark};

/// How a run came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// Cases measured, every repetition counted.
    pub measured: u32,
    /// Cases that an engine truly cannot do.
    pub unsupported: u32,
    /// Cases in which something promised did not hold.
    pub failed: u32,
    /// Cases that could not be measured, or not all of them: no data, no session, the wrong durability.
    pub could_not_run: u32,
    /// Whether it was ended before its time.
    pub interrupted: bool,
}

/// A target and what is known of it.
pub struct Subject {
    driver: Arc<dyn Driver>,
    version: String,
    /// Whether dbdyno may set what its commits survive.
    settable: bool,
    /// The durability it holds, as last read back.
    held: HeldDurability,
    /// The namespaces taken for this run, by name.
    claims: BTreeMap<String, Claim>,
}

/// Runs every selected benchmark on every driver. `versions` are the servers' versions, in the
/// order of `drivers`.
///
/// # Errors
/// A server cannot be asked what it holds, or what was measured cannot be kept.
pub fn run(
    selections: &[Selection<'_>],
    drivers: &[(Arc<dyn Driver>, String)],
    options: &RunOptions,
    runtime: &Runtime,
    recorder: &dyn Recorder,
    observer: &dyn RunObserver,
    stop: &Stop,
) -> Result<RunSummary> {
    let mut subjects = Vec::new();
    for (driver, version) in drivers {
        subjects.push(runtime.block_on(Subject::look_at(Arc::clone(driver), version.clone()))?);
    }
    let tools = Tools { runtime, recorder, observer, options, stop };
    let mut run = Run { subjects, tools, summary: RunSummary::default() };
    for selection in selections {
        if !stop.is_requested() {
            run.benchmark(*selection)?;
        }
    }
    run.summary.interrupted = stop.is_requested();
    Ok(run.summary)
}

impl Subject {
    async fn look_at(driver: Arc<dyn Driver>, version: String) -> Result<Self> {
        let settable = match driver.set_durability(Durability::Full).await {
            Ok(()) => true,
            Err(error) if error.is_unsupported() => false,
            Err(error) => return Err(error),
        };
        let held = driver.durability().await?;
        Ok(Self { driver, version, settable, held, claims: BTreeMap::new() })
    }

    /// Has the server hold `wanted`, and believes only what it reads back.
    async fn hold(&mut self, wanted: Option<Durability>) -> Result<()> {
        let Some(wanted) = wanted else { return Ok(()) };
        if self.held.level == wanted {
            return Ok(());
        }
        let doing = format!("measure {wanted} durability on {}", self.driver.target());
        if !self.settable {
            let why = format!("the server holds {} ({})", self.held.level, self.held.evidence);
            return Err(Error::unsupported(doing, why));
        }
        self.driver.set_durability(wanted).await?;
        self.held = self.driver.durability().await?;
        if self.held.level == wanted {
            return Ok(());
        }
        let why = format!("the server still holds {} ({})", self.held.level, self.held.evidence);
        Err(Error::new(doing, why).next(
            "use a data folder on a disk that can sync, or ask for the durability that is held",
        ))
    }
}

struct Run<'a> {
    subjects: Vec<Subject>,
    tools: Tools<'a>,
    summary: RunSummary,
}

impl Run<'_> {
    fn benchmark(&mut self, selection: Selection<'_>) -> Result<()> {
        let options = self.tools.options;
        let drivers: Vec<&dyn Driver> =
            self.subjects.iter().map(|subject| subject.driver.as_ref()).collect();
        let settable: Vec<bool> = self.subjects.iter().map(|subject| subject.settable).collect();
        let planned = plan(selection, &drivers, &settable, options);
        let (lacking, cases): (Vec<_>, Vec<_>) =
            planned.into_iter().partition(|case| case.unsupported.is_some());
        self.tools.observer.benchmark_started(
            selection.suite,
            selection.benchmark.name(),
            cases.len(),
            options.repetitions,
        );
        for planned in &lacking {
            let why = planned.unsupported.clone().unwrap_or_default();
            self.keep(selection, planned, 1, &Error::unsupported("measure it", why))?;
        }
        let cases = self.ready(selection, cases)?;
        for repetition in (options.first_repetition..).take(options.repetitions as usize) {
            for place in round_order(cases.len(), options.seed, repetition) {
                if self.tools.stop.is_requested() {
                    return Ok(());
                }
                self.case(selection, &cases[place], repetition)?;
            }
        }
        Ok(())
    }

    /// Prepares the data on every target; cases of a target where that failed become rows.
    fn ready(
        &mut self,
        selection: Selection<'_>,
        cases: Vec<PlannedCase>,
    ) -> Result<Vec<PlannedCase>> {
        let mut ready = cases;
        for place in 0..self.subjects.len() {
            if !ready.iter().any(|case| case.driver == place) || self.tools.stop.is_requested() {
                continue;
            }
            if let Err(error) = self.prepare(selection.benchmark, place, self.tools.options.reload)
            {
                let (broken, rest): (Vec<_>, Vec<_>) =
                    ready.into_iter().partition(|case| case.driver == place);
                for case in &broken {
                    self.keep(selection, case, 1, &error)?;
                }
                ready = rest;
            }
        }
        Ok(ready)
    }

    fn prepare(&mut self, benchmark: &dyn Benchmark, place: usize, reload: bool) -> Result<()> {
        let Tools { runtime, observer, options, stop, .. } = &self.tools;
        let namespace = benchmark.dataset().namespace();
        let subject = &mut self.subjects[place];
        observer.preparing(subject.driver.target());
        if !subject.claims.contains_key(&namespace) {
            let claim = runtime.block_on(claim(subject.driver.as_ref(), &namespace, stop))?;
            subject.claims.insert(namespace, claim);
        }
        runtime.block_on(datasets::prepare(
            self.subjects[place].driver.as_ref(),
            benchmark.dataset(),
            Wanted { scale: options.scale, seed: options.seed, keys: options.keys },
            reload,
            *observer,
            stop,
        ))?;
        Ok(())
    }

    fn case(
        &mut self,
        selection: Selection<'_>,
        planned: &PlannedCase,
        repetition: u32,
    ) -> Result<()> {
        let benchmark = selection.benchmark;
        let runtime = self.tools.runtime;
        let subject = &mut self.subjects[planned.driver];
        if let Err(error) = runtime.block_on(subject.hold(planned.durability)) {
            return self.keep(selection, planned, repetition, &error);
        }
        // Does nothing unless the benchmark before left the data spent.
        if let Err(error) = self.prepare(benchmark, planned.driver, false) {
            return self.keep(selection, planned, repetition, &error);
        }
        let case = self.describe(selection, planned, repetition);
        let driver = Arc::clone(&self.subjects[planned.driver].driver);
        if benchmark.after_use() == AfterUse::Spent {
            // Marked beforehand: the benchmark may be killed in its midst.
            let marked =
                runtime.block_on(datasets::mark_spent(driver.as_ref(), benchmark.dataset()));
            if let Err(error) = marked {
                return self.keep(selection, planned, repetition, &error);
            }
        }
        let summary = self.tools.measure(&case, &driver, benchmark)?;
        self.summary.could_not_run +=
            u32::from(summary.status == Status::Ok && !summary.could_not.is_empty());
        match summary.status {
            Status::Failed => self.summary.failed += 1,
            Status::Unsupported => self.summary.unsupported += 1,
            Status::Ok | Status::Interrupted => {
                self.summary.measured += u32::from(summary.has_numbers);
            }
        }
        Ok(())
    }

    /// Keeps the row of a case that could not be measured.
    fn keep(
        &mut self,
        selection: Selection<'_>,
        planned: &PlannedCase,
        repetition: u32,
        error: &Error,
    ) -> Result<()> {
        let case = self.describe(selection, planned, repetition);
        let summary = self.tools.keep_failure(&case, error)?;
        self.tools.observer.case_finished(&case, &summary);
        match summary.status {
            Status::Unsupported => self.summary.unsupported += 1,
            Status::Ok | Status::Interrupted => {}
            Status::Failed if error.is_broken() => self.summary.failed += 1,
            Status::Failed => self.summary.could_not_run += 1,
        }
        Ok(())
    }

    fn describe(&self, selection: Selection<'_>, planned: &PlannedCase, repetition: u32) -> Case {
        let subject = &self.subjects[planned.driver];
        let options = self.tools.options;
        Case {
            suite: selection.suite.to_owned(),
            benchmark: selection.benchmark.name().to_owned(),
            engine: subject.driver.engine().to_owned(),
            engine_version: subject.version.clone(),
            driver: subject.driver.name().to_owned(),
            target: subject.driver.target().to_owned(),
            isolation: planned.isolation,
            durability: planned.durability.unwrap_or(subject.held.level),
            clients: planned.clients,
            rate: match options.arrival {
                Arrival::Closed => None,
                Arrival::Open(open) => Some(open.rate),
            },
            statements: planned.statements,
            pipeline: planned.pipeline,
            keys: match selection.benchmark.dataset().has_optional_keys() {
                true => options.keys,
                false => Keys::default(),
            },
            cache: planned.cache,
            streams: match selection.benchmark.has_streams() {
                true => options.streams(),
                false => 0,
            },
            scale: options.scale,
            seed: options.seed,
            repetition,
        }
    }
}

/// Takes a namespace; given up where the end is asked for, for a server may take its time.
async fn claim(driver: &dyn Driver, namespace: &str, stop: &Stop) -> Result<Claim> {
    tokio::select! {
        claim = driver.claim(namespace) => claim,
        () = stop.requested() => {
            let doing = format!("use {namespace} on {}", driver.target());
            Err(Error::new(doing, "the end was asked for"))
        }
    }
}
