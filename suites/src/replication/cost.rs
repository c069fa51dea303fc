//! What each topology costs the primary under a load, and how far its replicas lag meanwhile.
//!
//! A load on a primary without a replica goes before and after each, so that a machine that drifts touches
//! both alike: a topology is compared with the two around it. All of them begin on tables that were just
//! loaded, so that none is slower than another for what was done to its tables before.

use std::time::Duration;

use dbdyno_core::load::LoadReport;
use dbdyno_core::{Better, Check, Measurement, Result, Statement, Topology};
use dbdyno_datasets::Dataset;
use hdrhistogram::Histogram;

use super::bench::{Bench, Running};
use super::found;
use super::heartbeat::{Beat, Beats};
use super::staleness::Staleness;
use crate::benchmark::{
    AfterUse, Benchmark, LoadBenchmark, Procedure, StagedBenchmark, WorkloadContext,
};
use crate::runner::{Measured, Stage, Stand};

/// The shortest load: a beat a second more or less must not matter.
const SHORTEST: Duration = Duration::from_millis(2_000);
/// Loads of a case at the most: nine topologies, and one without a replica around each.
const LOADS: u32 = 19;
/// The same where only the two most telling topologies are measured.
const TELLING_LOADS: u32 = 5;

/// A benchmark `replication/<workload>`.
#[derive(Clone, Copy)]
pub struct Cost {
    pub name: &'static str,
    pub summary: &'static str,
    pub transactions: &'static dyn LoadBenchmark,
    /// Whether all topologies are measured where the user names none, not only the most telling.
    pub is_thorough: bool,
}

impl Benchmark for Cost {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn dataset(&self) -> &'static dyn Dataset {
        self.transactions.dataset()
    }

    fn after_use(&self) -> AfterUse {
        self.transactions.after_use()
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

impl StagedBenchmark for Cost {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        self.transactions.procedure().statements(context)
    }

    fn loads(&self) -> u32 {
        if self.is_thorough { LOADS } else { TELLING_LOADS }
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand)?;
        let topologies = match self.is_thorough {
            true => bench.topologies(measured)?,
            false => bench.telling_topologies(measured)?,
        };
        let Some(alone) = bench.start(bench.baseline()?, false, measured)? else { return Ok(()) };
        let mut baseline = Baseline::default();
        baseline.add(self.load_alone(&bench, &alone, "none before", measured)?);
        let measured_all = bench.each(topologies, measured, |topology, measured| {
            let Some(throughput) = self.measure_one(&bench, topology, measured)? else {
                return Ok(None);
            };
            // Its tables are as fresh as those of the topology were.
            bench.load_data(&alone)?;
            let name = format!("none after {}", topology.name);
            baseline.add(self.load_alone(&bench, &alone, &name, measured)?);
            let ratio = baseline.against(topology.name, throughput);
            measured.own.extend(ratio.clone());
            let ratio = ratio.and_then(|row| row.value);
            Ok(ratio.map(|ratio| format!("{} x{ratio:.2} of no replica", topology.name)))
        });
        measured.own.extend(baseline.rows());
        measured_all
    }
}

impl Cost {
    /// Measures one topology; gives its throughput.
    fn measure_one(
        &self,
        bench: &Bench<'_>,
        topology: Topology,
        measured: &mut Measured,
    ) -> Result<Option<f64>> {
        let Some(running) = bench.start(topology, false, measured)? else { return Ok(None) };
        let (name, about) = (topology.name, Some(topology.name));
        let Load { stage, beats } = self.load(bench, &running, name, about, measured)?;
        measured.own.extend(found::commits(&beats, name));
        let evidence = running.cluster.evidence();
        let began = found::moment(stage.report.began_at);
        for place in 0..running.replicas.len() {
            let name = found::replica_name(name, place);
            let staleness = Staleness::of(&beats, place);
            let mut rows = found::staleness(&staleness, &name);
            if let Some(first) = rows.first_mut().filter(|row| row.detail.is_empty()) {
                first.detail.clone_from(&evidence);
            }
            measured.own.extend(rows);
            let seconds = found::by_second(&staleness, began, &name);
            bench.stand.keep_seconds(stage.report.began_at, &seconds)?;
            let file = bench.stand.file("replication", "csv")?;
            found::keep_said(&file, &staleness.said, began, &name)?;
        }
        let throughput = stage.report.total_throughput();
        measured.stages.push(stage);
        Ok(Some(throughput))
    }

