//! Failing over an engine that has no server: the process that hosts its clients is killed with the primary in it,
//! and others go on where its replica is.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use dbdyno_core::{Embedded, Error, Result, Stop};

use super::bench::{Bench, Running};
use super::failover::{AFTER, BEFORE, Failed, WRITE_LIMIT, wait};
use crate::isolation::durability::Transactions;
use crate::isolation::durability::child::Host;
use crate::isolation::durability::hosted::HostedLoad;
use crate::isolation::durability::journal::{Memory, now_us};
use crate::isolation::durability::scribe::Part;

/// Kills a process that has a load on the primary, promotes the replica, and puts a load there for a while.
///
/// # Errors
/// A load cannot be made or goes wrong, the replica cannot be promoted, or the end was asked for.
pub fn fail_over(
    bench: &Bench<'_>,
    running: &Running,
    (embedded, program): (&dyn Embedded, &Path),
    journal: &Arc<Memory>,
) -> Result<Failed> {
    let doing = || format!("fail {} over", running.topology.name);
    let from = (bench.stand.case().seed, 1);
    let load = HostedLoad::of(bench.stand, embedded, Transactions::TpcB, from)?;
    let host = Host::start(program, &load, journal)?;
    let has_ended = || host.has_ended();
    let acknowledged = || journal.acknowledged();
    let loaded = wait(bench, &has_ended, WRITE_LIMIT, &doing, || acknowledged() > 0);
    let until = Instant::now() + BEFORE;
    let loaded = loaded
        .and_then(|()| wait(bench, &has_ended, WRITE_LIMIT, &doing, || Instant::now() >= until));
    let (killed, killed_us) = (Instant::now(), now_us());
    // Where it ended by itself, what it says is why.
    host.kill().and(loaded)?;
    let place = bench.wait(running.cluster.promote())?;
    let promotion = killed.elapsed();
    let (promoted_us, before) = (now_us(), acknowledged());
    let work = |over: &Stop| {
        let is_over = || over.is_requested();
        wait(bench, &is_over, WRITE_LIMIT, &doing, || acknowledged() > before)?;
        let until = Instant::now() + AFTER;
        wait(bench, &is_over, WRITE_LIMIT, &doing, || Instant::now() >= until)
    };
    // Those who were on the primary are gone: others have marks of their own.
    let part = Part { cycle: 2, rolls_back: true, journal: Arc::clone(journal) as Arc<_> };
    let (case, replica) = (bench.stand.case(), &running.replicas[place]);
    let workload = Transactions::TpcB.workload(case.scale, part);
    let loaded =
        bench.stand.load_beside_through(replica, case.clients, &workload, case.seed, work)?;
    match loaded {
        (_, Ok(())) => Ok(Failed { killed_us, promoted_us, promotion, place }),
        (report, Err(error)) => Err(report.failure.unwrap_or(error)),
    }
}

/// Whether the primary can be killed.
///
/// # Errors
/// It is in this process, and no program was named that has it in another (unsupported).
pub fn check(bench: &Bench<'_>) -> Result<()> {
    let (driver, options) = (bench.stand.driver(), bench.stand.options());
    if driver.embedded().is_some() && options.load_host.is_none() {
        let doing = format!("fail {} over", driver.target());
        let why = "the engine runs in the process of its clients, and no program was named that hosts them in \
                   another";
        return Err(Error::unsupported(doing, why));
    }
    Ok(())
}
