//! Plans as blocks: an object for each step, named by the field that it is in. MariaDB's JSON and the
//! first version of MySQL's.
//!
//! Both say how many rows of a table are read each time it is looked at (MariaDB `rows` and `r_rows`,
//! MySQL `rows_examined_per_scan`), and which percentage of them meets the condition (`filtered` and
//! `r_filtered`). Rows are taken after the condition, as other engines count them, on both sides.

use dbdyno_core::{PlanKind, PlanNode};

use super::json::Json;

/// Fields that are no steps.
const NO_STEPS: [&str; 5] =
    ["query_optimization", "r_engine_stats", "cost_info", "costs", "optimizer_trace"];

/// Steps that do nothing themselves, where they have one step below them.
const WRAPPERS: [&str; 2] = ["query_block", "index_merge"];

/// What rows must meet.
const CONDITIONS: [&str; 5] = [
    "index_condition",
    "attached_condition",
    "constant_condition",
    "outer_ref_condition",
    "having_condition",
];

/// What ends the reading of a table at the first row that fits.
const FIRST_ROW: [&str; 4] = ["first_match", "not_exists", "distinct", "loosescan"];

/// What a step above means for the rows of those below.
#[derive(Clone, Copy)]
struct Above {
    /// It may end before it has read all.
    ends_early: bool,
}

/// The steps of an answer. One of a statement that names a `LIMIT` may end early, but below what takes
/// all rows first.
pub(super) fn steps(answer: &Json, names_limit: bool) -> Vec<PlanNode> {
    children(answer, Above { ends_early: names_limit })
}

/// The steps that the fields of an object are.
fn children(object: &Json, above: Above) -> Vec<PlanNode> {
    let fields = object.fields().iter().filter(|(name, _)| !NO_STEPS.contains(&name.as_str()));
    // Up to MariaDB 10.8 the tables of a join are fields of one block.
    let is_joined = |name: &str| matches!(name, "table" | "block-nl-join" | "read_sorted_file");
    let (tables, others): (Vec<_>, Vec<_>) = fields.partition(|(name, _)| is_joined(name));
    let steps = |fields: Vec<&(String, Json)>| -> Vec<PlanNode> {
        fields.into_iter().flat_map(|(name, value)| step(name, value, above)).collect()
    };
    let mut tables = steps(tables);
    if tables.len() > 1 {
        tables = vec![join("nested_loop", tables)];
    }
    tables.extend(steps(others));
    tables
}

/// The step that a field is; several where it is a list that stands for no step, none where it is a
/// plain value.
fn step(name: &str, value: &Json, above: Above) -> Vec<PlanNode> {
    match value {
        Json::Object(_) => vec![node(name, value, above)],
        Json::List(_) => {
            let below = under(name, value, above);
            let member = |each: &Json| match each.get("table_name") {
                Some(_) => vec![node(name, each, below)],
                None => children(each, below),
            };
            let steps: Vec<_> = value.objects().into_iter().flat_map(member).collect();
            match name {
                "nested_loop" if steps.len() > 1 => vec![join(name, steps)],
                "nested_loop" | "query_specifications" | "sorts" => steps,
                _ if steps.is_empty() => steps,
                _ => vec![list(name, steps)],
            }
        }
        _ => Vec::new(),
    }
}

fn join(name: &str, children: Vec<PlanNode>) -> PlanNode {
    PlanNode { kind: PlanKind::Join, ..list(name, children) }
}

fn list(name: &str, children: Vec<PlanNode>) -> PlanNode {
    PlanNode { operation: name.to_owned(), children, ..PlanNode::default() }
}

fn node(name: &str, object: &Json, above: Above) -> PlanNode {
    // The key of a hash join is `#hash#` and its own name, and behind a colon the index that it reads.
    let index = object.text("key").and_then(|key| match key.strip_prefix("#hash#") {
        Some(hash) => hash.split_once(':').map(|(_, index)| index),
        None => Some(key),
    });
    let loops = object.number("r_loops");
    let estimated = object.number("rows").or_else(|| object.number("rows_examined_per_scan"));
    let share = |rows: Option<f64>, percentage: &str| {
        Some(rows? * object.number(percentage).unwrap_or(100.0) / 100.0)
    };
    let first_row = FIRST_ROW.iter().any(|field| {
        object.get(field).is_some_and(|value| !matches!(value, Json::Null | Json::Bool(false)))
    });
    let mut children = merged_indexes(object);
    children.extend(self::children(object, under(name, object, above)));
    let mut node = PlanNode {
        kind: kind(name, object),
        operation: operation(name, object),
        table: object.text("table_name").map(str::to_owned),
        index: index.map(str::to_owned).filter(|_| !is_merged(object)),
        condition: condition(object),
        estimated_rows: share(estimated, "filtered"),
        actual_rows: share(object.number("r_rows"), "r_filtered"),
        ended_early: above.ends_early || first_row,
        loops,
        children,
    };
    let says_nothing = node.condition.is_none() && node.table.is_none() && node.index.is_none();
    match node.children.pop() {
        Some(only)
            if node.children.is_empty() && says_nothing && WRAPPERS.contains(&&*node.operation) =>
        {
            only
        }
        last => {
            node.children.extend(last);
            node
        }
    }
}

