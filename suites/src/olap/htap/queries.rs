//! The 22 queries: their text is in `queries/`, and in what it differs from the paper's in
//! `docs/htap.md`.

use super::super::answer::Kind;
use super::super::query::{Query, query};

/// How many there are.
pub const COUNT: usize = 22;

/// The place in the list of the query that counts lines by the number of lines of their order.
pub const LINES_BY_ORDER_SIZE: usize = 11;

/// Every query in the order of its number.
pub const QUERIES: [Query; COUNT] = {
    use Kind::{Int as I, Money as M, Ratio as R, Sum as S, Text as T, Timestamp as A};
    [
        query("q01", include_str!("queries/q01.sql"), &[I, I, S, R, R, I]),
        query("q02", include_str!("queries/q02.sql"), &[I, T, T, I, T, T, T, T]),
        query("q03", include_str!("queries/q03.sql"), &[I, I, I, S, A]),
        query("q04", include_str!("queries/q04.sql"), &[I, I]),
        query("q05", include_str!("queries/q05.sql"), &[T, S]),
        query("q06", include_str!("queries/q06.sql"), &[S]),
        query("q07", include_str!("queries/q07.sql"), &[I, T, I, S]),
        query("q08", include_str!("queries/q08.sql"), &[I, R]),
        query("q09", include_str!("queries/q09.sql"), &[T, I, S]),
        query("q10", include_str!("queries/q10.sql"), &[I, T, S, T, T, T]),
        query("q11", include_str!("queries/q11.sql"), &[I, I]),
        query("q12", include_str!("queries/q12.sql"), &[I, I, I]),
        query("q13", include_str!("queries/q13.sql"), &[I, I]),
        query("q14", include_str!("queries/q14.sql"), &[R]),
        query("q15", include_str!("queries/q15.sql"), &[I, T, T, T, S]),
        query("q16", include_str!("queries/q16.sql"), &[T, T, M, I]),
        query("q17", include_str!("queries/q17.sql"), &[S]),
        query("q18", include_str!("queries/q18.sql"), &[T, I, I, A, I, S]),
        query("q19", include_str!("queries/q19.sql"), &[S]),
        query("q20", include_str!("queries/q20.sql"), &[T, T]),
        query("q21", include_str!("queries/q21.sql"), &[T, I]),
        query("q22", include_str!("queries/q22.sql"), &[T, I, S]),
    ]
};
