//! The rows of the refresh functions (TPC-H rev. 3.0.1, clauses 2.5 to 2.7): new orders with their lines,
//! whose keys are among those that the tables leave free (clause 4.2.3, the note on sparse keys).

use dbdyno_core::{Date, Decimal, RowSource, RowWriter, Scale, Timestamp};

use super::source;
use crate::blocks::Part;

/// A set has this share of the orders: 1,500 per scale (clause 2.6.2).
const SETS: u32 = 1_000;
/// Of 32 keys in a row the tables use the first 8, and a set 8 of the others.
const FREE: u64 = 3;

/// The rows of `tpch_orders` or `tpch_lineitem` that refresh set number `set` adds. Their content is that of
/// orders in the tables, for the specification's program draws both alike; sets that are 3,000 apart
/// have the same keys.
pub fn refreshed(table: &'static str, scale: Scale, set: u64) -> Box<dyn RowSource> {
    let part = (set % u64::from(SETS)) as u32;
    let shift = (set / u64::from(SETS) % FREE + 1) as i64 * 8;
    let rows = source::large(table, scale, Part { part, parts: SETS });
    Box::new(Shifted { rows, shift })
}

/// The condition, in portable SQL, that an order's key is one of those that the refresh functions use: of 32
/// in a row the last 24.
pub fn is_refreshed(key: &str) -> String {
    format!("{key} % 32 >= 8")
}

/// Rows with another key, which is their first column.
struct Shifted {
    rows: Box<dyn RowSource>,
    shift: i64,
}

impl RowSource for Shifted {
    fn next_row(&mut self, row: &mut dyn RowWriter) -> bool {
        self.rows.next_row(&mut ShiftedKey { row, shift: Some(self.shift) })
    }
}

struct ShiftedKey<'r> {
    row: &'r mut dyn RowWriter,
    /// What is added to the next number.
    shift: Option<i64>,
}

impl RowWriter for ShiftedKey<'_> {
    fn null(&mut self) {
        self.row.null();
    }
    fn int(&mut self, value: i64) {
        self.row.int(value + self.shift.take().unwrap_or(0));
    }
    fn decimal(&mut self, value: Decimal) {
        self.row.decimal(value);
    }
    fn text(&mut self, value: &str) {
        self.row.text(value);
    }
    fn timestamp(&mut self, value: Timestamp) {
        self.row.timestamp(value);
    }
    fn date(&mut self, value: Date) {
        self.row.date(value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::collections::HashSet;

    use dbdyno_core::Scale;

    use super::super::TpcH;
    use super::refreshed;
    use crate::testing::{Printer, lines};

    fn keys(table: &'static str, scale: Scale, set: u64) -> Vec<i64> {
        let (mut source, mut printer) = (refreshed(table, scale, set), Printer::default());
        let mut keys = Vec::new();
        while source.next_row(&mut printer) {
            keys.push(printer.take().split('|').next().unwrap().parse().unwrap());
        }
        keys
    }

    #[test]
    fn new_keys_are_free_and_lines_belong_to_orders() {
        let scale = Scale::hundredths(2);
        let loaded: HashSet<i64> = lines(&TpcH, "tpch_orders", scale, 1, 0, 1, usize::MAX)
            .iter()
            .map(|line| line.split('|').next().unwrap().parse().unwrap())
            .collect();
        let mut seen = HashSet::new();
        for set in [0, 1, 999, 1_000, 1_001, 2_999] {
            let orders = keys("tpch_orders", scale, set);
            assert_eq!(orders.len(), 30, "1,500 per scale");
            assert!(orders.iter().all(|key| !loaded.contains(key) && seen.insert(*key)));
            assert!(
                orders.iter().all(|key| key % 32 >= 8) && loaded.iter().all(|key| key % 32 < 8)
            );
            let lines: HashSet<i64> = keys("tpch_lineitem", scale, set).into_iter().collect();
            assert_eq!(lines, orders.into_iter().collect());
        }
        assert_eq!(keys("tpch_orders", scale, 3_000), keys("tpch_orders", scale, 0));
    }
}
