//! Small tables on which transactions get in each other's way.

use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{RowSource, Scale};

use crate::blocks::{Part, Size, Streams, empty, numbered};
use crate::dataset::Dataset;

/// The rows of schedules, identifier and value, as they are before each.
pub const SCHEDULE_ROWS: [(i64, i64); 2] = [(1, 10), (2, 20)];
/// Counters at each step of the scale.
pub const COUNTERS: u64 = 1;
/// Accounts at each step of the scale.
pub const ACCOUNTS: u64 = 1_000;
/// Registers at each step of the scale.
pub const REGISTERS: u64 = 10_000;
/// What is on each account to begin with.
pub const BALANCE: i64 = 100;
/// Shifts at each step of the scale.
pub const SHIFTS: u64 = 10;
/// Doctors of a shift, all on call to begin with.
pub const DOCTORS: u64 = 2;

/// The data set `isolation`.
#[derive(Clone, Copy, Debug)]
pub struct Isolation;

impl Dataset for Isolation {
    fn name(&self) -> &'static str {
        "isolation"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "two rows for schedules and, per scale, a counter, 1,000 accounts, 10 shifts of doctors and \
         10,000 registers"
    }

    fn tables(&self) -> Vec<Table> {
        let int = |name| Column::new(name, ColumnType::Int);
        vec![
            Table::new("schedule_rows", vec![int("id"), int("value")]).primary_key(&["id"]),
            Table::new("hot_counters", vec![int("id"), int("value")]).primary_key(&["id"]),
            Table::new("ledger_accounts", vec![int("id"), int("balance")]).primary_key(&["id"]),
            Table::new("on_call", vec![int("shift"), int("doctor"), int("working")])
                .primary_key(&["shift", "doctor"]),
            Table::new(
                "registers",
                vec![
                    Column::new("id", ColumnType::BigInt),
                    Column::new("value", ColumnType::BigInt).nullable(),
                ],
            )
            .primary_key(&["id"]),
        ]
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        match table {
            "schedule_rows" => SCHEDULE_ROWS.len() as u64,
            "hot_counters" => COUNTERS * scale.units(),
            "ledger_accounts" => ACCOUNTS * scale.units(),
            "on_call" => SHIFTS * DOCTORS * scale.units(),
            "registers" => REGISTERS * scale.units(),
            _ => 0,
        }
    }

    /// A schedule that was cut off may leave a row more or less, and histories add registers; each begins by
    /// putting them right.
    fn has_fixed_rows(&self, table: &str) -> bool {
        !matches!(table, "schedule_rows" | "registers")
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
            "schedule_rows" => numbered(streams, size, part, |number, _, row| {
                let (id, value) = SCHEDULE_ROWS[number as usize];
                row.int(id);
                row.int(value);
            }),
            "hot_counters" => numbered(streams, size, part, |number, _, row| {
                row.int(number as i64 + 1);
                row.int(0);
            }),
            "ledger_accounts" => numbered(streams, size, part, |number, _, row| {
                row.int(number as i64 + 1);
                row.int(BALANCE);
            }),
            "on_call" => numbered(streams, size, part, |number, _, row| {
                row.int((number / DOCTORS) as i64 + 1);
                row.int((number % DOCTORS) as i64 + 1);
                row.int(1);
            }),
            "registers" => numbered(streams, size, part, |number, _, row| {
                row.int(number as i64);
                row.null();
            }),
            _ => empty(),
        }
    }
}
