//! dbdyno on SQLite against a bare loop: one thread, rusqlite, the same statements, prepared, on
//! the same file with the same pragmas, the rows drawn by the same rule. The loop is a process of
//! its own, this binary as `bare-sqlite`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use dbdyno_core::random::{Distribution, Rng, Text};
use dbdyno_core::{Durability, Error, Result};
use dbdyno_datasets::sbtest::{draw_c, draw_pad};
use rusqlite::{Connection, OpenFlags, Statement};

use crate::bench::{Bench, workload};
use crate::comparison::{Comparison, run};
use crate::dbdyno::{Length, Run};
use crate::metric::{EMBEDDED, Metric};
use crate::record::{Figures, Record};
use crate::summary::Summary;

/// Comparisons: name and dbdyno's benchmark.
pub const SQLITE: [(&str, &str); 2] =
    [("sqlite/point-select", "point-select"), ("sqlite/read-write", "read-write")];

/// Sysbench's `--range_size`.
const RANGE_SIZE: i64 = 100;
/// Sysbench's `--point_selects` of a transaction.
const POINT_SELECTS: usize = 10;

/// Compares with the bare loop.
///
/// # Errors
/// The end was asked for, or the data cannot be loaded.
pub fn against_bare_loop(bench: &Bench, record: &mut Record, summary: &mut Summary) -> Result<()> {
    let file = bench.empty_folder("sqlite")?.join("peers.db");
    let scale = bench.options.sbtest_scale();
    let mut comparisons = Vec::new();
    for (name, benchmark) in SQLITE.iter().filter(|(name, _)| bench.options.wants(name)) {
        let (ours, theirs) = (file.clone(), file.clone());
        let load = Run::new(benchmark, scale, 1, Length::Transactions(1));
        on_file(bench, &file, load)?;
        comparisons.push(Comparison {
            name: (*name).to_owned(),
            clients: Some(1),
            peer: "bare rusqlite",
            compared: EMBEDDED,
            dbdyno: Box::new(move |_| {
                let run = Run::new(benchmark, scale, 1, Length::Time(bench.measured()));
                on_file(bench, &ours, run)?.transactions()
            }),
            other: Box::new(move |_| bare_loop(bench, &theirs, benchmark)),
        });
    }
    run(bench, &comparisons, bench.options.rounds, record, summary)
}

fn on_file(bench: &Bench, file: &Path, mut run: Run<'_>) -> Result<crate::dbdyno::Ran> {
    run.more.extend(["--durability".to_owned(), bench.options.durability.to_string()]);
    bench.on_target(&format!("sqlite:{}", file.display()), &run)
}

fn bare_loop(bench: &Bench, file: &Path, benchmark: &str) -> Result<Figures> {
    let program = std::env::current_exe()
        .map_err(|why| Error::new("find this program to start it again", why))?;
    let mut command = Command::new(program);
    command.args(["bare-sqlite", benchmark]).arg(file);
    command.args([bench.options.rows.to_string(), bench.options.seconds.to_string()]);
    command.arg(bench.options.durability.name());
    let finished = bench.run(&command)?;
    let mut numbers = finished.out.split_whitespace().map(str::parse::<f64>);
    let (Some(Ok(transactions)), Some(Ok(seconds))) = (numbers.next(), numbers.next()) else {
        return Err(Error::new("read what the bare loop measured", finished.out));
    };
    let cpu = finished.usage.cpu.as_secs_f64() * 1e6 / transactions;
    Ok(vec![
        (Metric::Throughput, transactions / seconds),
        (Metric::Cpu, cpu),
        (Metric::ProcessCpu, cpu),
        (Metric::Transactions, transactions),
        (Metric::PeakRss, finished.usage.peak_rss as f64),
    ])
}

/// What the bare loop is told.
#[derive(clap::Args, Debug)]
pub struct Bare {
    /// The benchmark: `point-select` or `read-write`.
    benchmark: String,
    /// The file that dbdyno loaded.
    file: PathBuf,
    /// Rows of its table.
    rows: i64,
    /// How long to run.
    seconds: u64,
    /// What its commits survive.
    durability: Durability,
}

