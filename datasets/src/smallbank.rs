//! The tables of SmallBank (Alomari, Cahill, Fekete and Röhm, "The Cost of Serializability on
//! Platforms That Use Snapshot Isolation", ICDE 2008): customers with a savings and a
//! checking account each.

use std::fmt::Write as _;

use dbdyno_core::random::Rng;
use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{Date, Decimal, RowSource, RowWriter, Scale, Timestamp};

use crate::blocks::{Part, Size, Streams, empty, numbered};
use crate::dataset::Dataset;

/// Customers at each step of the scale: the number that the paper measured with.
pub const CUSTOMERS: u64 = 18_000;
/// Initial balances, in whole units of money: the bounds of the reference implementations.
const BALANCE: (i64, i64) = (10_000, 50_000);
/// Characters of a customer's name.
const NAME_LENGTH: usize = 64;

/// The name of customer `number`, counted from 0, written into `buffer`, which is emptied first:
/// its number with leading zeros, as the reference implementations make it.
pub fn write_name(number: u64, buffer: &mut String) -> &str {
    buffer.clear();
    // Writing to a string cannot fail.
    let _ = write!(buffer, "{number:0NAME_LENGTH$}");
    buffer
}

/// All money in all accounts after loading, in cents.
pub fn total_cents(scale: Scale, seed: u64) -> i64 {
    let mut sum = Sum { cents: 0 };
    for table in ["savings", "checking"] {
        let mut source = SmallBank.source(table, scale, seed, 0, 1);
        while source.next_row(&mut sum) {}
    }
    sum.cents
}

/// Adds up the amounts of the rows it is given.
struct Sum {
    cents: i64,
}

impl RowWriter for Sum {
    fn null(&mut self) {}
    fn int(&mut self, _: i64) {}
    fn decimal(&mut self, value: Decimal) {
        self.cents += value.unscaled;
    }
    fn text(&mut self, _: &str) {}
    fn timestamp(&mut self, _: Timestamp) {}
    fn date(&mut self, _: Date) {}
}

/// The data set `smallbank`.
#[derive(Clone, Copy, Debug)]
pub struct SmallBank;

impl Dataset for SmallBank {
    fn name(&self) -> &'static str {
        "smallbank"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "18,000 customers per scale with savings and checking accounts: SmallBank, ICDE 2008"
    }

    fn tables(&self) -> Vec<Table> {
        let customer = || Column::new("custid", ColumnType::BigInt);
        let name = Column::new("name", ColumnType::Varchar(NAME_LENGTH as u16));
        let balance = || Column::new("bal", ColumnType::Decimal(15, 2));
        vec![
            Table::new("accounts", vec![customer(), name])
                .primary_key(&["custid"])
                .index("accounts_name", &["name"]),
            Table::new("savings", vec![customer(), balance()]).primary_key(&["custid"]),
            Table::new("checking", vec![customer(), balance()]).primary_key(&["custid"]),
        ]
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        match table {
            "accounts" | "savings" | "checking" => CUSTOMERS * scale.units(),
            _ => 0,
        }
    }

    fn has_fixed_rows(&self, _: &str) -> bool {
        true
    }

    fn max_scale(&self) -> Scale {
        Scale::whole(1_000_000)
    }

    fn source(
        &self,
        table: &'static str,
        scale: Scale,
        seed: u64,
        part: u32,
        parts: u32,
    ) -> Box<dyn RowSource> {
        let size = Size { rows: self.rows(table, scale), block: 1_000 };
        let (streams, part) = (Streams::new(seed, self.name(), table), Part { part, parts });
        let mut name = String::new();
        match table {
            "accounts" => numbered(streams, size, part, move |number, _, row| {
                row.int(number as i64);
                row.text(write_name(number, &mut name));
            }),
            "savings" | "checking" => numbered(streams, size, part, |number, rng, row| {
                row.int(number as i64);
                row.decimal(draw_balance(rng));
            }),
            _ => empty(),
        }
    }
}

fn draw_balance(rng: &mut Rng) -> Decimal {
    Decimal::cents(100 * rng.between(BALANCE.0, BALANCE.1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

    use super::{SmallBank, total_cents};
    use crate::testing::lines;
    use dbdyno_core::Decimal;
    use dbdyno_core::Scale;

    #[test]
    fn the_total_is_the_sum_of_the_balances() {
        let mut sum = 0;
        for table in ["savings", "checking"] {
            for row in lines(&SmallBank, table, Scale::whole(2), 9, 0, 1, usize::MAX) {
                let balance = Decimal::parse(row.split_once('|').unwrap().1).unwrap();
                assert!((1_000_000..=5_000_000).contains(&balance.unscaled), "{balance}");
                sum += balance.unscaled;
            }
        }
        assert_eq!(total_cents(Scale::whole(2), 9), sum);
        // The mean is 30,000; that of 72,000 accounts deviates by 43.
        let mean = sum as f64 / 72_000.0 / 100.0;
        assert!((mean - 30_000.0).abs() < 220.0, "{mean}");
    }

    #[test]
    fn customers_are_named_by_number() {
        let rows = lines(&SmallBank, "accounts", Scale::ONE, 9, 0, 1, usize::MAX);
        assert_eq!(rows[17], format!("17|{:064}", 17));
    }
}
