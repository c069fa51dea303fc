//! What each topology costs the primary under a load, and how far its replicas lag meanwhile.
//!
//! A load on a primary without a replica goes before and after each, so that a machine that drifts touches
//! both alike: a topology is compared with the two around it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dbdyno_core::load::{LoadReport, Tally, Workload};
use dbdyno_core::{Better, Measurement, Result, Statement, Topology};
use dbdyno_datasets::Dataset;
use hdrhistogram::Histogram;

use super::bench::{Bench, Running};
use super::found;
use super::heartbeat::Beats;
use super::staleness::Staleness;
use crate::benchmark::{
    AfterUse, Benchmark, LoadBenchmark, Procedure, StagedBenchmark, State, WorkloadContext,
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
        let mut alone = Loaded::new(&bench, alone, self.transactions)?;
        let mut baseline = Baseline::default();
        baseline.add(alone.load("none before", measured)?);
        let measured_all = bench.each(topologies, measured, |topology, measured| {
            let Some(throughput) = self.measure_one(&bench, topology, measured)? else {
                return Ok(None);
            };
            baseline.add(alone.load(&format!("none after {}", topology.name), measured)?);
            let ratio = baseline.against(topology.name, throughput);
            measured.own.extend(ratio.clone());
            let ratio = ratio.and_then(|row| row.value);
            Ok(ratio.map(|ratio| format!("{} x{ratio:.2} of no replica", topology.name)))
        });
        alone.close(measured)?;
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
        let mut loaded = Loaded::new(bench, running, self.transactions)?;
        let Load { stage, beats, began } = loaded.load(topology.name, measured)?;
        measured.own.extend(found::commits(&beats, topology.name));
        let evidence = loaded.running.cluster.evidence();
        for place in 0..loaded.running.replicas.len() {
            let name = found::replica_name(topology.name, place);
            let staleness = Staleness::of(&beats, place);
            let mut rows = found::staleness(&staleness, &name);
            if let Some(first) = rows.first_mut() {
                first.detail.clone_from(&evidence);
            }
            measured.own.extend(rows);
            let seconds = found::by_second(&staleness, began, &name);
            bench.stand.keep_seconds(found::wall_clock(began), &seconds)?;
            let file = bench.stand.file("replication", "csv")?;
            found::keep_said(&file, &staleness.said, began, &name)?;
        }
        let throughput = stage.report.total_throughput();
        measured.stages.push(stage);
        loaded.close(measured)?;
        Ok(Some(throughput))
    }
}

/// A load and the beats beside it.
pub struct Load {
    pub stage: Stage,
    pub beats: Beats,
    pub began: Instant,
}

/// A cluster on which loads are put, with its account.
struct Loaded<'b> {
    bench: &'b Bench<'b>,
    running: Running,
    transactions: &'static dyn LoadBenchmark,
    before: State,
    /// The loads so far, each with its workload.
    loads: Vec<(Arc<dyn Workload>, Tally)>,
}

impl<'b> Loaded<'b> {
    fn new(
        bench: &'b Bench<'b>,
        running: Running,
        transactions: &'static dyn LoadBenchmark,
    ) -> Result<Self> {
        let before = bench.state(&*running.primary, transactions)?;
        Ok(Self { bench, running, transactions, before, loads: Vec::new() })
    }

    fn load(&mut self, name: &str, measured: &mut Measured) -> Result<Load> {
        let stand = self.bench.stand;
        stand.go_on()?;
        let workload = self.transactions.workload(&stand.context(), &self.before);
        let clients = stand.case().clients;
        let began = Instant::now();
        let length = stand.length(clients);
        let load = || stand.load_through(name, &self.running.primary, clients, length, &workload);
        let (stage, mut beats) = self.bench.beat_during(&self.running, load)?;
        let stage = stage?;
        self.loads.push((Arc::clone(&workload), stage.report.tally.clone()));
        let answers = workload.checks(stage.report.is_whole());
        measured.checks.extend(answers.into_iter().map(|mut check| {
            check.name = format!("{}_{name}", check.name);
            check
        }));
        // What was sent while the load warmed up is no part of it.
        let measured_from = began + length.0;
        let warm = beats.sent.partition_point(|(sent, _)| *sent < measured_from);
        beats.sent.drain(..warm);
        beats.first += warm as u64;
        beats.reports.retain(|(at, _)| *at >= measured_from);
        Ok(Load { stage, beats, began })
    }

    /// Holds all nodes against what the clients were told, and stops them. Of several loads only counts are
    /// held against the tables, for what one client last wrote another load may have overwritten.
    fn close(self, measured: &mut Measured) -> Result<()> {
        let name = self.running.topology.name;
        let after = self.bench.compare(&self.running, self.transactions, measured)?;
        let mut counted = std::collections::BTreeMap::new();
        let mut tally = Tally::default();
        for (workload, its) in &self.loads {
            for (key, value) in workload.counted() {
                *counted.entry(key).or_insert(0) += value;
            }
            for (transaction, entry) in &its.transactions {
                let sum = tally.transactions.entry(transaction).or_default();
                sum.committed += entry.committed;
                sum.rolled_back += entry.rolled_back;
                sum.unknown += entry.unknown;
            }
        }
        let mut checks = self.transactions.account(&self.before, &after, &counted, &tally);
        if let [(workload, _)] = self.loads.as_slice() {
            let witnessed = workload.witnessed();
            checks.extend(self.transactions.account_samples(&self.before, &after, &witnessed));
        }
        checks.extend(after.checks);
        measured.checks.extend(checks.into_iter().map(|mut check| {
            check.name = format!("{}_{name}", check.name);
            check
        }));
        Ok(())
    }
}

/// The loads without a replica.
#[derive(Default)]
struct Baseline {
    throughputs: Vec<f64>,
    response_ns: Option<Histogram<u64>>,
    commits: Vec<(Instant, Instant)>,
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
        self.commits.extend(load.beats.sent);
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
        let beats = Beats { sent: self.commits.clone(), ..Beats::default() };
        rows.extend(found::commits(&beats, "none"));
        rows
    }
}
