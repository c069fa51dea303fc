//! The nodes at a distance from each other: what a round trip, a narrow line and a partition do to the primary
//! and to what its replicas show.

use std::time::{Duration, Instant};

use dbdyno_core::{Better, Link, Measurement, Result, Shape, Statement, Stop, Topology};
use dbdyno_datasets::Dataset;

use super::bench::{Bench, Running};
use super::catch_up::sleep;
use super::found::{self, ms};
use super::heartbeat::Beats;
use super::minority;
use super::options::link_name;
use super::staleness::Staleness;
use crate::benchmark::{
    AfterUse, Benchmark, LoadBenchmark as _, Procedure, StagedBenchmark, State, WorkloadContext,
};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, RunOptions, Stand};

/// The shortest load.
const SHORTEST: Duration = Duration::from_millis(2_000);
/// Of the longest round trip at least so many: commits that wait for it are to be some.
const ROUND_TRIPS: u32 = 10;
/// Topologies that are measured at the most where none is named.
const TOPOLOGIES: u32 = 3;
/// How long clients work before the link is cut.
pub const BEFORE: Duration = Duration::from_secs(1);
/// How long clients work after it is mended.
const AFTER: Duration = Duration::from_secs(1);

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
        "TPC-B-like transactions with the nodes at a distance (--network: 10 ms, 1 MB/s), and with the link between them cut \
         (--cut)"
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

    fn has_links(&self) -> bool {
        true
    }

    fn shortest_load(&self, options: &RunOptions) -> Duration {
        let links = options.replication.links.iter();
        let longest = links.map(|link| link.round_trip).max().unwrap_or_default();
        SHORTEST.max(longest * ROUND_TRIPS)
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Network {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        TpcB.procedure().statements(context)
    }

    /// One over each link for each topology.
    fn loads(&self, options: &RunOptions) -> u32 {
        let options = &options.replication;
        let links = u32::try_from(options.all_links().len()).unwrap_or(u32::MAX);
        options.how_many(TOPOLOGIES).saturating_mul(links)
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand)?;
        let topologies = bench.network_topologies(measured)?;
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
    for link in bench.in_turn(bench.options().all_links()) {
        let throughput = measure_link(bench, &running, link, measured)?;
        told.push(format!("{} {throughput:.0}/s", link_name(&link)));
    }
    settle(bench, &running)?;
    match topology.shape {
        Shape::Peers => {
            minority::measure(bench, &running, &name_of(&topology, PARTITION), measured)?;
        }
        Shape::Star | Shape::Chain => {
            measure_partition(bench, &running, measured)?;
        }
    }
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
    link: Link,
    measured: &mut Measured,
) -> Result<f64> {
    settle(bench, running)?;
    running.cluster.set_link(link)?;
    let name = name_of(&running.topology, &link_name(&link));
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
    let cut_for = bench.options().cut;
    let seconds = cut_for.as_secs_f64();
    stand.working_on(&format!("cut the link of {} for {seconds} s", running.topology.name));
    let cut = |over: &Stop| {
        sleep(bench, BEFORE, over)?;
        running.cluster.set_link(Link { cut: true, ..Link::default() })?;
        let began = Instant::now();
        let slept = sleep(bench, cut_for, over);
        let mended = Instant::now();
        running.cluster.set_link(Link::default())?;
        slept?;
        sleep(bench, AFTER, over)?;
        Ok((began, mended))
    };
    let ((began, mended), beats, ()) =
        bench.beat_beside(running, cut_for, measured, cut, |_| Ok(()))?;
    let staleness = Staleness::of(&beats, 0);
    measured.own.extend(found_of_cut(&beats, &staleness, (began, mended), &name));
    Ok(())
}

/// What the primary and whoever looked at a replica saw of a cut.
pub fn found_of_cut(
    beats: &Beats,
    staleness: &Staleness,
    (began, mended): (Instant, Instant),
    name: &str,
) -> Vec<Measurement> {
    let during = beats.acknowledged_within(began, mended);
    let beaten = Measurement::new("beats_while_cut", during as f64, "1", Better::Neither);
    let mut rows = vec![ms("cut_ms", mended - began, name)];
    rows.push(found::of_beats(beaten.of(name), beats));
    rows.extend(found::longest(beats, staleness, name));
    rows
}
