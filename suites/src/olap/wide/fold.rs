//! Queries worked out in one pass over the rows: what is kept of those seen, and the answer at the end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use dbdyno_core::{Date, Decimal, Timestamp};
use dbdyno_datasets::wide::Hit;

use super::super::answer::{Answer, Cell};

/// A query that is being worked out.
pub trait Fold {
    /// Takes a row.
    fn add(&mut self, hit: &Hit);

    /// The answer, once every row was taken.
    fn answer(self: Box<Self>) -> Answer;
}

/// One row about all hits: `add` takes one into the state, `row` gives the columns.
pub fn whole<S: Default + 'static>(
    add: impl Fn(&mut S, &Hit) + 'static,
    row: impl FnOnce(S) -> Vec<Cell> + 'static,
) -> Box<dyn Fold> {
    Box::new(Whole { state: S::default(), add, row })
}

struct Whole<S, A, R> {
    state: S,
    add: A,
    row: R,
}

impl<S, A: Fn(&mut S, &Hit), R: FnOnce(S) -> Vec<Cell>> Fold for Whole<S, A, R> {
    fn add(&mut self, hit: &Hit) {
        (self.add)(&mut self.state, hit);
    }

    fn answer(self: Box<Self>) -> Answer {
        vec![(self.row)(self.state)]
    }
}

/// The groups of a query, each with its state.
pub type Groups<K, S> = HashMap<K, S>;

/// A state for each group. `key` says to which group a hit belongs, if to any; memory grows with the
/// number of groups.
pub fn grouped<K: Eq + Hash + 'static, S: Default + 'static>(
    key: impl Fn(&Hit) -> Option<K> + 'static,
    add: impl Fn(&mut S, &Hit) + 'static,
    answer: impl FnOnce(Groups<K, S>) -> Answer + 'static,
) -> Box<dyn Fold> {
    Box::new(Grouped { groups: Groups::new(), key, add, answer })
}

struct Grouped<K, S, F, A, R> {
    groups: Groups<K, S>,
    key: F,
    add: A,
    answer: R,
}

impl<K, S, F, A, R> Fold for Grouped<K, S, F, A, R>
where
    K: Eq + Hash,
    S: Default,
    F: Fn(&Hit) -> Option<K>,
    A: Fn(&mut S, &Hit),
    R: FnOnce(Groups<K, S>) -> Answer,
{
    fn add(&mut self, hit: &Hit) {
        if let Some(key) = (self.key)(hit) {
            (self.add)(self.groups.entry(key).or_default(), hit);
        }
    }

    fn answer(self: Box<Self>) -> Answer {
        (self.answer)(self.groups)
    }
}

/// `ORDER BY count DESC, key LIMIT limit OFFSET skip`: the rows of the groups with the highest counts.
pub fn top<K: Ord, S>(
    groups: Groups<K, S>,
    (skip, limit): (usize, usize),
    count: impl Fn(&S) -> u64,
    row: impl Fn(K, S) -> Vec<Cell>,
) -> Answer {
    let mut ordered: Vec<(K, S)> = groups.into_iter().collect();
    ordered.sort_unstable_by(|(one, of_one), (two, of_two)| {
        Reverse(count(of_one)).cmp(&Reverse(count(of_two))).then_with(|| one.cmp(two))
    });
    ordered.into_iter().skip(skip).take(limit).map(|(key, state)| row(key, state)).collect()
}

/// `ORDER BY key`: the rows of all groups.
pub fn in_order<K: Ord, S>(
    groups: Groups<K, S>,
    limit: usize,
    row: impl Fn(K, S) -> Vec<Cell>,
) -> Answer {
    top(groups, (0, limit), |_| 0, row)
}

/// The rows with the lowest keys, in their order. `key` is unique; memory does not grow.
pub fn lowest<K: Ord + 'static>(
    limit: usize,
    key: impl Fn(&Hit) -> Option<K> + 'static,
    row: impl Fn(&Hit) -> Vec<Cell> + 'static,
) -> Box<dyn Fold> {
    Box::new(Lowest { limit, rows: BTreeMap::new(), key, row })
}

struct Lowest<K, F, R> {
    limit: usize,
    rows: BTreeMap<K, Vec<Cell>>,
    key: F,
    row: R,
}

impl<K: Ord, F: Fn(&Hit) -> Option<K>, R: Fn(&Hit) -> Vec<Cell>> Fold for Lowest<K, F, R> {
    fn add(&mut self, hit: &Hit) {
        let Some(key) = (self.key)(hit) else { return };
        let full = self.rows.len() == self.limit;
        if full && self.rows.last_key_value().is_some_and(|(highest, _)| *highest < key) {
            return;
        }
        self.rows.insert(key, (self.row)(hit));
        if full {
            self.rows.pop_last();
        }
    }

    fn answer(self: Box<Self>) -> Answer {
        self.rows.into_values().collect()
    }
}

