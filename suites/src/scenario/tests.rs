#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use dbdyno_core::load::{AnyClient, Outcome};
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, ErrorClass, Value};

use super::*;
use crate::benchmark::State;
use crate::oltp::recording::{Cell, Recording, draw_and_run, now, sent};

#[test]
fn what_is_built_in_can_be_read_on_every_engine() {
    let found = benchmarks();
    let names: Vec<&str> = found.iter().map(|benchmark| benchmark.name()).collect();
    assert_eq!(names, ["tpcb-like", "simple-update", "select-only"]);
    for benchmark in &found {
        assert_eq!(benchmark.dataset().name(), "tpcb");
        for engine in ["postgres", "mariadb", "mysql", "sqlite"] {
            let context =
                WorkloadContext { engine: engine.to_owned(), ..WorkloadContext::default() };
            assert!(!benchmark.procedure().statements(&context).is_empty());
        }
    }
    assert_eq!(found[2].after_use(), AfterUse::Reusable);
    assert_eq!(found[0].after_use(), AfterUse::Spent);
}

/// A workload of scripts by their names, with variables.
fn written(files: &[(&str, &str)], defines: &[&str]) -> Arc<dyn Workload> {
    let folder = tempfile::tempdir().unwrap();
    let mut request = Request::default();
    request.defines.extend(defines.iter().map(|&text| text.to_owned()));
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        request.files.push(path.display().to_string());
    }
    let scenario = Scenario::open(&request, &[]).unwrap_or_else(|why| panic!("{why}"));
    scenario.workload(&WorkloadContext::default()).unwrap()
}

