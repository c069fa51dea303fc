//! The table of sysbench's `oltp_*` benchmarks (sysbench 1.0.20, `src/lua/oltp_common.lua`).

use dbdyno_core::random::{Distribution, Rng, Text};
use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{RowSource, Scale};

use crate::blocks::{Part, Size, Streams, empty, numbered};
use crate::dataset::Dataset;

/// Rows at each step of the scale: the default of sysbench's `--table-size`.
pub const ROWS: u64 = 10_000;

/// Digit groups of column `c`, 119 characters with the dashes between them.
const C_GROUPS: usize = 10;
/// Digit groups of column `pad`, 59 characters.
const PAD_GROUPS: usize = 5;

/// Draws a value of column `c`, as updates and inserts of the workload do too.
pub fn draw_c<'t>(text: &'t mut Text, rng: &mut Rng) -> &'t str {
    text.digit_groups(rng, C_GROUPS)
}

/// Draws a value of column `pad`.
pub fn draw_pad<'t>(text: &'t mut Text, rng: &mut Rng) -> &'t str {
    text.digit_groups(rng, PAD_GROUPS)
}

/// The data set `sbtest`: one table, as sysbench makes by default.
#[derive(Clone, Copy, Debug)]
pub struct Sbtest;

impl Dataset for Sbtest {
    fn name(&self) -> &'static str {
        "sbtest"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "10,000 rows per scale in sbtest1: the schema and row size of sysbench's oltp benchmarks"
    }

    fn tables(&self) -> Vec<Table> {
        let columns = vec![
            Column::new("id", ColumnType::Int).auto_increment(),
            Column::new("k", ColumnType::Int),
            Column::new("c", ColumnType::Char(120)),
            Column::new("pad", ColumnType::Char(60)),
        ];
        vec![Table::new("sbtest1", columns).primary_key(&["id"]).index("k_1", &["k"])]
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        if table == "sbtest1" { ROWS * scale.units() } else { 0 }
    }

    fn has_fixed_rows(&self, _: &str) -> bool {
        true
    }

    /// Leaves a tenth of the numbers of a 32-bit key to rows that the workload inserts.
    fn max_scale(&self) -> Scale {
        Scale::whole(190_000)
    }

    fn source(
        &self,
        table: &'static str,
        scale: Scale,
        seed: u64,
        part: u32,
        parts: u32,
    ) -> Box<dyn RowSource> {
        if table != "sbtest1" {
            return empty();
        }
        let rows = self.rows(table, scale);
        let streams = Streams::new(seed, self.name(), table);
        let mut text = Text::new();
        numbered(
            streams,
            Size { rows, block: 1_000 },
            Part { part, parts },
            move |number, rng, row| {
                row.int(number as i64 + 1);
                row.int(Distribution::Special.draw(rng, 1, rows as i64));
                row.text(draw_c(&mut text, rng));
                row.text(draw_pad(&mut text, rng));
            },
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

    use super::Sbtest;
    use crate::testing::lines;
    use dbdyno_core::Scale;

    #[test]
    fn rows_are_those_of_sysbench() {
        let rows = lines(&Sbtest, "sbtest1", Scale::ONE, 1, 0, 1, usize::MAX);
        let mut special = 0;
        for (number, row) in rows.iter().enumerate() {
            let fields: Vec<&str> = row.split('|').collect();
            assert_eq!(fields[0].parse::<usize>().unwrap(), number + 1);
            let k: u32 = fields[1].parse().unwrap();
            assert!((1..=10_000).contains(&k));
            special += u32::from((4_975..=5_051).contains(&k));
            assert_eq!((fields[2].len(), fields[3].len()), (119, 59));
        }
        // Three quarters and a few of the rest, with a standard deviation of 43.
        assert!((7_350..7_800).contains(&special), "{special}");
    }
}
