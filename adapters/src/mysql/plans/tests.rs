#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::plan_lines::{any_json, lines};

/// Answers by the name of the file that they are in.
macro_rules! recorded {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("recorded/", $name, ".json")))),*]
    };
}

/// What MariaDB 10.11 answered.
const RECORDED: [(&str, &str); 21] = recorded!(
    "aggregate" "append" "bnl" "correlated" "cte" "distinct" "empty" "exists" "impossible" "in_sub"
    "index_only" "index_scan" "join" "limit" "or_two" "recursive" "sort_limit" "subquery"
    "table_scan" "union" "window"
);

fn steps(name: &str) -> Vec<PlanNode> {
    let (_, raw) = RECORDED.iter().find(|(recorded, _)| *recorded == name).unwrap();
    let statement = if name.contains("limit") { "SELECT a LIMIT 3" } else { "SELECT 'limit'" };
    read(raw, statement).unwrap()
}

fn plan(name: &str) -> Plan {
    Plan { roots: steps(name), ..Plan::default() }
}

#[test]
fn recorded_plans_become_trees() {
    let mut trees = String::new();
    for (name, raw) in RECORDED {
        let steps = steps(name);
        let _ = write!(trees, "{name}:\n{}\n", lines(&steps));
        let plan = Plan { roots: steps, ..Plan::default() };
        let tables = plan.nodes().filter(|node| node.table.is_some()).count();
        assert_eq!(tables, raw.matches("\"table_name\"").count(), "{name}");
    }
    insta::assert_snapshot!("mariadb", trees);
}

#[test]
fn rows_are_compared_like_with_like() {
    for name in ["correlated", "index_only", "or_two", "limit", "append"] {
        let worst = plan(name).nodes().filter_map(PlanNode::q_error).fold(1.0, f64::max);
        let scan = if name == "append" { 10.0 } else { 1.0 };
        assert_eq!(worst, scan, "{name}");
    }
    // Without a histogram all rows of a scan are expected to meet the condition.
    let scan = plan("table_scan").q_error().unwrap();
    assert!((scan - 19_840.0 / 120.0).abs() < 1e-6, "{scan}");
}

#[test]
fn a_limit_is_a_word_outside_of_text() {
    for (statement, names) in [
        ("SELECT a FROM t LIMIT 3", true),
        ("select a from t\nlimit 3", true),
        ("SELECT a FROM t WHERE b = 'no limit' AND c = 'it''s'", false),
        ("SELECT time_limit FROM t", false),
    ] {
        assert_eq!(names_limit(statement), names, "{statement}");
    }
}

/// MariaDB up to 10.8 writes the tables of a join as fields of one name.
#[test]
fn tables_of_one_name_are_all_kept() {
    let raw = r##"{"query_block": {"select_id": 1, "r_loops": 1,
        "table": {"table_name": "a", "access_type": "ALL", "rows": 10, "r_rows": 10},
        "table": {"table_name": "b", "access_type": "hash_index", "key": "#hash#$hj:by_a"},
        "table": {"table_name": "c", "access_type": "hash_ALL", "key": "#hash#$hj"}}}"##;
    let steps = read(raw, "").unwrap();
    insta::assert_snapshot!(lines(&steps), @r"
    [join] nested_loop: -/- x-
      [table scan] ALL on a: 10.0/10.0 x-
      [index scan] hash_index on b using by_a: -/- x-
      [table scan] hash_ALL on c: -/- x-
    ");
}

/// Written after the manual's description of the format: these two could not be recorded.
#[test]
fn mysql_tells_what_it_expects_in_blocks() {
    let raw = r#"{"query_block": {"select_id": 1, "cost_info": {"query_cost": "4.5"},
      "ordering_operation": {"using_filesort": true, "nested_loop": [
        {"table": {"table_name": "c", "access_type": "ALL", "rows_examined_per_scan": 1000,
          "rows_produced_per_join": 100, "filtered": "10.00", "cost_info": {"read_cost": "1"},
          "attached_condition": "(`t`.`c`.`city` = 3)", "attached_subqueries": [
            {"dependent": true, "cacheable": false, "query_block": {"select_id": 2, "table":
              {"table_name": "o", "access_type": "ref", "key": "by_c", "using_index": true,
               "ref": ["t.c.id"], "rows_examined_per_scan": 20, "filtered": "100.00"}}}]}},
        {"table": {"table_name": "x", "access_type": "index_merge", "key": "union(by_a,PRIMARY)",
          "rows_examined_per_scan": 5, "filtered": "100.00", "using_join_buffer": "hash join"}}]}}}"#;
    insta::assert_snapshot!(lines(&read(raw, "").unwrap()), @r"
    [sort] ordering_operation, using filesort: -/- x-
      [join] nested_loop: -/- x-
        [table scan] ALL on c: 100.0/- x-
            attached condition: (`t`.`c`.`city` = 3)
          [other] attached_subqueries: -/- x-
            [index only] ref, using index on o using by_c: 20.0/- x-
                ref: t.c.id
        [index lookup] index_merge, hash join on x: 5.0/- x-
          [index lookup] range using by_a: -/- x-
          [index lookup] range using PRIMARY: -/- x-
    ");
}