fn no_rows(_: &str, _: &[Value<'_>]) -> Vec<Vec<Cell>> {
    Vec::new()
}

/// What is sent, with SQL in place of the names of statements.
fn in_sql(workload: &dyn Workload, lines: Vec<String>) -> Vec<String> {
    let sql = |line: String| match line.split_once('(') {
        Some((name, rest)) => {
            let statement = workload.statements().iter().find(|one| one.name == name);
            format!("{} <- {rest}", statement.map_or(name, |one| &one.sql))
        }
        None => line,
    };
    lines.into_iter().map(sql).collect()
}

/// What both are compared by must be the same: statements, their order, and what they are sent with.
#[test]
fn tpcb_like_sends_what_the_built_in_benchmark_sends() {
    let all = crate::oltp::benchmarks();
    let tpcb = all.iter().find(|benchmark| benchmark.name() == "tpcb").unwrap();
    let context = WorkloadContext::default();
    let built_in = tpcb.procedure().load().unwrap().workload(&context, &State::default());
    let request = Request { files: vec!["tpcb-like".to_owned()], ..Request::default() };
    let script = Scenario::open(&request, &[]).unwrap().workload(&context).unwrap();
    let [built_in, script] = [built_in, script].map(|workload| {
        let one = |_: &str, _: &[Value<'_>]| vec![vec![Cell::Int(1)]];
        let mut session = Recording::new(&*workload, one);
        let mut client = workload.client(0, Rng::new(1, &[]));
        in_sql(&*workload, sent(&mut *client, &mut session, 20))
    });
    assert_eq!(script.len(), 20 * 7);
    assert_eq!(script, built_in);
}

/// PostgreSQL's manual, "pgbench", "Failures and Serialization/Deadlock Retries": the same variables and the
/// same random numbers.
#[test]
fn a_retry_repeats_variables_and_random_numbers() {
    let script = "\\set n :n + 1\n\\set r random(1, 1000000000)\nBEGIN;\n\
                  SELECT 'x' AS n_text, :n + 100 AS n \\gset\nUPDATE t SET v = :r WHERE n = :n;\n\
                  \\set r random(1, 1000000000)\nUPDATE t SET v = :r, w = :n_text;\nEND;\n";
    let workload = written(&[("one.sql", script)], &["n=0"]);
    let answer = |_: &str, values: &[Value<'_>]| {
        let [Value::Int(n)] = values else { panic!("{values:?}") };
        vec![vec![Cell::Text("x".to_owned()), Cell::Int(n + 100)]]
    };
    let mut session = Recording::new(&*workload, answer);
    session.columns.insert("one:4", vec!["n_text".to_owned(), "n".to_owned()]);
    let mut client = workload.client(0, Rng::new(1, &[]));
    let mut transactions = Vec::new();
    for fails in ["one:4", "one:5", "one:7", "commit"] {
        client.draw();
        let failure = DbError::new(ErrorClass::Serialization, None, "once more");
        session.fails.insert(fails, failure);
        session.lines.clear();
        assert!(now(client.run(&mut session)).is_err());
        session.fails.clear();
        let mut first = std::mem::take(&mut session.lines);
        first.retain(|line| line != "rollback");
        for _ in 0..2 {
            session.lines.clear();
            assert_eq!(now(client.run(&mut session)).unwrap(), Outcome::Committed);
            let again = std::mem::take(&mut session.lines);
            assert_eq!(again[..first.len()], first, "{fails}");
            first = again;
        }
        transactions.push(first);
    }
    // The next transaction goes on where the last one ended.
    let starts: Vec<&str> = transactions.iter().map(|lines| lines[1].as_str()).collect();
    assert_eq!(starts, ["one:4(1)", "one:4(102)", "one:4(203)", "one:4(304)"]);
    let drawn: std::collections::BTreeSet<&String> =
        transactions.iter().flat_map(|lines| [&lines[2], &lines[3]]).collect();
    assert_eq!(drawn.len(), 8, "{drawn:?}");
}

/// What one script sets, the client's next script finds, whatever was tried in vain.
#[test]
fn a_retry_leaves_no_trace_of_what_was_tried() {
    let files = [
        (
            "a.sql",
            "SELECT 1 AS k, :client_id \\aset\n\\if :k = 1\n\\set seen 1\n\\endif\nINSERT INTO t VALUES (1);",
        ),
        ("b.sql", "UPDATE t SET n = :seen;"),
    ];
    let workload = written(&files, &["seen=0", "k=0"]);
    let mut tries = 0;
    let answer = move |_: &str, _: &[Value<'_>]| {
        tries += 1;
        vec![vec![Cell::Int(i64::from(tries == 1)), Cell::Null]]
    };
    let mut session = Recording::new(&*workload, answer);
    session.columns.insert("a:1", vec!["k".to_owned(), "client".to_owned()]);
    let mut client = workload.client(0, Rng::new(1, &[]));
    let draw = |client: &mut dyn AnyClient, wanted| while client.draw().transaction != wanted {};
    draw(&mut *client, 0);
    let failure = DbError::new(ErrorClass::Deadlock, None, "once more");
    session.fails.insert("a:5", failure);
    assert!(now(client.run(&mut session)).is_err());
    session.fails.clear();
    now(client.run(&mut session)).unwrap();
    draw(&mut *client, 1);
    session.lines.clear();
    now(client.run(&mut session)).unwrap();
    assert_eq!(session.lines, ["b:1(0)"]);
}

#[test]
fn a_pipeline_goes_out_together() {
    let script = "\\set d 1\n\\startpipeline\nBEGIN;\n\\if :d = 1\nUPDATE t SET n = :d;\n\\else\n\
                  UPDATE t SET n = 7;\n\\endif\n\\set d 5\nEND \\; UPDATE t SET n = :d;\n\
                  \\syncpipeline\nDELETE FROM t;\n\\endpipeline\nDELETE FROM u;\n";
    let workload = written(&[("one.sql", script)], &[]);
    let expected =
        ["begin Write", "one:5(1)", "commit", "one:10(5)", "~", "one:12()", "~", "one:14()", "~"];
    for pipelines in [true, false] {
        let mut session = Recording::new(&*workload, no_rows);
        session.pipelines = pipelines;
        let mut client = workload.client(0, Rng::new(1, &[]));
        let expected = expected.iter().filter(|line| pipelines || **line != "~");
        let found = sent(&mut *client, &mut session, 2);
        assert!(found.iter().eq(expected.clone().chain(expected)), "{found:?}");
    }
}

#[test]
fn what_happens_in_the_database_is_the_outcome() {
    let outcome = |script: &str| {
        let workload = written(&[("one.sql", script)], &[]);
        let mut session = Recording::new(&*workload, no_rows);
        draw_and_run(&mut *workload.client(0, Rng::new(1, &[])), &mut session).1
    };
    assert_eq!(outcome("SELECT 1;").unwrap(), Outcome::Committed);
    assert_eq!(outcome("BEGIN;\nROLLBACK;").unwrap(), Outcome::RolledBack);
    assert_eq!(outcome("BEGIN;\nROLLBACK;\nBEGIN;\nEND;").unwrap(), Outcome::Committed);
    let why = outcome("BEGIN;\n\\if 0\nEND;\n\\endif").unwrap_err();
    assert!(why.message.ends_with("one.sql: the script ended within a transaction"), "{why}");
    let why = outcome("\\if 1\nBEGIN;\n\\endif\nBEGIN;\nEND;").unwrap_err();
    assert!(
        why.message.ends_with("one.sql:4:1: there is a transaction in progress in `BEGIN;`"),
        "{why}"
    );
    let many: Vec<String> = (1..=200).map(|_| ":client_id".to_owned()).collect();
    for count in [1, 4, 5, 16, 17, 128, 129, 200] {
        let list = many[..count].join(", ");
        assert_eq!(
            outcome(&format!("INSERT INTO t VALUES ({list});")).unwrap(),
            Outcome::Committed
        );
    }
}
