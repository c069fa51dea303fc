//! What each topology costs the primary under a load, and how far its replicas lag meanwhile.
//!
//! A load on a primary without a replica goes before and after each, so that a machine that drifts touches
//! both alike: a topology is compared with the two around it. All of them begin on tables that were just
//! loaded, so that none is slower than another for what was done to its tables before.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{LoadReport, Workload};
use dbdyno_core::{Better, Check, Measurement, Result, Shape, Statement};
use dbdyno_datasets::Dataset;
use hdrhistogram::Histogram;

use super::bench::{Bench, Running};
use super::found;
use super::heartbeat::{Beat, Beats};
use super::staleness::Staleness;
use crate::benchmark::{
    AfterUse, Benchmark, LoadBenchmark, Procedure, StagedBenchmark, State, WorkloadContext,
};
use crate::runner::{Measured, RunOptions, Stage, Stand};

/// The shortest load: a beat a second more or less must not matter.
const SHORTEST: Duration = Duration::from_millis(2_000);
/// Topologies at the most where none is named.
const TOPOLOGIES: u32 = 9;
/// The same where only the two most telling ones are measured.
const TELLING: u32 = 2;

/// What is to be known of what servers report of a replica of a replica.
const LATER_IN_A_CHAIN: &str =
    "counted from when the replica before it had the commit, not the primary";

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

    fn shortest_load(&self, _options: &RunOptions) -> Duration {
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

    /// One for each topology, and one without a replica around each.
    fn loads(&self, options: &RunOptions) -> u32 {
        let by_default = if self.is_thorough { TOPOLOGIES } else { TELLING };
        options.replication.how_many(by_default).saturating_mul(2).saturating_add(1)
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let bench = Bench::new(stand)?;
        let topologies = match self.is_thorough {
            true => bench.topologies(measured)?,
            false => bench.telling_topologies(measured)?,
        };
        let none = bench.baseline()?;
        let begun = bench.attempt(none.name, measured, |measured| {
            let Some(alone) = bench.start(none, false, measured)? else { return Ok(None) };
            let fresh = bench.state(&*alone.primary, self.transactions)?;
            let loads = Loads { bench: &bench, transactions: self.transactions, fresh };
            let first = loads.alone(&alone, "none before", measured)?;
            Ok(Some((alone, loads, first)))
        });
        // Without it there is nothing to compare with.
        let Some((alone, loads, first)) = begun?.flatten() else { return Ok(()) };
        let mut baseline = Baseline::default();
        baseline.add(first);
        let measured_all = bench.each(topologies, measured, |topology, measured| {
            let Some(running) = bench.start(topology, false, measured)? else { return Ok(None) };
            let throughput = loads.replicated(&running, measured)?;
            drop(running);
            let after = format!("none after {}", topology.name);
            let load = bench.attempt(&after, measured, |measured| {
                // Its tables are as fresh as those of the topology were.
                bench.load_data(&alone)?;
                loads.alone(&alone, &after, measured)
            })?;
            let Some(load) = load else {
                let why = format!("the load `{after}` came to no end");
                measured.own.push(found::failed(ratio_row(0.0, topology.name), &why));
                return Ok(None);
            };
            baseline.add(load);
            let ratio = baseline.against(topology.name, throughput);
            let told = ratio.as_ref().and_then(|row| row.value);
            measured.own.extend(ratio);
            Ok(told.map(|ratio| format!("{} x{ratio:.2} of no replica", topology.name)))
        });
        measured.own.extend(baseline.rows());
        measured_all
    }
}

/// The loads of a case, each on tables that were just loaded.
struct Loads<'b> {
    bench: &'b Bench<'b>,
    transactions: &'static dyn LoadBenchmark,
    /// What such tables look like: the same on every primary, for what is loaded depends on scale and seed alone.
    fresh: State,
}

/// A load and the beats beside it.
struct Load {
    stage: Stage,
    beats: Beats,
    workload: Arc<dyn Workload>,
}

/// A load without a replica.
struct Alone {
    load: Load,
    /// The checks that did not hold after it.
    broken: Vec<String>,
}