/// In the words of the manual's examples of `explain_json_format_version = 2`.
#[test]
fn mysql_tells_what_came_as_iterators() {
    let raw = r#"{"query": "…", "json_schema_version": "2.0", "query_plan": {
      "operation": "Limit: 3 row(s)", "access_type": "limit", "actual_rows": 3.0, "actual_loops": 1,
      "inputs": [{"operation": "Nested loop inner join", "access_type": "join",
        "join_type": "inner join", "estimated_rows": 302.0, "actual_rows": 3.0, "actual_loops": 1,
        "inputs": [
          {"operation": "Filter: (c.city = 3)", "access_type": "filter", "condition": "(c.city = 3)",
           "estimated_rows": 100.0, "actual_rows": 2.0, "actual_loops": 1, "inputs": [
            {"operation": "Table scan on c", "access_type": "table", "table_name": "customers",
             "alias": "c", "estimated_rows": 1000.0, "actual_rows": 14.0, "actual_loops": 1}]},
          {"operation": "Covering index lookup on o using by_c (customer=c.id)",
           "access_type": "index", "index_access_type": "index_lookup", "covering": true,
           "index_name": "by_c", "table_name": "orders", "alias": "o",
           "lookup_condition": "customer=c.id", "estimated_rows": 3.0, "actual_rows": 1.5,
           "actual_loops": 2}]}],
      "inputs_from_select_list": [{"operation": "Select #2 (subquery in projection; dependent)",
        "inputs": [{"operation": "Aggregate: max(x.v)", "access_type": "aggregate",
          "estimated_rows": 1.0, "actual_rows": 0.0, "actual_loops": 0, "inputs": [
            {"operation": "Index range scan on x using PRIMARY over (id < 9)",
             "access_type": "index", "index_access_type": "index_range_scan", "covering": false,
             "index_name": "PRIMARY", "table_name": "x", "ranges": ["(id < 9)"],
             "estimated_rows": 8.0}]}]}]}}"#;
    let iterators = read(raw, "").unwrap();
    insta::assert_snapshot!(lines(&iterators), @r"
    [limit] Limit: -/3.0 x1.0
        3 row(s)
      [join] Nested loop inner join: 302.0/3.0 x1.0 early
        [other] Filter: 100.0/2.0 x1.0 early
            (c.city = 3)
          [table scan] Table scan on c: 1000.0/14.0 x1.0 early
        [index only] Covering index lookup on o using by_c: 3.0/1.5 x2.0 early
            customer=c.id
      [other] Select #2: -/- x- early
        [aggregate] Aggregate: 1.0/- x0.0 early
            max(x.v)
          [index lookup] Index range scan on x using PRIMARY: 8.0/- x-
              (id < 9)
    ");
    let outermost = raw.split_once("\"query_plan\": ").unwrap().1;
    assert_eq!(read(outermost.strip_suffix('}').unwrap(), "").unwrap(), iterators);
}

#[test]
fn each_server_is_asked_in_its_words() {
    for (product, version, asking) in [
        (Product::Mariadb, "10.11.14-MariaDB", Asking::Analyze),
        (Product::Mysql, "8.0.36", Asking::Explain),
        (Product::Mysql, "8.4.2", Asking::ExplainAnalyze),
        (Product::Mysql, "9.1.0-commercial", Asking::ExplainAnalyze),
        (Product::Mysql, "", Asking::Explain),
    ] {
        assert_eq!(Asking::of(product, version), asking, "{version}");
    }
    for raw in ["", "[]", "{}", "{\"query_optimization\": {\"r_total_time_ms\": 1}}"] {
        assert!(read(raw, "").is_err(), "{raw}");
    }
}

proptest! {
    #[test]
    fn iterators_that_are_missing_fields_fail_neither(
        plan in any_json(
            &[
                "operation", "operation", "inputs", "inputs", "access_type", "join_type", "alias",
                "estimated_rows", "actual_rows", "actual_loops", "covering", "ranges", "new_field",
            ],
            &["limit", "join", "semijoin", "Table scan on t", "Sort: a", "temp_table_aggregate"],
        ),
    ) {
        let outermost = json!({ "operation": "Limit: 3 row(s)", "inputs": plan });
        let raw = json!({ "query_plan": outermost }).to_string();
        let plan = Plan { roots: read(&raw, "").unwrap(), ..Plan::default() };
        prop_assert!(plan.q_error().is_none_or(|error| error >= 1.0));
    }

    #[test]
    fn nothing_that_is_missing_or_new_fails(
        plan in any_json(
            &[
                "query_block", "table", "nested_loop", "filesort", "new_step", "inputs", "key",
                "access_type", "table_name", "rows", "r_rows", "filtered", "r_filtered", "r_loops",
                "using_index", "ref", "attached_condition", "operation", "query_plan",
            ],
            &["ALL", "index_merge", "union(a,b)", "#hash#x", "7", "limit", "new_access"],
        ),
    ) {
        let raw = json!({ "query_block": plan }).to_string();
        let roots = read(&raw, "SELECT 1 LIMIT 1").unwrap_or_default();
        let plan = Plan { roots, ..Plan::default() };
        let tables = plan.nodes().filter(|node| node.table.is_some()).count();
        prop_assert_eq!(tables, raw.matches("\"table_name\":\"").count(), "{}", raw);
        prop_assert!(plan.q_error().is_none_or(|error| error >= 1.0));
    }
}
