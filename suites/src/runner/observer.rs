//! Who is told how a run goes, for the screen.

use std::time::Duration;

use dbdyno_core::{Case, Event, Status, measurement::Second};
use dbdyno_datasets::LoadObserver as DatasetObserver;

use crate::benchmark::Check;

/// Told what happens in a run as it happens.
pub trait RunObserver: DatasetObserver + Sync {
    /// A benchmark begins: `cases` are measured `repetitions` times each.
    fn benchmark_started(&self, suite: &str, benchmark: &str, cases: usize, repetitions: u32);

    /// The data of a benchmark is looked for on a target, and loaded where it is not there.
    fn preparing(&self, target: &str);

    /// A case begins.
    fn case_started(&self, case: &Case);

    /// A load of a case begins, under a name where the case has several; it takes `length`, warm-up
    /// included, where that is known.
    fn load_started(&self, case: &Case, stage: &str, length: Option<Duration>);

    /// Something else is done for a case, which may take its time.
    fn working_on(&self, case: &Case, doing: &str);

    /// A second of it is over.
    fn second(&self, seconds: &[Second]);

    /// Something happened in it.
    fn event(&self, event: &Event);

    /// It is over.
    fn case_finished(&self, case: &Case, summary: &CaseSummary);
}

/// What a person is told of a case at its end.
#[derive(Clone, Debug)]
pub struct CaseSummary {
    /// What became of it.
    pub status: Status,
    /// What came out, in the benchmark's own words; empty where throughput and percentile say it.
    pub headline: String,
    /// Transactions per second of the last load.
    pub throughput: f64,
    /// 99th percentile of its response time, in microseconds.
    pub p99_us: f64,
    /// Failed transactions.
    pub errors: u64,
    /// Retries.
    pub retries: u64,
    /// The conditions that did not hold.
    pub broken: Vec<Check>,
    /// Why it is not `ok`, or what must be known of its numbers.
    pub detail: String,
    /// What was seen of the machine that bears on its numbers.
    pub warnings: Vec<String>,
    /// Whether anything was measured.
    pub has_numbers: bool,
    /// Parts of it that could not be carried out, each with why.
    pub could_not: Vec<String>,
}
