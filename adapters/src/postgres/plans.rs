//! Query plans: `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)` as a common tree.

use async_trait::async_trait;
use dbdyno_core::query::row_sql;
use dbdyno_core::{
    DbError, Dialect, Explain, Plan, PlanKind, PlanNode, Session, Value as Parameter,
};
use serde_json::Value;

use super::dialect::PostgresDialect;
use super::driver::PostgresDriver;

/// What rows must meet, by the names that the server gives it (`src/backend/commands/explain.c`).
const CONDITIONS: [&str; 11] = [
    "Index Cond",
    "Recheck Cond",
    "TID Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Run Condition",
    "One-Time Filter",
    "Conflict Filter",
    "Function Call",
    "Filter",
];

#[async_trait]
impl Explain for PostgresDriver {
    async fn explain(
        &self,
        session: &mut dyn Session,
        query: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Plan, DbError> {
        let statement = PostgresDialect.with_literals(query, parameters)?;
        let sql = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}");
        let raw = row_sql(session, &sql, |row| Ok(row.text(0)?.to_owned())).await?;
        let roots = read(&raw).map_err(|why| {
            DbError::unexpected(format!("the server's plan is not understood: {why}: {statement}"))
        })?;
        Ok(Plan { statement, roots, raw })
    }
}

/// The steps of what `EXPLAIN (FORMAT JSON)` answers: a list with an object for each statement that
/// the rules of a view or table made of it.
fn read(raw: &str) -> Result<Vec<PlanNode>, String> {
    let answer: Value = serde_json::from_str(raw).map_err(|why| why.to_string())?;
    let statements = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    let plans = statements.iter().filter_map(|statement| statement.get("Plan"));
    let roots: Vec<PlanNode> = plans.map(|plan| node(plan, Above::default())).collect();
    if roots.is_empty() { Err("it has no `Plan`".to_owned()) } else { Ok(roots) }
}

/// What the steps above a step mean for its rows.
#[derive(Clone, Copy, Default)]
struct Above {
    /// It is asked for no more rows once there are enough.
    ends_early: bool,
    /// It is run by several processes.
    gather: Option<Gather>,
}

/// A step that takes rows from parallel workers.
#[derive(Clone, Copy)]
struct Gather {
    /// By what the planner divides the rows of a step that processes share: the workers, and what
    /// the leader does beside looking after them (`get_parallel_divisor` in
    /// `src/backend/optimizer/path/costsize.c`, with `parallel_leader_participation` on).
    divisor: f64,
    /// How often it ran.
    loops: f64,
}

impl Gather {
    fn of(step: &Value) -> Option<Self> {
        let workers = number(step, "Workers Planned")?;
        let divisor = workers + (1.0 - 0.3 * workers).max(0.0);
        let loops = number(step, "Actual Loops").unwrap_or(1.0).max(1.0);
        (divisor > 0.0).then_some(Self { divisor, loops })
    }
}

fn node(step: &Value, above: Above) -> PlanNode {
    let (children, below) = (children(step), below(step, above));
    let loops = number(step, "Actual Loops");
    let mut made = PlanNode {
        kind: kind(step),
        operation: operation(step),
        table: ["Alias", "Relation Name", "CTE Name", "Function Name"]
            .iter()
            .find_map(|name| text(step, name))
            .map(str::to_owned),
        index: text(step, "Index Name").map(str::to_owned),
        condition: condition(step),
        estimated_rows: number(step, "Plan Rows"),
        actual_rows: number(step, "Actual Rows").filter(|_| loops != Some(0.0) && counts(step)),
        ended_early: above.ends_early,
        loops,
        children: children
            .iter()
            .enumerate()
            .map(|(place, child)| node(child, under(step, child, place, below)))
            .collect(),
    };
    if let Some(gather) = above.gather.filter(|_| is_shared(step)) {
        taken_together(&mut made, gather);
    }
    if text(step, "Node Type") == Some("Merge Join")
        && step.get("Inner Unique") != Some(&Value::Bool(true))
        && let Some(inner) = made.children.get_mut(1)
    {
        // It is asked for the same rows again for each outer row with the same key, and counts them
        // again (manual, section 14.1.3).
        inner.actual_rows = None;
    }
    made
}

/// One run of a step that processes share is that of all of them. The planner's number is of one, by
/// its divisor; the number that there was is the average of those that ran it.
fn taken_together(node: &mut PlanNode, gather: Gather) {
    node.estimated_rows = node.estimated_rows.map(|rows| rows * gather.divisor);
    let processes = node.loops.map(|loops| loops / gather.loops);
    node.actual_rows = node.actual_rows.zip(processes).map(|(rows, processes)| rows * processes);
    node.loops = node.loops.map(|loops| loops.min(gather.loops));
}

/// Whether processes share the rows of a step rather than each having all: it says so itself, or the
/// step that it takes its rows from does. What each of them groups by itself, each has.
fn is_shared(step: &Value) -> bool {
    if text(step, "Partial Mode").is_some_and(|mode| mode != "Simple") || is_gather(step) {
        return false;
    }
    let below = children(step).iter().any(|child| {
        matches!(text(child, "Parent Relationship"), Some("Outer" | "Member" | "Subquery"))
            && is_shared(child)
    });
    below || step.get("Parallel Aware") == Some(&Value::Bool(true))
}

fn is_gather(step: &Value) -> bool {
    text(step, "Node Type").is_some_and(|kind| kind.starts_with("Gather"))
}

