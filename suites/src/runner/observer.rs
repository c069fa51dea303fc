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

    /// A case begins; it takes `length`, warm-up included, where that is known.
    fn case_started(&self, case: &Case, length: Option<Duration>);

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
    /// Transactions per second.
    pub throughput: f64,
    /// 99th percentile of the response time, in microseconds.
    pub p99_us: f64,
    /// Failed transactions.
    pub errors: u64,
    /// Retries.
    pub retries: u64,
    /// The conditions that did not hold.
    pub broken: Vec<Check>,
    /// Why it is not `ok`, or what must be known of its numbers.
    pub detail: String,
    /// Whether anything was measured.
    pub has_numbers: bool,
}
