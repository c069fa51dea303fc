//! Compares dbdyno's load path and loaders with pgbench, sysbench, the servers' own bulk commands
//! and a bare loop on SQLite: on the same server, the same tables and the same statements, in
//! turns. `tests/peers/run` builds what it needs and starts it.

mod arrivals;
mod bench;
mod checks;
mod child;
mod comparison;
mod dbdyno;
mod interrupt;
mod interval;
mod loads;
mod metric;
mod pgbench_report;
mod record;
mod row_files;
mod scripts;
mod servers;
mod sqlite;
mod summary;
mod sysbench_report;
mod transactions;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use dbdyno_core::{Durability, Error, Result};

use bench::{Bench, Options, SPARE_SESSIONS};
use checks::Book;
use record::Record;
use servers::Server;
use summary::Summary;

/// Compares dbdyno with pgbench and sysbench, in turns on the same server and tables.
#[derive(Debug, Parser)]
#[command(name = "tests/peers/run", args_conflicts_with_subcommands = true, max_term_width = 100)]
struct Arguments {
    /// Rounds of transactions: each measures both sides once, in alternating order.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// How long a side is measured in a round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,

    /// Rounds of loads.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    load_rounds: u32,

    /// Run only what has this in its name; may be given several times [default: everything].
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,

    /// Numbers of clients.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 8, 64],
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    clients: Vec<u32>,

    /// The folder for peers.csv, summary.csv and conditions.txt, which is made
    /// [default: runs/peers-TIME].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// What commits survive: full, process or none. With `process` the disk's syncs do not hide
    /// what the clients cost.
    #[arg(long, value_name = "LEVEL", default_value_t = Durability::Process)]
    durability: Durability,

    /// The scale of pgbench's tables.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=19_999))]
    scale: u32,

    /// Rows of sysbench's table, in steps of 10,000.
    #[arg(long, default_value_t = 1_000_000, value_parser = parse_rows)]
    rows: u32,

    /// Warehouses of TPC-C's tables, which are only loaded.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    warehouses: u32,

    /// Also check whether memory grows from a run of one minute to one of five.
    #[arg(long)]
    long: bool,

    #[command(subcommand)]
    part: Option<Part>,
}

/// What this program starts itself as.
#[derive(Debug, Subcommand)]
#[command(hide = true)]
enum Part {
    /// Runs a program and writes what it used into a file.
    #[command(hide = true)]
    Measure {
        file: PathBuf,
        #[arg(last = true)]
        words: Vec<String>,
    },
    /// The bare loop on SQLite.
    #[command(hide = true)]
    BareSqlite(sqlite::Bare),
}

