//! The primary is killed under load, a replica is promoted, and clients are sent there: how long until the
//! first write succeeds (recovery time), and which acknowledged commits are gone (recovery point).
//!
//! What it takes to notice that a primary is gone is not part of it: that is a matter of whoever watches. A
//! replica is promoted at the moment of the kill.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::{Check, Driver, Error, Measurement, Result, Statement, Stop, Topology};
use dbdyno_datasets::Dataset;
use tokio::runtime::Builder;

use super::bench::{Bench, Running, unless_stopped};
use super::found::{count, ms};
use super::hosted;
use super::nodes::Nodes;
use crate::benchmark::{AfterUse, Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::isolation::durability::Transactions;
use crate::isolation::durability::account::{Account, Findings};
use crate::isolation::durability::journal::{Entry, Memory, now_us};
use crate::isolation::durability::scribe::Part;
use crate::runner::{Measured, RunOptions, Stand};

/// How long clients work before the kill.
pub const BEFORE: Duration = Duration::from_secs(1);
/// How long they work on the new primary.
pub const AFTER: Duration = Duration::from_millis(500);
/// How long the first write on the new primary may take after it was promoted.
pub const WRITE_LIMIT: Duration = Duration::from_secs(60);
/// How often is looked whether it was acknowledged.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// Examples that a row names.
const EXAMPLES: usize = 3;

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Failover;

impl Benchmark for Failover {
    fn name(&self) -> &'static str {
        "failover"
    }

    fn summary(&self) -> &'static str {
        "the primary is killed under TPC-B-like transactions and a replica promoted: time to the first write, and \
         acknowledged commits that are gone"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        Transactions::TpcB.dataset()
    }

    fn after_use(&self) -> AfterUse {
        AfterUse::Spent
    }

    fn has_topologies(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Failover {
    fn statements(&self, _context: &WorkloadContext) -> Vec<Statement> {
        Transactions::TpcB.statements()
    }

    /// Each lasts until its primary is killed.
    fn loads(&self, _options: &RunOptions) -> u32 {
        0
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand)?;
        hosted::check(&bench)?;
        let topologies = bench.topologies(measured)?;
        bench.each(topologies, measured, |topology, measured| {
            measure_one(&bench, topology, measured)
        })
    }
}

/// What happened when, in microseconds after 1970.
pub struct Failed {
    pub killed_us: u64,
    pub promoted_us: u64,
    /// From the kill until the replica took writes.
    pub promotion: Duration,
    /// The place of the new primary.
    pub place: usize,
}

/// Fails one topology over; says what came of it.
fn measure_one(
    bench: &Bench<'_>,
    topology: Topology,
    measured: &mut Measured,
) -> Result<Option<String>> {
    let Some(running) = bench.start(topology, false, measured)? else { return Ok(None) };
    bench.stand.working_on(&format!("fail {} over", topology.name));
    let journal = Arc::new(Memory::default());
    let (case, options) = (bench.stand.case(), bench.stand.options());
    let failed = match (running.primary.embedded(), &options.load_host) {
        (Some(embedded), Some(program)) => {
            hosted::fail_over(bench, &running, (embedded, program), &journal)?
        }
        _ => fail_server_over(bench, &running, &journal)?,
    };
    let entries = journal.take();
    let name = topology.name;
    let Some(first) = first_write(&entries, failed.promoted_us) else {
        let doing = format!("write on the new primary of {name}");
        return Err(Error::new(doing, "no commit was acknowledged by it"));
    };
    let recovery = Duration::from_micros(first.saturating_sub(failed.killed_us));
    let new = &running.replicas[failed.place];
    let doing = "account for the failover";
    let looked = bench
        .ask(&**new, doing, async |session| Transactions::TpcB.look(session, case.scale).await);
    let (tables, conditions) = looked?;
    let mut account = Account::default();
    account.enter(entries);
    let findings = account.settle(&tables);
    measured.own.extend([
        ms("failover_rto_ms", recovery, name),
        ms("failover_promotion_ms", failed.promotion, name),
    ]);
    measured.own.extend(losses(&findings, &failed, name));
    measured.checks.extend(checks(&topology, &findings));
    measured.checks.extend(conditions.into_iter().map(|check| check.of(name)));
    let lost = findings.lost.len();
    Ok(Some(format!("{name}: {} ms, {lost} lost", recovery.as_millis())))
}

/// Fails a cluster of servers over, whose clients outlive the primary.
fn fail_server_over(bench: &Bench<'_>, running: &Running, journal: &Arc<Memory>) -> Result<Failed> {
    let part = Part { cycle: 1, rolls_back: true, journal: Arc::clone(journal) as Arc<_> };
    let case = bench.stand.case();
    let workload = Transactions::TpcB.workload(case.scale, part);
    let all = std::iter::once(&running.primary).chain(&running.replicas);
    let nodes = Nodes::first(all.cloned().collect());
    let driver: Arc<dyn Driver> = Arc::clone(&nodes) as Arc<dyn Driver>;
    let fail = |over: &Stop| fail_over(bench, running, &nodes, journal, over);
    let loaded =
        bench.stand.load_beside_through(&driver, case.clients, &workload, case.seed, fail)?;
    match loaded {
        (_, Ok(failed)) => Ok(failed),
        (report, Err(error)) => Err(report.failure.unwrap_or(error)),
    }
}

