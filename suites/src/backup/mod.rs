//! Backups: what making one costs, and whether what is restored from it is what was promised.
//!
//! A case goes through the methods that the engine has, one after another. Each backup is made of TPC-C's tables,
//! at rest or under their load, restored into a server of its own, and held against what its method promises.
//! `docs/replication-and-backup.md` says how each number is measured.

mod bench;
pub mod content;
mod course;
mod found;
mod ledger;
mod load;
mod locks;
mod making;
mod manifest;
mod noted;
mod options;
mod rows;
mod verify;

use dbdyno_core::{Result, Statement};
use dbdyno_datasets::Dataset;

use crate::benchmark::{
    AfterUse, Benchmark, LoadBenchmark, Procedure, StagedBenchmark, State, WorkloadContext,
};
use crate::oltp::tpcc::Tpcc;
use crate::runner::{Measured, RunOptions, Stand};
use bench::Bench;
pub use options::BackupOptions;

/// The methods that a case is reckoned with, to share the time of a run.
const METHODS: u32 = 6;

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    vec![
        Box::new(Backup {
            name: "idle",
            summary: "backups of TPC-C's tables by every method, while nobody uses them: time, size, and restoring \
                      them to the same rows",
            under_load: false,
        }),
        Box::new(Backup {
            name: "tpcc",
            summary: "the same under TPC-C's load: what a backup costs the clients, and whether it holds what was \
                      committed before it and nothing that was later",
            under_load: true,
        }),
    ]
}

/// A benchmark of backups.
#[derive(Clone, Copy, Debug)]
struct Backup {
    name: &'static str,
    summary: &'static str,
    under_load: bool,
}

impl Benchmark for Backup {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn dataset(&self) -> &'static dyn Dataset {
        Tpcc.dataset()
    }

    fn after_use(&self) -> AfterUse {
        AfterUse::Reusable
    }

    fn has_backups(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Backup {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        Tpcc.workload(context, &State::default()).statements().to_vec()
    }

    /// Each method has the load to itself before and after its backup.
    fn loads(&self, _options: &RunOptions) -> u32 {
        if self.under_load { 2 * METHODS } else { 0 }
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        Bench::new(stand, self.under_load)?.run(measured)
    }
}
