//! Pools of every kind and size under the same load, beside connections that clients have to themselves.

use dbdyno_core::random::Rng;
use dbdyno_core::{Better, Check, Measurement, PoolKind, Result, Statement};
use dbdyno_datasets::Dataset;

use super::bench::{Bench, DIRECT, OpenPool, Wish, opened};
use super::found;
use crate::benchmark::{
    Benchmark, LoadBenchmark, Procedure, StagedBenchmark, State, WorkloadContext,
};
use crate::runner::{Measured, Stand};

/// Clients where nobody names any: as many as the largest pool has connections.
const CLIENTS: [u32; 1] = [16];
/// The place of this random stream below the seed: the order of the stages.
const ORDER_STREAM: u64 = 0x706f_6f6c;
/// Loads that a case has at the most where nobody chooses: three kinds of five sizes, and one without.
const LOADS: u32 = 16;

/// A benchmark `pool/<name>`.
#[derive(Clone, Copy)]
pub struct Sweep {
    pub name: &'static str,
    pub summary: &'static str,
    pub transactions: &'static dyn LoadBenchmark,
}

impl Benchmark for Sweep {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn dataset(&self) -> &'static dyn Dataset {
        self.transactions.dataset()
    }

    fn default_clients(&self) -> &'static [u32] {
        &CLIENTS
    }

    fn has_pools(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Sweep {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        self.transactions.procedure().statements(context)
    }

    fn loads(&self) -> u32 {
        LOADS
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand, measured)?;
        Stages { bench: &bench, transactions: self.transactions }.run(measured)
    }
}

/// The loads of a case.
struct Stages<'b> {
    bench: &'b Bench<'b>,
    transactions: &'static dyn LoadBenchmark,
}

/// One load.
#[derive(Clone, Copy)]
enum Planned {
    Direct,
    Pool(PoolKind, u32),
}

impl Planned {
    fn name(self) -> String {
        match self {
            Self::Direct => DIRECT.to_owned(),
            Self::Pool(kind, size) => format!("{}-{size}", kind.name),
        }
    }
}

impl Stages<'_> {
    fn run(&self, measured: &mut Measured) -> Result<()> {
        let mut state = self.state()?;
        if state.checks.iter().any(|check| !check.held) {
            measured.checks.extend(state.checks);
            return Ok(());
        }
        for planned in self.order()? {
            self.bench.stand.go_on()?;
            if !self.stage(planned, &mut state, measured)? {
                return Ok(());
            }
        }
        measured.checks.extend(state.checks);
        Ok(())
    }

    /// One load with its account; whether it came to its end.
    fn stage(&self, planned: Planned, before: &mut State, measured: &mut Measured) -> Result<bool> {
        let (name, clients) = (planned.name(), self.bench.stand.case().clients);
        let context = self.bench.stand.context();
        let workload = self.transactions.workload(&context, before);
        self.bench.settle()?;
        let pool = match planned {
            Planned::Direct => None,
            Planned::Pool(kind, size) => {
                let opening = self.bench.open(kind, self.wish(size), &*workload);
                let Some(pool) = opened(opening, &name, measured)? else { return Ok(true) };
                Some((pool, size))
            }
        };
        let lent = pool.as_ref().map(|(pool, size)| (pool, *size));
        let (stage, seen) = self.bench.load(&name, lent, clients, &workload)?;
        measured.own.extend(found::metrics(&name, &stage.report, &seen));
        if let Some((pool, size)) = &pool {
            measured.own.push(size_row(&name, pool, *size));
            measured.checks.push(found::size_kept(&name, *size, &seen.looks));
        }
        drop(pool);
        let (tally, is_whole) = (stage.report.tally.clone(), stage.report.is_whole());
        measured.stages.push(stage);
        let after = match self.state() {
            Ok(after) => after,
            Err(error) => {
                measured.unchecked = Some(error.why().to_owned());
                return Ok(false);
            }
        };
        let accounts = self.transactions.account(before, &after, &workload.counted(), &tally);
        let samples = self.transactions.account_samples(before, &after, &workload.witnessed());
        let answers = workload.checks(is_whole);
        let named = |check: Check| Check { name: format!("{}_{name}", check.name), ..check };
        let all = accounts.into_iter().chain(samples).chain(answers);
        measured.checks.extend(all.map(named));
        measured.headline = headline(measured);
        *before = after;
        Ok(is_whole)
    }

    fn wish(&self, size: u32) -> Wish {
        let clients = self.bench.stand.case().clients;
        let acquire_timeout = self.bench.stand.options().pool.acquire_timeout();
        Wish { size, clients, acquire_timeout, idle_timeout: None }
    }

    /// The loads in an order of their own for each repetition.
    fn order(&self) -> Result<Vec<Planned>> {
        let case = self.bench.stand.case();
        let sizes = self.bench.stand.options().pool.sizes(case.clients);
        let mut loads = Vec::new();
        if self.bench.wants_direct() {
            loads.push(Planned::Direct);
        }
        for kind in self.bench.kinds()? {
            loads.extend(sizes.iter().map(|size| Planned::Pool(kind, *size)));
        }
        Rng::new(case.seed, &[ORDER_STREAM, u64::from(case.repetition)]).shuffle(&mut loads);
        Ok(loads)
    }

    fn state(&self) -> Result<State> {
        let (transactions, scale) = (self.transactions, self.bench.stand.case().scale);
        let doing = format!("check the data of {}", transactions.name());
        self.bench.stand.ask(&doing, async |session| transactions.state(session, scale).await)
    }
}

/// The size of a pool, and what is to be known of it.
fn size_row(name: &str, pool: &OpenPool, size: u32) -> Measurement {
    let row = Measurement::new("pool_size", size.into(), "1", Better::Neither).of(name);
    Measurement { detail: pool.pool.detail(), ..row }
}

/// The fastest load, and the one without a pool.
fn headline(measured: &Measured) -> String {
    let speed = |stage: &crate::runner::Stage| stage.report.total_throughput();
    let best = measured.stages.iter().max_by(|one, two| speed(one).total_cmp(&speed(two)));
    let direct = measured.stages.iter().find(|stage| stage.name == DIRECT);
    let told = |stage: &crate::runner::Stage| format!("{} {:.0} tx/s", stage.name, speed(stage));
    match (best, direct) {
        (Some(best), Some(direct)) if best.name != DIRECT => {
            format!("best {}; {}", told(best), told(direct))
        }
        (Some(best), _) => format!("best {}", told(best)),
        (None, _) => String::new(),
    }
}