fn parse_rows(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(rows @ 10_000..=1_000_000_000) if rows % 10_000 == 0 => Ok(rows),
        _ => Err(format!("`{text}` is not a multiple of 10000 from there to 1000000000")),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.part {
        Some(Part::Measure { file, words }) => child::measure(&file, &words),
        Some(Part::BareSqlite(bare)) => sqlite::bare(&bare).map(|()| ExitCode::SUCCESS),
        None => compare(arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

/// Everything that was asked for; 0 whatever the ratios, 2 where something could not run.
fn compare(arguments: Arguments) -> Result<ExitCode> {
    let folder = arguments.out.clone().unwrap_or_else(|| {
        Path::new("runs").join(format!("peers-{}", dbdyno_results::new_run_id()))
    });
    let options = Options {
        rounds: arguments.rounds,
        seconds: arguments.seconds,
        load_rounds: arguments.load_rounds,
        only: arguments.only,
        clients: arguments.clients,
        durability: arguments.durability,
        scale: arguments.scale,
        rows: arguments.rows,
        warehouses: arguments.warehouses,
        long: arguments.long,
    };
    check_names(&options)?;
    let bench = Bench::new(options)?;
    let conditions = conditions(&bench)?;
    let made = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("conditions.txt"), &conditions));
    made.map_err(|why| {
        Error::new(format!("use the folder {}", folder.display()), why)
            .next("give another with --out")
    })?;
    println!("{conditions}");
    let mut record = Record::create(&folder, bench.options.durability.name())?;
    let mut summary = Summary::default();
    let ended = everything(&bench, &mut record, &mut summary);
    summary.write(&folder)?;
    println!("{}results in {}", summary.render(), folder.display());
    ended?;
    Ok(if summary.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// The parts one after the other; a server lives as long as its part. One that cannot start does
/// not keep the others from running.
fn everything(bench: &Bench, record: &mut Record, summary: &mut Summary) -> Result<()> {
    let parts: [(&str, PartRun); 4] = [
        ("postgres", on_postgres),
        ("connecting", |bench, book| checks::connecting(bench, book)),
        ("mariadb", on_mariadb),
        ("sqlite", on_sqlite),
    ];
    for (name, part) in parts {
        let mut book = Book { record: &mut *record, summary: &mut *summary };
        if let Err(error) = part(bench, &mut book) {
            bench.interrupt.check("go on")?;
            summary.could_not_run(name, &error);
        }
    }
    Ok(())
}

type PartRun = fn(&Bench, &mut Book<'_>) -> Result<()>;

fn on_postgres(bench: &Bench, book: &mut Book<'_>) -> Result<()> {
    let transactions = transactions::POSTGRES.iter().map(|(name, ..)| *name);
    let scripts = scripts::POSTGRES.iter().map(|(name, ..)| *name);
    let mut names = transactions.chain(loads::POSTGRES).chain(scripts).chain(checks::POSTGRES);
    if !names.any(|name| bench.options.wants(name)) {
        return Ok(());
    }
    let most = bench.options.clients.iter().copied().chain([checks::MANY_CLIENTS]).max();
    let server = Server::start(bench, "postgres", most.unwrap_or(0) + SPARE_SESSIONS)?;
    loads::into_postgres(bench, &server, book.record, book.summary)?;
    transactions::on_postgres(bench, &server, book.record, book.summary)?;
    scripts::on_postgres(bench, &server, book.record, book.summary)?;
    checks::on_postgres(bench, &server, book)
}

fn on_mariadb(bench: &Bench, book: &mut Book<'_>) -> Result<()> {
    let transactions = transactions::MARIADB.iter().map(|(name, ..)| *name);
    let mut names = transactions.chain(loads::MARIADB).chain([scripts::MARIADB]);
    if !names.any(|name| bench.options.wants(name)) {
        return Ok(());
    }
    let most = bench.options.clients.iter().copied().max();
    let server = Server::start(bench, "mariadb", most.unwrap_or(0) + SPARE_SESSIONS)?;
    loads::into_mariadb(bench, &server, book.record, book.summary)?;
    transactions::on_mariadb(bench, &server, book.record, book.summary)?;
    scripts::on_mariadb(bench, &server, book.record, book.summary)
}

fn on_sqlite(bench: &Bench, book: &mut Book<'_>) -> Result<()> {
    sqlite::against_bare_loop(bench, book.record, book.summary)?;
    scripts::on_sqlite(bench, book.record, book.summary)?;
    checks::sqlite_start(bench, book)
}

/// Every pattern must be part of some name.
fn check_names(options: &Options) -> Result<()> {
    let names: Vec<&str> = (loads::POSTGRES.into_iter())
        .chain(transactions::POSTGRES.map(|(name, ..)| name))
        .chain(scripts::POSTGRES.map(|(name, ..)| name))
        .chain([scripts::MARIADB, scripts::SQLITE])
        .chain(checks::POSTGRES)
        .chain([checks::CONNECT])
        .chain(loads::MARIADB)
        .chain(transactions::MARIADB.map(|(name, ..)| name))
        .chain(sqlite::SQLITE.map(|(name, _)| name))
        .chain([checks::SQLITE_START])
        .filter(|name| options.long || *name != checks::GROWTH)
        .collect();
    let unknown = options.only.iter().find(|part| !names.iter().any(|name| name.contains(*part)));
    match unknown {
        None => Ok(()),
        Some(part) => Err(Error::new(format!("run only `{part}`"), "nothing has that in its name")
            .next(format!("give a part of one of these: {}", names.join(", ")))),
    }
}

/// What must be known to read the numbers.
fn conditions(bench: &Bench) -> Result<String> {
    let machine = dbdyno_results::machine();
    let version = |program: &Path| -> String {
        let answer = Command::new(program).arg("--version").output();
        let answer = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned());
        answer.unwrap_or_else(|why| format!("{}: {why}", program.display()))
    };
    let Options { rounds, seconds, load_rounds, durability, scale, rows, warehouses, .. } =
        &bench.options;
    let why = match durability {
        Durability::Full => "commits wait for the disk, which hides what the clients cost",
        _ => "commits do not wait for the disk, which would hide what the clients cost",
    };
    let versions = [
        version(bench.dbdyno()),
        version(&bench::postgres_program("pgbench")),
        version(Path::new("sysbench")),
        version(Path::new("mariadb")),
    ];
    Ok(format!(
        "{}, {} processors, {}, {}\n{}\n\
         durability {durability} for both sides of every comparison: {why}\n\
         transactions: {rounds} rounds of {seconds} s a side, no warm-up on either, A B, B A, …, \
         before each a look at the tables as dbdyno has it; loads: {load_rounds} rounds\n\
         pgbench's tables at scale {scale}, sysbench's with {rows} rows, TPC-C's with {warehouses} \
         warehouses; those of scripts at scale {}, made anew before each turn\n\
         p99: dbdyno of every transaction; pgbench of the part that it logs ({} of point selects, \
         {} of tpcb-like); sysbench of a histogram in steps of 1.8 %\n\
         postgres/point-select: pgbench sends dbdyno's statement to dbdyno's sbtest1, the rows drawn \
         as dbdyno draws them but for its own Gaussian of the same deviation\n\
         client_cpu_us_per_transaction: dbdyno in its load phase, the peers as whole processes less \
         what a run of one transaction per client takes\n",
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.os,
        versions.join("\n"),
        scripts::SCALE,
        transactions::LOGGED_POINT_SELECTS,
        transactions::LOGGED_TPCB,
    ))
}
