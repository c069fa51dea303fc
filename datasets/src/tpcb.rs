//! The tables of pgbench, as `pgbench -i` makes them (PostgreSQL's manual, "pgbench", "What Is the
//! 'Transaction' Actually Performed in pgbench?" and `-i`): pgbench itself can run on them.

use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{RowSource, RowWriter, Scale};

use crate::blocks::{Part, Size, Streams, empty, numbered};
use crate::dataset::Dataset;

/// Branches at each step of the scale.
pub const BRANCHES: u64 = 1;
/// Tellers at each step of the scale.
pub const TELLERS: u64 = 10;
/// Accounts at each step of the scale.
pub const ACCOUNTS: u64 = 100_000;

/// pgbench leaves the filler of an account blank, and a `char(84)` is padded. The blanks are
/// written out, so that an engine that does not pad stores rows of the same size.
const FILLER: &str = match str::from_utf8(&[b' '; 84]) {
    Ok(blanks) => blanks,
    Err(_) => "",
};

/// The data set `tpcb`.
#[derive(Clone, Copy, Debug)]
pub struct TpcB;

impl Dataset for TpcB {
    fn name(&self) -> &'static str {
        "tpcb"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "1 branch, 10 tellers and 100,000 accounts per scale: the schema and sizes of pgbench -i"
    }

    fn tables(&self) -> Vec<Table> {
        let int = |name| Column::new(name, ColumnType::Int);
        let filler = |width| Column::new("filler", ColumnType::Char(width)).nullable();
        vec![
            Table::new(
                "pgbench_branches",
                vec![int("bid"), int("bbalance").nullable(), filler(88)],
            )
            .primary_key(&["bid"]),
            Table::new(
                "pgbench_tellers",
                vec![int("tid"), int("bid").nullable(), int("tbalance").nullable(), filler(84)],
            )
            .primary_key(&["tid"]),
            Table::new(
                "pgbench_accounts",
                vec![int("aid"), int("bid").nullable(), int("abalance").nullable(), filler(84)],
            )
            .primary_key(&["aid"]),
            Table::new(
                "pgbench_history",
                vec![
                    int("tid").nullable(),
                    int("bid").nullable(),
                    int("aid").nullable(),
                    int("delta").nullable(),
                    Column::new("mtime", ColumnType::Timestamp).nullable(),
                    filler(22),
                ],
            ),
        ]
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        let each = match table {
            "pgbench_branches" => BRANCHES,
            "pgbench_tellers" => TELLERS,
            "pgbench_accounts" => ACCOUNTS,
            _ => 0,
        };
        each * scale.units()
    }

    fn has_fixed_rows(&self, table: &str) -> bool {
        table != "pgbench_history"
    }

    /// Below 20,000 pgbench numbers accounts by 32 bits, as here.
    fn max_scale(&self) -> Scale {
        Scale::whole(19_999)
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
            "pgbench_branches" => numbered(streams, size, part, |number, _, row| {
                row.int(number as i64 + 1);
                row.int(0);
                row.null();
            }),
            "pgbench_tellers" => numbered(streams, size, part, |number, _, row| {
                write_owned(row, number, TELLERS);
                row.null();
            }),
            "pgbench_accounts" => numbered(streams, size, part, |number, _, row| {
                write_owned(row, number, ACCOUNTS);
                row.text(FILLER);
            }),
            _ => empty(),
        }
    }
}

/// Key, branch and balance of a row of which each branch has `per_branch`.
fn write_owned(row: &mut dyn RowWriter, number: u64, per_branch: u64) {
    row.int(number as i64 + 1);
    row.int((number / per_branch) as i64 + 1);
    row.int(0);
}

#[cfg(test)]
mod tests {
    use super::{FILLER, TpcB};
    use crate::testing::lines;
    use dbdyno_core::Scale;

    #[test]
    fn rows_are_those_of_pgbench() {
        let first = |table| lines(&TpcB, table, Scale::whole(2), 1, 0, 1, 1).concat();
        assert_eq!(first("pgbench_branches"), "1|0|NULL");
        assert_eq!(first("pgbench_tellers"), "1|1|0|NULL");
        assert_eq!(first("pgbench_accounts"), format!("1|1|0|{FILLER}"));
        let accounts = lines(&TpcB, "pgbench_accounts", Scale::whole(2), 1, 0, 1, usize::MAX);
        assert!(accounts[99_999].starts_with("100000|1|") && FILLER.len() == 84);
        assert!(accounts[100_000].starts_with("100001|2|"));
        let tellers = lines(&TpcB, "pgbench_tellers", Scale::whole(2), 1, 0, 1, usize::MAX);
        assert_eq!(tellers[10..], (11..=20).map(|t| format!("{t}|2|0|NULL")).collect::<Vec<_>>());
        assert!(lines(&TpcB, "pgbench_history", Scale::whole(2), 1, 0, 1, usize::MAX).is_empty());
    }
}
