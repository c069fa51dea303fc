//! Connect, work, disconnect, for each transaction: what a pool spares.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dbdyno_core::connecting::timed;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{
    Better, ConnectTimes, DbError, Driver, Error, Measurement, Pool, PoolState, Result, Session,
    SessionOptions, Statement,
};
use dbdyno_datasets::Dataset;

use super::bench::Bench;
use super::stages::Planned;
use super::sweep::{measure_all, shuffle};
use crate::benchmark::{Benchmark, LoadBenchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, RunOptions, Stand};

/// The transactions.
const TRANSACTIONS: &dyn LoadBenchmark = &TpcB;
/// Connections whose opening is taken apart.
const CONNECTIONS: usize = 100;
/// The first thing that each of them is asked.
const FIRST_QUERY: &str = "SELECT COUNT(*) FROM pgbench_branches";
/// Loads that a case has at the most where nobody chooses: with and without a connection of one's own, and
/// three kinds of pools.
const LOADS: u32 = 5;

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Churn;

impl Benchmark for Churn {
    fn name(&self) -> &'static str {
        "churn"
    }

    fn summary(&self) -> &'static str {
        "TPC-B-like transactions that each open a connection and close it, against pools and connections \
         that stay, and what opening one is made of"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        TRANSACTIONS.dataset()
    }

    fn has_pools(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Churn {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        TRANSACTIONS.procedure().statements(context)
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        LOADS
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand, measured)?;
        measured.own.extend(cost(&bench)?);
        let size = stand.options().pool.size(stand.case().clients);
        let mut loads = vec![Planned::Churn];
        if bench.wants_direct() {
            loads.push(Planned::Direct);
        }
        loads.extend(bench.kinds()?.into_iter().map(|kind| Planned::Pool(kind, size)));
        shuffle(&bench, &mut loads);
        measure_all(&bench, TRANSACTIONS, &loads, measured)
    }
}

/// One connection, from nothing to the answer to its first query and the preparation of its statements.
struct Opening {
    steps: ConnectTimes,
    first_query: Duration,
    preparing: Duration,
    whole: Duration,
}

/// What opening a connection is made of: medians over connections that are opened one after another.
fn cost(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let stand = bench.stand;
    stand.working_on("take the opening of connections apart");
    let context = stand.context();
    let statements = TRANSACTIONS.procedure().statements(&context);
    let options = stand.client_options();
    let mut openings = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        stand.go_on()?;
        let opening = open(stand.driver(), &options, &statements);
        openings.push(stand.block_on(opening).map_err(|why| {
            Error::new(format!("open a connection to {}", stand.driver().target()), why)
        })?);
    }
    let of_all = |name: &str, take: &dyn Fn(&Opening) -> Option<Duration>| {
        let mut times: Vec<Duration> = openings.iter().filter_map(take).collect();
        times.sort();
        let quantile = |name: &str, share: f64| {
            let place = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
            let us = times.get(place)?.as_secs_f64() * 1e6;
            Some(Measurement::new(name, us, "us", Better::Lower))
        };
        let rows = [(0.5, "p50"), (0.95, "p95")]
            .map(|(share, at)| quantile(&format!("connect_{name}_{at}_us"), share));
        rows.into_iter().flatten().collect::<Vec<_>>()
    };
    let parts = [
        of_all("socket", &|opening| opening.steps.socket),
        of_all("tls", &|opening| opening.steps.tls),
        of_all("authentication", &|opening| opening.steps.authentication),
        of_all("set_up", &|opening| opening.steps.set_up),
        of_all("first_query", &|opening| Some(opening.first_query)),
        of_all("prepare", &|opening| Some(opening.preparing)),
        of_all("total", &|opening| Some(opening.whole)),
    ];
    Ok(parts.into_iter().flatten().collect())
}

async fn open(
    driver: &dyn Driver,
    options: &SessionOptions,
    statements: &[Statement],
) -> Result<Opening, DbError> {
    let began = Instant::now();
    let (session, steps) = timed(driver.connect(options)).await;
    let mut session = session?;
    let connected = Instant::now();
    scalar_sql(&mut *session, FIRST_QUERY).await?;
    let asked = Instant::now();
    session.prepare(statements).await?;
    let ready = Instant::now();
    Ok(Opening {
        steps,
        first_query: asked - connected,
        preparing: ready - asked,
        whole: ready - began,
    })
}

/// No pool at all, said as one: a connection is opened for whoever asks, and closed after use.
pub struct OneShot {
    driver: Arc<dyn Driver>,
    session: SessionOptions,
    statements: Vec<Statement>,
}

impl OneShot {
    pub fn open(
        driver: &Arc<dyn Driver>,
        session: SessionOptions,
        statements: &[Statement],
    ) -> Arc<dyn Pool> {
        Arc::new(Self { driver: Arc::clone(driver), session, statements: statements.to_vec() })
    }
}

#[async_trait]
impl Pool for OneShot {
    async fn acquire(&self) -> Result<Box<dyn Session>, DbError> {
        let mut session = self.driver.connect(&self.session).await?;
        session.prepare(&self.statements).await?;
        Ok(session)
    }

    async fn state(&self) -> Result<PoolState, DbError> {
        Err(DbError::unexpected("connections that are not kept are not counted"))
    }

    async fn close(&self) {}
}
