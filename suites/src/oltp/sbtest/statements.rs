//! The statements of the family, `stmt_defs` in sysbench's `oltp_common.lua`.

use dbdyno_core::{Statement, Upsert};

use super::super::places;
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
    /// In place of a delete and a reinsert, where statements are native.
    Upsert,
    /// Of a row that the engine numbers.
    Insert,
}

const COUNT: usize = 11;

/// The insert of a row whose id the client gives.
macro_rules! insert_row {
    ($rest:literal) => {
        concat!("INSERT INTO sbtest1 (id, k, c, pad) VALUES (?, ?, ?, ?)", $rest)
    };
}

/// Where the statements of a benchmark stand.
pub type Places = places::Places<COUNT>;

/// The statements that `mix` uses, and where they stand. With `upsert` they are native.
pub fn of(mix: &Mix, upsert: Option<Upsert>) -> (Vec<Statement>, Places) {
    let used = all(mix, upsert).into_iter().filter(|(_, _, _, used)| *used);
    Places::list(used.map(|(query, name, sql, _)| (query as usize, Statement::new(name, sql))))
}

/// Every statement with its name, its SQL and whether `mix` uses it. Sysbench's insert script
/// sends its one statement as text; here it is prepared like all others.
fn all(mix: &Mix, upsert: Option<Upsert>) -> [(Query, &'static str, &'static str, bool); COUNT] {
    let (ranges, replaces) = (mix.ranges, mix.delete_inserts > 0);
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
            mix.deletes > 0 || (replaces && upsert.is_none()),
        ),
        (Query::Reinsert, "insert", insert_row!(""), replaces && upsert.is_none()),
        (
            Query::Upsert,
            "upsert",
            match upsert {
                Some(Upsert::OnDuplicateKey) => insert_row!(
                    " ON DUPLICATE KEY UPDATE k = VALUES(k), c = VALUES(c), pad = VALUES(pad)"
                ),
                _ => insert_row!(
                    " ON CONFLICT (id) DO UPDATE SET k = excluded.k, c = excluded.c, \
                     pad = excluded.pad"
                ),
            },
            replaces && upsert.is_some(),
        ),
        (
            Query::Insert,
            "insert",
            "INSERT INTO sbtest1 (k, c, pad) VALUES (?, ?, ?)",
            mix.inserts > 0,
        ),
    ]
}
