//! Scripts: dbdyno's scenario against pgbench with the same file, and against its own built-in benchmark
//! with the same statements. A scenario that writes leaves data that nothing else may run on, so that TPC-B's
//! tables are made anew before every turn of either side.

use std::path::{Path, PathBuf};
use std::process::Command;

use dbdyno_core::{Error, Result};
use dbdyno_datasets::tpcb::TpcB;

use crate::bench::{Bench, postgres_program};
use crate::comparison::{Comparison, Turn, run};
use crate::dbdyno::{Length, Run};
use crate::metric::{SCRIPTS, TRANSACTIONS};
use crate::record::{Figures, Record};
use crate::servers::Server;
use crate::summary::Summary;
use crate::transactions::{Case, LOGGED_POINT_SELECTS, LOGGED_TPCB, Script, Start, load, pgbench};

/// Comparisons on PostgreSQL: name, pgbench's name for its script, whether the peer is pgbench.
pub const POSTGRES: [(&str, &str, bool); 3] = [
    ("script/postgres/tpcb-like", "tpcb-like", true),
    ("script/postgres/select-only", "select-only", true),
    ("script/postgres/built-in", "tpcb-like", false),
];
/// The comparison on MariaDB.
pub const MARIADB: &str = "script/mariadb/built-in";
/// The comparison on SQLite.
pub const SQLITE: &str = "script/sqlite/built-in";
/// The scale of TPC-B's tables on servers: small, for they are loaded so often.
pub const SCALE: u32 = 10;
/// The scale on SQLite: they are in its cache.
const SQLITE_SCALE: u32 = 2;

/// Compares scripts on PostgreSQL.
///
/// # Errors
/// The end was asked for, or the data cannot be loaded.
pub fn on_postgres(
    bench: &Bench,
    server: &Server<'_>,
    record: &mut Record,
    summary: &mut Summary,
) -> Result<()> {
    let mut comparisons = Vec::new();
    for (name, script, with_pgbench) in POSTGRES {
        if !bench.options.wants(name) {
            continue;
        }
        for clients in bench.options.clients.iter().copied() {
            comparisons.push(if with_pgbench {
                against_pgbench(bench, server, name, script, clients)?
            } else {
                against_built_in(bench, server, name, clients)
            });
        }
    }
    run(bench, &comparisons, bench.options.rounds, record, summary)
}

/// Compares the script on MariaDB.
///
/// # Errors
/// The end was asked for.
pub fn on_mariadb(
    bench: &Bench,
    server: &Server<'_>,
    record: &mut Record,
    summary: &mut Summary,
) -> Result<()> {
    let clients: &[u32] = if bench.options.wants(MARIADB) { &bench.options.clients } else { &[] };
    let comparisons: Vec<Comparison<'_>> =
        clients.iter().map(|clients| against_built_in(bench, server, MARIADB, *clients)).collect();
    run(bench, &comparisons, bench.options.rounds, record, summary)
}

/// Compares the script on SQLite, with one client: more wait for each other.
///
/// # Errors
/// The end was asked for, or there is no place for the file.
pub fn on_sqlite(bench: &Bench, record: &mut Record, summary: &mut Summary) -> Result<()> {
    if !bench.options.wants(SQLITE) {
        return Ok(());
    }
    let file = bench.empty_folder("scripts")?.join("peers.db");
    let target = format!("sqlite:{}", file.display());
    let turn = |suite: &'static str| -> Turn<'_> {
        let target = target.clone();
        Box::new(move |round| {
            let mut fresh = Run::new("tpcb", SQLITE_SCALE, 1, Length::Transactions(1));
            fresh.seed = round;
            fresh.more.push("--reload".to_owned());
            bench.on_target(&target, &fresh)?;
            let mut run = of_suite(bench, suite, SQLITE_SCALE, 1);
            run.seed = round;
            run.more.extend(["--durability".to_owned(), bench.options.durability.to_string()]);
            bench.on_target(&target, &run)?.transactions()
        })
    };
    let comparison = Comparison {
        name: SQLITE.to_owned(),
        clients: Some(1),
        peer: "oltp/tpcb",
        compared: SCRIPTS,
        dbdyno: turn(SCENARIO),
        other: turn("oltp"),
    };
    run(bench, &[comparison], bench.options.rounds, record, summary)
}

