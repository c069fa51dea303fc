//! A plan as lines, for snapshots: what it does, what it found and under which condition.

use std::fmt::Write as _;

use dbdyno_core::PlanNode;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Each step on a line: its kind, its label, estimated and seen rows, how often it ran, and its
/// condition on the next.
pub(crate) fn lines(steps: &[PlanNode]) -> String {
    let mut lines = String::new();
    for step in steps {
        add(&mut lines, step, 0);
    }
    lines
}

fn add(lines: &mut String, step: &PlanNode, depth: usize) {
    let indent = "  ".repeat(depth);
    let rows = |rows: Option<f64>| rows.map_or_else(|| "-".to_owned(), |rows| format!("{rows:.1}"));
    let early = if step.ended_early { " early" } else { "" };
    let _ = writeln!(
        lines,
        "{indent}[{}] {}: {}/{} x{}{early}",
        step.kind,
        step.label(),
        rows(step.estimated_rows),
        rows(step.actual_rows),
        rows(step.loops),
    );
    if let Some(condition) = &step.condition {
        let _ = writeln!(lines, "{indent}    {condition}");
    }
    for child in &step.children {
        add(lines, child, depth + 1);
    }
}

/// Every step of these.
pub(crate) fn count(steps: &[PlanNode]) -> usize {
    steps.iter().map(|step| 1 + count(&step.children)).sum()
}

/// Any JSON with fields of these names and, among others, values of these words.
pub(crate) fn any_json(
    fields: &'static [&'static str],
    words: &'static [&'static str],
) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-2i64..1000).prop_map(Value::from),
        proptest::sample::select(words).prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let object =
            proptest::collection::vec((proptest::sample::select(fields), inner.clone()), 0..7);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|pairs| {
                let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
                Value::Object(pairs.collect::<Map<_, _>>())
            }),
        ]
    })
}
