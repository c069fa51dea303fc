//! Plans as iterators: the second version of MySQL's JSON, in which each step says its `operation` in
//! a sentence and takes its rows from `inputs`
//! (<https://dev.mysql.com/doc/refman/8.4/en/explain.html#explain-analyze>). Rows, estimated and seen,
//! are those of one run, after the step's condition.

use dbdyno_core::{PlanKind, PlanNode};

use super::json::Json;

/// The steps of an answer; none where it is of another version. MySQL 8.3 gives the outermost step
/// itself, later versions have it in `query_plan`.
pub(super) fn steps(answer: &Json) -> Vec<PlanNode> {
    let outermost = answer.get("query_plan").unwrap_or(answer);
    if is_step(outermost) { vec![node(outermost, false)] } else { Vec::new() }
}

fn is_step(object: &Json) -> bool {
    object.text("operation").is_some()
}

/// `ends_early` where a step above asks for no more rows once it has enough.
fn node(object: &Json, ends_early: bool) -> PlanNode {
    let loops = object.number("actual_loops");
    PlanNode {
        kind: kind(object),
        operation: operation(object),
        table: object.text("alias").or_else(|| object.text("table_name")).map(str::to_owned),
        index: object.text("index_name").map(str::to_owned),
        condition: condition(object),
        estimated_rows: object.number("estimated_rows"),
        actual_rows: object.number("actual_rows").filter(|_| loops != Some(0.0)),
        ended_early: ends_early,
        loops,
        children: children(object)
            .enumerate()
            .map(|(place, child)| node(child, ends_below(object, place, ends_early)))
            .collect(),
    }
}

/// The steps in any field: `inputs`, and those of subqueries.
fn children(object: &Json) -> impl Iterator<Item = &Json> {
    object.fields().iter().flat_map(|(_, value)| value.objects()).filter(|value| is_step(value))
}

/// Whether a step may end the one in a place below it: a limit does, and a join that looks for one
/// row does to its second; what takes all rows first does not.
fn ends_below(object: &Json, place: usize, ends_early: bool) -> bool {
    match object.text("access_type").unwrap_or_default() {
        "limit" => true,
        "sort" | "materialize" => false,
        aggregate if aggregate.contains("aggregate") => false,
        "join" => {
            let kind = object.text("join_type").unwrap_or_default();
            ends_early || (place == 1 && (kind.contains("semi") || kind.contains("anti")))
        }
        _ => ends_early,
    }
}

fn kind(object: &Json) -> PlanKind {
    let index_access = object.text("index_access_type").unwrap_or_default();
    match object.text("access_type").unwrap_or_default() {
        "table" => PlanKind::TableScan,
        "index" if object.is_true("covering") => PlanKind::IndexOnly,
        "index" if index_access == "index_scan" => PlanKind::IndexScan,
        "index" => PlanKind::IndexLookup,
        "join" => PlanKind::Join,
        "sort" => PlanKind::Sort,
        "limit" => PlanKind::Limit,
        aggregate if aggregate.contains("aggregate") => PlanKind::Aggregate,
        _ => PlanKind::Other,
    }
}

/// What a step does, without on what and how: that is in the other fields.
fn operation(object: &Json) -> String {
    let sentence = object.text("operation").unwrap_or_default();
    let end = [" on ", ": ", " ("].iter().filter_map(|after| sentence.find(after)).min();
    sentence[..end.unwrap_or(sentence.len())].to_owned()
}

/// What rows must meet; of a step that has no such field, what it does it by.
fn condition(object: &Json) -> Option<String> {
    let fields = ["lookup_condition", "condition"].iter().filter_map(|field| object.text(field));
    let said: Vec<String> = fields.map(str::to_owned).chain(object.listed("ranges")).collect();
    if !said.is_empty() {
        return Some(said.join("; "));
    }
    let sentence = object.text("operation")?;
    sentence.split_once(": ").map(|(_, by)| by.to_owned())
}