const SCENARIO: &str = "scenario";

/// TPC-B in a suite: built in, or as a script.
fn of_suite<'a>(bench: &Bench, suite: &'a str, scale: u32, clients: u32) -> Run<'a> {
    let length = Length::Time(bench.measured());
    if suite == SCENARIO {
        return script(Path::new("builtin:tpcb-like"), scale, clients, length);
    }
    Run { suite, ..Run::new("tpcb", scale, clients, length) }
}

/// A run of a script on TPC-B's tables.
fn script(file: &Path, scale: u32, clients: u32, length: Length) -> Run<'static> {
    let more = ["--file".to_owned(), file.display().to_string()];
    let more = more.into_iter().chain(["--dataset".to_owned(), "tpcb".to_owned()]).collect();
    Run { suite: SCENARIO, more, ..Run::new("", scale, clients, length) }
}

fn against_built_in<'a>(
    bench: &'a Bench,
    server: &'a Server<'_>,
    name: &str,
    clients: u32,
) -> Comparison<'a> {
    let turn = |suite: &'static str| -> Turn<'a> {
        Box::new(move |round| {
            load(bench, server, "tpcb", SCALE, &["--reload"])?;
            on_server(bench, server, of_suite(bench, suite, SCALE, clients), round)
        })
    };
    Comparison {
        name: name.to_owned(),
        clients: Some(clients),
        peer: "oltp/tpcb",
        compared: SCRIPTS,
        dbdyno: turn(SCENARIO),
        other: turn("oltp"),
    }
}

fn against_pgbench<'a>(
    bench: &'a Bench,
    server: &'a Server<'_>,
    name: &str,
    shown: &str,
    clients: u32,
) -> Result<Comparison<'a>> {
    let file = shown_script(bench, shown)?;
    let reads = shown == "select-only";
    let (logged, more): (_, &[&str]) =
        if reads { (LOGGED_POINT_SELECTS, &[]) } else { (LOGGED_TPCB, &["--reload"]) };
    let theirs = Script::File { path: file.clone(), scale: SCALE, logged };
    let case = Case { dataset: &TpcB, benchmark: "tpcb", scale: SCALE, clients, pipeline: false };
    let start = Start::default();
    Ok(Comparison {
        name: name.to_owned(),
        clients: Some(clients),
        peer: "pgbench",
        compared: TRANSACTIONS,
        dbdyno: Box::new(move |round| {
            load(bench, server, "tpcb", SCALE, more)?;
            let run = script(&file, SCALE, clients, Length::Time(bench.measured()));
            on_server(bench, server, run, round)
        }),
        other: Box::new(move |_| {
            load(bench, server, "tpcb", SCALE, more)?;
            pgbench(bench, server, &case, &theirs, &start)
        }),
    })
}

/// Runs dbdyno with other inputs in each round.
fn on_server(bench: &Bench, server: &Server<'_>, mut run: Run<'_>, round: u32) -> Result<Figures> {
    server.settle()?;
    run.seed = round + 1;
    server.call_by_seed(&TpcB, run.seed)?;
    let ran = bench.on_server(server, &run);
    server.call_by_seed(&TpcB, 1)?;
    ran?.transactions()
}

/// A file with what pgbench says that its own script is.
fn shown_script(bench: &Bench, name: &str) -> Result<PathBuf> {
    let failed = |why: &dyn std::fmt::Display| {
        Error::new(format!("have pgbench show its script {name}"), why)
    };
    let mut command = Command::new(postgres_program("pgbench"));
    let shown =
        command.arg(format!("--show-script={name}")).output().map_err(|why| failed(&why))?;
    // Up to PostgreSQL 13 it goes to the standard error.
    let text = [shown.stdout, shown.stderr].concat();
    if !shown.status.success() {
        return Err(failed(&String::from_utf8_lossy(&text)));
    }
    let path = bench.scratch().join(format!("{name}.sql"));
    std::fs::write(&path, text).map_err(|why| failed(&why))?;
    Ok(path)
}