/// What a step means for those below it: what sorts or keeps rows takes them all first; a subquery may
/// be that of an `EXISTS`, which its first row ends.
fn under(name: &str, object: &Json, above: Above) -> Above {
    let takes_all = matches!(
        name,
        "filesort"
            | "temporary_table"
            | "materialized"
            | "materialization"
            | "materialized_from_subquery"
            | "buffer_result"
            | "rowid_filter"
    ) || object.is_true("using_filesort")
        || object.is_true("using_temporary_table");
    Above { ends_early: (above.ends_early || name == "subqueries") && !takes_all }
}

/// Whether it reads several indexes and puts together what it found.
fn is_merged(object: &Json) -> bool {
    object.text("access_type") == Some("index_merge")
}

/// The indexes that MySQL names in one text, `sort_union(by_day,by_customer)`, as steps.
fn merged_indexes(object: &Json) -> Vec<PlanNode> {
    let key = object.text("key").filter(|_| is_merged(object)).unwrap_or_default();
    let words = key.split(['(', ')', ',']).map(str::trim).filter(|word| !word.is_empty());
    let indexes = words.filter(|word| !matches!(*word, "union" | "intersect" | "sort_union"));
    let found = |index: &str| PlanNode {
        kind: PlanKind::IndexLookup,
        operation: "range".to_owned(),
        index: Some(index.to_owned()),
        ..PlanNode::default()
    };
    indexes.map(found).collect()
}

/// By the access types of the manual (MySQL 10.8.2; MariaDB, EXPLAIN).
fn kind(name: &str, object: &Json) -> PlanKind {
    match (name, object.text("access_type").unwrap_or_default()) {
        ("filesort" | "ordering_operation", _) => PlanKind::Sort,
        ("grouping_operation" | "duplicates_removal", _) => PlanKind::Aggregate,
        ("block-nl-join", _) => PlanKind::Join,
        ("range", _) => PlanKind::IndexLookup,
        ("union_result" | "recursive_union", _) | (_, "") => PlanKind::Other,
        _ if object.is_true("using_index") => PlanKind::IndexOnly,
        (_, "ALL" | "system" | "hash_ALL") => PlanKind::TableScan,
        (_, "index" | "hash_index") => PlanKind::IndexScan,
        (
            _,
            "const" | "eq_ref" | "ref" | "ref_or_null" | "range" | "hash_range" | "index_merge"
            | "unique_subquery" | "index_subquery" | "fulltext",
        ) => PlanKind::IndexLookup,
        _ => PlanKind::Other,
    }
}

/// The access type of a table, the name of any other step, and what the server adds to it:
/// `ref, using index`.
fn operation(name: &str, object: &Json) -> String {
    let words = match name {
        "table" => object.text("access_type").or_else(|| object.text("message")),
        _ => None,
    };
    let mut operation = words.unwrap_or(name).to_owned();
    for added in ["join_type", "using_join_buffer"].iter().filter_map(|field| object.text(field)) {
        operation.push_str(", ");
        operation.push_str(added);
    }
    // Names that begin so tell of this run alone.
    let of_the_plan = |name: &str| !name.starts_with("r_") && name != "cacheable";
    for (field, value) in object.fields() {
        if *value == Json::Bool(true) && of_the_plan(field) {
            operation.push_str(", ");
            operation.push_str(&field.replace('_', " "));
        }
    }
    operation
}

fn condition(object: &Json) -> Option<String> {
    let found = object.listed("ref").map(|values| format!("ref: {values}"));
    let conditions = CONDITIONS.iter().filter_map(|field| {
        object.text(field).map(|condition| format!("{}: {condition}", field.replace('_', " ")))
    });
    let said: Vec<String> = found.into_iter().chain(conditions).collect();
    (!said.is_empty()).then(|| said.join("; "))
}
