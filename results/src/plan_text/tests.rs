#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::PlanKind;
use proptest::prelude::*;

use super::*;
use crate::fixture::{plan, stored};
use crate::plan_diff::{compare_plans, group};

fn node(operation: &str, rows: [f64; 3], children: Vec<PlanNode>) -> PlanNode {
    let [estimated, actual, loops] = rows;
    PlanNode {
        operation: operation.to_owned(),
        estimated_rows: Some(estimated),
        actual_rows: (loops > 0.0).then_some(actual),
        loops: Some(loops),
        children,
        ..PlanNode::default()
    }
}

/// A join that a limit ends, with a subquery that never ran.
fn joined() -> Plan {
    let named = |name: &str| Some(name.to_owned());
    let orders = PlanNode {
        kind: PlanKind::IndexLookup,
        table: named("orders"),
        index: named("orders_by_customer_and_day_of_delivery"),
        condition: named(
            "Index Cond: ((customer = c.id) AND (day >= 14)); Filter: ((price)::numeric > '990'::numeric)",
        ),
        ended_early: true,
        ..node("Index Scan", [20.0, 1.25, 4.0], Vec::new())
    };
    let customers = PlanNode {
        kind: PlanKind::TableScan,
        table: named("c"),
        ended_early: true,
        ..node("Seq Scan", [1_000.0, 4.0, 1.0], Vec::new())
    };
    let never = PlanNode {
        table: named("words"),
        ..node("Seq Scan (SubPlan 1)", [12_345_678.0, 0.0, 0.0], Vec::new())
    };
    let join = PlanNode {
        kind: PlanKind::Join,
        ended_early: true,
        ..node("Nested Loop Left Join", [20_000.0, 5.0, 1.0], vec![customers, orders])
    };
    let root = node("Limit", [5.0, 5.0, 1.0], vec![join, never]);
    let statement = "SELECT c.name, o.price\n  FROM customers c LEFT JOIN orders o ON o.customer = c.id AND day >= 14 LIMIT 5";
    Plan {
        statement: statement.to_owned(),
        roots: vec![root],
        raw: "[{\n  \"Plan\": {}\n}]\n".into(),
    }
}

fn fits(text: &str, width: usize) -> bool {
    text.lines().all(|line| line.chars().count() <= width)
}

#[test]
fn a_plan_is_a_tree_that_fits_a_terminal() {
    let plans = [stored("without index", 1, joined())];
    let text = group_text(&group(&plans)[0], 80, false);
    assert!(fits(&text, 80), "{text}");
    insta::assert_snapshot!("tree", text);
    let raw = group_text(&group(&plans)[0], 80, true);
    assert!(raw.ends_with("\n[{\n  \"Plan\": {}\n}]\n\n"), "{raw}");
}

#[test]
fn a_plan_without_numbers_has_no_columns_for_them() {
    let scan = PlanNode {
        operation: "SCAN".to_owned(),
        table: Some("orders".to_owned()),
        ..PlanNode::default()
    };
    let sort = PlanNode { operation: "USE TEMP B-TREE FOR ORDER BY".into(), ..PlanNode::default() };
    let text = tree(&Plan { roots: vec![scan, sort], ..Plan::default() }, 80);
    assert_eq!(text, "  SCAN on orders\n  USE TEMP B-TREE FOR ORDER BY\n");
}

#[test]
fn repetitions_that_differ_are_all_shown() {
    let sorted = || plan(&["Sort", "  Seq Scan"], 10.0);
    let plans = [
        stored("q", 1, sorted()),
        stored("q", 2, plan(&["Index Scan"], 40.0)),
        stored("q", 3, sorted()),
    ];
    insta::assert_snapshot!("repetitions", group_text(&group(&plans)[0], 80, false));
    let same = [stored("q", 1, sorted()), stored("q", 2, sorted())];
    let text = group_text(&group(&same)[0], 80, false);
    assert!(text.contains("the same in all 2 repetitions"), "{text}");
}

#[test]
fn what_changed_is_marked_line_by_line() {
    let mut newer = stored("turns", 1, plan(&["Limit", "  Index Scan on orders"], 2000.0));
    newer.engine_version = "16.2".to_owned();
    let before = [
        stored("stays", 1, plan(&["Seq Scan"], 10.0)),
        stored("turns", 1, plan(&["Limit", "  Sort", "    Seq Scan on orders"], 10.0)),
        stored("gone", 1, plan(&["Seq Scan"], 10.0)),
    ];
    let after = [newer, stored("stays", 1, plan(&["Seq Scan"], 30.0))];
    let text = comparison_text(&compare_plans(&before, &after), 80);
    assert!(fits(&text, 80), "{text}");
    insta::assert_snapshot!("comparison", text);
}

proptest! {
    #[test]
    fn whatever_a_plan_says_fits(
        words in proptest::collection::vec("\\PC{0,90}", 4), depth in 0usize..40,
        rows in any::<[f64; 2]>(), width in 60usize..120,
    ) {
        let mut step = PlanNode {
            table: Some(words[1].clone()),
            condition: Some(words[2].clone()),
            estimated_rows: Some(rows[0]),
            actual_rows: Some(rows[1]),
            operation: words[0].clone(),
            ..PlanNode::default()
        };
        for _ in 0..depth {
            step = PlanNode { children: vec![step], ..PlanNode::default() };
        }
        let plan = Plan { roots: vec![step], statement: words[3].clone(), raw: String::new() };
        let plans = [stored("a", 1, plan)];
        prop_assert!(fits(&group_text(&group(&plans)[0], width, false), width));
        let other = [stored("a", 1, crate::fixture::plan(&["Scan"], 1.0))];
        prop_assert!(fits(&comparison_text(&compare_plans(&plans, &other), width), width));
    }
}
