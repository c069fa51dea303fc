//! The 22 queries: their text is in `queries/`, and in what it differs from the paper's in
//! `docs/htap.md`.

use super::super::answer::Kind;
use super::super::query::Query;

/// How many there are.
pub const COUNT: usize = 22;

/// The place in the list of the query that counts lines by the number of lines of their order.
pub const LINES_BY_ORDER_SIZE: usize = 11;

/// Every query in the order of its number.
pub const QUERIES: [Query; COUNT] = {
    use Kind::{Int as I, Moment as A, Money as M, Ratio as R, Sum as S, Text as T};
    [
        Query::new("q01", include_str!("queries/q01.sql"), &[I, I, S, R, R, I]),
        Query::new("q02", include_str!("queries/q02.sql"), &[I, T, T, I, T, T, T, T]),
        Query::new("q03", include_str!("queries/q03.sql"), &[I, I, I, S, A]),
        Query::new("q04", include_str!("queries/q04.sql"), &[I, I]),
        Query::new("q05", include_str!("queries/q05.sql"), &[T, S]),
        Query::new("q06", include_str!("queries/q06.sql"), &[S]),
        Query::new("q07", include_str!("queries/q07.sql"), &[I, T, I, S]),
        Query::new("q08", include_str!("queries/q08.sql"), &[I, R]),
        Query::new("q09", include_str!("queries/q09.sql"), &[T, I, S]),
        Query::new("q10", include_str!("queries/q10.sql"), &[I, T, S, T, T, T]),
        Query::new("q11", include_str!("queries/q11.sql"), &[I, I]),
        Query::new("q12", include_str!("queries/q12.sql"), &[I, I, I]),
        Query::new("q13", include_str!("queries/q13.sql"), &[I, I]),
        Query::new("q14", include_str!("queries/q14.sql"), &[R]),
        Query::new("q15", include_str!("queries/q15.sql"), &[I, T, T, T, S]),
        Query::new("q16", include_str!("queries/q16.sql"), &[T, T, M, I]),
        Query::new("q17", include_str!("queries/q17.sql"), &[S]),
        Query::new("q18", include_str!("queries/q18.sql"), &[T, I, I, A, I, S]),
        Query::new("q19", include_str!("queries/q19.sql"), &[S]),
        Query::new("q20", include_str!("queries/q20.sql"), &[T, T]),
        Query::new("q21", include_str!("queries/q21.sql"), &[T, I]),
        Query::new("q22", include_str!("queries/q22.sql"), &[T, I, S]),
    ]
};
