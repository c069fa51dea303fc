//! Query plans: the rows of `EXPLAIN QUERY PLAN` (<https://www.sqlite.org/eqp.html>) as a common tree.
//!
//! SQLite says a join as a list: each table is gone through once for every row of those before it.

use async_trait::async_trait;
use dbdyno_core::{DbError, Dialect, Explain, Plan, PlanKind, PlanNode, Session, Value};

use super::dialect::SqliteDialect;
use super::driver::SqliteDriver;

/// A step as SQLite gives it.
#[derive(Clone, Debug)]
struct Step {
    id: i64,
    /// The `id` of the step that it belongs to; 0 for an outermost one.
    parent: i64,
    detail: String,
}

#[async_trait]
impl Explain for SqliteDriver {
    async fn explain(
        &self,
        session: &mut dyn Session,
        query: &str,
        parameters: &[Value<'_>],
    ) -> Result<Plan, DbError> {
        let statement = SqliteDialect.with_literals(query, parameters)?;
        let mut steps = Vec::new();
        let mut visit = |row: &dyn dbdyno_core::Row| {
            let detail = row.text(3)?.to_owned();
            steps.push(Step { id: row.int(0)?, parent: row.int(1)?, detail });
            Ok(())
        };
        session.query_sql(&format!("EXPLAIN QUERY PLAN {statement}"), &mut visit).await?;
        let line = |step: &Step| format!("{}|{}|{}", step.id, step.parent, step.detail);
        let raw = steps.iter().map(line).collect::<Vec<_>>().join("\n");
        Ok(Plan { statement, roots: tree(&steps), raw })
    }

    fn lacks_estimates(&self) -> Option<&'static str> {
        Some("SQLite's EXPLAIN QUERY PLAN tells no numbers of rows")
    }
}

/// Puts each step below the one that it belongs to. One whose parent did not come before it stays
/// outermost: nothing is lost.
fn tree(steps: &[Step]) -> Vec<PlanNode> {
    let is_known = |place: usize| {
        let parent = steps[place].parent;
        steps[..place].iter().any(|earlier| earlier.id == parent)
    };
    let roots = (0..steps.len()).filter(|place| !is_known(*place));
    roots.map(|place| with_children(steps, place)).collect()
}

fn with_children(steps: &[Step], place: usize) -> PlanNode {
    let mut node = node(&steps[place].detail);
    let below = (place + 1..steps.len()).filter(|later| {
        let mut earlier = (0..*later).rev();
        earlier.find(|earlier| steps[*earlier].id == steps[*later].parent) == Some(place)
    });
    node.children = below.map(|child| with_children(steps, child)).collect();
    node
}

/// Reads the sentence of a step, such as
/// `SEARCH orders USING COVERING INDEX by_day (day=? AND week>?) LEFT-JOIN`.
fn node(detail: &str) -> PlanNode {
    let (words, rest) = detail.split_once(' ').unwrap_or((detail, ""));
    if !matches!(words, "SCAN" | "SEARCH") || rest == "CONSTANT ROW" {
        let kind = kind_of_sentence(detail);
        return PlanNode { kind, operation: detail.to_owned(), ..PlanNode::default() };
    }
    if let Some((table, chosen)) = rest.split_once(" VIRTUAL TABLE INDEX ") {
        return virtual_table(words, table, chosen);
    }
    let mut operation = words.to_owned();
    let (rest, left_join) = match rest.strip_suffix(" LEFT-JOIN") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (table, how) = rest.split_once(" USING ").unwrap_or((rest, ""));
    // Only a search has a bound, which ends the sentence; an index may have brackets in its name.
    let bound = if words == "SEARCH" { how.rfind(" (") } else { None };
    let (how, bound) = bound.map_or((how, None), |at| (&how[..at], Some(&how[at + 1..])));
    let (how, index) = match how.split_once("INDEX ") {
        // Which kind of index it is belongs to what is done, unless it is of the usual one.
        Some((kind, index)) => {
            (&how[..if kind.is_empty() { 0 } else { kind.len() + 5 }], Some(index))
        }
        None if how.ends_with("PRIMARY KEY") => ("", Some(how)),
        None => (how, None),
    };
    let covering = how.contains("COVERING");
    for more in [how, if left_join { "LEFT-JOIN" } else { "" }] {
        if !more.is_empty() {
            operation.push(' ');
            operation.push_str(more);
        }
    }
    let kind = match (words, index) {
        _ if covering => PlanKind::IndexOnly,
        ("SEARCH", _) => PlanKind::IndexLookup,
        (_, Some(_)) => PlanKind::IndexScan,
        (_, None) => PlanKind::TableScan,
    };
    PlanNode {
        kind,
        operation,
        table: Some(table.to_owned()),
        index: index.map(str::to_owned),
        condition: bound.map(str::to_owned),
        ..PlanNode::default()
    }
}

