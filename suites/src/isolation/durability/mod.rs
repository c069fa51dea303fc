//! Kill, recover, account: whether acknowledged commits outlive a crash of the server, and how long it
//! takes until the next one.
//!
//! A case is a number of cycles. In each, clients are at work when the server is killed with SIGKILL; it
//! is started again, and the tables are held against what every client was told of every transaction.
//! `docs/durability.md` says what that proves and what not.

pub(crate) mod account;
pub(crate) mod child;
pub(crate) mod crash;
mod cycles;
mod findings;
pub mod hosted;
pub(crate) mod journal;
mod lists;
mod probe;
pub(crate) mod scribe;
#[cfg(test)]
mod tests;
mod tpcb;
pub(crate) mod transactions;

use std::sync::Arc;

use dbdyno_core::load::Workload;
use dbdyno_core::{Cache, Error, Result, Statement};
use dbdyno_datasets::Dataset;

use crate::benchmark::{AfterUse, Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::runner::{Measured, RunOptions, Stand};
use cycles::Cycles;
use journal::Memory;
use scribe::Part;
pub use transactions::Transactions;

/// TPC-B under crashes.
pub const TPCB: Durability = Durability {
    name: "durability-tpcb",
    summary: "pgbench's transaction while the server is killed `--cycles` times: what was \
              acknowledged, lost, and how long recovery takes",
    transactions: Transactions::TpcB,
};

/// List-append under crashes.
pub const LIST_APPEND: Durability = Durability {
    name: "durability-list-append",
    summary: "appending to two lists at once while the server is killed `--cycles` times: every \
              element accounted for, whole and in order",
    transactions: Transactions::ListAppend,
};

/// A benchmark `isolation/durability-…`.
#[derive(Clone, Copy, Debug)]
pub struct Durability {
    name: &'static str,
    summary: &'static str,
    transactions: Transactions,
}

impl Benchmark for Durability {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn dataset(&self) -> &'static dyn Dataset {
        self.transactions.dataset()
    }

    /// Marks of another case would be those of nobody.
    fn after_use(&self) -> AfterUse {
        AfterUse::Spent
    }

    fn has_cycles(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Durability {
    fn statements(&self, _context: &WorkloadContext) -> Vec<Statement> {
        self.transactions.statements()
    }

    /// Each lasts until it is crashed.
    fn loads(&self, _options: &RunOptions) -> u32 {
        0
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench { stand, transactions: self.transactions };
        bench.check_ability()?;
        Cycles::new(&bench).run(measured)
    }
}

/// A case that is being measured.
pub struct Bench<'s> {
    stand: &'s Stand<'s>,
    transactions: Transactions,
}

impl Bench<'_> {
    fn check_ability(&self) -> Result<()> {
        let (driver, options) = (self.stand.driver(), self.stand.options());
        let doing = format!("crash {} under load", driver.target());
        if driver.server_control().is_none() && driver.embedded().is_none() {
            return Err(Error::unsupported(doing, "dbdyno kills only servers that it started"));
        }
        if driver.server_control().is_none() && options.load_host.is_none() {
            let why = "the engine runs in the process of its clients, and no program was named that \
                       hosts them in another";
            return Err(Error::unsupported(doing, why));
        }
        if self.stand.case().cache == Cache::Cold {
            let why = "each load begins on what the recovery before it left in memory";
            return Err(Error::unsupported(doing, why));
        }
        Ok(())
    }

    /// The clients' workload in a cycle.
    fn workload(&self, cycle: u32, rolls_back: bool, journal: Arc<Memory>) -> Arc<dyn Workload> {
        let part = Part { cycle, rolls_back, journal };
        self.transactions.workload(self.stand.case().scale, part)
    }
}
