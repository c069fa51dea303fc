//! Transactions on the same server and the same tables: pgbench on PostgreSQL, sysbench on MariaDB.

use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dbdyno_core::{Error, Result};
use dbdyno_datasets::Dataset;
use dbdyno_datasets::sbtest::Sbtest;
use dbdyno_datasets::tpcb::TpcB;

use crate::bench::{Bench, processors};
use crate::child::Usage;
use crate::comparison::{Comparison, run};
use crate::dbdyno::{Length, Run};
use crate::metric::{Metric, PIPELINED, TRANSACTIONS};
use crate::pgbench_report;
use crate::record::{Figures, Record};
use crate::servers::Server;
use crate::summary::Summary;
use crate::sysbench_report;

/// Comparisons on PostgreSQL: name, dbdyno's benchmark, whether dbdyno pipelines.
pub const POSTGRES: [(&str, &str, bool); 3] = [
    ("postgres/point-select", "point-select", false),
    ("postgres/tpcb", "tpcb", false),
    ("postgres/tpcb-pipeline", "tpcb", true),
];

/// Comparisons on MariaDB: name, dbdyno's benchmark, sysbench's test.
pub const MARIADB: [(&str, &str, &str); 4] = [
    ("mariadb/point-select", "point-select", "oltp_point_select"),
    ("mariadb/read-only", "read-only", "oltp_read_only"),
    ("mariadb/read-write", "read-write", "oltp_read_write"),
    ("mariadb/update-non-index", "update-non-index", "oltp_update_non_index"),
];

/// The part of its transactions that pgbench logs: few enough that logging does not show in its
/// processor time. Point selects are so short that a line of log would cost a tenth of one.
pub const LOGGED_POINT_SELECTS: f64 = 0.05;
pub const LOGGED_TPCB: f64 = 0.2;

/// Compares with pgbench.
///
/// # Errors
/// The end was asked for, or the data cannot be loaded.
pub fn on_postgres(
    bench: &Bench,
    server: &Server<'_>,
    record: &mut Record,
    summary: &mut Summary,
) -> Result<()> {
    let wanted = POSTGRES.iter().filter(|(name, ..)| bench.options.wants(name));
    let fresh = Fresh::default();
    let mut comparisons = Vec::new();
    for (name, benchmark, pipeline) in wanted {
        let (dataset, scale, script) = match *benchmark {
            "tpcb" => (&TpcB as &dyn Dataset, bench.options.scale, Script::TpcbLike),
            _ => (&Sbtest as _, bench.options.sbtest_scale(), point_select_script(bench)?),
        };
        load(bench, server, benchmark, scale, &[])?;
        for clients in bench.options.clients.iter().copied() {
            let case = Case { dataset, benchmark, scale, clients, pipeline: *pipeline };
            let (script, start, fresh) = (script.clone(), Start::default(), &fresh);
            comparisons.push(Comparison {
                name: (*name).to_owned(),
                clients: Some(clients),
                peer: "pgbench",
                compared: if *pipeline { PIPELINED } else { TRANSACTIONS },
                dbdyno: Box::new(move |round| {
                    fresh.tables(bench, server, &case, round)?;
                    case.dbdyno(bench, server, round)
                }),
                other: Box::new(move |round| {
                    fresh.tables(bench, server, &case, round)?;
                    pgbench(bench, server, &case, &script, &start)
                }),
            });
        }
    }
    run(bench, &comparisons, bench.options.rounds, record, summary)
}

/// Compares with sysbench.
///
/// # Errors
/// The end was asked for, or the data cannot be loaded.
pub fn on_mariadb(
    bench: &Bench,
    server: &Server<'_>,
    record: &mut Record,
    summary: &mut Summary,
) -> Result<()> {
    let wanted = MARIADB.iter().filter(|(name, ..)| bench.options.wants(name));
    let (dataset, scale) = (&Sbtest as &dyn Dataset, bench.options.sbtest_scale());
    let mut comparisons = Vec::new();
    for (name, benchmark, test) in wanted {
        load(bench, server, benchmark, scale, &[])?;
        for clients in bench.options.clients.iter().copied() {
            let case = Case { dataset, benchmark, scale, clients, pipeline: false };
            let start = Start::default();
            comparisons.push(Comparison {
                name: (*name).to_owned(),
                clients: Some(clients),
                peer: "sysbench",
                compared: TRANSACTIONS,
                dbdyno: Box::new(move |round| case.dbdyno(bench, server, round)),
                other: Box::new(move |_| sysbench(bench, server, &case, test, &start)),
            });
        }
    }
    run(bench, &comparisons, bench.options.rounds, record, summary)
}

