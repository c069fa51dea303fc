//! What tests do with rows: print, count, check and digest them.
#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use std::fmt::Write as _;

use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{Date, Decimal, RowWriter, Scale, Timestamp};

use crate::dataset::Dataset;

/// Prints a row with `|` between its columns.
#[derive(Default)]
pub struct Printer {
    line: String,
    columns: usize,
}

impl Printer {
    fn put(&mut self, value: impl std::fmt::Display) {
        let separator = if self.columns == 0 { "" } else { "|" };
        write!(self.line, "{separator}{value}").expect("a string takes all");
        self.columns += 1;
    }

    /// The row that was written since the last call.
    pub fn take(&mut self) -> String {
        self.columns = 0;
        std::mem::take(&mut self.line)
    }
}

impl RowWriter for Printer {
    fn null(&mut self) {
        self.put("NULL");
    }
    fn int(&mut self, value: i64) {
        self.put(value);
    }
    fn decimal(&mut self, value: Decimal) {
        self.put(value);
    }
    fn text(&mut self, value: &str) {
        self.put(value);
    }
    fn timestamp(&mut self, value: Timestamp) {
        self.put(value);
    }
    fn date(&mut self, value: Date) {
        self.put(value);
    }
}

/// The first rows, at most `limit`, of a part of a table, one string each.
pub fn lines(
    dataset: &dyn Dataset,
    table: &'static str,
    scale: Scale,
    seed: u64,
    part: u32,
    parts: u32,
    limit: usize,
) -> Vec<String> {
    let mut source = dataset.source(table, scale, seed, part, parts);
    let mut printer = Printer::default();
    let mut lines = Vec::new();
    while lines.len() < limit && source.next_row(&mut printer) {
        lines.push(printer.take());
    }
    lines
}

/// The FNV-1a hash of a whole table at the smallest scale and seed 1.
pub fn digest(dataset: &dyn Dataset, table: &'static str) -> u64 {
    let mut source = dataset.source(table, dataset.scale_step(), 1, 0, 1);
    let mut printer = Printer::default();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    while source.next_row(&mut printer) {
        for byte in printer.take().bytes().chain([b'\n']) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

/// Checks that rows fit the columns of their table.
pub struct Shape<'t> {
    table: &'t Table,
    column: usize,
}

impl<'t> Shape<'t> {
    /// For rows of `table`.
    pub fn new(table: &'t Table) -> Self {
        Self { table, column: 0 }
    }

    /// Ends a row.
    pub fn finish(&mut self) {
        assert_eq!(self.column, self.table.columns.len(), "columns of {}", self.table.name);
        self.column = 0;
    }

    fn next(&mut self) -> &'t Column {
        self.column += 1;
        self.table.columns.get(self.column - 1).expect("no more columns than the table has")
    }
}

impl RowWriter for Shape<'_> {
    fn null(&mut self) {
        let column = self.next();
        assert!(column.nullable, "NULL in {}", column.name);
    }
    fn int(&mut self, value: i64) {
        let column = self.next();
        let fits = match column.ty {
            ColumnType::SmallInt => i16::try_from(value).is_ok(),
            ColumnType::Int => i32::try_from(value).is_ok(),
            ColumnType::BigInt => true,
            _ => false,
        };
        assert!(fits, "{value} in {} {:?}", column.name, column.ty);
    }
    fn decimal(&mut self, value: Decimal) {
        let column = self.next();
        let ColumnType::Decimal(digits, scale) = column.ty else {
            panic!("a decimal in {} {:?}", column.name, column.ty)
        };
        assert_eq!(value.scale, scale, "{}", column.name);
        assert!(value.unscaled.abs() < 10i64.pow(u32::from(digits)), "{value} in {}", column.name);
    }
    fn text(&mut self, value: &str) {
        let column = self.next();
        if column.ty == ColumnType::Json {
            return assert!(
                value.starts_with('{') && value.is_ascii(),
                "{value} in {}",
                column.name
            );
        }
        if column.ty == ColumnType::Text {
            return assert!(
                value.is_ascii() && value.len() < 1 << 16,
                "{value} in {}",
                column.name
            );
        }
        let (ColumnType::Char(width) | ColumnType::Varchar(width)) = column.ty else {
            panic!("text in {} {:?}", column.name, column.ty)
        };
        assert!(
            value.is_ascii() && value.len() <= usize::from(width),
            "{value} in {}",
            column.name
        );
    }
    fn timestamp(&mut self, _: Timestamp) {
        let column = self.next();
        assert_eq!(column.ty, ColumnType::Timestamp, "{}", column.name);
    }
    fn date(&mut self, _: Date) {
        let column = self.next();
        assert_eq!(column.ty, ColumnType::Date, "{}", column.name);
    }
}