/// A sum and what it is the sum of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mean {
    sum: i128,
    pub count: u64,
}

impl Mean {
    pub fn add(&mut self, number: i64) {
        self.sum += i128::from(number);
        self.count += 1;
    }
}

/// The least so far.
pub fn lower<T: Ord>(least: &mut Option<T>, value: T) {
    if least.as_ref().is_none_or(|known| value < *known) {
        *least = Some(value);
    }
}

/// The most so far.
pub fn raise<T: Ord>(most: &mut Option<T>, value: T) {
    if most.as_ref().is_none_or(|known| value > *known) {
        *most = Some(value);
    }
}

macro_rules! exact {
    ($($type:ty),+) => {
        $(impl From<$type> for Cell {
            fn from(value: $type) -> Self {
                Self::Exact(value.to_string())
            }
        })+
    };
}

exact!(i64, u64, &str, &String, String, Date, Timestamp, Decimal);

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Self::Exact(value.to_string())
    }
}

impl From<Mean> for Cell {
    fn from(mean: Mean) -> Self {
        match mean.count {
            0 => Self::Null,
            count => Self::Number(mean.sum as f64 / count as f64),
        }
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The columns of a row.
macro_rules! row {
    ($($value:expr),+ $(,)?) => { vec![$($crate::olap::answer::Cell::from($value)),+] };
}
pub(super) use row;

#[cfg(test)]
mod tests {
    use super::*;
    use dbdyno_core::Scale;
    use dbdyno_datasets::wide::for_each_hit;

    fn hits() -> Vec<Hit> {
        let mut hits = Vec::new();
        for_each_hit(Scale::hundredths(1), 9, |hit| hits.push(hit.clone()));
        hits
    }

    fn answer(mut fold: Box<dyn Fold>, hits: &[Hit]) -> Answer {
        hits.iter().for_each(|hit| fold.add(hit));
        fold.answer()
    }

    #[test]
    fn top_orders_by_count_and_then_by_key() {
        let groups = Groups::from([("d", 2), ("b", 7), ("a", 2), ("c", 1)]);
        let names = |rows| top(groups.clone(), rows, |count| *count, |key, count| row![key, count]);
        assert_eq!(
            names((0, 9)),
            [row!["b", 7u64], row!["a", 2u64], row!["d", 2u64], row!["c", 1u64]]
        );
        assert_eq!(names((1, 2)), [row!["a", 2u64], row!["d", 2u64]]);
        assert_eq!(names((9, 2)), Answer::new());
        assert_eq!(in_order(groups.clone(), 2, |key, _| row![key]), [row!["a"], row!["b"]]);
    }

    /// Against another way of doing the same: everything sorted, then the first taken.
    #[test]
    fn the_lowest_are_the_first_of_all_in_order() {
        let hits = hits();
        let key = |hit: &Hit| (hit.is_link == 1).then(|| (hit.title.clone(), hit.event_id));
        let found = answer(lowest(25, key, |hit| row![&hit.title, hit.event_id]), &hits);
        let mut all: Vec<_> = hits.iter().filter_map(key).collect();
        all.sort();
        let first: Answer = all[..25].iter().map(|(title, id)| row![title, *id]).collect();
        assert_eq!(found, first);
        let none = answer(lowest(5, |_: &Hit| None::<i64>, |_| row![0i64]), &hits);
        assert_eq!(none, Answer::new());
    }

    /// Against another way of doing the same: each group's rows looked for one group at a time.
    #[test]
    fn groups_hold_the_rows_of_their_key_alone() {
        let hits = hits();
        let add = |mean: &mut Mean, hit: &Hit| mean.add(hit.window_width);
        let found = answer(
            grouped(
                |hit| (hit.os != 2).then_some(hit.os),
                add,
                |groups| in_order(groups, 9, |os, mean: Mean| row![os, mean.count, mean]),
            ),
            &hits,
        );
        let of = |os: i64| {
            let widths: Vec<i64> =
                hits.iter().filter(|hit| hit.os == os).map(|hit| hit.window_width).collect();
            let mean = widths.iter().sum::<i64>() as f64 / widths.len() as f64;
            vec![Cell::from(os), Cell::from(widths.len()), Cell::Number(mean)]
        };
        assert_eq!(found, [1, 3, 4, 5, 6].map(of));
        let views = whole(|views: &mut u64, _| *views += 1, |views| row![views]);
        assert_eq!(answer(views, &hits), [row![hits.len()]]);
    }

    #[test]
    fn of_nothing_there_is_no_mean_and_no_least() {
        assert_eq!(Cell::from(Mean::default()), Cell::Null);
        let (mut least, mut most) = (None, None);
        assert_eq!(Cell::from(least), Cell::Null);
        for value in [3i64, 1, 2] {
            lower(&mut least, value);
            raise(&mut most, value);
        }
        assert_eq!((least, most), (Some(1), Some(3)));
    }
}
