//! The order of the loads, and metrics of made-up reports.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeMap;

use super::metrics::Reports;
use super::{Load, order};
use crate::made_up::{report, transaction};

#[test]
fn every_repetition_has_every_load_in_some_order() {
    let orders: Vec<[Load; 3]> = (1..=30).map(|repetition| order(1, repetition)).collect();
    for order in &orders {
        assert!(Load::ALL.iter().all(|load| order.contains(load)));
    }
    for place in 0..3 {
        assert!(Load::ALL.iter().all(|load| orders.iter().any(|order| order[place] == *load)));
    }
    assert_eq!(orders[4], order(1, 5));
}

fn values(reports: Reports<'_>) -> BTreeMap<String, f64> {
    let rows = reports.measurements("2 clients, 1 stream");
    assert!(rows.iter().all(|row| row.transaction.is_empty() && row.detail.contains("1 stream")));
    rows.into_iter().map(|row| (row.metric, row.value.unwrap())).collect()
}

fn near(found: f64, expected: f64) -> bool {
    (found / expected - 1.0).abs() < 1e-3
}

#[test]
fn what_each_costs_the_other_is_alone_against_beside() {
    let transactions =
        report(vec![transaction("new_order", 450, &[1]), transaction("payment", 430, &[1])]);
    let queries = report(vec![
        transaction("q01", 10, &[100, 300]),
        transaction("q02", 10, &[50]),
        transaction("q03", 0, &[]),
        transaction("q04", 1, &[700]),
    ]);
    let both = report(vec![
        transaction("new_order", 225, &[2]),
        transaction("payment", 175, &[2]),
        transaction("q01", 4, &[400]),
        transaction("q02", 4, &[400]),
        transaction("q03", 1, &[9_000]),
        transaction("q04", 0, &[]),
    ]);
    let all =
        Reports { transactions: Some(&transactions), queries: Some(&queries), both: Some(&both) };
    let found = values(all);
    for (metric, expected) in [
        ("transactions_alone_per_s", 88.0),
        ("transactions_beside_queries_per_s", 40.0),
        ("tpmc_alone", 2_700.0),
        ("tpmc_beside_queries", 1_350.0),
        ("queries_alone_per_h", 21.0 * 360.0),
        ("queries_beside_transactions_per_h", 9.0 * 360.0),
        ("transactions_slowdown", 2.2),
        // q01 takes 2 times as long and q02 8 times; the others were not answered in both loads.
        ("queries_slowdown", 4.0),
    ] {
        assert!(near(found[metric], expected), "{metric}: {}", found[metric]);
    }
    assert_eq!(found.len(), 8);
    assert_eq!(all.headline(), "transactions 2.20x slower, queries 4.00x slower");
    let rows = all.measurements("");
    let slowdown = rows.iter().find(|row| row.metric == "queries_slowdown").unwrap();
    assert!(slowdown.detail.contains("over 2 of 22 queries"), "{}", slowdown.detail);
}

#[test]
fn what_was_not_measured_has_no_number() {
    let transactions = report(vec![transaction("new_order", 450, &[1])]);
    let alone = Reports { transactions: Some(&transactions), ..Reports::default() };
    let found = values(alone);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["tpmc_alone", "transactions_alone_per_s"]);
    assert_eq!(alone.headline(), "");

    let both = report(vec![transaction("new_order", 470, &[1]), transaction("q01", 0, &[])]);
    let queries = report(vec![transaction("q01", 3, &[10])]);
    let none = Reports { queries: Some(&queries), both: Some(&both), ..alone };
    let found = values(none);
    assert!(!found.contains_key("queries_slowdown"));
    assert!(near(found["transactions_slowdown"], 450.0 / 470.0));
    assert_eq!(none.headline(), "transactions no slower");
}
