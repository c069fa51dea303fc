//! Loading tables: dbdyno against the peers' loaders, and against the server's own bulk command
//! that is fed from files in memory. Either side begins without the tables and ends with the same
//! rows, keys and indexes, and with statistics, which only `sysbench prepare` leaves to the server.

use std::path::{Path, PathBuf};

use dbdyno_core::schema::Table;
use dbdyno_core::{Error, Result, Scale};
use dbdyno_datasets::Dataset;
use dbdyno_datasets::sbtest::Sbtest;
use dbdyno_datasets::tpcb::TpcB;
use dbdyno_datasets::tpcc::TpcC;
use dbdyno_datasets::tpch::TpcH;

use crate::bench::Bench;
use crate::child::Usage;
use crate::comparison::{Comparison, Turn, run};
use crate::dbdyno::{Length, Run};
use crate::metric::{BULK_LOADS, Compared, LOADS, Metric};
use crate::record::{Figures, Record};
use crate::row_files;
use crate::servers::{PEERS, Server};
use crate::summary::Summary;

/// Comparisons on PostgreSQL.
pub const POSTGRES: [&str; 4] =
    ["load/postgres/tpcb", "bulk/postgres/sbtest", "bulk/postgres/tpcc", "bulk/postgres/tpch"];
/// Comparisons on MariaDB.
pub const MARIADB: [&str; 3] = ["load/mariadb/sbtest", "bulk/mariadb/sbtest", "bulk/mariadb/tpcc"];

/// Compares loads into PostgreSQL.
///
/// # Errors
/// The end was asked for, or the files cannot be written.
pub fn into_postgres(
    bench: &Bench,
    server: &Server<'_>,
    record: &mut Record,
    summary: &mut Summary,
) -> Result<()> {
    let [pgbench_tables, sbtest, tpcc, tpch] = POSTGRES;
    let mut comparisons = Vec::new();
    if bench.options.wants(pgbench_tables) {
        let ours =
            Load { dataset: &TpcB, suite: "oltp", benchmark: "tpcb", scale: bench.options.scale };
        let other: Turn<'_> = Box::new(move |_| pgbench(bench, server));
        comparisons.push(ours.against(bench, server, (pgbench_tables, "pgbench -i", LOADS), other));
    }
    for (name, load) in
        [(sbtest, Load::sbtest(bench)), (tpcc, Load::tpcc(bench)), (tpch, Load::TPCH)]
    {
        if bench.options.wants(name) {
            let script = binary_script(bench, server, load)?;
            let other: Turn<'_> = Box::new(move |_| script.run(bench, server));
            comparisons.push(load.against(bench, server, (name, "psql \\copy", BULK_LOADS), other));
        }
    }
    run(bench, &comparisons, bench.options.load_rounds, record, summary)
}

/// Compares loads into MariaDB.
///
/// # Errors
/// The end was asked for, or the files cannot be written.
pub fn into_mariadb(
    bench: &Bench,
    server: &Server<'_>,
    record: &mut Record,
    summary: &mut Summary,
) -> Result<()> {
    let [sysbench_table, sbtest, tpcc] = MARIADB;
    let mut comparisons = Vec::new();
    if bench.options.wants(sysbench_table) {
        let other: Turn<'_> = Box::new(move |_| sysbench(bench, server));
        let place = (sysbench_table, "sysbench prepare", LOADS);
        comparisons.push(Load::sbtest(bench).against(bench, server, place, other));
    }
    for (name, load) in [(sbtest, Load::sbtest(bench)), (tpcc, Load::tpcc(bench))] {
        if bench.options.wants(name) {
            let files = text_files(bench, server, load)?;
            let script = BulkScript::write(server, load, &files, &load_data)?;
            let other: Turn<'_> = Box::new(move |_| script.run(bench, server));
            comparisons.push(load.against(bench, server, (name, "load data", BULK_LOADS), other));
        }
    }
    run(bench, &comparisons, bench.options.load_rounds, record, summary)
}

/// What dbdyno loads: the data set of a benchmark.
#[derive(Clone, Copy)]
struct Load {
    dataset: &'static dyn Dataset,
    suite: &'static str,
    benchmark: &'static str,
    scale: u32,
}

impl Load {
    const TPCH: Self = Self { dataset: &TpcH, suite: "olap", benchmark: "tpch", scale: 1 };

    fn sbtest(bench: &Bench) -> Self {
        let scale = bench.options.sbtest_scale();
        Self { dataset: &Sbtest, suite: "oltp", benchmark: "point-select", scale }
    }

    fn tpcc(bench: &Bench) -> Self {
        Self { dataset: &TpcC, suite: "oltp", benchmark: "tpcc", scale: bench.options.warehouses }
    }

    fn against<'a>(
        self,
        bench: &'a Bench,
        server: &'a Server<'_>,
        (name, peer, compared): (&str, &'static str, &'static [Compared]),
        other: Turn<'a>,
    ) -> Comparison<'a> {
        Comparison {
            name: name.to_owned(),
            clients: None,
            peer,
            compared,
            dbdyno: Box::new(move |_| self.dbdyno(bench, server)),
            other,
        }
    }

    /// The shortest run that loads: of it, dbdyno's own time of the load counts.
    fn dbdyno(self, bench: &Bench, server: &Server<'_>) -> Result<Figures> {
        server.drop_namespace(&self.dataset.namespace())?;
        server.settle()?;
        let mut run = Run::new(self.benchmark, self.scale, 1, Length::Transactions(1));
        run.suite = self.suite;
        bench.on_server(server, &run)?.loading()
    }
}