impl Loads<'_> {
    /// A load without a replica, which the topologies before and after it are compared with.
    fn alone(&self, alone: &Running, name: &str, measured: &mut Measured) -> Result<Alone> {
        let load = self.put(alone, name, measured)?;
        // What is wrong there is nothing that a topology did.
        let part = Some(alone.topology.name.to_owned());
        let checks = self.check(alone, &load, measured)?.into_iter();
        let named = |check: Check| Check { name: format!("{}_{name}", check.name), ..check };
        let checks: Vec<_> = checks.map(named).collect();
        let broken = checks.iter().filter(|check| !check.held);
        let broken = broken.map(|check| check.name.clone()).collect();
        measured
            .checks
            .extend(checks.into_iter().map(|check| Check { part: part.clone(), ..check }));
        Ok(Alone { load, broken })
    }

    /// A load on a topology; gives its throughput.
    fn replicated(&self, running: &Running, measured: &mut Measured) -> Result<f64> {
        let (bench, name) = (self.bench, running.topology.name);
        let load = self.put(running, name, measured)?;
        measured.own.extend(found::commits(&load.beats, name));
        let (began_at, began) = (load.stage.report.began_at, load.stage.report.began);
        let evidence = running.cluster.evidence();
        for place in 0..running.replicas.len() {
            let name = found::replica_name(name, place);
            let staleness = Staleness::of(&load.beats, place);
            let mut rows = found::staleness(&staleness, &name);
            if running.topology.shape == Shape::Chain && place > 0 {
                found::say_of_reported(&mut rows, LATER_IN_A_CHAIN);
            }
            if let Some(first) = rows.first_mut().filter(|row| row.detail.is_empty()) {
                first.detail.clone_from(&evidence);
            }
            measured.own.extend(rows);
            let seconds = found::by_second(&staleness, began, &name);
            bench.stand.keep_seconds(began_at, &seconds)?;
            let file = bench.stand.file("replication", "csv")?;
            found::keep_said(&file, &staleness.said, began, &name)?;
        }
        let checked = self.check(running, &load, measured);
        let throughput = load.stage.report.total_throughput();
        measured.stages.push(load.stage);
        measured.checks.extend(checked?.into_iter().map(|check| check.of(name)));
        Ok(throughput)
    }

    fn put(&self, running: &Running, name: &str, measured: &mut Measured) -> Result<Load> {
        let workload = self.transactions.workload(&self.bench.stand.context(), &self.fresh);
        let (stage, beats) = self.bench.load_and_beat(name, running, &workload, measured)?;
        Ok(Load { stage, beats, workload })
    }

    /// Holds all nodes against what the clients were told.
    fn check(&self, running: &Running, load: &Load, measured: &mut Measured) -> Result<Vec<Check>> {
        let after = self.bench.compare(running, self.transactions, measured)?;
        let (report, workload) = (&load.stage.report, &load.workload);
        let (counted, witnessed) = (workload.counted(), workload.witnessed());
        let mut checks = workload.checks(report.is_whole());
        checks.extend(self.transactions.account(&self.fresh, &after, &counted, &report.tally));
        checks.extend(self.transactions.account_samples(&self.fresh, &after, &witnessed));
        checks.extend(after.checks);
        Ok(checks)
    }
}

fn ratio_row(ratio: f64, name: &str) -> Measurement {
    Measurement::new("throughput_ratio", ratio, "1", Better::Higher).of(name)
}

/// The loads without a replica.
#[derive(Default)]
struct Baseline {
    throughputs: Vec<f64>,
    /// The checks that did not hold after each.
    broken: Vec<Vec<String>>,
    response_ns: Option<Histogram<u64>>,
    beats: Vec<Beat>,
    /// Why the heartbeat of one broke.
    broke: Option<String>,
}

impl Baseline {
    fn add(&mut self, Alone { load, broken }: Alone) {
        self.broken.push(broken);
        let report: &LoadReport = &load.stage.report;
        self.throughputs.push(report.total_throughput());
        let its = report.total().response_ns;
        match &mut self.response_ns {
            // Histograms of the same precision grow where they must.
            Some(all) => drop(all.add(&its)),
            None => self.response_ns = Some(its),
        }
        if self.broke.is_none() {
            self.broke = load.beats.stopped().map(str::to_owned);
        }
        self.beats.extend(load.beats.sent);
    }

    /// The throughput of a topology against the mean of the two loads around it, beside what these were: how far they
    /// are apart is how far a ratio may be off. Where one of these broke a promise there is no number.
    fn against(&self, name: &'static str, throughput: f64) -> Option<Measurement> {
        let broken: Vec<&str> =
            self.broken.iter().rev().take(2).flatten().map(String::as_str).collect();
        if !broken.is_empty() {
            let why = format!("without a replica did not hold: {}", broken.join(", "));
            return Some(found::failed(ratio_row(0.0, name), &why));
        }
        let around: Vec<f64> = self.throughputs.iter().rev().take(2).copied().collect();
        let mean = around.iter().sum::<f64>() / around.len() as f64;
        if mean <= 0.0 {
            return None;
        }
        let mut row = ratio_row(throughput / mean, name);
        let around: Vec<String> = around.iter().rev().map(|each| format!("{each:.0}")).collect();
        row.detail = format!("against {} per second around it", around.join(" and "));
        Some(row)
    }

    fn rows(&self) -> Vec<Measurement> {
        let mean = self.throughputs.iter().sum::<f64>() / self.throughputs.len().max(1) as f64;
        let mut rows = vec![Measurement::new("throughput", mean, "1/s", Better::Higher).of("none")];
        rows.extend(
            self.response_ns.iter().flat_map(|all| found::percentiles("latency", all, "none")),
        );
        rows.extend(found::commit_rows(&self.beats, self.broke.as_deref(), "none"));
        rows
    }
}
