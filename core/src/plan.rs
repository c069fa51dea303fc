//! Query plans: one tree for every engine's.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an engine runs a statement, as the engine itself says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The statement, in the engine's own SQL, with its parameters in place.
    pub statement: String,
    /// The outermost steps; one, but for engines that say a statement as a list of steps.
    pub roots: Vec<PlanNode>,
    /// What the engine answered, word for word.
    pub raw: String,
}

/// One step of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanNode {
    /// What it does, in words common to all engines.
    pub kind: PlanKind,
    /// What it does, in the engine's own words: `Index Only Scan`, `ref`, `SEARCH`.
    pub operation: String,
    /// The table whose rows it reads, by its alias where the statement gives it one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The index that it reads; a primary key by the engine's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// What rows must meet, in the engine's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Rows that the planner expected each time the step ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_rows: Option<f64>,
    /// Rows that there were, on average over the times it ran; counted as the estimate is. `None`
    /// where the step never ran, or the engine does not count its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_rows: Option<f64>,
    /// Whether it may have been stopped before its last row, by a `LIMIT` above it or an `EXISTS`
    /// around it: there may be more rows than were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended_early: bool,
    /// How often it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loops: Option<f64>,
    /// The steps that it takes its rows from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<PlanNode>,
}

/// What a step of a plan does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanKind {
    /// Reads all rows of a table.
    TableScan,
    /// Reads all entries of an index, in order, without a bound.
    IndexScan,
    /// Finds rows by an index.
    IndexLookup,
    /// Finds what it needs in an index alone, without touching the table.
    IndexOnly,
    /// Brings the rows of two inputs together.
    Join,
    /// Puts rows in order.
    Sort,
    /// Makes groups, counts, sums, distinct rows.
    Aggregate,
    /// Ends early.
    Limit,
    /// Anything else.
    #[default]
    Other,
}

impl Plan {
    /// Every step, outer ones first.
    pub fn nodes(&self) -> impl Iterator<Item = &PlanNode> {
        let mut left: Vec<&PlanNode> = self.roots.iter().rev().collect();
        std::iter::from_fn(move || {
            let node = left.pop()?;
            left.extend(node.children.iter().rev());
            Some(node)
        })
    }

    /// Whether any step reads the index.
    pub fn uses_index(&self, index: &str) -> bool {
        self.nodes()
            .any(|node| node.index.as_deref().is_some_and(|used| used.eq_ignore_ascii_case(index)))
    }

    /// By what factor the planner was most off in the number of rows of any step: 1 is right, and it
    /// says the same of too many and too few (Moerkotte, Neumann, Steidl, "Preventing Bad Plans by
    /// Bounding the Impact of Cardinality Estimation Errors", VLDB 2009). `None` where the engine
    /// tells no step's estimate and truth.
    pub fn q_error(&self) -> Option<f64> {
        self.nodes().filter_map(PlanNode::q_error).reduce(f64::max)
    }

    /// The plan without numbers, a line a step, indented by depth: two plans that do the same have the
    /// same outline.
    pub fn outline(&self) -> Vec<String> {
        fn add(lines: &mut Vec<String>, node: &PlanNode, depth: usize) {
            lines.push(format!("{}{}", "  ".repeat(depth), node.label()));
            for child in &node.children {
                add(lines, child, depth + 1);
            }
        }
        let mut lines = Vec::new();
        for root in &self.roots {
            add(&mut lines, root, 0);
        }
        lines
    }
}

impl PlanNode {
    /// What it does and on what: `Index Scan on orders using orders_by_date`.
    pub fn label(&self) -> String {
        let mut label = self.operation.clone();
        for (word, name) in [(" on ", &self.table), (" using ", &self.index)] {
            if let Some(name) = name {
                label.push_str(word);
                label.push_str(name);
            }
        }
        label
    }

    /// By what factor the planner was off in its number of rows; less than a row counts as one. A step
    /// that ended early may have had more rows: it is off only where even those seen are too many.
    pub fn q_error(&self) -> Option<f64> {
        let (estimated, actual) = (self.estimated_rows?.max(1.0), self.actual_rows?.max(1.0));
        let is_known = !self.ended_early || actual > estimated;
        is_known.then(|| (estimated / actual).max(actual / estimated))
    }
}

impl fmt::Display for PlanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TableScan => "table scan",
            Self::IndexScan => "index scan",
            Self::IndexLookup => "index lookup",
            Self::IndexOnly => "index only",
            Self::Join => "join",
            Self::Sort => "sort",
            Self::Aggregate => "aggregate",
            Self::Limit => "limit",
            Self::Other => "other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(operation: &str, estimated: f64, actual: f64) -> PlanNode {
        PlanNode {
            operation: operation.to_owned(),
            estimated_rows: Some(estimated),
            actual_rows: Some(actual),
            ..PlanNode::default()
        }
    }

    #[test]
    fn the_largest_error_of_any_step_is_the_plans() {
        let index = Some("By_Day".to_owned());
        let scan = PlanNode { index, ..step("scan", 10.0, 40.0) };
        let mut root = step("sort", 100.0, 50.0);
        root.children = vec![step("join", 0.0, 0.2), scan];
        let mut plan = Plan { roots: vec![root], ..Plan::default() };
        assert_eq!(plan.q_error(), Some(4.0));
        assert!(plan.uses_index("by_day") && !plan.uses_index("by_week"));
        assert_eq!(plan.outline(), ["sort", "  join", "  scan using By_Day"]);
        // More than expected is known to be wrong however it ended; fewer is not.
        plan.roots[0].children[1].ended_early = true;
        assert_eq!(plan.q_error(), Some(4.0));
        plan.roots[0].children[1].estimated_rows = Some(4000.0);
        assert_eq!(plan.q_error(), Some(2.0));
        assert_eq!(PlanNode::default().q_error(), None);
    }
}
