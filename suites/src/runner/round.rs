//! One case, once: its loads, the state of the tables before and after, and what is kept of it.

use std::sync::Arc;

use dbdyno_core::load::TransactionReport;
use dbdyno_core::{Better, Case, Check, Driver, Error, Event, Measurement, Result, Status};

use super::measured::{Measured, no_number, verdict};
use super::observer::CaseSummary;
use super::stand::{Stand, Tools};
use crate::benchmark::{Benchmark, LoadBenchmark, Procedure, StagedBenchmark};

impl Tools<'_> {
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
        self.observer.case_started(case);
        let stand = Stand::new(case, driver, benchmark, *self);
        stand.rest()?;
        let measured = match benchmark.procedure() {
            Procedure::Load(benchmark) => in_one_load(&stand, benchmark),
            Procedure::Staged(benchmark) => in_stages(&stand, benchmark),
        };
        let summary = match measured {
            Ok(mut measured) => {
                measured.paused = stand.unmarked_rest();
                self.keep(case, &measured)?
            }
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
            headline: String::new(),
            throughput: 0.0,
            p99_us: 0.0,
            errors: 0,
            retries: 0,
            broken: Vec::new(),
            detail,
            warnings: Vec::new(),
            has_numbers: false,
            could_not: Vec::new(),
        })
    }

    fn keep(&self, case: &Case, measured: &Measured) -> Result<CaseSummary> {
        let broken: Vec<Check> =
            measured.checks.iter().filter(|check| !check.held).cloned().collect();
        let (status, detail) = verdict(measured, &broken, self.stop.is_requested());
        let mut rows = if measured.has_rows() {
            // What holds of the parts that no broken promise is about.
            let (others, why) = verdict(measured, &[], self.stop.is_requested());
            measured.rows(&broken, (status, &detail), (others, &why))
        } else if status == Status::Ok {
            // It could not be carried out, and no part of it says so.
            vec![no_number(Status::Failed, measured.could_not.join("; "))]
        } else {
            vec![no_number(status, detail.clone())]
        };
        rows.extend(measured.checks.iter().map(check_row));
        self.recorder.measurements(case, &rows)?;
        for check in &broken {
            let event = Event::now("check_failed", format!("{}: {}", check.name, check.detail));
            self.recorder.event(case, &event)?;
        }
        for why in &measured.could_not {
            self.recorder.event(case, &Event::now("part_failed", why.clone()))?;
        }
        let total = measured.stages.last().map(|stage| stage.report.total());
        let throughput = measured.stages.last().map(|stage| stage.report.total_throughput());
        let of_all = |count: fn(&TransactionReport) -> u64| {
            measured.stages.iter().map(|stage| count(&stage.report.total())).sum()
        };
        Ok(CaseSummary {
            status,
            headline: measured.headline.clone(),
            throughput: throughput.unwrap_or(0.0),
            p99_us: total
                .map_or(0.0, |total| total.response_ns.value_at_quantile(0.99) as f64 / 1_000.0),
            errors: of_all(|total| total.failed),
            retries: of_all(|total| total.retries),
            broken,
            detail,
            warnings: measured.warnings(),
            has_numbers: measured.has_numbers(),
            could_not: measured.could_not.clone(),
        })
    }
}

/// The stages of a benchmark, as far as they went.
fn in_stages(stand: &Stand<'_>, benchmark: &dyn StagedBenchmark) -> Result<Measured> {
    let mut measured = Measured::default();
    match benchmark.measure(stand, &mut measured) {
        Err(error) if !measured.has_rows() => return Err(error),
        Err(error) => measured.cut_short = Some(error.why().to_owned()),
        Ok(()) => {}
    }
    Ok(measured)
}

/// State before, load, state after.
fn in_one_load(stand: &Stand<'_>, benchmark: &dyn LoadBenchmark) -> Result<Measured> {
    let case = stand.case();
    let state = || {
        let doing = format!("check the data of {}", benchmark.name());
        stand.ask(&doing, async |session| benchmark.state(session, case.scale).await)
    };
    let before = state()?;
    if before.checks.iter().any(|check| !check.held) {
        return Ok(Measured { checks: before.checks, ..Measured::default() });
    }
    let context = stand.context();
    let workload = benchmark.workload(&context, &before);
    let stage = stand.load("", case.clients, &workload)?;
    // What was measured is kept even where its answers can no longer be looked at.
    let after = match state() {
        Ok(after) => after,
        Err(error) => {
            let unchecked = Some(error.why().to_owned());
            return Ok(Measured { stages: vec![stage], unchecked, ..Measured::default() });
        }
    };
    let report = &stage.report;
    let accounts = benchmark.account(&before, &after, &workload.counted(), &report.tally);
    let samples = benchmark.account_samples(&before, &after, &workload.witnessed());
    let own = benchmark.metrics(report, &context, &before, &after);
    let answers = workload.checks(report.is_whole());
    let checks = after.checks.into_iter().chain(accounts).chain(samples).chain(answers).collect();
    Ok(Measured { stages: vec![stage], own, checks, ..Measured::default() })
}

fn check_row(check: &Check) -> Measurement {
    let value = f64::from(u8::from(check.held));
    let row = Measurement::new(format!("check_{}", check.name), value, "1", Better::Higher);
    let status = if check.held { Status::Ok } else { Status::Failed };
    row.with_status(status, check.detail.clone())
}
