//! What the streams are answered. Nobody has published answers for data that grows, but two things can be
//! told of them: while nobody writes, a query is answered the same each time; and a query sees all lines
//! of an order delivered, or none, for TPC-C delivers them in one transaction (clause 2.7.4).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use dbdyno_core::{Check, DbError, Row, Value};

use super::queries::{COUNT, LINES_BY_ORDER_SIZE, QUERIES};

/// The answers to all streams of a load.
#[derive(Debug, Default)]
pub struct Answers {
    of_queries: [Mutex<OfQuery>; COUNT],
}

/// The answers to one query.
#[derive(Debug, Default)]
struct OfQuery {
    count: u64,
    first: Option<Answer>,
    /// How many differ from the first.
    others: u64,
    /// The first row that shows part of an order.
    torn: Option<String>,
}

/// An answer: its rows in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    rows: u64,
    /// The sum of the rows' hashes.
    digest: u64,
    torn: Option<String>,
}

impl Answer {
    /// Reads a row of the answer to a query.
    ///
    /// # Errors
    /// It lacks a column, or one cannot be read.
    pub fn read(&mut self, query: usize, row: &dyn Row) -> Result<(), DbError> {
        let mut hasher = DefaultHasher::new();
        for place in 0..QUERIES[query].columns.len() {
            hash(row.value(place)?, &mut hasher);
        }
        self.rows += 1;
        self.digest = self.digest.wrapping_add(hasher.finish());
        if query == LINES_BY_ORDER_SIZE && self.torn.is_none() {
            self.torn = torn(row.int(0)?, row.int(1)? + row.int(2)?);
        }
        Ok(())
    }
}

fn hash(value: Value<'_>, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0u8.hash(hasher),
        Value::Int(int) => int.hash(hasher),
        Value::Float(float) => float.to_bits().hash(hasher),
        Value::Decimal(decimal) => decimal.hash(hasher),
        Value::Text(text) => text.hash(hasher),
        Value::Bytes(bytes) => bytes.hash(hasher),
        Value::Timestamp(moment) => moment.hash(hasher),
        Value::Date(date) => date.to_string().hash(hasher),
        Value::Ints(ints) => ints.hash(hasher),
    }
}

/// In what the delivered lines of orders of one size are not those of whole orders.
fn torn(size: i64, lines: i64) -> Option<String> {
    let whole = size > 0 && lines % size == 0;
    (!whole).then(|| format!("{lines} delivered lines of orders that have {size} each"))
}

impl Answers {
    /// Notes an answer to the query at this place in the list.
    pub fn note(&self, query: usize, answer: Answer) {
        let mut known = self.of_queries[query].lock().unwrap_or_else(PoisonError::into_inner);
        known.count += 1;
        known.torn = known.torn.take().or_else(|| answer.torn.clone());
        match &known.first {
            None => known.first = Some(answer),
            Some(first) if *first != answer => known.others += 1,
            Some(_) => {}
        }
    }

    /// Whether every query was answered the same each time; `None` where none was answered twice.
    pub fn repeat(&self) -> Option<Check> {
        let (mut compared, mut differing) = (0, Vec::new());
        for (query, known) in QUERIES.iter().zip(&self.of_queries) {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            compared += u64::from(known.count > 1);
            if known.others > 0 {
                let again = known.count - 1;
                differing.push(format!("{} {} of {again} times", query.name, known.others));
            }
        }
        let detail = match differing.is_empty() {
            true => format!("{compared} queries were answered more than once, the same each time"),
            false => format!("nothing was written, and yet others: {}", differing.join(", ")),
        };
        (compared > 0).then(|| Check::new("answers_repeat", differing.is_empty(), detail))
    }

    /// Whether orders were seen delivered as a whole; `None` where nobody was answered of them.
    pub fn orders_whole(&self) -> Option<Check> {
        let known = self.of_queries[LINES_BY_ORDER_SIZE].lock();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        let name = QUERIES[LINES_BY_ORDER_SIZE].name;
        let detail = match &known.torn {
            Some(torn) => format!("{name} was answered {torn}: it saw part of a delivery"),
            None => format!("answers to {name} that show deliveries as a whole: {}", known.count),
        };
        (known.count > 0).then(|| Check::new("orders_seen_whole", known.torn.is_none(), detail))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    struct Cells<'v>(&'v [Value<'v>]);

    impl Row for Cells<'_> {
        fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
            self.0.get(index).copied().ok_or_else(|| DbError::unexpected("no such column"))
        }
    }

    fn answer(query: usize, rows: &[&[Value<'_>]]) -> Answer {
        let mut answer = Answer::default();
        rows.iter().for_each(|row| answer.read(query, &Cells(row)).unwrap());
        answer
    }

    const ROWS: [[Value<'static>; 2]; 2] =
        [[Value::Text("a"), Value::Int(1)], [Value::Text("b"), Value::Null]];

    #[test]
    fn the_order_of_rows_does_not_tell_answers_apart() {
        let [one, two] = &ROWS;
        assert_eq!(answer(19, &[one, two]), answer(19, &[two, one]));
        assert_ne!(answer(19, &[one, two]), answer(19, &[one]));
        assert_ne!(answer(19, &[one, two]), answer(19, &[one, one]));
        let mut missing = Answer::default();
        assert!(missing.read(19, &Cells(&one[..1])).is_err());
    }

    #[test]
    fn another_answer_is_noticed() {
        let (answers, [one, two]) = (Answers::default(), &ROWS);
        answers.note(19, answer(19, &[one]));
        assert_eq!(answers.repeat(), None);
        answers.note(19, answer(19, &[one]));
        assert!(answers.repeat().unwrap().held);
        answers.note(19, answer(19, &[two]));
        let check = answers.repeat().unwrap();
        assert!(!check.held && check.detail.ends_with("q20 1 of 2 times"), "{}", check.detail);
    }

    #[test]
    fn part_of_an_order_is_noticed() {
        let (answers, int) = (Answers::default(), Value::Int);
        assert_eq!(answers.orders_whole(), None);
        let whole = [int(5), int(20), int(35)];
        answers.note(11, answer(11, &[&whole]));
        assert!(answers.orders_whole().unwrap().held);
        answers.note(11, answer(11, &[&whole, &[int(7), int(14), int(22)]]));
        answers.note(11, answer(11, &[&whole]));
        let check = answers.orders_whole().unwrap();
        assert!(!check.held && check.detail.contains("36 delivered lines of orders that have 7"));
    }
}
