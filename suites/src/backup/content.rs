//! What is in tables, as a number for each: rows in any order give the same.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use dbdyno_core::schema::Table;
use dbdyno_core::{DbError, Driver, ErrorClass, Row, Session, Stop, Value};

/// Rows between two looks at whether to go on.
const LOOK_AGAIN: u64 = 1_000;
/// How often who waits for the next row looks at the same.
const PATIENCE: Duration = Duration::from_millis(20);

/// The rows of a table, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// How many rows.
    pub rows: u64,
    sum: u64,
}

/// What is in each of some tables, by name.
pub type Contents = BTreeMap<String, Content>;

/// Until when rows are added up.
pub struct Until<'u> {
    began: Instant,
    limit: Duration,
    stops: Vec<(&'u Stop, &'static str)>,
}

impl<'u> Until<'u> {
    /// For no longer than `limit` from now on, and until the end is asked for.
    pub fn new(limit: Duration, stop: &'u Stop) -> Self {
        Self { began: Instant::now(), limit, stops: vec![(stop, "the end was asked for")] }
    }

    /// And for no longer than a load goes on.
    #[must_use]
    pub fn or_end_of_load(mut self, over: &'u Stop) -> Self {
        self.stops.push((over, "the load ended by itself"));
        self
    }

    /// Why not to go on; `None` where there is nothing to keep from it.
    pub fn over(&self) -> Option<String> {
        let asked = self.stops.iter().find(|(stop, _)| stop.is_requested());
        let is_late = || self.began.elapsed() >= self.limit;
        asked.map(|(_, why)| (*why).to_owned()).or_else(|| is_late().then(|| self.late()))
    }

    fn late(&self) -> String {
        format!("it goes on after {} s", self.limit.as_secs())
    }

    /// Waits until there is no going on any more.
    pub async fn is_over(&self) {
        while self.over().is_none() {
            tokio::time::sleep(PATIENCE).await;
        }
    }

    fn ended(&self) -> DbError {
        let why = self.over().unwrap_or_else(|| self.late());
        DbError::new(ErrorClass::StatementTimeout, None, why)
    }
}

/// What is in each of the tables.
///
/// # Errors
/// The engine refuses, one of the tables is not there, or there is no going on.
pub async fn read(
    tables: &[Table],
    driver: &dyn Driver,
    session: &mut dyn Session,
    until: &Until<'_>,
) -> Result<Contents, DbError> {
    tokio::select! {
        found = add_up(tables, driver, session, until) => found,
        () = until.is_over() => Err(until.ended()),
    }
}

/// Who answers without letting others work, as SQLite does, is asked between rows whether to go on.
async fn add_up(
    tables: &[Table],
    driver: &dyn Driver,
    session: &mut dyn Session,
    until: &Until<'_>,
) -> Result<Contents, DbError> {
    let mut contents = Contents::new();
    for table in tables {
        let dialect = driver.dialect();
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let sql =
            format!("SELECT {} FROM {}", dialect.columns(&columns), dialect.quote(table.name));
        let mut content = Content::default();
        let mut add = |row: &dyn Row| {
            if content.rows % LOOK_AGAIN == 0 && until.over().is_some() {
                return Err(until.ended());
            }
            content.add(row, columns.len())
        };
        session.query_sql(&sql, &mut add).await?;
        contents.insert(table.name.to_owned(), content);
    }
    Ok(contents)
}

impl Content {
    /// Adds a row of so many columns. Two rows that are alike count twice: a sum, where an exclusive or would
    /// make them vanish.
    ///
    /// # Errors
    /// A column cannot be read.
    pub fn add(&mut self, row: &dyn Row, columns: usize) -> Result<(), DbError> {
        let mut hasher = DefaultHasher::new();
        for index in 0..columns {
            hash(row.value(index)?, &mut hasher);
        }
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
        Ok(())
    }

    /// The sum of the hashes of all rows.
    pub fn sum(&self) -> u64 {
        self.sum
    }
}

fn hash(value: Value<'_>, hasher: &mut DefaultHasher) {
    std::mem::discriminant(&value).hash(hasher);
    match value {
        Value::Null => {}
        Value::Int(int) => int.hash(hasher),
        Value::Float(float) => float.to_bits().hash(hasher),
        Value::Decimal(decimal) => decimal.hash(hasher),
        Value::Text(text) => text.hash(hasher),
        Value::Bytes(bytes) => bytes.hash(hasher),
        Value::Timestamp(timestamp) => timestamp.hash(hasher),
        Value::Date(date) => date.hash(hasher),
        Value::Ints(ints) => ints.hash(hasher),
    }
}

/// How restored tables differ from what they should be; `None` where they do not.
pub fn difference(expected: &Contents, found: &Contents) -> Option<String> {
    let mut wrong = Vec::new();
    for (name, content) in expected {
        match found.get(name) {
            None => wrong.push(format!("{name} is missing")),
            Some(other) if other.rows != content.rows => {
                wrong.push(format!("{name} has {} rows, not {}", other.rows, content.rows));
            }
            Some(other) if other != content => wrong.push(format!("rows of {name} differ")),
            Some(_) => {}
        }
    }
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known(Vec<i64>);

    impl Row for Known {
        fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
            Ok(self.0.get(index).map_or(Value::Null, |int| Value::Int(*int)))
        }
    }

    fn content(rows: &[[i64; 2]]) -> Contents {
        let mut content = Content::default();
        for row in rows {
            assert_eq!(content.add(&Known(row.to_vec()), 2).err().map(|why| why.to_string()), None);
        }
        BTreeMap::from([("t".to_owned(), content)])
    }

    #[test]
    fn rows_are_compared_in_any_order_and_each_counts() {
        let all = content(&[[1, 2], [3, 4], [3, 4]]);
        assert_eq!(difference(&all, &content(&[[3, 4], [1, 2], [3, 4]])), None);
        for (found, said) in [
            (content(&[[1, 2], [3, 4]]), "t has 2 rows, not 3"),
            (content(&[[1, 2], [1, 2], [3, 4]]), "rows of t differ"),
            (content(&[[2, 1], [3, 4], [3, 4]]), "rows of t differ"),
            (BTreeMap::new(), "t is missing"),
        ] {
            assert_eq!(difference(&all, &found).as_deref(), Some(said));
        }
    }
}
