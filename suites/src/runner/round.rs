//! One case, once: state before, load, state after, rows.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use dbdyno_core::load::{self, LoadObserver, LoadPlan, LoadReport, Workload, run_load};
use dbdyno_core::measurement::Second;
use dbdyno_core::{
    Better, Case, Check, DbError, Driver, Error, ErrorClass, Event, Measurement, Recorder, Result,
    Scale, SessionOptions, StatementForm, Status, Stop,
};
use tokio::runtime::Runtime;

use super::metrics::measurements;
use super::observer::{CaseSummary, RunObserver};
use super::options::RunOptions;
use crate::benchmark::{Benchmark, State, WorkloadContext};

/// How often a server that went away is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long a server may take to answer once a person waits for the end.
const HURRIED_CONNECT: Duration = Duration::from_secs(3);

/// What measuring needs besides the case.
pub struct Round<'a> {
    pub runtime: &'a Runtime,
    pub recorder: &'a dyn Recorder,
    pub observer: &'a dyn RunObserver,
    pub options: &'a RunOptions,
    pub stop: &'a Stop,
}

impl Round<'_> {
    /// Measures a case and keeps its rows.
    ///
    /// # Errors
    /// The rows could not be kept. What the server or the data did wrong is a row, not an error.
    pub fn measure(
        &self,
        case: &Case,
        driver: &Arc<dyn Driver>,
        benchmark: &dyn Benchmark,
    ) -> Result<CaseSummary> {
        let summary = match self.attempt(case, driver, benchmark) {
            Ok(measured) => self.keep(case, &measured)?,
            Err(error) => self.keep_failure(case, &error)?,
        };
        self.observer.case_finished(case, &summary);
        Ok(summary)
    }

    /// Keeps the row of a case that cannot be measured.
    ///
    /// # Errors
    /// The row could not be kept.
    pub fn keep_failure(&self, case: &Case, error: &Error) -> Result<CaseSummary> {
        let status = match (error.is_unsupported(), self.stop.is_requested()) {
            (true, _) => Status::Unsupported,
            (false, true) => Status::Interrupted,
            (false, false) => Status::Failed,
        };
        let detail =
            if error.is_unsupported() { error.why().to_owned() } else { error.to_string() };
        let mut rows = vec![no_number(status, detail.clone())];
        if error.is_broken() {
            rows.push(check_row(&Check::new("data_set_whole", false, error.why())));
        }
        self.recorder.measurements(case, &rows)?;
        if status == Status::Failed {
            self.recorder.event(case, &Event::now("case_failed", detail.clone()))?;
        }
        Ok(CaseSummary {
            status,
            throughput: 0.0,
            p99_us: 0.0,
            errors: 0,
            retries: 0,
            broken: Vec::new(),
            detail,
            has_numbers: false,
        })
    }

    fn attempt(
        &self,
        case: &Case,
        driver: &Arc<dyn Driver>,
        benchmark: &dyn Benchmark,
    ) -> Result<Measured> {
        let before = self.state(driver.as_ref(), benchmark, case.scale)?;
        if before.checks.iter().any(|check| !check.held) {
            return Ok(Measured { checks: before.checks, ..Measured::default() });
        }
        let context = WorkloadContext {
            scale: case.scale,
            seed: case.seed,
            clients: case.clients,
            think_times: self.options.think_times,
            validate: self.options.validate,
            native: (case.statements == StatementForm::Native).then(|| driver.dialect().native()),
        };
        let workload = benchmark.workload(&context, &before);
        let report = self.load(case, driver, benchmark, &workload)?;
        // What was measured is kept even where its answers can no longer be looked at.
        match self.state(driver.as_ref(), benchmark, case.scale) {
            Ok(after) => {
                let accounts =
                    benchmark.account(&before, &after, &workload.counted(), &report.tally);
                let samples = benchmark.account_samples(&before, &after, &workload.witnessed());
                let own = benchmark.metrics(&report, &context, &before, &after);
                let accounts =
                    accounts.into_iter().chain(samples).chain(workload.checks(report.is_whole()));
                let checks = after.checks.into_iter().chain(accounts).collect();
                Ok(Measured { report: Some(report), own, checks, unchecked: None })
            }
            Err(error) => Ok(Measured {
                report: Some(report),
                unchecked: Some(error.why().to_owned()),
                ..Measured::default()
            }),
        }
    }

    fn load(
        &self,
        case: &Case,
        driver: &Arc<dyn Driver>,
        benchmark: &dyn Benchmark,
        workload: &Arc<dyn Workload>,
    ) -> Result<LoadReport> {
        let session = SessionOptions {
            namespace: Some(benchmark.dataset().namespace()),
            isolation: Some(case.isolation),
            pipeline: case.pipeline,
            statement_timeout: self.options.statement_timeout,
            ..SessionOptions::default()
        };
        let (warmup, length) = match benchmark.length(case.clients) {
            Some(own) => (Duration::ZERO, own),
            None => (self.options.warmup, self.options.length),
        };
        let plan = LoadPlan {
            clients: case.clients,
            warmup,
            length,
            arrival: self.options.arrival,
            retry: self.options.retry,
            seed: case.seed,
            repetition: case.repetition,
            reconnect_limit: self.options.reconnect_limit,
            drain_limit: self.options.drain_limit,
        };
        let length = match plan.length {
            load::Length::Duration(duration) => Some(plan.warmup + duration),
            load::Length::Transactions(_) => None,
        };
        self.observer.case_started(case, length);
        let observer = Relay { case, recorder: self.recorder, observer: self.observer };
        run_load(driver, workload, session, plan, &observer, self.stop)
    }

    /// Looks at the tables, in a session of its own at the engine's default isolation. A server
    /// that is still coming back from a crash is given the time that clients are given, unless a
    /// person waits for the end.
    fn state(&self, driver: &dyn Driver, benchmark: &dyn Benchmark, scale: Scale) -> Result<State> {
        let began = Instant::now();
        let mut told = false;
        loop {
            let error = match self.runtime.block_on(self.look(driver, benchmark, scale)) {
                Ok(state) => return Ok(state),
                Err(error) => error,
            };
            let patient = error.is_disconnected()
                && began.elapsed() < self.options.reconnect_limit
                && !self.stop.is_requested();
            if !patient {
                let doing =
                    format!("check the data of {} on {}", benchmark.name(), driver.target());
                return Err(Error::new(doing, error)
                    .next("look into the server's log; `--reload` loads the data again"));
            }
            if !told {
                self.observer.event(&Event::now("waiting_for_server", error.message.clone()));
                told = true;
            }
            if let Some(control) = driver.server_control() {
                control.ensure_running()?;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    async fn look(
        &self,
        driver: &dyn Driver,
        benchmark: &dyn Benchmark,
        scale: Scale,
    ) -> Result<State, DbError> {
        let options = SessionOptions {
            namespace: Some(benchmark.dataset().namespace()),
            ..SessionOptions::default()
        };
        let limit =
            if self.stop.is_requested() { HURRIED_CONNECT } else { self.options.reconnect_limit };
        let connected = tokio::time::timeout(limit, driver.connect(&options)).await;
        let mut session = connected.unwrap_or_else(|_| {
            let why = "it did not answer";
            Err(DbError::new(ErrorClass::Disconnected, None, why))
        })?;
        benchmark.state(&mut *session, scale).await
    }

    fn keep(&self, case: &Case, measured: &Measured) -> Result<CaseSummary> {
        let broken: Vec<Check> =
            measured.checks.iter().filter(|check| !check.held).cloned().collect();
        let (status, detail) = verdict(measured, &broken);
        let mut rows = match &measured.report {
            Some(report) if !is_void(report) => {
                let mut rows = measurements(report);
                rows.extend(measured.own.iter().cloned());
                for row in &mut rows {
                    row.status = status;
                    if status != Status::Ok || row.detail.is_empty() {
                        row.detail.clone_from(&detail);
                    }
                }
                rows
            }
            _ => vec![no_number(status, detail.clone())],
        };
        rows.extend(measured.checks.iter().map(check_row));
        self.recorder.measurements(case, &rows)?;
        for check in &broken {
            let event = Event::now("check_failed", format!("{}: {}", check.name, check.detail));
            self.recorder.event(case, &event)?;
        }
        let total = measured.report.as_ref().map(LoadReport::total);
        Ok(CaseSummary {
            status,
            throughput: measured.report.as_ref().map_or(0.0, LoadReport::total_throughput),
            p99_us: total
                .as_ref()
                .map_or(0.0, |total| total.response_ns.value_at_quantile(0.99) as f64 / 1_000.0),
            errors: total.as_ref().map_or(0, |total| total.failed),
            retries: total.as_ref().map_or(0, |total| total.retries),
            broken,
            detail,
            has_numbers: measured.report.as_ref().is_some_and(|report| !is_void(report)),
        })
    }
}

/// A case after its load.
#[derive(Default)]
struct Measured {
    /// `None` where the data was wrong before, so that nothing was measured.
    report: Option<LoadReport>,
    /// The benchmark's own metrics.
    own: Vec<Measurement>,
    checks: Vec<Check>,
    /// Why the answers could not be looked at afterwards.
    unchecked: Option<String>,
}

/// Whether the load ended before anything was measured.
fn is_void(report: &LoadReport) -> bool {
    report.window.is_zero()
}

/// What became of a case: wrong answers are worth nothing however fast they came.
fn verdict(measured: &Measured, broken: &[Check]) -> (Status, String) {
    let names = || broken.iter().map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ");
    let Some(report) = &measured.report else {
        let why = format!("not measured: the data was wrong before ({})", names());
        return (Status::Failed, format!("{why}; `--reload` loads it again"));
    };
    if !broken.is_empty() {
        return (Status::Failed, format!("did not hold: {}", names()));
    }
    if let Some(failure) = &report.failure {
        return (Status::Failed, failure.why().to_owned());
    }
    let unchecked =
        measured.unchecked.as_ref().map(|why| format!("the answers could not be checked: {why}"));
    if report.interrupted {
        return (Status::Interrupted, unchecked.unwrap_or_else(|| "the end was asked for".into()));
    }
    if let Some(why) = unchecked {
        return (Status::Failed, why);
    }
    if report.abandoned > 0 {
        let why = format!("{} transactions never ended", report.abandoned);
        return (Status::Failed, why);
    }
    let total = report.total();
    if total.committed + total.rolled_back == 0 {
        let why = report.errors.first().map_or_else(
            || "no transaction ended".to_owned(),
            |error| format!("no transaction succeeded: {} ({})", error.message, error.class),
        );
        return (Status::Failed, why);
    }
    match report.unstarted_ns.len() {
        0 => (Status::Ok, String::new()),
        unstarted => {
            let why = format!(
                "{unstarted} arrivals were due and never started: the rate is not held; they count \
                 in the latencies of the whole case by how long they had waited"
            );
            (Status::Ok, why)
        }
    }
}

/// The row of a case that yields no number.
fn no_number(status: Status, detail: String) -> Measurement {
    let row = Measurement::new("throughput", 0.0, "1/s", Better::Higher);
    Measurement { value: None, ..row.with_status(status, detail) }
}

fn check_row(check: &Check) -> Measurement {
    let value = f64::from(u8::from(check.held));
    let row = Measurement::new(format!("check_{}", check.name), value, "1", Better::Higher);
    let status = if check.held { Status::Ok } else { Status::Failed };
    row.with_status(status, check.detail.clone())
}

/// Passes what the load engine tells to the recorder and to the screen.
struct Relay<'a> {
    case: &'a Case,
    recorder: &'a dyn Recorder,
    observer: &'a dyn RunObserver,
}

impl LoadObserver for Relay<'_> {
    fn second(&self, began: SystemTime, seconds: &[Second]) -> Result<()> {
        self.observer.second(seconds);
        self.recorder.second(self.case, began, seconds)
    }

    fn event(&self, event: &Event) -> Result<()> {
        self.observer.event(event);
        self.recorder.event(self.case, event)
    }
}