fn figures(usage: Usage) -> Figures {
    vec![
        (Metric::Load, usage.wall.as_secs_f64()),
        (Metric::LoadCpu, usage.cpu.as_secs_f64()),
        (Metric::PeakRss, usage.peak_rss as f64),
    ]
}

/// `pgbench -i` with its default steps: drop, create, generate on the client, vacuum, primary keys.
fn pgbench(bench: &Bench, server: &Server<'_>) -> Result<Figures> {
    server.empty_peers()?;
    server.settle()?;
    let mut command = server.postgres_client("pgbench", PEERS);
    command.args(["-i", "-q", "-I", "dtgvp", "-s", &bench.options.scale.to_string()]);
    let loaded = bench.run(&command);
    server.drop_namespace(PEERS)?;
    Ok(figures(loaded?.usage))
}

fn sysbench(bench: &Bench, server: &Server<'_>) -> Result<Figures> {
    server.empty_peers()?;
    let mut command = server.sysbench(PEERS);
    command.args(["oltp_read_write", "--tables=1"]);
    command.args([&format!("--table-size={}", bench.options.rows), "prepare"]);
    let loaded = bench.run(&command);
    server.drop_namespace(PEERS)?;
    Ok(figures(loaded?.usage))
}

/// A script for the server's own client that makes the tables of a data set as dbdyno does, and
/// fills them from files.
struct BulkScript {
    path: PathBuf,
}

/// The command that has the server's own client load a file into a table.
type Fill = dyn Fn(&Server<'_>, &Table, &Path) -> String;

impl BulkScript {
    /// Writes the script beside the files, which are in the order of the tables.
    fn write(server: &Server<'_>, load: Load, files: &[PathBuf], fill: &Fill) -> Result<Self> {
        let (tables, dialect) = (load.dataset.tables(), server.driver().dialect());
        let mut text = String::new();
        let mut say = |statement: &str| {
            text.push_str(statement);
            text.push_str(";\n");
        };
        for table in &tables {
            say(&dialect.create_table(table));
        }
        for (table, file) in tables.iter().zip(files) {
            say(&fill(server, table, file));
            dialect.finish_load(table).iter().for_each(|statement| say(statement));
        }
        let path = files.first().map(|file| file.with_file_name("load.sql")).unwrap_or_default();
        std::fs::write(&path, text)
            .map_err(|why| Error::new(format!("write {}", path.display()), why))?;
        Ok(Self { path })
    }

    /// Runs the script into an empty namespace, which is dropped afterwards.
    fn run(&self, bench: &Bench, server: &Server<'_>) -> Result<Figures> {
        server.empty_peers()?;
        server.settle()?;
        let loaded = bench.run(&server.script(&self.path, PEERS));
        server.drop_namespace(PEERS)?;
        Ok(figures(loaded?.usage))
    }
}

/// The rows of a data set, written to files of text.
fn text_files(bench: &Bench, server: &Server<'_>, load: Load) -> Result<Vec<PathBuf>> {
    let name = load.dataset.name();
    eprintln!("writing the rows of {name} at scale {} to files in memory", load.scale);
    let folder = bench.empty_folder(&format!("{}-{name}", server.driver().engine()))?;
    row_files::write(load.dataset, Scale::whole(load.scale), &folder)
}

/// A script for files in PostgreSQL's binary format, which costs the server a third less than text
/// does: the text is loaded once, and the server writes it out again.
fn binary_script(bench: &Bench, server: &Server<'_>, load: Load) -> Result<BulkScript> {
    let text = text_files(bench, server, load)?;
    let binary = |file: &Path| file.with_extension("binary");
    let convert = move |server: &Server<'_>, table: &Table, file: &Path| {
        let taken = copy(server, table, &format!("FROM '{}'", file.display()));
        let to = format!("TO '{}' (FORMAT binary)", binary(file).display());
        format!("{taken}{}", copy(server, table, &to))
    };
    BulkScript::write(server, load, &text, &convert)?.run(bench, server)?;
    for file in &text {
        std::fs::remove_file(file)
            .map_err(|why| Error::new(format!("remove {}", file.display()), why))?;
    }
    let files: Vec<PathBuf> = text.iter().map(|file| binary(file)).collect();
    BulkScript::write(server, load, &files, &|server, table, file| {
        copy(server, table, &format!("FROM '{}' (FORMAT binary)", file.display()))
    })
}

/// psql's `\copy`, which ends with its line.
fn copy(server: &Server<'_>, table: &Table, how: &str) -> String {
    let name = server.driver().dialect().quote(table.name);
    format!("\\copy {name} ({}) {how}\n", columns(server, table))
}

fn load_data(server: &Server<'_>, table: &Table, file: &Path) -> String {
    let name = server.driver().dialect().quote(table.name);
    format!(
        "LOAD DATA LOCAL INFILE '{}' INTO TABLE {name} CHARACTER SET utf8mb4 ({})",
        file.display(),
        columns(server, table)
    )
}

fn columns(server: &Server<'_>, table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    server.driver().dialect().columns(&names)
}
