//! Which cases a run is made of.

use dbdyno_core::load::Arrival;
use dbdyno_core::random::Rng;
use dbdyno_core::{Cache, Driver, Durability, Isolation, LevelSupport, StatementForm};

use super::options::{DurabilityChoice, IsolationChoice, RunOptions, Selection};
use crate::benchmark::Benchmark;

/// The place of this random stream below the seed: the order of cases within a round.
const ORDER_STREAM: u64 = 0x6f72_6465;

/// A case before it is measured, with the driver by its place in the run's list.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCase {
    /// The place of the driver.
    pub driver: usize,
    /// The isolation level.
    pub isolation: Isolation,
    /// The durability asked for; what the server holds where `None`.
    pub durability: Option<Durability>,
    /// The number of clients.
    pub clients: u32,
    /// Transactions per second in open loop.
    pub rate: Option<f64>,
    /// How its statements are said.
    pub statements: StatementForm,
    /// Whether requests are sent together.
    pub pipeline: bool,
    /// What its loads find in memory.
    pub cache: Cache,
    /// Why it cannot be measured, where the engine lacks something.
    pub unsupported: Option<String>,
}

/// The cases of one benchmark on all drivers. `settable` says of each driver whether dbdyno may
/// set its durability.
pub fn plan(
    selection: Selection<'_>,
    drivers: &[&dyn Driver],
    settable: &[bool],
    options: &RunOptions,
) -> Vec<PlannedCase> {
    let clients = match &options.clients {
        Some(listed) if selection.benchmark.takes_clients() => listed.clone(),
        _ => selection.benchmark.default_clients().to_vec(),
    };
    let rate = match options.arrival {
        Arrival::Closed => None,
        Arrival::Open(open) => Some(open.rate),
    };
    let mut cases = Vec::new();
    for (driver, (adapter, settable)) in drivers.iter().zip(settable).enumerate() {
        for (isolation, unsupported) in levels(*adapter, selection.benchmark, &options.isolation) {
            for durability in durabilities(*settable, &options.durability) {
                for clients in &clients {
                    for form in forms(*adapter, options) {
                        cases.push(PlannedCase {
                            driver,
                            isolation,
                            durability,
                            clients: *clients,
                            rate,
                            statements: form.statements,
                            pipeline: form.pipeline,
                            cache: form.cache,
                            unsupported: unsupported.clone().or(form.lacking),
                        });
                    }
                }
            }
        }
    }
    cases
}

/// The order in which round number `round` measures `count` cases: shuffled, so that a machine
/// that drifts within a round touches all cases alike.
pub fn round_order(count: usize, seed: u64, round: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    Rng::new(seed, &[ORDER_STREAM, u64::from(round)]).shuffle(&mut order);
    order
}

/// The levels to measure on a driver, with the reason where it lacks one.
fn levels(
    driver: &dyn Driver,
    benchmark: &dyn Benchmark,
    choice: &IsolationChoice,
) -> Vec<(Isolation, Option<String>)> {
    match choice {
        IsolationChoice::Default if benchmark.compares_isolation() => Isolation::ALL
            .into_iter()
            .filter(|level| driver.isolation(*level).is_native())
            .map(|level| (level, None))
            .collect(),
        IsolationChoice::Default => vec![(driver.default_isolation(), None)],
        IsolationChoice::All => Isolation::ALL
            .into_iter()
            .map(|level| match driver.isolation(level) {
                LevelSupport::Native { .. } => (level, None),
                LevelSupport::SameAs { level: same, why } => {
                    (level, Some(format!("it runs as {same}, which is measured: {why}")))
                }
                LevelSupport::Lacks { why } => (level, Some(why)),
            })
            .collect(),
        IsolationChoice::Listed(listed) => listed
            .iter()
            .map(|level| match driver.isolation(*level) {
                LevelSupport::Lacks { why } => (*level, Some(why)),
                LevelSupport::Native { .. } | LevelSupport::SameAs { .. } => (*level, None),
            })
            .collect(),
    }
}

/// How a load is made, besides what it asks of the server.
struct Form {
    statements: StatementForm,
    pipeline: bool,
    cache: Cache,
    /// Why the driver cannot.
    lacking: Option<String>,
}

/// How statements are said and sent, and what they find in memory.
fn forms(driver: &dyn Driver, options: &RunOptions) -> Vec<Form> {
    let mut forms = Vec::new();
    for statements in &options.statements {
        for pipeline in &options.pipeline {
            for cache in &options.cache {
                let lacking = driver.capabilities().pipeline.err().filter(|_| *pipeline);
                let warm = (*cache == Cache::Cold && driver.cold_start().is_none()).then_some(
                    "only a server that dbdyno started, or a file, can be taken out of memory",
                );
                forms.push(Form {
                    statements: *statements,
                    pipeline: *pipeline,
                    cache: *cache,
                    lacking: lacking.or(warm).map(str::to_owned),
                });
            }
        }
    }
    forms
}

fn durabilities(settable: bool, choice: &DurabilityChoice) -> Vec<Option<Durability>> {
    match choice {
        DurabilityChoice::Default if settable => vec![Some(Durability::Full)],
        DurabilityChoice::Default => vec![None],
        DurabilityChoice::Listed(listed) => listed.iter().copied().map(Some).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::round_order;

    #[test]
    fn each_round_has_every_case_once_in_an_order_of_its_own() {
        let rounds: Vec<_> = (1..=4).map(|round| round_order(6, 1, round)).collect();
        for round in &rounds {
            let mut sorted = round.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
        }
        assert!(rounds.windows(2).any(|pair| pair[0] != pair[1]));
        assert_eq!(rounds[0], round_order(6, 1, 1));
    }
}
