//! What the stages of a case found out, as metrics.

use std::time::Duration;

use dbdyno_core::load::LoadReport;
use dbdyno_core::{Better, Check, Measurement, Plan};

use super::verdict::{Evidence, Verdict};
use super::writes::{ROWS_PER_TRANSACTION, TYPES};
use crate::runner::{Measured, Stage};

/// The names of the loads, and of the plans of what they find.
pub const FIND_WITHOUT: &str = "find-without-index";
pub const FIND_WITH: &str = "find-with-index";
pub const WRITE_WITHOUT: &str = "write-without-index";
pub const WRITE_WITH: &str = "write-with-index";

/// What was found out so far.
#[derive(Default)]
pub struct Found {
    index: &'static str,
    /// The loads.
    pub stages: Vec<Stage>,
    /// The conditions that were looked at.
    pub checks: Vec<Check>,
    /// The rows that the compared queries answer, without the index.
    pub answers: Option<Vec<Vec<(i64, i64)>>>,
    /// The plans of the query, by the load that it is of.
    pub plans: Vec<(&'static str, Plan)>,
    /// How long the index took to build.
    pub build: Option<Duration>,
    /// How large it is.
    pub size_bytes: Option<i64>,
}

impl Found {
    /// Nothing, of the index of that name.
    pub fn new(index: &'static str) -> Self {
        Self { index, ..Self::default() }
    }

    /// All of it.
    pub fn measured(self) -> Measured {
        let evidence = self.evidence();
        let mut own = self.metrics();
        own.extend(evidence.iter().flat_map(weighed));
        own.extend(self.slowdowns());
        let headline = evidence.as_ref().map(headline).unwrap_or_default();
        Measured { stages: self.stages, own, checks: self.checks, headline, ..Measured::default() }
    }

    /// A load that came to its end.
    fn report(&self, name: &str) -> Option<&LoadReport> {
        let stage = self.stages.iter().find(|stage| stage.name == name)?;
        Some(&stage.report).filter(|report| report.is_whole())
    }

    /// Whether the plan reads the index.
    fn is_used(&self) -> Option<bool> {
        let (_, plan) = self.plans.iter().find(|(name, _)| *name == FIND_WITH)?;
        Some(plan.uses_index(self.index))
    }

    /// What all loads together say, once they are through.
    fn evidence(&self) -> Option<Evidence> {
        let read_us = |name| {
            let total = self.report(name)?.total();
            (!total.response_ns.is_empty()).then(|| total.response_ns.mean() / 1e3)
        };
        let write_us = |name| {
            let total = self.report(name)?.total();
            let transaction_us = total.response_ns.mean() / 1e3;
            (!total.response_ns.is_empty()).then(|| transaction_us / ROWS_PER_TRANSACTION as f64)
        };
        Some(Evidence {
            used: self.is_used(),
            read_us: (read_us(FIND_WITHOUT)?, read_us(FIND_WITH)?),
            write_us: (write_us(WRITE_WITHOUT)?, write_us(WRITE_WITH)?),
        })
    }

    fn metrics(&self) -> Vec<Measurement> {
        let mut rows = Vec::new();
        if let Some(build) = self.build {
            let ms = build.as_secs_f64() * 1e3;
            rows.push(Measurement::new("index_build_ms", ms, "ms", Better::Lower));
        }
        if let Some(bytes) = self.size_bytes {
            rows.push(Measurement::new("index_size_bytes", bytes as f64, "bytes", Better::Lower));
        }
        if let Some(used) = self.is_used() {
            let used = f64::from(u8::from(used));
            rows.push(Measurement::new("index_used", used, "1", Better::Neither));
        }
        for (name, plan) in &self.plans {
            let metric =
                if *name == FIND_WITH { "q_error_with_index" } else { "q_error_without_index" };
            let q_error = plan.q_error();
            rows.extend(q_error.map(|q| Measurement::new(metric, q, "1", Better::Lower)));
        }
        rows
    }

    /// How many times as long each kind of write takes with the index.
    fn slowdowns(&self) -> Vec<Measurement> {
        let (Some(without), Some(with)) = (self.report(WRITE_WITHOUT), self.report(WRITE_WITH))
        else {
            return Vec::new();
        };
        let mean = |report: &LoadReport, name: &str| {
            let transaction = report.transactions.iter().find(|each| each.name == name)?;
            let times = &transaction.response_ns;
            (!times.is_empty()).then(|| times.mean())
        };
        let slowdown = |name: &'static str| {
            let ratio = mean(with, name)? / mean(without, name)?;
            Some(Measurement::new("write_slowdown", ratio, "1", Better::Lower).of(name))
        };
        TYPES.into_iter().filter_map(slowdown).collect()
    }
}

/// What it comes to.
fn weighed(evidence: &Evidence) -> Vec<Measurement> {
    let verdict = evidence.verdict();
    let effective = f64::from(u8::from(verdict == Verdict::Effective));
    let said = Measurement::new("index_effective", effective, "1", Better::Higher);
    let mut rows = vec![
        Measurement { detail: verdict.words().to_owned(), ..said },
        Measurement::new("read_speedup", evidence.read_speedup(), "1", Better::Higher),
        Measurement::new("write_slowdown", evidence.write_slowdown(), "1", Better::Lower),
    ];
    if let Some(reads) = evidence.break_even_reads() {
        rows.push(Measurement::new("break_even_reads_per_write", reads, "1", Better::Lower));
    }
    rows
}

fn headline(evidence: &Evidence) -> String {
    format!(
        "{:<22} reads {:.2}x as fast, writes {:.2}x as long",
        evidence.verdict().words(),
        evidence.read_speedup(),
        evidence.write_slowdown()
    )
}
