//! The queries: their text is in `queries/`.

use super::super::answer::Kind;
use super::super::query::{Query, query};

/// How many there are.
pub const COUNT: usize = 32;

/// Every query in the order of its number.
pub const QUERIES: [Query; COUNT] = {
    use Kind::{Date as D, Int as I, Money as M, Ratio as R, Sum as S, Text as T, Timestamp as P};
    [
        query("q01", include_str!("queries/q01.sql"), &[I]),
        query("q02", include_str!("queries/q02.sql"), &[I]),
        query("q03", include_str!("queries/q03.sql"), &[I, I, R, R]),
        query("q04", include_str!("queries/q04.sql"), &[I]),
        query("q05", include_str!("queries/q05.sql"), &[I]),
        query("q06", include_str!("queries/q06.sql"), &[P, P, D, D]),
        query("q07", include_str!("queries/q07.sql"), &[I, I]),
        query("q08", include_str!("queries/q08.sql"), &[I, I, I, R, I]),
        query("q09", include_str!("queries/q09.sql"), &[I, T, I]),
        query("q10", include_str!("queries/q10.sql"), &[T, I]),
        query("q11", include_str!("queries/q11.sql"), &[T, I]),
        query("q12", include_str!("queries/q12.sql"), &[I, I]),
        query("q13", include_str!("queries/q13.sql"), &[I, T, I]),
        query("q14", include_str!("queries/q14.sql"), &[I, I, T, I]),
        query("q15", include_str!("queries/q15.sql"), &[I, P, T, I]),
        query("q16", include_str!("queries/q16.sql"), &[I]),
        query("q17", include_str!("queries/q17.sql"), &[T, T, I, I]),
        query(
            "q18",
            include_str!("queries/q18.sql"),
            &[I, P, I, I, I, I, I, I, I, T, T, T, T, I, I],
        ),
        query("q19", include_str!("queries/q19.sql"), &[T, I]),
        query("q20", include_str!("queries/q20.sql"), &[I, R, I]),
        query("q21", include_str!("queries/q21.sql"), &[T, R, I, T]),
        query("q22", include_str!("queries/q22.sql"), &[I; 20]),
        query("q23", include_str!("queries/q23.sql"), &[I, I, I, I, R]),
        query("q24", include_str!("queries/q24.sql"), &[I, I, I, I, R]),
        query("q25", include_str!("queries/q25.sql"), &[T, I]),
        query("q26", include_str!("queries/q26.sql"), &[I, I, I, I, I]),
        query("q27", include_str!("queries/q27.sql"), &[T, I]),
        query("q28", include_str!("queries/q28.sql"), &[T, I]),
        query("q29", include_str!("queries/q29.sql"), &[I, I, I, T, T, I]),
        query("q30", include_str!("queries/q30.sql"), &[D, I, I, I]),
        query("q31", include_str!("queries/q31.sql"), &[T, I, I, S, M, M]),
        query("q32", include_str!("queries/q32.sql"), &[I, I, I, R, I]),
    ]
};
