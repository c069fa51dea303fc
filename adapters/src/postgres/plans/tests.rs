#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::plan_lines::{any_json, count, lines};

/// What PostgreSQL 15 answered, by the name of the file that it is in.
macro_rules! recorded {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("recorded/", $name, ".json")))),*]
    };
}

const RECORDED: [(&str, &str); 24] = recorded!(
    "aggregate" "append" "bnl" "correlated" "cte" "distinct" "empty" "exists" "impossible" "in_sub"
    "index_only" "index_scan" "join" "limit" "merge" "or_two" "parallel" "parallel_join" "recursive"
    "sort_limit" "subquery" "table_scan" "union" "window"
);

fn steps(name: &str) -> Vec<PlanNode> {
    let (_, raw) = RECORDED.iter().find(|(recorded, _)| *recorded == name).unwrap();
    read(raw).unwrap()
}

fn plan(name: &str) -> Plan {
    Plan { roots: steps(name), ..Plan::default() }
}

fn objects(step: &Value) -> usize {
    1 + children(step).iter().map(objects).sum::<usize>()
}

#[test]
fn recorded_plans_become_trees() {
    let mut trees = String::new();
    for (name, raw) in RECORDED {
        let _ = write!(trees, "{name}:\n{}\n", lines(&read(raw).unwrap()));
        let answer: Value = serde_json::from_str(raw).unwrap();
        assert_eq!(count(&steps(name)), objects(&answer[0]["Plan"]), "{name}");
    }
    insta::assert_snapshot!("recorded", trees);
}

/// Where every estimate of a step was right, so is the plan's error, whatever runs it.
#[test]
fn rows_are_compared_like_with_like() {
    for name in ["index_scan", "in_sub", "limit", "sort_limit", "merge", "or_two", "bnl"] {
        assert_eq!(plan(name).q_error(), Some(1.0), "{name}");
    }
    // The planner's number of the two steps that workers and leader share is rounded for each.
    let parallel = plan("parallel_join");
    for scan in parallel.nodes().filter(|node| node.operation == "Parallel Seq Scan") {
        assert!(scan.q_error().unwrap() < 1.001, "{scan:?}");
        assert_eq!(scan.loops, Some(1.0));
    }
    let correlated = plan("correlated").q_error().unwrap();
    assert!((correlated - 200.0 / 14.0).abs() < 1e-9, "{correlated}");
}

#[test]
fn an_answer_without_a_plan_is_refused() {
    for (raw, why) in [("", "EOF"), ("[]", "no `Plan`"), ("{\"Plan\": {}}", "no `Plan`")] {
        let refused = read(raw).unwrap_err();
        assert!(refused.contains(why), "{raw}: {refused}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_missing_or_new_fails(
        plan in any_json(
            &[
                "Plans", "Plans", "Plans", "Node Type", "Parallel Aware", "Join Type", "Plan Rows",
                "Actual Rows", "Actual Loops", "Workers Planned", "Parent Relationship", "Filter",
                "Subplan Name", "Partial Mode", "Strategy", "Alias", "Index Name",
            ],
            &["Gather", "Limit", "Merge Join", "Semi", "SubPlan", "Outer", "Partial", "New Scan"],
        ),
    ) {
        let roots = read(&json!([{ "Plan": plan }]).to_string()).unwrap();
        prop_assert_eq!(count(&roots), objects(&plan));
        let plan = Plan { roots, ..Plan::default() };
        prop_assert!(plan.q_error().is_none_or(|error| error >= 1.0));
    }
}