/// What a step means for those below it, as far as it is the same for all.
fn below(step: &Value, above: Above) -> Above {
    let ends_early = match text(step, "Node Type").unwrap_or_default() {
        // What it is expected to give is at most its limit: with fewer rows it was not the limit that
        // ended it.
        "Limit" => {
            let (expected, seen) = (number(step, "Plan Rows"), number(step, "Actual Rows"));
            above.ends_early || !expected.zip(seen).is_some_and(|(expected, seen)| seen < expected)
        }
        // These take all rows before they give one.
        "Sort" | "Hash" | "Bitmap Heap Scan" | "BitmapAnd" | "BitmapOr" => false,
        "Aggregate" => above.ends_early && text(step, "Strategy") == Some("Sorted"),
        _ => above.ends_early,
    };
    Above { ends_early, gather: Gather::of(step).filter(|_| is_gather(step)).or(above.gather) }
}

/// What a step means for one of those below it.
fn under(step: &Value, child: &Value, place: usize, below: Above) -> Above {
    let join = text(step, "Join Type");
    let first_match = matches!(join, Some("Semi" | "Anti"))
        || step.get("Inner Unique") == Some(&Value::Bool(true));
    let ends_early = match (text(step, "Node Type"), text(child, "Parent Relationship")) {
        // It may be the subquery of an EXISTS, which the plan does not tell, unless a table is made
        // of its rows.
        (_, Some("SubPlan" | "InitPlan")) => below.ends_early || !is_read_through(step, child),
        (Some("Nested Loop"), _) => below.ends_early || (place == 1 && first_match),
        // The end of one input ends the other.
        (Some("Merge Join"), _) => true,
        _ => below.ends_early,
    };
    Above { ends_early, ..below }
}

/// Whether all rows of a subquery are read: those of a CTE, and those that a hash table is made of.
fn is_read_through(step: &Value, subquery: &Value) -> bool {
    let name = text(subquery, "Subplan Name").unwrap_or_default();
    let hashed = format!("hashed {name}");
    name.starts_with("CTE ")
        || CONDITIONS
            .iter()
            .any(|field| text(step, field).is_some_and(|condition| condition.contains(&hashed)))
}

/// Whether the server counts the rows of a step: of sets of places it does not (manual, section
/// 14.1.3).
fn counts(step: &Value) -> bool {
    !matches!(text(step, "Node Type"), Some("BitmapAnd" | "BitmapOr"))
}

fn kind(step: &Value) -> PlanKind {
    match text(step, "Node Type").unwrap_or_default() {
        "Seq Scan" | "Sample Scan" => PlanKind::TableScan,
        "Index Scan" if text(step, "Index Cond").is_none() => PlanKind::IndexScan,
        "Index Scan" | "Bitmap Heap Scan" | "Bitmap Index Scan" => PlanKind::IndexLookup,
        "Index Only Scan" => PlanKind::IndexOnly,
        "Nested Loop" | "Hash Join" | "Merge Join" => PlanKind::Join,
        "Sort" | "Incremental Sort" => PlanKind::Sort,
        "Aggregate" | "Group" | "Unique" => PlanKind::Aggregate,
        "Limit" => PlanKind::Limit,
        _ => PlanKind::Other,
    }
}

/// A step in the words of EXPLAIN's text format, which says more than `Node Type`:
/// `Parallel Seq Scan`, `Hash Left Join`, `Partial HashAggregate`.
fn operation(step: &Value) -> String {
    let kind = text(step, "Node Type").unwrap_or("unknown");
    let kind = match (kind, text(step, "Strategy")) {
        ("Aggregate", Some("Hashed")) => "HashAggregate",
        ("Aggregate", Some("Sorted")) => "GroupAggregate",
        ("Aggregate", Some("Mixed")) => "MixedAggregate",
        ("SetOp", Some("Hashed")) => "HashSetOp",
        ("ModifyTable", _) => text(step, "Operation").unwrap_or(kind),
        _ => kind,
    };
    let mut words = kind.to_owned();
    if let Some(join) = text(step, "Join Type").filter(|join| *join != "Inner") {
        let stem = kind.strip_suffix(" Join").unwrap_or(kind);
        words = format!("{stem} {join} Join");
    }
    if let Some(mode) = text(step, "Partial Mode").filter(|mode| *mode != "Simple") {
        words = format!("{mode} {words}");
    }
    if step.get("Parallel Aware") == Some(&Value::Bool(true)) {
        words = format!("Parallel {words}");
    }
    if text(step, "Scan Direction") == Some("Backward") {
        words.push_str(" Backward");
    }
    for name in ["Command", "Subplan Name"].iter().filter_map(|field| text(step, field)) {
        words.push_str(&format!(" ({name})"));
    }
    words
}

fn condition(step: &Value) -> Option<String> {
    let of = |name: &&str| text(step, name).map(|condition| format!("{name}: {condition}"));
    let conditions: Vec<String> = CONDITIONS.iter().filter_map(of).collect();
    (!conditions.is_empty()).then(|| conditions.join("; "))
}

fn children(step: &Value) -> &[Value] {
    step.get("Plans").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(step: &'a Value, field: &str) -> Option<&'a str> {
    step.get(field)?.as_str()
}

fn number(step: &Value, field: &str) -> Option<f64> {
    step.get(field)?.as_f64()
}

#[cfg(test)]
mod tests;
