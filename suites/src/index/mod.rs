//! What an index gains and what it costs: a way of finding rows is measured without an index and with
//! it, and so are writes.

mod found;
mod measure;
mod patterns;
mod reads;
mod verdict;
mod writes;

use dbdyno_core::{Result, Statement};
use dbdyno_datasets::{Dataset, access};

use crate::benchmark::{Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::runner::{Measured, RunOptions, Stand};
use measure::Bench;
use patterns::{PATTERNS, Pattern};

/// The benchmarks of this suite, in the order in which they run.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    PATTERNS
        .iter()
        .map(|pattern| Box::new(IndexBenchmark { pattern }) as Box<dyn Benchmark>)
        .collect()
}

/// A benchmark `index/<pattern>`.
struct IndexBenchmark {
    pattern: &'static Pattern,
}

impl Benchmark for IndexBenchmark {
    fn name(&self) -> &'static str {
        self.pattern.name
    }

    fn summary(&self) -> &'static str {
        self.pattern.summary
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &access::Access
    }

    fn default_clients(&self) -> &'static [u32] {
        &[1]
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for IndexBenchmark {
    fn statements(&self, _context: &WorkloadContext) -> Vec<Statement> {
        let mut statements = reads::statements(self.pattern, None);
        statements.extend(writes::statements(self.pattern));
        statements
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        4
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        Bench::new(stand, self.pattern).measure(measured)
    }
}