    /// A load without a replica, which the topologies before and after it are compared with.
    fn load_alone(
        &self,
        bench: &Bench<'_>,
        alone: &Running,
        name: &str,
        measured: &mut Measured,
    ) -> Result<Load> {
        self.load(bench, alone, name, None, measured)
    }

    /// Puts a load on tables that were just loaded, and holds all nodes against what the clients were told.
    /// `about` is the part of the case that its checks are about.
    fn load(
        &self,
        bench: &Bench<'_>,
        running: &Running,
        name: &str,
        about: Option<&str>,
        measured: &mut Measured,
    ) -> Result<Load> {
        let (stand, transactions) = (bench.stand, self.transactions);
        stand.go_on()?;
        let before = bench.state(&*running.primary, transactions)?;
        let workload = transactions.workload(&stand.context(), &before);
        let clients = stand.case().clients;
        let (warmup, length) = stand.length(clients);
        let load =
            || stand.load_through(name, &running.primary, clients, (warmup, length), &workload);
        let (stage, mut beats) = bench.beat_during(running, measured, load)?;
        let mut stage = stage?;
        if let Some(failure) = stage.report.failure.take() {
            return Err(failure);
        }
        // Beats of another time than the load's are no part of it.
        let from = found::moment(stage.report.began_at) + warmup;
        beats.keep_within(from, from + stage.report.window);
        let after = bench.compare(running, transactions, measured)?;
        let report = &stage.report;
        let mut checks = workload.checks(report.is_whole());
        checks.extend(transactions.account(&before, &after, &workload.counted(), &report.tally));
        checks.extend(transactions.account_samples(&before, &after, &workload.witnessed()));
        checks.extend(after.checks);
        measured.checks.extend(checks.into_iter().map(|check| match about {
            Some(part) => check.of(part),
            None => Check { name: format!("{}_{name}", check.name), ..check },
        }));
        Ok(Load { stage, beats })
    }
}

/// A load and the beats beside it.
struct Load {
    stage: Stage,
    beats: Beats,
}

/// The loads without a replica.
#[derive(Default)]
struct Baseline {
    throughputs: Vec<f64>,
    response_ns: Option<Histogram<u64>>,
    beats: Vec<Beat>,
}

impl Baseline {
    fn add(&mut self, load: Load) {
        let report: &LoadReport = &load.stage.report;
        self.throughputs.push(report.total_throughput());
        let its = report.total().response_ns;
        match &mut self.response_ns {
            // Histograms of the same precision grow where they must.
            Some(all) => drop(all.add(&its)),
            None => self.response_ns = Some(its),
        }
        self.beats.extend(load.beats.sent);
    }

    /// The throughput of a topology against the mean of the two loads around it.
    fn against(&self, name: &'static str, throughput: f64) -> Option<Measurement> {
        let around: Vec<f64> = self.throughputs.iter().rev().take(2).copied().collect();
        let mean = around.iter().sum::<f64>() / around.len() as f64;
        if mean <= 0.0 {
            return None;
        }
        let row = Measurement::new("throughput_ratio", throughput / mean, "1", Better::Higher);
        Some(row.of(name))
    }

    fn rows(&self) -> Vec<Measurement> {
        let mean = self.throughputs.iter().sum::<f64>() / self.throughputs.len().max(1) as f64;
        let mut rows = vec![Measurement::new("throughput", mean, "1/s", Better::Higher).of("none")];
        rows.extend(
            self.response_ns.iter().flat_map(|all| found::percentiles("latency", all, "none")),
        );
        rows.extend(found::commit_rows(&self.beats, "none"));
        rows
    }
}
