//! Results with known numbers, for tests.

#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::schema::Keys;
use dbdyno_core::{
    Better, Cache, Case, Durability, Isolation, Measurement, Plan, PlanNode, Scale, StatementForm,
    Status,
};

use crate::record::Record;
use crate::stored_plan::StoredPlan;

pub(crate) fn case(benchmark: &str, engine: &str) -> Case {
    let (engine_version, driver) = match engine {
        "sqlite" => ("3.50.4", "embedded"),
        "postgres" => ("15.18", "postgres-driver-x"),
        _ => ("10.11.14-MariaDB", "mysql_driver"),
    };
    Case {
        suite: "oltp".to_owned(),
        benchmark: benchmark.to_owned(),
        engine: engine.to_owned(),
        engine_version: engine_version.to_owned(),
        driver: driver.to_owned(),
        target: engine.to_owned(),
        isolation: Isolation::Serializable,
        durability: Durability::Full,
        clients: 8,
        rate: None,
        statements: StatementForm::Portable,
        pipeline: false,
        keys: Keys::default(),
        cache: Cache::default(),
        streams: 0,
        scale: Scale::ONE,
        seed: 42,
        repetition: 1,
    }
}

pub(crate) fn record(run_id: &str, case: &Case, measurement: &Measurement) -> Record {
    Record::new(run_id, "2026-11-23T20:15:30.042Z", case, measurement)
}

pub(crate) fn throughput(value: f64) -> Measurement {
    Measurement::new("throughput", value, "1/s", Better::Higher)
}

pub(crate) fn latency(name: &str, value: f64) -> Measurement {
    Measurement::new(format!("latency_{name}_us"), value, "us", Better::Lower)
}

pub(crate) fn without_number(status: Status, detail: &str) -> Measurement {
    let mut measurement = throughput(0.0).with_status(status, detail);
    measurement.value = None;
    measurement
}

/// Throughput and latencies of repetitions: each is `throughput` times its factor, with latencies
/// that follow.
pub(crate) fn repetitions(case: &Case, throughput: f64, factors: &[f64]) -> Vec<Record> {
    let mut records = Vec::new();
    for (repetition, factor) in (1..).zip(factors) {
        let case = Case { repetition, ..case.clone() };
        let tps = throughput * factor;
        let mean = f64::from(case.clients) / tps * 1e6;
        let rows = [
            self::throughput(tps),
            latency("p50", mean * 0.8),
            latency("p95", mean * 2.0),
            latency("p99", mean * 4.0),
            latency("max", mean * 30.0),
            Measurement::new("check_c1", 1.0, "1", Better::Higher),
        ];
        records.extend(rows.iter().map(|row| record("r1", &case, row)));
    }
    records
}

/// A plan of a case of the fixtures.
pub(crate) fn stored(name: &str, repetition: u32, plan: Plan) -> StoredPlan {
    let case = Case { repetition, ..case("tpcc", "postgres") };
    StoredPlan::new("r1", &case, name, &plan)
}

/// A plan of steps by their operations, each indented by its depth; the innermost of each branch was
/// expected to find `estimated` rows and found 10.
pub(crate) fn plan(outline: &[&str], estimated: f64) -> Plan {
    fn steps(outline: &[&str], estimated: f64, depth: usize) -> Vec<PlanNode> {
        let depth_of = |line: &str| (line.len() - line.trim_start().len()) / 2;
        let mut found: Vec<PlanNode> = Vec::new();
        for (place, line) in outline.iter().enumerate() {
            if depth_of(line) != depth {
                continue;
            }
            let below = &outline[place + 1..];
            let end = below.iter().position(|line| depth_of(line) <= depth);
            let children = steps(&below[..end.unwrap_or(below.len())], estimated, depth + 1);
            let innermost = children.is_empty();
            found.push(PlanNode {
                operation: line.trim_start().to_owned(),
                estimated_rows: innermost.then_some(estimated),
                actual_rows: innermost.then_some(10.0),
                loops: Some(1.0),
                children,
                ..PlanNode::default()
            });
        }
        found
    }
    Plan { statement: "SELECT 1".to_owned(), roots: steps(outline, estimated, 0), raw: "{}".into() }
}