/// Kills the primary of a cluster under load, promotes a replica and redirects the clients; returns once they
/// have written there for a while.
fn fail_over(
    bench: &Bench<'_>,
    running: &Running,
    nodes: &Nodes,
    journal: &Memory,
    over: &Stop,
) -> Result<Failed> {
    let doing = || format!("fail {} over", running.topology.name);
    let is_over = || over.is_requested();
    wait(bench, &is_over, WRITE_LIMIT, &doing, || journal.acknowledged() > 0)?;
    let until = Instant::now() + BEFORE;
    wait(bench, &is_over, WRITE_LIMIT, &doing, || Instant::now() >= until)?;
    let control = running.primary.server_control();
    let control = control.ok_or_else(|| Error::new(doing(), "dbdyno did not start the primary"))?;
    // Who lost the primary is not to be late on the next for pauses of its own.
    let held = nodes.hold();
    let (killed, killed_us) = (Instant::now(), now_us());
    control.kill()?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Error::new(doing(), why))?;
    let place = runtime.block_on(unless_stopped(bench.stand, running.cluster.promote()))?;
    let promotion = killed.elapsed();
    let (promoted_us, before) = (now_us(), journal.acknowledged());
    nodes.redirect(place + 1);
    drop(held);
    wait(bench, &is_over, WRITE_LIMIT, &doing, || journal.acknowledged() > before)?;
    let until = Instant::now() + AFTER;
    wait(bench, &is_over, WRITE_LIMIT, &doing, || Instant::now() >= until)?;
    Ok(Failed { killed_us, promoted_us, promotion, place })
}

/// Waits for something while the load goes on.
///
/// # Errors
/// It does not happen within `limit`, the load is over, or the end was asked for.
pub fn wait(
    bench: &Bench<'_>,
    is_over: &dyn Fn() -> bool,
    limit: Duration,
    doing: &dyn Fn() -> String,
    happened: impl Fn() -> bool,
) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !happened() {
        bench.stand.go_on()?;
        if is_over() {
            return Err(Error::new(doing(), "the load ended before it should"));
        }
        if Instant::now() >= deadline {
            let why = format!("no commit was acknowledged within {} s", limit.as_secs());
            return Err(Error::new(doing(), why).next("see events.csv for what went wrong"));
        }
        thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// When the first commit after a moment was acknowledged.
fn first_write(entries: &[Entry], after_us: u64) -> Option<u64> {
    let acknowledged = entries.iter().filter_map(|entry| match entry {
        Entry::Acknowledged(_, at_us) if *at_us >= after_us => Some(*at_us),
        _ => None,
    });
    acknowledged.min()
}

/// What was lost, and how far back it goes.
fn losses(findings: &Findings, failed: &Failed, name: &str) -> Vec<Measurement> {
    let oldest = findings.lost.iter().filter_map(|lost| lost.acknowledged_us).min();
    let window = oldest.map_or(0, |oldest| failed.killed_us.saturating_sub(oldest));
    let mut lost = count("lost_commits", findings.lost.len() as u64, name);
    let marks: Vec<String> =
        findings.lost.iter().take(EXAMPLES).map(|lost| lost.mark.to_string()).collect();
    if !marks.is_empty() {
        lost.detail = format!("of {} acknowledged: {} …", findings.acknowledged, marks.join(", "));
    }
    vec![
        lost,
        ms("lost_window_ms", Duration::from_micros(window), name),
        count("acknowledged_commits", findings.acknowledged, name),
        count("unknown_commits", findings.unknown, name),
    ]
}

/// What the topology promises, and what none may do.
fn checks(topology: &Topology, findings: &Findings) -> Vec<Check> {
    let mut checks = Vec::new();
    let (lost, name) = (&findings.lost, topology.name);
    if topology.acknowledged.outlives_primary() {
        let marks: Vec<String> =
            lost.iter().take(EXAMPLES).map(|lost| lost.mark.to_string()).collect();
        let detail = format!(
            "{} of {} acknowledged commits are gone with the primary: {}",
            lost.len(),
            findings.acknowledged,
            marks.join(", ")
        );
        checks.push(Check::new("none_lost", lost.is_empty(), detail).of(name));
    }
    let faults: Vec<String> =
        findings.faults.iter().take(EXAMPLES).map(ToString::to_string).collect();
    let detail = format!("{} faults: {}", findings.faults.len(), faults.join("; "));
    checks.push(Check::new("whole", findings.faults.is_empty(), detail).of(name));
    checks
}
