//! Readers of replicas: what they see of what they or others have just written, and how many of them there can
//! be.
//!
//! A probe writes a row on the primary and, once that is acknowledged, reads it from a replica: an older value
//! is a violation of read-your-writes. Another reads the row from one node after another: a value older than one
//! that it has read is a violation of monotonic reads (Terry et al., Session Guarantees for Weakly Consistent
//! Replicated Data, PDIS 1994).

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Workload, leave_out_thread};
use dbdyno_core::query::within;
use dbdyno_core::random::Rng;
use dbdyno_core::{
    Access, Acknowledged, Better, Check, DbError, Driver, Error, Measurement, Result, Row, Session,
    SessionOptions, Statement, Steps, Topology, Value,
};
use dbdyno_datasets::{Dataset, tpcb};
use tokio::runtime::Builder;

use super::bench::{Bench, Running};
use super::found::count;
use super::heartbeat::{ANSWER_LIMIT, Over, try_again};
use super::nodes::Nodes;
use crate::benchmark::{
    AfterUse, Benchmark, LoadBenchmark as _, Procedure, StagedBenchmark, State, WorkloadContext,
};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, RunOptions, Stand};

/// The shortest load.
const SHORTEST: Duration = Duration::from_millis(2_000);
/// Loads for each topology, and how many of these there are at the most where none is named.
const LOADS: u32 = 3;
const TOPOLOGIES: u32 = 3;
/// The row of `dbdyno_heartbeat` that the probe writes; the first one beats.
const PROBE_ROW: i64 = 2;
const TRANSACTIONS: [&str; 1] = ["read_account"];

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Reads;

impl Benchmark for Reads {
    fn name(&self) -> &'static str {
        "reads"
    }

    fn summary(&self) -> &'static str {
        "reads of single accounts from the primary and spread over all nodes, and how often readers of replicas miss \
         what was just committed"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        TpcB.dataset()
    }

    fn after_use(&self) -> AfterUse {
        TpcB.after_use()
    }

    fn has_topologies(&self) -> bool {
        true
    }

    fn shortest_load(&self, _options: &RunOptions) -> Duration {
        SHORTEST
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Reads {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        let mut statements = TpcB.procedure().statements(context);
        statements.extend(read_statements());
        statements
    }

    fn loads(&self, options: &RunOptions) -> u32 {
        options.replication.how_many(TOPOLOGIES).saturating_mul(LOADS)
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand)?;
        let topologies = bench.read_topologies(measured)?;
        bench.each(topologies, measured, |topology, measured| {
            measure_one(&bench, topology, measured)
        })
    }
}

fn measure_one(
    bench: &Bench<'_>,
    topology: Topology,
    measured: &mut Measured,
) -> Result<Option<String>> {
    let Some(running) = bench.start(topology, false, measured)? else { return Ok(None) };
    let (stand, name) = (bench.stand, topology.name);
    bench.ask(&*running.primary, "make the probe's row", async |session| {
        let sql = format!("INSERT INTO dbdyno_heartbeat (id, beat) VALUES ({PROBE_ROW}, 0)");
        session.run_sql(&sql).await
    })?;
    bench.settle(&running)?;
    let workload = TpcB.workload(&stand.context(), &State::default());
    let load = || bench.load(&format!("{name} writes"), &running.primary, &workload);
    let (loaded, found) = probe_during(&running, &bench.session_options(), load)?;
    measured.stages.push(loaded?);
    measured.own.extend(found.rows(name));
    measured.checks.extend(found.checks(&topology));
    let reads = Arc::new(ReadAccounts::new(&stand.context())) as Arc<dyn Workload>;
    let spread: Arc<dyn Driver> = Nodes::spread(running.nodes());
    let drivers = vec![(&running.primary, "primary"), (&spread, "spread")];
    for (driver, words) in bench.in_turn(drivers) {
        // A replica that still applies would take processors from one of the two, and not from the other.
        bench.settle(&running)?;
        measured.stages.push(bench.load(&format!("{name} {words}"), driver, &reads)?);
    }
    bench.compare(&running, &TpcB, measured)?;
    let Probed { own_missed, own, .. } = found;
    Ok(Some(format!("{name}: {own_missed} of {own} reads missed the reader's own write")))
}

/// What the probes found.
#[derive(Clone, Copy, Debug, Default)]
struct Probed {
    /// Reads from a replica after a write of the reader's own.
    own: u64,
    /// Those that did not show it.
    own_missed: u64,
    /// Reads from one node after another.
    turns: u64,
    /// Those that showed less than an earlier one had.
    back_in_time: u64,
}

impl Probed {
    fn rows(&self, name: &str) -> Vec<Measurement> {
        let all = |metric, number: u64| {
            Measurement::new(metric, number as f64, "1", Better::Neither).of(name)
        };
        vec![
            all("read_your_writes_reads", self.own),
            count("read_your_writes_violations", self.own_missed, name),
            all("monotonic_reads", self.turns),
            count("monotonic_violations", self.back_in_time, name),
        ]
    }

    /// Where a commit is acknowledged once every replica shows it, none may miss it.
    fn checks(&self, topology: &Topology) -> Vec<Check> {
        if topology.acknowledged != Acknowledged::Applied || topology.replicas != 1 {
            return Vec::new();
        }
        let detail =
            format!("{} of {} reads missed the reader's own write", self.own_missed, self.own);
        vec![Check::new("reads_its_writes", self.own_missed == 0, detail).of(topology.name)]
    }
}

