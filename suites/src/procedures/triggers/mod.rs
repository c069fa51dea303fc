//! What triggers cost every row that is written, and what constraints and generated columns cost that may
//! stand in their place.

mod found;
mod kinds;
mod measure;
mod writes;

use std::time::Duration;

use dbdyno_core::{Dialect, Result, Statement};
use dbdyno_datasets::{Dataset, journal};

use super::SHORTEST_LOAD;
use crate::benchmark::{AfterUse, Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::runner::{Measured, RunOptions, Stand};
use kinds::{KINDS, Kind};
use measure::Bench;

/// The benchmark `procedures/triggers`.
#[derive(Clone, Copy, Debug)]
pub struct Triggers;

impl Benchmark for Triggers {
    fn name(&self) -> &'static str {
        "triggers"
    }

    fn summary(&self) -> &'static str {
        "What row-level, statement-level, validating and cascading triggers cost each row, beside \
         check constraints and generated columns"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &journal::Journal
    }

    fn after_use(&self) -> AfterUse {
        AfterUse::Spent
    }

    fn default_clients(&self) -> &'static [u32] {
        &[1]
    }

    fn shortest_load(&self, _options: &RunOptions) -> Duration {
        SHORTEST_LOAD
    }

    fn scripts(&self, dialect: &dyn Dialect) -> Vec<(&'static str, &'static str)> {
        let of = |kind: &Kind| {
            let statements = kind.statements(dialect.triggers()).unwrap_or_default();
            let name = kind.name;
            statements.into_iter().map(move |sql| (name, sql)).collect::<Vec<_>>()
        };
        KINDS.iter().flat_map(of).collect()
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Triggers {
    fn statements(&self, _: &WorkloadContext) -> Vec<Statement> {
        writes::statements(1)
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        2 * KINDS.len() as u32
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        Bench::new(stand).measure(measured)
    }
}
