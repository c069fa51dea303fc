//! The CH-benCHmark (Cole et al., "The mixed workload CH-benCHmark", DBTest 2011): the clients of TPC-C and
//! streams of queries at once on the same tables, and what each costs the other.
//!
//! What is the paper's and what is chosen is written down in `docs/htap.md`.

mod answers;
mod metrics;
mod queries;
mod streams;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{LoadReport, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Check, Isolation, Result, Statement};
use dbdyno_datasets::Dataset;

use crate::benchmark::{
    Benchmark, LoadBenchmark as _, Procedure, StagedBenchmark, State, WorkloadContext,
};
use crate::oltp::tpcc::Tpcc;
use crate::runner::{Measured, RunOptions, Stand};
use answers::Answers;
use metrics::Reports;
pub use queries::QUERIES;
use streams::{Mixed, Orders};

/// The place of this random stream below the seed: the order of a case's loads.
const LOAD_ORDER: u64 = 0x6c6f_6164;

/// How long the last query of a stream may take once a load is over. Beside transactions, or on much
/// data, one may outlast the whole load, and it counts by how long it took.
const LAST_QUERY: Duration = Duration::from_secs(600);

/// The benchmark `olap/htap`.
#[derive(Clone, Copy, Debug)]
pub struct Htap;

impl Benchmark for Htap {
    fn name(&self) -> &'static str {
        "htap"
    }

    fn summary(&self) -> &'static str {
        "CH-benCHmark: TPC-C's transactions by `--clients` and 22 queries by `--streams` on the same \
         tables, alone and at once, and how much each slows the other"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        Tpcc.dataset()
    }

    fn has_streams(&self) -> bool {
        true
    }

    fn drain_limit(&self) -> Option<Duration> {
        Some(LAST_QUERY)
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Htap {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        let orders = Orders { seed: context.seed, repetition: 1 };
        let mixed = Mixed::beside(context.clients, Self::transactions(context), orders);
        mixed.statements().to_vec()
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        Load::ALL.len() as u32
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let before = look(stand)?;
        if before.checks.iter().any(|check| !check.held) {
            measured.checks = before.checks;
            return Ok(());
        }
        let mut loads = Loads { stand, before, measured };
        let ran = loads.run_all();
        loads.finish();
        ran
    }
}

impl Htap {
    /// The workload of TPC-C.
    fn transactions(context: &WorkloadContext) -> Arc<dyn Workload> {
        Tpcc.workload(context, &State::default())
    }
}

/// A load of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    Transactions,
    Queries,
    Both,
}

impl Load {
    const ALL: [Self; 3] = [Self::Transactions, Self::Queries, Self::Both];

    /// Its name in rows.
    const fn name(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Queries => "queries",
            Self::Both => "both",
        }
    }
}

/// The order of the loads of a repetition: shuffled, for the tables grow from load to load, and a machine
/// drifts.
fn order(seed: u64, repetition: u32) -> [Load; 3] {
    let mut order = Load::ALL;
    Rng::new(seed, &[LOAD_ORDER, u64::from(repetition)]).shuffle(&mut order);
    order
}

/// Looks at the tables of TPC-C.
fn look(stand: &Stand<'_>) -> Result<State> {
    let scale = stand.case().scale;
    stand.ask("check the data of htap", async |session| Tpcc.state(session, scale).await)
}

/// The loads of a case as they run.
struct Loads<'s> {
    stand: &'s Stand<'s>,
    /// The tables as they are after the loads so far.
    before: State,
    measured: &'s mut Measured,
}

/// What a load is about to run.
struct Prepared {
    clients: u32,
    workload: Arc<dyn Workload>,
    /// What its streams are answered, where it has any.
    answers: Option<Arc<Answers>>,
}

impl Loads<'_> {
    /// Runs the loads, up to one that went wrong.
    fn run_all(&mut self) -> Result<()> {
        for load in order(self.stand.case().seed, self.stand.case().repetition) {
            self.stand.go_on()?;
            if !self.run(load)? {
                break;
            }
        }
        Ok(())
    }

    /// Runs a load and looks at what it did; false where no other is to follow.
    fn run(&mut self, load: Load) -> Result<bool> {
        let prepared = self.prepare(load);
        let stage = self.stand.load(load.name(), prepared.clients, &prepared.workload)?;
        if let Some(answers) = &prepared.answers {
            self.judge(load, answers);
        }
        if load != Load::Queries {
            self.account(load, &stage.report, prepared.workload.as_ref());
        }
        let right = self.measured.checks.iter().all(|check| check.held);
        let goes_on = right && stage.report.is_whole() && self.measured.unchecked.is_none();
        self.measured.stages.push(stage);
        Ok(goes_on)
    }

    fn prepare(&self, load: Load) -> Prepared {
        let (context, case) = (self.stand.context(), self.stand.case());
        let orders = Orders { seed: case.seed, repetition: case.repetition };
        let (clients, streams) = (case.clients, self.stand.options().streams());
        let transactions = || Htap::transactions(&context);
        let (clients, mixed) = match load {
            Load::Transactions => {
                return Prepared { clients, workload: transactions(), answers: None };
            }
            Load::Queries => (streams, Mixed::streams(orders)),
            Load::Both => (clients + streams, Mixed::beside(clients, transactions(), orders)),
        };
        let answers = Some(mixed.answers());
        Prepared { clients, workload: Arc::new(mixed), answers }
    }

    /// Whether the streams were answered what they may be. Where reads are of no one moment, a query may
    /// see part of a transaction.
    fn judge(&mut self, load: Load, answers: &Answers) {
        let of_one_moment = self.stand.case().isolation != Isolation::ReadUncommitted;
        let repeat = if load == Load::Queries { answers.repeat() } else { None };
        let whole = if of_one_moment { answers.orders_whole() } else { None };
        self.keep(load, repeat.into_iter().chain(whole));
    }

    /// Whether the tables are consistent after a load that wrote, and account for its commits.
    fn account(&mut self, load: Load, report: &LoadReport, workload: &dyn Workload) {
        let after = match look(self.stand) {
            Ok(after) => after,
            Err(error) => {
                self.measured.unchecked = Some(error.why().to_owned());
                return;
            }
        };
        let accounts = Tpcc.account(&self.before, &after, &workload.counted(), &report.tally);
        self.keep(load, after.checks.iter().cloned().chain(accounts));
        self.before = after;
    }

    /// Keeps checks under the name of the load that they are of.
    fn keep(&mut self, load: Load, checks: impl Iterator<Item = Check>) {
        let named =
            |check: Check| Check { name: format!("{}_{}", check.name, load.name()), ..check };
        self.measured.checks.extend(checks.map(named));
    }

    /// Adds what transactions and queries cost each other.
    fn finish(self) {
        let stages = &self.measured.stages;
        let of = |load: Load| {
            let stage = stages.iter().find(|stage| stage.name == load.name());
            stage.map(|stage| &stage.report).filter(|report| !report.window.is_zero())
        };
        let reports = Reports {
            transactions: of(Load::Transactions),
            queries: of(Load::Queries),
            both: of(Load::Both),
        };
        let count = |count: u32, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        let streams = count(self.stand.options().streams(), "stream");
        let mix = format!("{}, {streams}", count(self.stand.case().clients, "client"));
        let (own, headline) = (reports.measurements(&mix), reports.headline());
        (self.measured.own, self.measured.headline) = (own, headline);
    }
}
