//! What pgbench itself says: its own scripts, and what expressions are worth.

use std::path::PathBuf;
use std::process::{Command, Output};

use dbdyno_core::query::row_sql;
use dbdyno_core::random::Rng;
use dbdyno_core::{Scale, SessionOptions};
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::left_out;

use super::expressions::{VARIABLES, random};
use super::{Engine, common, options, written};

/// The text of pgbench's own built-in scripts, as `pgbench --show-script` prints them.
fn pgbench_script(name: &str) -> String {
    let shown = Command::new(pgbench()).arg(format!("--show-script={name}")).output().unwrap();
    // Up to PostgreSQL 13 it goes to the standard error.
    String::from_utf8([shown.stdout, shown.stderr].concat()).unwrap()
}

fn pgbench() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<PathBuf> = installed
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/pgbench")))
        .filter(|program| program.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from("pgbench"))
}

#[test]
fn what_pgbench_shows_runs_on_every_engine() {
    if left_out("postgres") {
        return;
    }
    let shown = ["tpcb-like", "simple-update", "select-only"].map(pgbench_script);
    for text in ["sqlite", "postgres", "mariadb"].into_iter().filter(|engine| !left_out(engine)) {
        let engine = Engine::new(text);
        for script in &shown {
            let text = format!("-- @dataset tpcb\n{script}");
            let (_folder, scenario) = written(&[("shown.sql", &text)]);
            let options = RunOptions { scale: Scale::ONE, ..options() };
            let (summary, rows) = engine.run(&scenario, &options);
            let errors = rows.iter().find(|(_, row)| row.metric == "errors").unwrap().1.value;
            assert_eq!((summary.measured, errors), (1, Some(0.0)), "{script}");
        }
    }
}

/// pgbench, connected to a throwaway server.
struct Pgbench {
    engine: Engine,
}

impl Pgbench {
    fn new() -> Self {
        Self { engine: Engine::new("postgres") }
    }

    /// Runs a script once by each client.
    fn run(&self, script: &str, clients: usize, defined: common::Defined<'_>) -> Output {
        let sql = "SELECT current_setting('unix_socket_directories'), current_setting('port'), \
                   current_user::text, current_database()::text";
        let Engine { runtime, driver } = &self.engine;
        let [folder, port, user, database] = runtime.block_on(async {
            let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
            let read = |row: &dyn dbdyno_core::Row| {
                Ok([0, 1, 2, 3].map(|column| row.text(column).unwrap_or_default().to_owned()))
            };
            row_sql(&mut *session, sql, read).await.unwrap()
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), script).unwrap();
        let mut command = Command::new(pgbench());
        command.args(["-h", &folder, "-p", &port, "-U", &user, "-n", "-t", "1", "-j", "1"]);
        command.arg("-c").arg(clients.to_string()).arg("-f").arg(file.path());
        for (name, value) in defined {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        command.arg(&database).output().unwrap()
    }
}

/// Whatever is not random has the same value in pgbench.
#[test]
fn expressions_are_worth_what_they_are_in_pgbench() {
    if left_out("postgres") {
        return;
    }
    let script = include_str!("expressions.sql");
    let defined = [
        ("foo", "-10.1"),
        ("n", "null"),
        ("t", "t"),
        ("f", "of"),
        ("i", "+3"),
        ("default_seed", "77"),
    ];
    let errors = String::from_utf8(Pgbench::new().run(script, 1, &defined).stderr).unwrap();
    let theirs: Vec<&str> =
        errors.lines().filter_map(|line| line.strip_prefix("debug(script=0,")).collect();
    let ours: Vec<String> =
        common::debugged(script, &defined).iter().map(|told| told.replacen(':', "):", 1)).collect();
    assert!(theirs.len() > 60, "{errors}");
    assert_eq!(ours, theirs);
}

/// The examples of its manual, too, each of which is a client's own: a fault ends its client.
#[test]
fn the_manuals_examples_are_worth_what_they_are_in_pgbench() {
    if left_out("postgres") {
        return;
    }
    let examples: Vec<&(&str, &str)> =
        common::manual::OPERATORS.iter().chain(&common::manual::FUNCTIONS).collect();
    let made: Vec<&str> = examples.iter().map(|(expression, _)| *expression).collect();
    let pgbench = Pgbench::new();
    let output = pgbench.run(&script_of_each(&made), made.len(), &[("default_seed", "1234")]);
    let errors = String::from_utf8(output.stderr).unwrap();
    let theirs = told_by_client(&errors, made.len());
    let wanted: Vec<&str> = examples.iter().map(|(_, value)| *value).collect();
    assert_eq!(theirs, wanted, "{errors}");
}

/// A script in which each client evaluates an expression of its own.
fn script_of_each(expressions: &[impl std::fmt::Display]) -> String {
    let one =
        |(client, made)| format!("\\if :client_id = {client}\n\\set x debug({made})\n\\endif\n");
    (0..).zip(expressions).map(one).collect()
}

/// So do expressions that nobody thought of, values and faults alike. Each is a client's own, for a fault
/// ends its client.
#[test]
fn random_expressions_are_worth_what_they_are_in_pgbench() {
    const CLIENTS: usize = 40;
    const SCRIPTS: u64 = 12;
    if left_out("postgres") {
        return;
    }
    let pgbench = Pgbench::new();
    let (mut values, mut faults) = (0, 0);
    for number in 0..SCRIPTS {
        let mut rng = Rng::new(3, &[number]);
        let made: Vec<String> = (0..CLIENTS).map(|_| random(&mut rng, 4)).collect();
        let script = script_of_each(&made);
        let output = pgbench.run(&script, CLIENTS, &VARIABLES);
        let errors = String::from_utf8(output.stderr).unwrap();
        let theirs = told_by_client(&errors, CLIENTS);
        for (client, (made, theirs)) in made.iter().zip(theirs).enumerate() {
            let number = client.to_string();
            let defined = [&VARIABLES[..], &[("client_id", &number)]].concat();
            let told = common::debugged(&script, &defined);
            let [ours] = told.as_slice() else { panic!("{made}: {told:?}") };
            let ours = ours.split_once(": ").map_or(ours.as_str(), |(_, value)| value);
            assert_eq!(ours, theirs, "{made}");
        }
        faults += errors.matches(" aborted in command ").count();
        values += errors.matches("debug(script=0").count();
    }
    assert!(values > 300 && faults > 100, "{values} values and {faults} faults");
}

/// The value or fault of each client, in pgbench's words.
fn told_by_client(errors: &str, clients: usize) -> Vec<String> {
    let mut told = vec![String::new(); clients];
    let mut last = "";
    for line in errors.lines() {
        if let Some(debugged) = line.strip_prefix("debug(script=0,command=") {
            let (number, value) = debugged.split_once("): ").unwrap();
            // Of each client there are `\if`, `\set` and `\endif`.
            told[number.parse::<usize>().unwrap() / 3] = value.to_owned();
        }
        let Some(error) = line.strip_prefix("pgbench: error: ") else { continue };
        match error.strip_prefix("client ").and_then(|rest| rest.split_once(" aborted in ")) {
            Some((client, _)) => last.clone_into(&mut told[client.parse::<usize>().unwrap()]),
            None => last = error,
        }
    }
    told
}
