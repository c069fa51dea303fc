//! Accounts with a journal of entries that begins empty, and an audit trail of them: what triggers are put
//! on.

use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{RowSource, Scale};

use crate::blocks::{Part, Size, Streams, empty, numbered};
use crate::dataset::Dataset;

/// Accounts at each step of the scale.
pub const ACCOUNTS: u64 = 1_000;

/// The data set `journal`.
#[derive(Clone, Copy, Debug)]
pub struct Journal;

impl Journal {
    /// The entries: what was booked on an account.
    pub fn entries() -> Table {
        let columns = vec![
            Column::new("id", ColumnType::BigInt),
            Column::new("account", ColumnType::Int),
            Column::new("amount", ColumnType::Int),
            Column::new("note", ColumnType::Varchar(40)),
        ];
        Table::new("journal_entries", columns).primary_key(&["id"])
    }

    /// The audit trail: which entry was written how.
    pub fn audit() -> Table {
        let columns = vec![
            Column::new("entry", ColumnType::BigInt),
            Column::new("what", ColumnType::Varchar(6)),
            Column::new("old_amount", ColumnType::Int).nullable(),
            Column::new("new_amount", ColumnType::Int),
        ];
        Table::new("journal_audit", columns)
    }
}

impl Dataset for Journal {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "1,000 accounts per scale with their totals, an empty journal and an empty audit trail: what \
         triggers are put on"
    }

    fn tables(&self) -> Vec<Table> {
        let columns = vec![
            Column::new("id", ColumnType::Int),
            Column::new("entries", ColumnType::Int),
            Column::new("total", ColumnType::BigInt),
        ];
        let accounts = Table::new("journal_accounts", columns).primary_key(&["id"]);
        vec![accounts, Self::entries(), Self::audit()]
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        if table == "journal_accounts" { ACCOUNTS * scale.units() } else { 0 }
    }

    fn has_fixed_rows(&self, table: &str) -> bool {
        table == "journal_accounts"
    }

    fn max_scale(&self) -> Scale {
        Scale::whole(100_000)
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
            "journal_accounts" => numbered(streams, size, part, |number, _, row| {
                row.int(number as i64);
                row.int(0);
                row.int(0);
            }),
            _ => empty(),
        }
    }
}
