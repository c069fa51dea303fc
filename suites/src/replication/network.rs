//! The nodes at a distance from each other: what a round trip, a narrow line and a partition do to the primary
//! and to what its replicas show.

use std::time::{Duration, Instant};

use dbdyno_core::{Better, Link, Measurement, Result, Statement, Stop, Topology};
use dbdyno_datasets::Dataset;

use super::bench::{Bench, Running};
use super::catch_up::sleep;
use super::found::{self, ms};
use super::staleness::Staleness;
use crate::benchmark::{
    AfterUse, Benchmark, LoadBenchmark as _, Procedure, StagedBenchmark, State, WorkloadContext,
};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, Stand};

/// The shortest load.
const SHORTEST: Duration = Duration::from_millis(2_000);
/// Loads of a case: three links for each of two topologies.
const LOADS: u32 = 6;
/// How long clients work before the link is cut.
const BEFORE: Duration = Duration::from_secs(1);
/// How long it is cut.
const CUT: Duration = Duration::from_secs(2);
/// How long clients work after it is mended.
const AFTER: Duration = Duration::from_secs(1);

/// The links that are measured, each by its name.
const LINKS: [(&str, Link); 3] = [
    ("loopback", Link { round_trip: Duration::ZERO, bandwidth: None, cut: false }),
    ("10ms", Link { round_trip: Duration::from_millis(10), bandwidth: None, cut: false }),
    ("1MB/s", Link { round_trip: Duration::ZERO, bandwidth: Some(1_000_000), cut: false }),
];
/// What the results of the partition are called.
const PARTITION: &str = "partition";

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Network;

impl Benchmark for Network {
    fn name(&self) -> &'static str {
        "network"
    }

    fn summary(&self) -> &'static str {
        "TPC-B-like transactions with 10 ms between the nodes, with 1 MB/s, and with the link cut for two seconds"
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

    fn shortest_load(&self) -> Duration {
        SHORTEST
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Network {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        TpcB.procedure().statements(context)
    }

    fn loads(&self) -> u32 {
        LOADS
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand)?;
        let topologies = bench.telling_topologies(measured)?;
        bench.each(topologies, measured, |topology, measured| {
            measure_one(&bench, topology, measured)
        })
    }
}

/// What a topology over a link is called.
fn name_of(topology: &Topology, link: &str) -> String {
    format!("{} {link}", topology.name)
}

fn measure_one(
    bench: &Bench<'_>,
    topology: Topology,
    measured: &mut Measured,
) -> Result<Option<String>> {
    let Some(running) = bench.start(topology, true, measured)? else { return Ok(None) };
    let mut told = Vec::new();
    for (link_name, link) in bench.in_turn(LINKS) {
        let throughput = measure_link(bench, &running, link_name, link, measured)?;
        told.push(format!("{link_name} {throughput:.0}/s"));
    }
    settle(bench, &running)?;
    measure_partition(bench, &running, measured)?;
    bench.compare(&running, &TpcB, measured)?;
    Ok(Some(format!("{}: {}", topology.name, told.join(", "))))
}

/// Mends the link, and waits until all that was committed is where it should be: what an earlier load left to be done
/// is no matter of the next.
fn settle(bench: &Bench<'_>, running: &Running) -> Result<()> {
    running.cluster.set_link(Link::default())?;
    bench.stand.working_on(&format!("wait for the replicas of {}", running.topology.name));
    bench.settle(running)
}

/// A load over a link; gives its throughput.
fn measure_link(
    bench: &Bench<'_>,
    running: &Running,
    link_name: &str,
    link: Link,
    measured: &mut Measured,
) -> Result<f64> {
    settle(bench, running)?;
    running.cluster.set_link(link)?;
    let name = name_of(&running.topology, link_name);
    let workload = TpcB.workload(&bench.stand.context(), &State::default());
    let (stage, beats) = bench.load_and_beat(&name, running, &workload, measured)?;
    let throughput = stage.report.total_throughput();
    measured.stages.push(stage);
    measured.own.extend(found::commits(&beats, &name));
    measured.own.extend(found::staleness(&Staleness::of(&beats, 0), &name));
    Ok(throughput)
}

/// The link is cut under load and mended.
fn measure_partition(bench: &Bench<'_>, running: &Running, measured: &mut Measured) -> Result<()> {
    let (stand, name) = (bench.stand, name_of(&running.topology, PARTITION));
    stand.go_on()?;
    stand.working_on(&format!("cut the link of {} for {} s", running.topology.name, CUT.as_secs()));
    let cut = |over: &Stop| {
        sleep(bench, BEFORE, over)?;
        running.cluster.set_link(Link { cut: true, ..Link::default() })?;
        let began = Instant::now();
        let slept = sleep(bench, CUT, over);
        let mended = Instant::now();
        running.cluster.set_link(Link::default())?;
        slept?;
        sleep(bench, AFTER, over)?;
        Ok((began, mended))
    };
    let ((began, mended), beats, ()) = bench.beat_beside(running, measured, cut, |_| Ok(()))?;
    let staleness = Staleness::of(&beats, 0);
    let during = beats.acknowledged_within(began, mended);
    let beaten = Measurement::new("beats_while_cut", during as f64, "1", Better::Neither);
    measured.own.push(ms("cut_ms", mended - began, &name));
    measured.own.push(found::of_beats(beaten.of(&*name), &beats));
    measured.own.extend(found::longest(&beats, &staleness, &name));
    Ok(())
}
