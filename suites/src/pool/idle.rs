//! Connections that nobody uses for a time: whether the pool closes them when it is told to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dbdyno_core::query::scalar_sql;
use dbdyno_core::{
    Access, Better, Check, DbError, Driver, Error, Measurement, Pool, Result, Session,
    SessionOptions, Statement,
};
use dbdyno_datasets::Dataset;

use super::bench::{Bench, OpenPool, Wish, opened};
use super::stages::{Planned, size_row};
use super::sweep::shuffle;
use super::trouble::headline;
use crate::benchmark::{
    Benchmark, LoadBenchmark, Procedure, StagedBenchmark, State, WorkloadContext,
};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, RunOptions, Stand};

/// The data that sessions are opened on.
const TRANSACTIONS: &dyn LoadBenchmark = &TpcB;
/// How long connections may be idle. PgBouncer counts in whole seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long beyond it a pool may take to look for them: some look every half a minute.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often the pool and the server are looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Idle;

impl Benchmark for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn summary(&self) -> &'static str {
        "Connections that nobody uses for longer than the idle time-out of a second: when the pool closes \
         them"
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

impl StagedBenchmark for Idle {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        TRANSACTIONS.procedure().statements(context)
    }

    /// It has none.
    fn loads(&self, _options: &RunOptions) -> u32 {
        1
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand, measured)?.closed_loop()?;
        let clients = stand.case().clients;
        let size = stand.options().pool.size(clients);
        let workload = TRANSACTIONS.workload(&stand.context(), &State::default());
        let mut kinds = bench.kinds()?;
        shuffle(&bench, &mut kinds);
        for kind in kinds {
            stand.go_on()?;
            let name = Planned::Pool(kind, size).name();
            stand.working_on(&format!("leave the connections of {name} idle"));
            bench.settle()?;
            let acquire_timeout = stand.options().pool.acquire_timeout();
            let wish = Wish { size, clients, acquire_timeout, idle_timeout: Some(IDLE_TIMEOUT) };
            let Some(open) = opened(bench.open(kind, wish, &*workload), &name, measured)? else {
                continue;
            };
            let before = bench.sessions_before();
            let looking = look(&open.pool, &bench.driver, before, size);
            let found = stand.block_on(looking).map_err(|why| {
                let doing = format!("use {name} on {}", stand.driver().target());
                Error::new(doing, why)
            })?;
            found.tell(&name, &open, size, measured);
        }
        Ok(())
    }
}

/// What became of connections.
struct Found {
    /// How many the pool had when all were used.
    used: u32,
    /// How long after that none was open any more, by the pool and by the server.
    closed_after: Option<Duration>,
    /// Those that were never closed.
    left: u32,
}

impl Found {
    fn tell(&self, name: &str, open: &OpenPool, size: u32, measured: &mut Measured) {
        let number = |metric: &str, number: u32| {
            Measurement::new(metric, number.into(), "1", Better::Neither).of(name)
        };
        let closed = Measurement::new("idle_closed_after_ms", 0.0, "ms", Better::Lower).of(name);
        let value = self.closed_after.map(|after| after.as_secs_f64() * 1e3);
        let closed = Measurement { value, ..closed };
        headline(&closed, measured);
        let timeout_ms = IDLE_TIMEOUT.as_secs_f64() * 1e3;
        measured.own.extend([
            size_row(name, open, size),
            Measurement::new("idle_timeout_ms", timeout_ms, "ms", Better::Neither).of(name),
            number("connections_open_max", self.used),
            number("connections_left", self.left),
            closed,
        ]);
        let detail = format!(
            "{} of {} connections are open {:.0} s after they were last used, with a time-out of {} s",
            self.left,
            self.used,
            self.closed_after.unwrap_or(IDLE_TIMEOUT + PATIENCE).as_secs_f64(),
            IDLE_TIMEOUT.as_secs()
        );
        let held = self.left == 0;
        measured.checks.push(Check::new(format!("idle_closed_{name}"), held, detail));
        let detail = format!("the pool has {} connections in use, of {size}", self.used);
        let held = self.used <= size;
        measured.checks.push(Check::new(format!("pool_size_kept_{name}"), held, detail));
    }
}

/// Uses every connection of a pool at once, and looks at what becomes of them.
async fn look(
    pool: &Arc<dyn Pool>,
    driver: &Arc<dyn Driver>,
    sessions_before: Option<u32>,
    size: u32,
) -> Result<Found, DbError> {
    let used = use_all(pool, size).await?;
    let began = Instant::now();
    let mut server = Server::open(driver, sessions_before).await?;
    loop {
        let open = pool.state().await?.open.max(server.sessions().await?);
        let waited = began.elapsed();
        if open == 0 {
            return Ok(Found { used, closed_after: Some(waited), left: 0 });
        }
        if waited > IDLE_TIMEOUT + PATIENCE {
            return Ok(Found { used, closed_after: None, left: open });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Has a transaction open on every connection at once; gives how many connections that takes.
async fn use_all(pool: &Arc<dyn Pool>, size: u32) -> Result<u32, DbError> {
    let mut leases = Vec::new();
    for _ in 0..size {
        let mut lease = pool.acquire().await?;
        lease.begin(Access::Read).await?;
        leases.push(lease);
    }
    let used = pool.state().await?.open;
    for lease in &mut leases {
        lease.commit().await?;
    }
    Ok(used)
}

/// Asks the server how many sessions of clients it has, where that can be asked.
struct Server {
    asking: Option<(Box<dyn Session>, &'static str, u32)>,
}

impl Server {
    async fn open(driver: &Arc<dyn Driver>, before: Option<u32>) -> Result<Self, DbError> {
        let asking = match (driver.dialect().count_sessions(), before) {
            (Some(sql), Some(before)) => {
                Some((driver.connect(&SessionOptions::default()).await?, sql, before))
            }
            _ => None,
        };
        Ok(Self { asking })
    }

    async fn sessions(&mut self) -> Result<u32, DbError> {
        let Some((session, sql, before)) = &mut self.asking else { return Ok(0) };
        let count = scalar_sql(&mut **session, sql).await?;
        Ok(u32::try_from(count).unwrap_or(0).saturating_sub(*before))
    }
}