/// Does `work` while probes read and write.
fn probe_during<T>(
    running: &Running,
    options: &SessionOptions,
    work: impl FnOnce() -> T,
) -> Result<(T, Probed)> {
    let doing = || format!("probe the reads of {}", running.topology.name);
    // What probing costs is no work of clients.
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().on_thread_park(leave_out_thread).build();
    let runtime = runtime.map_err(|why| Error::new(doing(), why))?;
    let over = Over::default();
    let (done, probed) = thread::scope(|scope| {
        let probing = scope.spawn(|| {
            let probes = async {
                tokio::try_join!(
                    own_writes(running, options, &over),
                    turns(running, options, &over)
                )
            };
            runtime.block_on(probes)
        });
        let ends = over.at_the_end();
        let done = work();
        drop(ends);
        (done, probing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let ((own, own_missed), (turns, back_in_time)) =
        probed.map_err(|why| Error::new(doing(), why))?;
    Ok((done, Probed { own, own_missed, turns, back_in_time }))
}

/// Writes on the primary and reads from one replica after another; gives the reads and those that missed the
/// write.
async fn own_writes(
    running: &Running,
    options: &SessionOptions,
    over: &Over,
) -> Result<(u64, u64), DbError> {
    let mut primary = within(ANSWER_LIMIT, running.primary.connect(options)).await?;
    let sql = "UPDATE dbdyno_heartbeat SET beat = ? WHERE id = ?";
    within(ANSWER_LIMIT, primary.prepare(&[Statement::new("probe", sql)])).await?;
    let mut replicas = readers(&running.replicas, options).await?;
    let (mut reads, mut missed) = (0_u64, 0);
    while !over.is_said() {
        let written = i64::try_from(reads + 1).unwrap_or(i64::MAX);
        let probe = [Value::Int(written), Value::Int(PROBE_ROW)];
        try_again(async || within(ANSWER_LIMIT, primary.execute(0, &probe)).await).await?;
        let place = usize::try_from(reads).unwrap_or(0) % replicas.len();
        let read = read(&mut *replicas[place], PROBE_ROW).await?;
        reads += 1;
        missed += u64::from(read < written);
        // The load's threads must have their turn, too.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok((reads, missed))
}

/// Reads from one node after another; gives the reads and those that went back in time.
async fn turns(
    running: &Running,
    options: &SessionOptions,
    over: &Over,
) -> Result<(u64, u64), DbError> {
    let all: Vec<_> = std::iter::once(&running.primary).chain(&running.replicas).cloned().collect();
    let mut nodes = readers(&all, options).await?;
    let (mut reads, mut back, mut newest) = (0_u64, 0, 0);
    while !over.is_said() {
        let place = usize::try_from(reads).unwrap_or(0) % nodes.len();
        let read = read(&mut *nodes[place], PROBE_ROW).await?;
        reads += 1;
        back += u64::from(read < newest);
        newest = newest.max(read);
        if place == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok((reads, back))
}

async fn readers(
    nodes: &[Arc<dyn Driver>],
    options: &SessionOptions,
) -> Result<Vec<Box<dyn Session>>, DbError> {
    let mut sessions = Vec::with_capacity(nodes.len());
    for node in nodes {
        let mut session = within(ANSWER_LIMIT, node.connect(options)).await?;
        let sql = "SELECT beat FROM dbdyno_heartbeat WHERE id = ?";
        within(ANSWER_LIMIT, session.prepare(&[Statement::new("probe", sql)])).await?;
        sessions.push(session);
    }
    Ok(sessions)
}

async fn read(session: &mut dyn Session, row: i64) -> Result<i64, DbError> {
    try_again(async || {
        let mut beat = 0;
        let mut read = |row: &dyn Row| {
            beat = row.int(0)?;
            Ok(())
        };
        within(ANSWER_LIMIT, session.query(0, &[Value::Int(row)], &mut read)).await?;
        Ok(beat)
    })
    .await
}

fn read_statements() -> Vec<Statement> {
    vec![Statement::new("read_account", "SELECT abalance FROM pgbench_accounts WHERE aid = ?")]
}

/// Clients that read one account at a time.
struct ReadAccounts {
    accounts: i64,
    statements: Vec<Statement>,
}

impl ReadAccounts {
    fn new(context: &WorkloadContext) -> Self {
        let rows = tpcb::TpcB.rows("pgbench_accounts", context.scale);
        Self { accounts: i64::try_from(rows).unwrap_or(i64::MAX), statements: read_statements() }
    }
}

impl Workload for ReadAccounts {
    fn transactions(&self) -> &[&'static str] {
        &TRANSACTIONS
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, _index: u32, rng: Rng) -> Box<dyn AnyClient> {
        Box::new(Reader { accounts: self.accounts, rng, account: 1 })
    }
}

struct Reader {
    accounts: i64,
    rng: Rng,
    account: i64,
}

impl Client for Reader {
    fn draw(&mut self) -> Draw {
        self.account = self.rng.between(1, self.accounts);
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let read = |row: &dyn Row| row.int(0).map(drop);
        steps.begin(Access::Read).await?;
        steps.query_one(0, &[Value::Int(self.account)], read).await?;
        steps.commit().await?;
        Ok(Outcome::Committed)
    }
}
