//! The table of YCSB's core workloads (Cooper et al., "Benchmarking Cloud Serving Systems with
//! YCSB", SoCC 2010; defaults of `CoreWorkload`).

use std::fmt::Write as _;

use dbdyno_core::random::{Rng, Text, fnv64};
use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{RowSource, Scale};

use crate::blocks::{Part, Size, Streams, empty, numbered};
use crate::dataset::Dataset;

/// Records at each step of the scale.
pub const RECORDS: u64 = 10_000;
/// Characters of a field: YCSB's `fieldlength`.
pub const FIELD_LENGTH: usize = 100;
/// The columns beside the key: YCSB's `fieldcount` is 10.
pub const FIELDS: [&str; 10] = [
    "field0", "field1", "field2", "field3", "field4", "field5", "field6", "field7", "field8",
    "field9",
];

/// The key of record `number`, counted from 0, written into `buffer`, which is emptied first:
/// `user` and the FNV hash of the number in decimal. That is YCSB's `insertorder=hashed` with its
/// default `zeropadding=1`, so nothing is padded.
pub fn write_key(number: u64, buffer: &mut String) -> &str {
    buffer.clear();
    // Writing to a string cannot fail.
    let _ = write!(buffer, "user{}", fnv64(number));
    buffer
}

/// Draws a value of a field. YCSB's are printable ASCII; these are letters and digits, which no
/// engine has to escape.
pub fn draw_field<'t>(text: &'t mut Text, rng: &mut Rng) -> &'t str {
    text.alphanumeric(rng, FIELD_LENGTH, FIELD_LENGTH)
}

/// The data set `ycsb`.
#[derive(Clone, Copy, Debug)]
pub struct Ycsb;

impl Dataset for Ycsb {
    fn name(&self) -> &'static str {
        "ycsb"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "10,000 records per scale of ten fields of 100 characters: the table of YCSB's core workloads"
    }

    fn tables(&self) -> Vec<Table> {
        let key = Column::new("ycsb_key", ColumnType::Varchar(255));
        let fields = FIELDS.map(|name| Column::new(name, ColumnType::Varchar(FIELD_LENGTH as u16)));
        let columns = std::iter::once(key).chain(fields).collect();
        vec![Table::new("usertable", columns).primary_key(&["ycsb_key"])]
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        if table == "usertable" { RECORDS * scale.units() } else { 0 }
    }

    fn has_fixed_rows(&self, _: &str) -> bool {
        true
    }

    /// A thousand million records: many more, and two hashes may be the same.
    fn max_scale(&self) -> Scale {
        Scale::whole(100_000)
    }

    fn source(
        &self,
        table: &'static str,
        scale: Scale,
        seed: u64,
        part: u32,
        parts: u32,
    ) -> Box<dyn RowSource> {
        if table != "usertable" {
            return empty();
        }
        let size = Size { rows: self.rows(table, scale), block: 500 };
        let streams = Streams::new(seed, self.name(), table);
        let (mut key, mut text) = (String::new(), Text::new());
        numbered(streams, size, Part { part, parts }, move |number, rng, row| {
            row.text(write_key(number, &mut key));
            for _ in FIELDS {
                row.text(draw_field(&mut text, rng));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

    use super::{Ycsb, write_key};
    use crate::testing::lines;
    use dbdyno_core::Scale;
    use std::collections::HashSet;

    #[test]
    fn keys_are_those_of_ycsb() {
        let mut buffer = String::from("left over");
        assert_eq!(write_key(0, &mut buffer), "user6284781860667377211");
        assert_eq!(write_key(1, &mut buffer), "user8517097267634966620");
    }

    #[test]
    fn records_have_ten_fields_of_a_hundred() {
        let rows = lines(&Ycsb, "usertable", Scale::ONE, 1, 0, 1, usize::MAX);
        let mut keys = HashSet::new();
        for row in &rows {
            let (key, fields) = row.split_once('|').unwrap();
            assert!(keys.insert(key), "{key} twice");
            let lengths: Vec<usize> = fields.split('|').map(str::len).collect();
            assert_eq!(lengths, [100; 10]);
        }
    }
}
