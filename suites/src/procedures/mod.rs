//! What it gains to have the server do more by itself: transactions as stored procedures against the same
//! transactions as statements of the client.

mod found;
mod measure;
mod routines;
mod same_rows;
mod triggers;

use std::time::Duration;

use dbdyno_core::{Dialect, Result, Statement};
use dbdyno_datasets::Dataset;

use crate::benchmark::{
    AfterUse, Benchmark, LoadBenchmark, Procedure, StagedBenchmark, WorkloadContext,
};
use crate::oltp::{SmallBank, Tpcc, tpcb::TpcB};
use crate::runner::{Measured, RunOptions, Stand};
use measure::{Bench, ROUND_TRIPS};
use routines::Routines;

/// Three seconds: at 5 ms four clients end some twenty transactions of TPC-C in one, and how long a commit takes
/// to reach a disk changes from second to second.
const SHORTEST_LOAD: Duration = Duration::from_secs(3);

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    let mut benchmarks: Vec<Box<dyn Benchmark>> = vec![];
    benchmarks.extend(BENCHMARKS.map(|benchmark| Box::new(benchmark) as Box<dyn Benchmark>));
    benchmarks.push(Box::new(triggers::Triggers));
    benchmarks
}

const BENCHMARKS: [ProcedureBenchmark; 3] = [
    ProcedureBenchmark {
        summary: "pgbench's TPC-B-like transaction in one call against five statements, at several \
                  round trips",
        transactions: &TpcB,
        routines: routines::TPCB,
    },
    ProcedureBenchmark {
        summary: "SmallBank's six transactions as stored procedures against statements, at several \
                  round trips",
        transactions: &SmallBank,
        routines: routines::SMALLBANK,
    },
    ProcedureBenchmark {
        summary: "TPC-C's five transactions as stored procedures against statements, at several \
                  round trips",
        transactions: &Tpcc,
        routines: routines::TPCC,
    },
];

/// A benchmark `procedures/<benchmark of the oltp suite>`.
#[derive(Clone, Copy)]
struct ProcedureBenchmark {
    summary: &'static str,
    transactions: &'static dyn LoadBenchmark,
    routines: Routines,
}

impl Benchmark for ProcedureBenchmark {
    fn name(&self) -> &'static str {
        self.transactions.name()
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn dataset(&self) -> &'static dyn Dataset {
        self.transactions.dataset()
    }

    fn after_use(&self) -> AfterUse {
        self.transactions.after_use()
    }

    fn shortest_load(&self, _options: &RunOptions) -> Duration {
        SHORTEST_LOAD
    }

    fn scripts(&self, dialect: &dyn Dialect) -> Vec<(&'static str, &'static str)> {
        let Ok(language) = dialect.procedures() else { return Vec::new() };
        let routines = self.routines.of(language);
        routines.iter().map(|routine| (routine.transaction, routine.create())).collect()
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for ProcedureBenchmark {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        self.transactions.procedure().statements(context)
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        2 * ROUND_TRIPS.len() as u32
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        Bench::new(stand, self)?.measure(measured)
    }
}