/// Has dbdyno load its tables, where they are not there or `more` asks for it.
///
/// # Errors
/// It fails.
pub fn load(
    bench: &Bench,
    server: &Server<'_>,
    benchmark: &str,
    scale: u32,
    more: &[&str],
) -> Result<()> {
    eprintln!("making sure of the tables of {benchmark} at scale {scale}");
    let mut run = Run::new(benchmark, scale, 1, Length::Transactions(1));
    run.more = more.iter().map(|&option| option.to_owned()).collect();
    bench.on_server(server, &run).map(drop)
}

/// The round for which tables that grow were last made anew: with every turn TPC-B's history gets
/// longer, and dbdyno's look at it.
#[derive(Default)]
struct Fresh(Cell<u32>);

impl Fresh {
    /// Makes the tables anew in each round but the first, before either side's first turn.
    fn tables(
        &self,
        bench: &Bench,
        server: &Server<'_>,
        case: &Case<'_>,
        round: u32,
    ) -> Result<()> {
        if case.dataset.name() != TpcB.name() || self.0.replace(round).max(1) == round {
            return Ok(());
        }
        load(bench, server, case.benchmark, case.scale, &["--reload"])
    }
}

/// What both sides run.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    pub dataset: &'a dyn Dataset,
    pub benchmark: &'a str,
    pub scale: u32,
    pub clients: u32,
    pub pipeline: bool,
}

impl Case<'_> {
    /// What comes right before a peer is measured: what comes before dbdyno is, which settles the
    /// server and then looks at the tables.
    fn before_peer(&self, server: &Server<'_>) -> Result<()> {
        server.settle()?;
        server.look(self.benchmark, self.scale)
    }

    fn dbdyno(&self, bench: &Bench, server: &Server<'_>, round: u32) -> Result<Figures> {
        server.settle()?;
        let length = Length::Time(bench.measured());
        let mut run = Run::new(self.benchmark, self.scale, self.clients, length);
        run.seed = round + 1;
        if self.pipeline {
            run.more.push("--pipeline".to_owned());
        }
        server.call_by_seed(self.dataset, run.seed)?;
        let ran = bench.on_server(server, &run);
        // Other comparisons look for the seed that the data was loaded with.
        server.call_by_seed(self.dataset, 1)?;
        ran?.transactions()
    }
}

/// What pgbench runs.
#[derive(Clone)]
pub enum Script {
    /// Its own.
    TpcbLike,
    /// That of a file.
    File {
        path: PathBuf,
        /// What `:scale` is there.
        scale: u32,
        /// The part of its transactions that is logged.
        logged: f64,
    },
}

/// dbdyno's point select for pgbench. The rows are drawn as dbdyno and sysbench draw them
/// (`--rand-type=special`): three quarters uniformly from a window in the middle, one quarter from
/// a bell around it, for which pgbench has a Gaussian of the same deviation, a twelfth of the
/// range, where sysbench takes the mean of twelve uniform numbers.
fn point_select_script(bench: &Bench) -> Result<Script> {
    let path = bench.scratch().join("point-select.sql");
    let rows = bench.options.rows;
    let (low, high) = special_window(rows);
    let text = format!(
        "\\set id case when random(1, 4) = 1 then random_gaussian(1, {rows}, 6.0) \
         else random({low}, {high}) end\n\
         SELECT c FROM sbtest1 WHERE id = :id;\n"
    );
    std::fs::write(&path, text)
        .map_err(|why| Error::new(format!("write {}", path.display()), why))?;
    Ok(Script::File { path, scale: bench.options.sbtest_scale(), logged: LOGGED_POINT_SELECTS })
}

