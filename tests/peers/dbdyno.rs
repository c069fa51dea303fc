//! Runs `dbdyno run`, and reads what it measured from its run folder.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use dbdyno_core::{Error, Result};

use crate::bench::Bench;
use crate::child::{Finished, Usage};
use crate::metric::Metric;
use crate::record::Figures;
use crate::servers::Server;

/// What is run: one case, one repetition.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The suite.
    pub suite: &'a str,
    /// The benchmark without its suite; empty for all of it.
    pub benchmark: &'a str,
    /// The scale of its data set.
    pub scale: u32,
    pub clients: u32,
    pub length: Length,
    pub seed: u32,
    /// More options.
    pub more: Vec<String>,
}

/// How long it is measured.
#[derive(Clone, Copy, Debug)]
pub enum Length {
    Time(Duration),
    Transactions(u64),
}

impl<'a> Run<'a> {
    /// A run with nothing special about it.
    pub fn new(benchmark: &'a str, scale: u32, clients: u32, length: Length) -> Self {
        Self { suite: "oltp", benchmark, scale, clients, length, seed: 1, more: Vec::new() }
    }

    /// What is to run, as the command line says it.
    fn name(&self) -> String {
        match self.benchmark {
            "" => self.suite.to_owned(),
            benchmark => format!("{}/{benchmark}", self.suite),
        }
    }
}

/// A run that went well.
pub struct Ran {
    metrics: BTreeMap<String, f64>,
    /// How long it loaded data.
    pub load: Option<Duration>,
    pub usage: Usage,
}

impl Ran {
    /// A metric of `results.csv`, of the case as a whole.
    ///
    /// # Errors
    /// It is not there.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let found = self.metrics.get(name).copied();
        found.ok_or_else(|| Error::new("read dbdyno's results", format!("there is no `{name}`")))
    }

    /// The figures of transactions.
    ///
    /// # Errors
    /// One is not there.
    pub fn transactions(&self) -> Result<Figures> {
        let transactions = self.metric("transactions")?;
        Ok(vec![
            (Metric::Throughput, self.metric("throughput")?),
            (Metric::Cpu, self.metric("client_cpu_us_per_transaction")?),
            (Metric::ProcessCpu, self.usage.cpu.as_secs_f64() * 1e6 / transactions),
            (Metric::P99, self.metric("latency_p99_us")?),
            (Metric::PeakRss, self.usage.peak_rss as f64),
            (Metric::Transactions, transactions),
            (Metric::Samples, transactions),
            (Metric::Retries, self.metric("retries")?),
        ])
    }

    /// The figures of a load.
    ///
    /// # Errors
    /// Nothing was loaded.
    pub fn loading(&self) -> Result<Figures> {
        let load = self.load.ok_or_else(|| {
            Error::new("time dbdyno's load", "it says of no table that it was loaded")
        })?;
        Ok(vec![
            (Metric::Load, load.as_secs_f64()),
            (Metric::LoadCpu, self.usage.cpu.as_secs_f64()),
            (Metric::PeakRss, self.usage.peak_rss as f64),
        ])
    }
}

impl Bench {
    /// Runs dbdyno on a server.
    ///
    /// # Errors
    /// It fails, a check of its own included, or its results cannot be read.
    pub fn on_server(&self, server: &Server<'_>, run: &Run<'_>) -> Result<Ran> {
        let mut command = self.command(&server.target(), run)?;
        command.envs(server.password());
        self.run_dbdyno(&command)
    }

    /// Runs dbdyno on another target.
    ///
    /// # Errors
    /// It fails, a check of its own included, or its results cannot be read.
    pub fn on_target(&self, target: &str, run: &Run<'_>) -> Result<Ran> {
        self.run_dbdyno(&self.command(target, run)?)
    }

    fn command(&self, target: &str, run: &Run<'_>) -> Result<Command> {
        let mut command = Command::new(self.dbdyno());
        command.args(["run", &run.name(), "--target", target]);
        command.args(["--clients", &run.clients.to_string(), "--warmup", "0s"]);
        command.args(["--scale", &run.scale.to_string(), "--seed", &run.seed.to_string()]);
        match run.length {
            Length::Time(time) => command.args(["--duration", &format!("{}ms", time.as_millis())]),
            Length::Transactions(count) => command.args(["--transactions", &count.to_string()]),
        };
        // No dbdyno.toml of the user's: the run is what it says here.
        command.args(&run.more).current_dir(self.empty_folder("dbdyno")?);
        Ok(command)
    }

    fn run_dbdyno(&self, command: &Command) -> Result<Ran> {
        let Finished { err, usage, .. } = self.run(command)?;
        let doing = "read dbdyno's results";
        let runs = self.scratch().join("dbdyno/runs");
        let failed = |why: std::io::Error| Error::new(doing, format!("{}: {why}", runs.display()));
        let mut folders = std::fs::read_dir(&runs).map_err(failed)?.flatten();
        let folder = folders.next().ok_or_else(|| Error::new(doing, "there is no run folder"))?;
        let loaded = dbdyno_results::load(&[folder.path()])?;
        let whole = loaded.records.into_iter().filter(|record| record.transaction.is_empty());
        let metrics =
            whole.filter_map(|record| Some((record.metric.to_string(), record.value?))).collect();
        Ok(Ran { metrics, load: load_time(&err), usage })
    }
}

/// How long data was loaded: from the line that names the benchmark, which comes right before, to
/// the line of the last table that was loaded.
fn load_time(err: &[(Instant, String)]) -> Option<Duration> {
    let (began, _) = err
        .iter()
        .find(|(_, line)| ["oltp/", "olap/"].iter().any(|suite| line.starts_with(suite)))?;
    let (ended, _) = err.iter().rfind(|(_, line)| line.contains(" loaded "))?;
    ended.checked_duration_since(*began)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::load_time;

    #[test]
    fn a_load_lasts_to_its_last_table() {
        let start = Instant::now();
        let lines = |texts: &[(u64, &str)]| -> Vec<(Instant, String)> {
            let at = |ms: u64| start + Duration::from_millis(ms);
            texts.iter().map(|(ms, text)| (at(*ms), (*text).to_owned())).collect()
        };
        let err = lines(&[
            (10, "oltp/tpcb"),
            (200, "  postgres  loaded pgbench_branches            50 rows in 0.2 s"),
            (5_010, "  postgres  loaded pgbench_accounts     5,000,000 rows in 4.8 s"),
            (9_000, "  postgres  read-committed      1 clients      512 tx/s  p99    1.9 ms"),
        ]);
        assert_eq!(load_time(&err), Some(Duration::from_secs(5)));
        assert_eq!(load_time(&lines(&[(10, "oltp/tpcb"), (20, "  postgres  1 clients")])), None);
    }
}
