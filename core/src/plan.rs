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
    /// Rows that there were, on average over the times it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_rows: Option<f64>,
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

    /// By what factor the planner was off in its number of rows; less than a row counts as one.
    pub fn q_error(&self) -> Option<f64> {
        let (estimated, actual) = (self.estimated_rows?.max(1.0), self.actual_rows?.max(1.0));
        Some((estimated / actual).max(actual / estimated))
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
