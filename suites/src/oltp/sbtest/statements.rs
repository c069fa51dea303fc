//! The statements of the family, `stmt_defs` in sysbench's `oltp_common.lua`.

use dbdyno_core::{Statement, StatementId};

use super::Mix;

/// The kinds of range, in the order in which a transaction runs them.
pub const RANGES: [Query; 4] =
    [Query::SimpleRange, Query::SumRange, Query::OrderRange, Query::DistinctRange];

/// A statement of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    PointSelect,
    SimpleRange,
    SumRange,
    OrderRange,
    DistinctRange,
    IndexUpdate,
    NonIndexUpdate,
    Delete,
    /// Of a row whose id the client gives.
    Reinsert,
    /// Of a row that the engine numbers.
    Insert,
}

const COUNT: usize = 10;

/// Where each statement stands in the list of a benchmark, which holds only those it uses.
#[derive(Clone, Copy, Debug)]
pub struct Places([StatementId; COUNT]);

impl Places {
    /// The place of a statement that the benchmark uses.
    pub const fn of(&self, query: Query) -> StatementId {
        self.0[query as usize]
    }
}

/// The statements that `mix` uses, and where they stand.
pub fn of(mix: &Mix) -> (Vec<Statement>, Places) {
    let mut list = Vec::new();
    let mut places = Places([StatementId::MAX; COUNT]);
    for (query, name, sql, used) in all(mix) {
        if used {
            places.0[query as usize] = list.len();
            list.push(Statement::new(name, sql));
        }
    }
    (list, places)
}

/// Every statement with its name, its SQL and whether `mix` uses it. Sysbench's insert script
/// sends its one statement as text; here it is prepared like all others.
fn all(mix: &Mix) -> [(Query, &'static str, &'static str, bool); COUNT] {
    let ranges = mix.ranges;
    [
        (
            Query::PointSelect,
            "point_select",
            "SELECT c FROM sbtest1 WHERE id = ?",
            mix.point_selects > 0,
        ),
        (
            Query::SimpleRange,
            "simple_range",
            "SELECT c FROM sbtest1 WHERE id BETWEEN ? AND ?",
            ranges,
        ),
        (
            Query::SumRange,
            "sum_range",
            "SELECT SUM(k) FROM sbtest1 WHERE id BETWEEN ? AND ?",
            ranges,
        ),
        (
            Query::OrderRange,
            "order_range",
            "SELECT c FROM sbtest1 WHERE id BETWEEN ? AND ? ORDER BY c",
            ranges,
        ),
        (
            Query::DistinctRange,
            "distinct_range",
            "SELECT DISTINCT c FROM sbtest1 WHERE id BETWEEN ? AND ? ORDER BY c",
            ranges,
        ),
        (
            Query::IndexUpdate,
            "index_update",
            "UPDATE sbtest1 SET k = k + 1 WHERE id = ?",
            mix.index_updates > 0,
        ),
        (
            Query::NonIndexUpdate,
            "non_index_update",
            "UPDATE sbtest1 SET c = ? WHERE id = ?",
            mix.non_index_updates > 0,
        ),
        (
            Query::Delete,
            "delete",
            "DELETE FROM sbtest1 WHERE id = ?",
            mix.delete_inserts + mix.deletes > 0,
        ),
        (
            Query::Reinsert,
            "insert",
            "INSERT INTO sbtest1 (id, k, c, pad) VALUES (?, ?, ?, ?)",
            mix.delete_inserts > 0,
        ),
        (
            Query::Insert,
            "insert",
            "INSERT INTO sbtest1 (k, c, pad) VALUES (?, ?, ?)",
            mix.inserts > 0,
        ),
    ]
}
