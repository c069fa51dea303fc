//! `dbdyno explain`.

use std::fs;

use dbdyno_core::schema::Keys;
use dbdyno_core::{
    Cache, Case, Durability, Isolation, Plan, PlanNode, Recorder, Scale, StatementForm,
};
use dbdyno_results::RunFolder;

use crate::desk::{Desk, code, err, out};

pub fn case(benchmark: &str) -> Case {
    Case {
        suite: "olap".to_owned(),
        benchmark: benchmark.to_owned(),
        engine: "postgres".to_owned(),
        engine_version: "15.18".to_owned(),
        driver: "postgres-protocol".to_owned(),
        target: "postgres".to_owned(),
        isolation: Isolation::ReadCommitted,
        durability: Durability::Full,
        clients: 1,
        rate: None,
        statements: StatementForm::Portable,
        pipeline: false,
        keys: Keys::default(),
        cache: Cache::default(),
        streams: 0,
        scale: Scale::ONE,
        seed: 1,
        repetition: 1,
    }
}

pub fn plan(operation: &str, expected: f64) -> Plan {
    let root = PlanNode {
        operation: operation.to_owned(),
        table: Some("orders".to_owned()),
        estimated_rows: Some(expected),
        actual_rows: Some(20.0),
        ..PlanNode::default()
    };
    Plan { statement: "SELECT 1".into(), roots: vec![root], raw: "[{\"Plan\": 1}]".into() }
}

/// A plan of one step: its benchmark, its name and what the step does.
type OneStep = (&'static str, &'static str, &'static str);

/// A desk with the run `runs/NAME` for each name, with its plans.
fn desk(runs: &[(&str, &[OneStep])]) -> Desk {
    let desk = Desk::new();
    for (run, plans) in runs {
        let folder = RunFolder::create(&desk.folder.path().join("runs"), run).unwrap();
        for (benchmark, name, operation) in *plans {
            folder.plan(&case(benchmark), name, &plan(operation, 10.0)).unwrap();
        }
    }
    desk
}

const BEFORE: &[OneStep] =
    &[("indexes", "without index", "Seq Scan"), ("indexes", "with index", "Index Scan")];
const AFTER: &[OneStep] =
    &[("indexes", "without index", "Seq Scan"), ("indexes", "with index", "Bitmap Heap Scan")];

#[test]
fn a_runs_plans_are_shown() {
    let desk = desk(&[("a", BEFORE)]);
    let output = desk.dbdyno(&["explain", "runs/a"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let text = out(&output);
    for part in ["olap/indexes", "with index", "Seq Scan on orders", "Index Scan on orders", "2.00"]
    {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let only = desk.dbdyno(&["explain", "runs/a", "--plan", "with index", "--raw"]);
    assert_eq!(code(&only), 0, "{}", err(&only));
    let text = out(&only);
    assert!(text.contains("[{\"Plan\": 1}]") && !text.contains("without index"), "{text}");
}

#[test]
fn a_plan_that_changed_is_told_by_the_exit_code() {
    let desk = desk(&[("a", BEFORE), ("b", AFTER)]);
    let output = desk.dbdyno(&["explain", "runs/a", "runs/b"]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let text = out(&output);
    for part in ["- Index Scan on orders", "+ Bitmap Heap Scan on orders", "1 of 2 plans changed"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let same = desk.dbdyno(&["explain", "runs/a", "runs/b", "--plan", "without index"]);
    assert_eq!(code(&same), 0, "{}", err(&same));
    assert!(out(&same).contains("0 of 1 plan changed"), "{}", out(&same));
}

#[test]
fn what_cannot_be_shown_is_told_with_what_can() {
    let desk = desk(&[
        ("a", BEFORE),
        ("other", &[("joins", "with index", "Seq Scan")]),
        ("none", &[]),
        ("damaged", BEFORE),
        ("cut", BEFORE),
    ]);
    let plans = |run: &str| desk.folder.path().join("runs").join(run).join("plans.jsonl");
    let whole = fs::read_to_string(plans("cut")).unwrap();
    fs::write(plans("damaged"), format!("{{}}\n{whole}")).unwrap();
    fs::write(plans("cut"), &whole[..whole.len() - 5]).unwrap();
    for (arguments, told) in [
        (&["runs/a", "--benchmark", "olap/indexs"][..], "did you mean `olap/indexes`?"),
        (&["runs/a", "--target", "postgre"], "did you mean `postgres`?"),
        (&["runs/a", "--plan", "with indx"], "`with index`"),
        (&["runs/none"], "there is no plans.jsonl in it"),
        (&["runs/nowhere"], "give a run folder"),
        (&["runs"], "there is no results.csv in it"),
        (&["runs/damaged"], "plans.jsonl`, line 1"),
        (&["runs/a", "runs/other"], "none in common"),
        (&["runs/a", "runs/a", "--raw"], "leave out `--raw`"),
        (&["runs/a", "runs/a", "runs/a"], "unexpected"),
        (
            &["runs/a", "runs/other", "--benchmark", "olap/joins", "--plan", "without index"],
            "none is of all that was asked for",
        ),
    ] {
        let output = desk.dbdyno(&[&["explain"], arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}: {}", out(&output));
        assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
    }
    let output = desk.dbdyno(&["explain", "runs/cut"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(err(&output).contains("line 2: the last line was cut off"), "{}", err(&output));
}