/// The bare loop; prints how many transactions it ran and how many seconds that took.
///
/// # Errors
/// SQLite refuses something, or a row is missing.
pub fn bare(arguments: &Bare) -> Result<()> {
    let failed = |why: rusqlite::Error| {
        Error::new(format!("run the bare loop on {}", arguments.file.display()), why)
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&arguments.file, flags).map_err(failed)?;
    // Those of dbdyno's SQLite driver.
    let synchronous = match arguments.durability {
        Durability::Full => "FULL",
        Durability::Process => "NORMAL",
        Durability::None => "OFF",
    };
    let pragmas = format!(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = wal; PRAGMA synchronous = {synchronous}"
    );
    connection.execute_batch(&pragmas).map_err(failed)?;
    let seconds = Duration::from_secs(arguments.seconds);
    let mut draws = Draws { rng: Rng::new(1, &[]), rows: arguments.rows };
    let prepare = |name: &str| prepared(&connection, &arguments.benchmark, name);
    let (transactions, took) = match arguments.benchmark.as_str() {
        "point-select" => {
            let mut select = prepare("point_select")?;
            repeat(seconds, || read_rows(&mut select, &[draws.row()])).map_err(failed)?
        }
        _ => {
            let mut transaction = ReadWrite {
                begin: connection.prepare("BEGIN IMMEDIATE").map_err(failed)?,
                point_select: prepare("point_select")?,
                ranges: [
                    prepare("simple_range")?,
                    prepare("sum_range")?,
                    prepare("order_range")?,
                    prepare("distinct_range")?,
                ],
                index_update: prepare("index_update")?,
                non_index_update: prepare("non_index_update")?,
                delete: prepare("delete")?,
                insert: prepare("insert")?,
                commit: connection.prepare("COMMIT").map_err(failed)?,
                c: Text::new(),
                pad: Text::new(),
            };
            repeat(seconds, || transaction.run(&mut draws)).map_err(failed)?
        }
    };
    println!("{transactions} {}", took.as_secs_f64());
    Ok(())
}

/// A statement of dbdyno's benchmark.
fn prepared<'c>(connection: &'c Connection, benchmark: &str, name: &str) -> Result<Statement<'c>> {
    let failed =
        |why: &dyn std::fmt::Display| Error::new(format!("prepare `{name}` of {benchmark}"), why);
    let workload = workload(benchmark, 1)?;
    let statement = workload.statements().iter().find(|statement| statement.name == name);
    let statement = statement.ok_or_else(|| failed(&"it has no such statement"))?;
    let sqlite = dbdyno_adapters::engines().iter().find(|engine| engine.name == "sqlite");
    let sqlite = sqlite.ok_or_else(|| failed(&"there is no SQLite"))?;
    let sql = (sqlite.dialect)().statement(&statement.sql);
    connection.prepare(&sql).map_err(|why| failed(&why))
}

/// Runs `transaction` again and again for a time; gives how often, and the time.
fn repeat(
    time: Duration,
    mut transaction: impl FnMut() -> rusqlite::Result<()>,
) -> rusqlite::Result<(u64, Duration)> {
    let began = Instant::now();
    let mut transactions = 0;
    loop {
        transaction()?;
        transactions += 1;
        let took = began.elapsed();
        if took >= time {
            return Ok((transactions, took));
        }
    }
}

/// Draws rows as dbdyno's benchmark does.
struct Draws {
    rng: Rng,
    rows: i64,
}

impl Draws {
    fn row(&mut self) -> i64 {
        Distribution::Special.draw(&mut self.rng, 1, self.rows)
    }
}

/// The transaction of `oltp/read-write`.
struct ReadWrite<'c> {
    begin: Statement<'c>,
    point_select: Statement<'c>,
    ranges: [Statement<'c>; 4],
    index_update: Statement<'c>,
    non_index_update: Statement<'c>,
    delete: Statement<'c>,
    insert: Statement<'c>,
    commit: Statement<'c>,
    c: Text,
    pad: Text,
}

impl ReadWrite<'_> {
    fn run(&mut self, draws: &mut Draws) -> rusqlite::Result<()> {
        self.begin.raw_execute()?;
        for _ in 0..POINT_SELECTS {
            read_rows(&mut self.point_select, &[draws.row()])?;
        }
        for range in &mut self.ranges {
            let first = draws.row();
            read_rows(range, &[first, first + RANGE_SIZE - 1])?;
        }
        self.index_update.raw_bind_parameter(1, draws.row())?;
        self.index_update.raw_execute()?;
        self.non_index_update.raw_bind_parameter(1, draw_c(&mut self.c, &mut draws.rng))?;
        self.non_index_update.raw_bind_parameter(2, draws.row())?;
        self.non_index_update.raw_execute()?;
        let replaced = draws.row();
        self.delete.raw_bind_parameter(1, replaced)?;
        self.delete.raw_execute()?;
        self.insert.raw_bind_parameter(1, replaced)?;
        self.insert.raw_bind_parameter(2, draws.row())?;
        self.insert.raw_bind_parameter(3, draw_c(&mut self.c, &mut draws.rng))?;
        self.insert.raw_bind_parameter(4, draw_pad(&mut self.pad, &mut draws.rng))?;
        self.insert.raw_execute()?;
        self.commit.raw_execute().map(|_| ())
    }
}

/// Runs a query and takes the column of every row, as dbdyno's benchmark does.
fn read_rows(query: &mut Statement<'_>, parameters: &[i64]) -> rusqlite::Result<()> {
    for (place, parameter) in parameters.iter().enumerate() {
        query.raw_bind_parameter(place + 1, parameter)?;
    }
    let mut rows = query.raw_query();
    while let Some(row) = rows.next()? {
        match row.get_ref(0)? {
            rusqlite::types::ValueRef::Text(text) => {
                std::hint::black_box(std::str::from_utf8(text)?);
            }
            other => {
                std::hint::black_box(other);
            }
        }
    }
    Ok(())
}
