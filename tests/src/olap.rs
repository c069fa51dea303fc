//! What the tests of the olap suite share: one of its benchmarks on one target.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use dbdyno_core::{DbError, Driver, Measurement, SessionOptions, Status};
use dbdyno_suites::olap;
use dbdyno_suites::runner::{RunOptions, RunSummary};
use tokio::runtime::Runtime;

use crate::{Kept, named, run_one, runtime, target};

/// A benchmark of the suite on a target.
pub struct Bench {
    benchmark: &'static str,
    runtime: Runtime,
    driver: Arc<dyn Driver>,
}

impl Bench {
    /// The benchmark of that name on a target.
    ///
    /// # Panics
    /// The target cannot be opened.
    pub fn open(benchmark: &'static str, text: &str) -> Self {
        let runtime = runtime();
        let driver = target(&runtime, text);
        Self { benchmark, runtime, driver }
    }

    /// Runs it; gives how it came out, and its rows.
    ///
    /// # Panics
    /// It cannot be run.
    pub fn run(&self, options: &RunOptions) -> (RunSummary, Vec<Measurement>) {
        self.run_other(self.benchmark, options)
    }

    /// Runs another benchmark of the suite on the same target.
    ///
    /// # Panics
    /// It cannot be run.
    pub fn run_other(
        &self,
        benchmark: &str,
        options: &RunOptions,
    ) -> (RunSummary, Vec<Measurement>) {
        let (kept, benchmark) = (Kept::default(), named(olap::benchmarks(), benchmark));
        let chosen = ("olap", benchmark.as_ref());
        let summary = run_one(&self.runtime, &self.driver, chosen, options, &kept);
        (summary, kept.rows().into_iter().map(|(_, row)| row).collect())
    }

    /// Changes its data by hand.
    ///
    /// # Panics
    /// The statement fails or changes nothing.
    pub fn sql(&self, sql: &str) {
        let changed = self.try_sql(self.benchmark, sql).unwrap();
        assert!(changed > 0, "changed nothing: {sql}");
    }

    /// Runs a statement on a data set; gives the number of rows that it changed.
    ///
    /// # Errors
    /// The engine refuses.
    ///
    /// # Panics
    /// The target cannot be reached.
    pub fn try_sql(&self, dataset: &str, sql: &str) -> Result<u64, DbError> {
        let namespace = Some(format!("dbdyno_{dataset}"));
        let options = SessionOptions { namespace, ..SessionOptions::default() };
        self.runtime
            .block_on(async { self.driver.connect(&options).await.unwrap().run_sql(sql).await })
    }
}

/// The answers' checks that do not hold, with why.
pub fn wrong(rows: &[Measurement]) -> Vec<(&str, &str)> {
    let checks = rows.iter().filter(|row| row.metric.starts_with("check_q"));
    let wrong = checks.filter(|row| row.status != Status::Ok);
    wrong.map(|row| (row.metric.as_str(), row.detail.as_str())).collect()
}

/// A metric of the case as a whole.
pub fn of_all(rows: &[Measurement], metric: &str) -> Option<f64> {
    let is = |row: &&Measurement| row.metric == metric && row.transaction.is_empty();
    rows.iter().find(is).and_then(|row| row.value)
}