/// The rows that get three quarters of all draws, see `dbdyno_core::random::special`.
fn special_window(rows: u32) -> (u32, u32) {
    let span = f64::from(rows) - 1.0;
    let window = span / 100.0;
    let row = |unit: f64| 1.0 + unit * (window + 1.0) + span / 2.0 - window / 2.0;
    (row(0.25).floor() as u32, row(1.0).ceil() as u32 - 1)
}

/// How long a peer runs.
#[derive(Clone, Copy)]
enum Until {
    /// For the time that is measured.
    Time,
    /// Until each client has run one transaction: to see what the rest of the process costs.
    OneEach,
}

/// Has pgbench run for as long as a side is measured, right after a look at the tables.
///
/// # Errors
/// It fails, a transaction of it does, or what it printed cannot be read.
pub fn pgbench(
    bench: &Bench,
    server: &Server<'_>,
    case: &Case<'_>,
    script: &Script,
    start: &Start,
) -> Result<Figures> {
    let logs = bench.empty_folder("pgbench")?;
    let command = |until| pgbench_command(bench, server, case, script, until, &logs);
    let start = start.cpu(bench, || command(Until::OneEach))?;
    let logs = bench.empty_folder("pgbench")?;
    case.before_peer(server)?;
    let finished = bench.run(&command(Until::Time))?;
    let unread = |why: String| Error::new("read what pgbench measured", why);
    let report = pgbench_report::parse(&finished.out).map_err(unread)?;
    if report.failed > 0 {
        return Err(unread(format!("{} transactions failed", report.failed)));
    }
    let mut latencies = latencies(&logs)?;
    let mut figures = vec![
        (Metric::Throughput, report.throughput),
        (Metric::Transactions, report.transactions as f64),
        (Metric::PeakRss, finished.usage.peak_rss as f64),
        (Metric::Samples, latencies.len() as f64),
    ];
    let p99 = pgbench_report::p99(&mut latencies);
    figures.extend(p99.map(|p99| (Metric::P99, p99 as f64)));
    figures.extend(processor_time(finished.usage, start, report.transactions)?);
    Ok(figures)
}

fn pgbench_command(
    bench: &Bench,
    server: &Server<'_>,
    case: &Case<'_>,
    script: &Script,
    until: Until,
    logs: &Path,
) -> Command {
    let threads = case.clients.min(processors());
    let mut command = server.postgres_client("pgbench", &case.dataset.namespace());
    command.args(["-n", "-M", "prepared", "-l"]).current_dir(logs);
    command.args(["-c", &case.clients.to_string(), "-j", &threads.to_string()]);
    match until {
        Until::Time => command.args(["-T", &bench.options.seconds.to_string()]),
        Until::OneEach => command.args(["-t", "1"]),
    };
    let logged = match script {
        Script::TpcbLike => {
            command.args(["-b", "tpcb-like"]);
            LOGGED_TPCB
        }
        Script::File { path, scale, logged } => {
            command.args(["-s", &scale.to_string(), "-f"]).arg(path);
            *logged
        }
    };
    command.arg(format!("--sampling-rate={logged}"));
    command
}

/// The latencies in pgbench's logs, one to a thread, in microseconds.
fn latencies(logs: &Path) -> Result<Vec<u64>> {
    let failed = |why: &dyn std::fmt::Display| Error::new("read pgbench's logs", why);
    let mut latencies = Vec::new();
    for entry in std::fs::read_dir(logs).map_err(|why| failed(&why))? {
        let path = entry.map_err(|why| failed(&why))?.path();
        let text = std::fs::read_to_string(&path).map_err(|why| failed(&why))?;
        pgbench_report::parse_log(&text, &mut latencies).map_err(|why| failed(&why))?;
    }
    Ok(latencies)
}