/// A virtual table finds rows by itself: `chosen` is a number and a text, empty where it reads all of them,
/// by which it knows how (<https://www.sqlite.org/vtab.html#xbestindex>).
fn virtual_table(words: &str, table: &str, chosen: &str) -> PlanNode {
    let finds = chosen.split_once(':').is_some_and(|(_, how)| !how.is_empty());
    PlanNode {
        kind: if finds { PlanKind::IndexLookup } else { PlanKind::TableScan },
        operation: format!("{words} VIRTUAL TABLE"),
        table: Some(table.to_owned()),
        index: finds.then(|| table.to_owned()),
        condition: Some(format!("INDEX {chosen}")),
        ..PlanNode::default()
    }
}

/// What a step does that reads no table. A temporary tree sorts, or keeps what is the same once.
fn kind_of_sentence(detail: &str) -> PlanKind {
    match detail.strip_prefix("USE TEMP B-TREE FOR ") {
        Some(purpose) if purpose.ends_with("ORDER BY") => PlanKind::Sort,
        Some(_) => PlanKind::Aggregate,
        None => PlanKind::Other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use std::fmt::Write as _;

    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;
    use crate::plan_lines::{count, lines};

    const TABLES: &str = "
        CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city INT);
        CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INT, day INT, week INT, price REAL);
        CREATE INDEX by_customer ON orders (customer);
        CREATE INDEX \"by (day)\" ON orders (day, week);
        CREATE TABLE words (word TEXT PRIMARY KEY, n INT) WITHOUT ROWID;";

    /// Queries of all shapes, for the SQLite that is built in.
    const QUERIES: [&str; 20] = [
        "SELECT * FROM orders WHERE price > 990",
        "SELECT * FROM orders WHERE id = 7",
        "SELECT * FROM orders ORDER BY customer",
        "SELECT day FROM orders ORDER BY day",
        "SELECT customer FROM orders WHERE customer BETWEEN 3 AND 5",
        "SELECT sum(price) FROM orders WHERE day = 14 AND week > 2",
        "SELECT n FROM words WHERE word = 'a'",
        "SELECT price FROM orders WHERE customer = 5 OR day = 3",
        "SELECT name, price FROM customers c JOIN orders o ON o.customer = c.id WHERE city = 3",
        "SELECT name, price FROM customers c LEFT JOIN orders o ON o.customer = c.id",
        "SELECT count(*) FROM customers a JOIN customers b ON a.city = b.city",
        "SELECT id FROM orders ORDER BY price DESC LIMIT 5",
        "SELECT price, count(*) FROM orders GROUP BY price",
        "SELECT DISTINCT price FROM orders",
        "SELECT (SELECT max(price) FROM orders o WHERE o.customer = c.id) FROM customers c",
        "SELECT id FROM customers WHERE city = 4 UNION SELECT customer FROM orders WHERE day = 4",
        "WITH big AS MATERIALIZED (SELECT customer, sum(price) AS total FROM orders GROUP BY 1) \
         SELECT count(*) FROM big a JOIN big b ON b.total = a.total",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT * FROM n",
        "SELECT rank() OVER (PARTITION BY day ORDER BY price) FROM orders WHERE customer < 10",
        "SELECT count(*) FROM orders WHERE customer IN (SELECT id FROM customers WHERE city = 3)",
    ];

    fn steps(connection: &Connection, query: &str) -> Vec<Step> {
        let mut prepared = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let rows = prepared.query_map([], |row| {
            Ok(Step { id: row.get(0)?, parent: row.get(1)?, detail: row.get(3)? })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn plans_of_all_shapes_become_trees() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        let mut trees = String::new();
        for query in QUERIES {
            let steps = steps(&connection, query);
            let tree = tree(&steps);
            assert_eq!(count(&tree), steps.len(), "{query}");
            let _ = write!(trees, "{query}:\n{}\n", lines(&tree));
        }
        insta::assert_snapshot!("plans", trees);
    }

    #[test]
    fn a_virtual_table_is_its_own_index() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE VIRTUAL TABLE words USING fts5(body)").unwrap();
        for (query, finds) in [
            ("SELECT rowid FROM words WHERE words MATCH 'a'", true),
            ("SELECT rowid FROM words", false),
        ] {
            let tree = tree(&steps(&connection, query));
            assert_eq!(tree[0].table.as_deref(), Some("words"), "{query}");
            assert_eq!(tree[0].index.is_some(), finds, "{query}");
            assert_eq!(tree[0].kind == PlanKind::IndexLookup, finds, "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_sentences_are_a_tree_in_which_none_is_lost(
            steps in proptest::collection::vec(
                (
                    0i64..6,
                    -1i64..6,
                    "(SCAN|SEARCH|USE TEMP B-TREE FOR|é)? ?\\PC{0,4}( USING (COVERING )?INDEX )?\\PC{0,4}( \\(a=\\?\\))?",
                ),
                0..12,
            ),
        ) {
            let step = |(id, parent, detail)| Step { id, parent, detail };
            let steps: Vec<Step> = steps.into_iter().map(step).collect();
            let roots = tree(&steps);
            prop_assert_eq!(count(&roots), steps.len());
            let plan = Plan { roots, ..Plan::default() };
            prop_assert_eq!(plan.outline().len(), steps.len());
        }
    }
}
