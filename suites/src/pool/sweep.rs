//! Pools of every kind and size under the same load, beside connections that clients have to themselves.

use dbdyno_core::random::Rng;
use dbdyno_core::{Result, Statement};
use dbdyno_datasets::Dataset;

use super::bench::{Bench, DIRECT};
use super::stages::{Account, Planned};
use crate::benchmark::{Benchmark, LoadBenchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::runner::{Measured, RunOptions, Stage, Stand};

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

    fn loads(&self, _options: &RunOptions) -> u32 {
        LOADS
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand, measured)?;
        let mut loads = planned(&bench)?;
        shuffle(&bench, &mut loads);
        measure_all(&bench, self.transactions, &loads, measured)
    }
}

/// Every kind of pool in every size, and connections without one.
fn planned(bench: &Bench<'_>) -> Result<Vec<Planned>> {
    let sizes = bench.stand.options().pool.sizes(bench.stand.case().clients);
    let mut loads = Vec::new();
    if bench.wants_direct() {
        loads.push(Planned::Direct);
    }
    for kind in bench.kinds()? {
        loads.extend(sizes.iter().map(|size| Planned::Pool(kind, *size)));
    }
    Ok(loads)
}

/// Puts loads in an order of their own for each repetition.
pub fn shuffle<T>(bench: &Bench<'_>, loads: &mut [T]) {
    let case = bench.stand.case();
    Rng::new(case.seed, &[ORDER_STREAM, u64::from(case.repetition)]).shuffle(loads);
}

/// Goes through loads in their order.
///
/// # Errors
/// One of them never began, or the end was asked for.
pub fn measure_all(
    bench: &Bench<'_>,
    transactions: &'static dyn LoadBenchmark,
    loads: &[Planned],
    measured: &mut Measured,
) -> Result<()> {
    let Some(mut account) = Account::open(bench, transactions, measured)? else { return Ok(()) };
    for planned in loads {
        bench.stand.rest()?;
        bench.stand.go_on()?;
        if !account.load(*planned, measured)? {
            return Ok(());
        }
        measured.headline = headline(measured);
    }
    account.close(measured);
    Ok(())
}

/// The fastest load, and the one without a pool.
fn headline(measured: &Measured) -> String {
    let speed = |stage: &Stage| stage.report.total_throughput();
    let best = measured.stages.iter().max_by(|one, two| speed(one).total_cmp(&speed(two)));
    let direct = measured.stages.iter().find(|stage| stage.name == DIRECT);
    let told = |stage: &Stage| format!("{} {:.0} tx/s", stage.name, speed(stage));
    match (best, direct) {
        (Some(best), Some(direct)) if best.name != DIRECT => {
            format!("best {}; {}", told(best), told(direct))
        }
        (Some(best), _) => format!("best {}", told(best)),
        (None, _) => String::new(),
    }
}