fn sysbench(
    bench: &Bench,
    server: &Server<'_>,
    case: &Case<'_>,
    test: &str,
    start: &Start,
) -> Result<Figures> {
    let command = |until| sysbench_command(bench, server, case, test, until);
    let start = start.cpu(bench, || command(Until::OneEach))?;
    case.before_peer(server)?;
    let finished = bench.run(&command(Until::Time))?;
    let report = sysbench_report::parse(&finished.out)
        .map_err(|why| Error::new("read what sysbench measured", why))?;
    let mut figures = vec![
        (Metric::Throughput, report.throughput),
        (Metric::P99, report.percentile_us),
        (Metric::Transactions, report.transactions as f64),
        (Metric::Samples, report.transactions as f64),
        (Metric::Retries, report.ignored_errors as f64),
        (Metric::PeakRss, finished.usage.peak_rss as f64),
    ];
    figures.extend(processor_time(finished.usage, start, report.transactions)?);
    Ok(figures)
}

fn sysbench_command(
    bench: &Bench,
    server: &Server<'_>,
    case: &Case<'_>,
    test: &str,
    until: Until,
) -> Command {
    let mut command = server.sysbench(&case.dataset.namespace());
    command.args([test, "--tables=1", "--db-ps-mode=auto", "--rand-type=special"]);
    command.args(["--percentile=99", "--report-interval=0"]);
    // Besides deadlocks and lock timeouts, its default, the duplicate key of two clients that
    // replace the same row: dbdyno runs such a transaction again as well.
    command.arg("--mysql-ignore-errors=1213,1020,1205,1062");
    command.arg(format!("--table-size={}", bench.options.rows));
    command.arg(format!("--threads={}", case.clients));
    match until {
        Until::Time => command.arg("--events=0").arg(format!("--time={}", bench.options.seconds)),
        Until::OneEach => command.arg("--time=0").arg(format!("--events={}", case.clients)),
    };
    command.arg("run");
    command
}

/// What a peer's process costs besides its transactions.
#[derive(Default)]
pub struct Start(OnceCell<Duration>);

impl Start {
    /// How often it is measured; the median counts.
    const MEASURED: usize = 5;

    /// The processor time of a run of one transaction per client, measured the first time it is
    /// asked for. The transactions in it are as nothing.
    fn cpu(&self, bench: &Bench, command: impl Fn() -> Command) -> Result<Duration> {
        if let Some(known) = self.0.get() {
            return Ok(*known);
        }
        let runs = (0..Self::MEASURED).map(|_| Ok(bench.run(&command())?.usage.cpu));
        let mut runs = runs.collect::<Result<Vec<Duration>>>()?;
        runs.sort();
        Ok(*self.0.get_or_init(|| runs[Self::MEASURED / 2]))
    }
}

/// A peer's processor time per transaction, without its start and of its whole process.
fn processor_time(usage: Usage, start: Duration, transactions: u64) -> Result<Figures> {
    if transactions == 0 {
        return Err(Error::new("compare with a peer", "it ran no transaction in its time")
            .next("give it more with --seconds"));
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / transactions as f64;
    let measured = usage.cpu.saturating_sub(start);
    Ok(vec![(Metric::Cpu, each(measured)), (Metric::ProcessCpu, each(usage.cpu))])
}

#[cfg(test)]
mod tests {
    use dbdyno_core::random::{Distribution, Rng};

    use super::special_window;

    #[test]
    fn the_window_is_the_one_that_dbdyno_draws_from() {
        for rows in [10_000, 1_000_000] {
            let (low, high) = special_window(rows);
            let mut rng = Rng::new(1, &[]);
            let drawn = (0..100_000).map(|_| Distribution::Special.draw(&mut rng, 1, rows.into()));
            let inside = drawn.filter(|row| (low.into()..=high.into()).contains(row)).count();
            // Three quarters, and what of the bell falls into the window: 0.25 times its width in
            // parts of the range times 12 / sqrt(2 pi).
            let bell = 0.25 * f64::from(high - low + 1) / f64::from(rows) * 4.787;
            let expected = 100_000.0 * (0.75 + bell);
            assert!((inside as f64 - expected).abs() < 700.0, "{inside} of {expected}");
        }
        assert_eq!(special_window(1_000_000), (497_500, 505_001));
    }
}
