//! Lists that begin empty and that transactions append to: what a list holds tells which transactions
//! took effect, and in which order (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from
//! Experimental Observations", VLDB 2020, section 3).

use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{RowSource, Scale};

use crate::blocks::{Part, Size, Streams, empty, numbered};
use crate::dataset::Dataset;

/// Lists at scale 1.
pub const LISTS: u64 = 10_000;
/// What stands behind each element of a list.
pub const SEPARATOR: char = ',';

/// The statement that appends an element, with its separator, to a list.
pub const APPEND: &str = "UPDATE lists SET elements = {concat elements ?} WHERE id = ?";

/// The elements of a list, in order.
pub fn elements(list: &str) -> impl Iterator<Item = &str> {
    list.split_terminator(SEPARATOR)
}

/// The data set `lists`.
#[derive(Clone, Copy, Debug)]
pub struct Lists;

impl Dataset for Lists {
    fn name(&self) -> &'static str {
        "lists"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "10,000 empty lists per scale, which transactions append elements to: list-append, as Elle \
         (VLDB 2020) checks histories by it"
    }

    fn tables(&self) -> Vec<Table> {
        let id = Column::new("id", ColumnType::BigInt);
        let elements = Column::new("elements", ColumnType::Text);
        vec![Table::new("lists", vec![id, elements]).primary_key(&["id"])]
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        if table == "lists" { scale.of(LISTS) } else { 0 }
    }

    fn has_fixed_rows(&self, _: &str) -> bool {
        true
    }

    fn scale_step(&self) -> Scale {
        Scale::hundredths(1)
    }

    fn max_scale(&self) -> Scale {
        Scale::whole(10_000)
    }

    fn is_seeded(&self) -> bool {
        false
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
        match table {
            "lists" => numbered(streams, size, part, |number, _, row| {
                row.int(number as i64);
                row.text("");
            }),
            _ => empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lists;
    use crate::testing::lines;
    use dbdyno_core::Scale;

    #[test]
    fn lists_are_numbered_from_0_and_empty() {
        let rows = lines(&Lists, "lists", Scale::hundredths(1), 1, 0, 1, usize::MAX);
        assert_eq!(rows, (0..100).map(|number| format!("{number}|")).collect::<Vec<_>>());
    }
}
