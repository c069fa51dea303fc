//! The refresh functions: orders with their lines come and go (TPC-H rev. 3.0.1, clauses 2.6 and 2.7).
//!
//! The second deletes what the first inserted, so that the tables are afterwards what they were. The
//! specification's deletes other orders, as many.

use dbdyno_core::load::Outcome;
use dbdyno_core::{Access, DbError, Scale, Statement, StatementId, Steps, Value};
use dbdyno_datasets::tpch::refreshed;

use crate::parameter::{Columns, Parameter};

/// The functions as transaction types.
pub const FUNCTIONS: [&str; 2] = ["rf1", "rf2"];

const ORDERS: &str = "tpch_orders";
const LINES: &str = "tpch_lineitem";
const ORDER_COLUMNS: usize = 9;
const LINE_COLUMNS: usize = 16;

/// The statements, which come after those of the queries.
pub fn statements() -> [Statement; 4] {
    let insert =
        |table, columns| format!("INSERT INTO {table} VALUES ({})", vec!["?"; columns].join(", "));
    [
        Statement::new("insert_order", insert(ORDERS, ORDER_COLUMNS)),
        Statement::new("insert_line", insert(LINES, LINE_COLUMNS)),
        Statement::new("delete_lines", "DELETE FROM tpch_lineitem WHERE l_orderkey = ?"),
        Statement::new("delete_order", "DELETE FROM tpch_orders WHERE o_orderkey = ?"),
    ]
}

/// One set of rows that come and go.
#[derive(Clone, Copy, Debug)]
pub struct Refresh {
    pub scale: Scale,
    /// Which set: sets that are inserted at the same time differ.
    pub set: u64,
    /// The place of the first of the statements.
    pub first: StatementId,
}

impl Refresh {
    /// Inserts the set, or deletes it, in one transaction. `function` is a place in [`FUNCTIONS`].
    pub async fn run(self, function: usize, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        steps.begin(Access::Write).await?;
        if function == 0 {
            self.insert(ORDERS, self.first, steps).await?;
            self.insert(LINES, self.first + 1, steps).await?;
        } else {
            self.delete(steps).await?;
        }
        steps.commit().await?;
        Ok(Outcome::Committed)
    }

    async fn insert(
        self,
        table: &'static str,
        statement: StatementId,
        steps: &mut Steps<'_>,
    ) -> Result<(), DbError> {
        let mut source = refreshed(table, self.scale, self.set);
        let mut columns = Columns::default();
        while source.next_row(&mut columns) {
            let values: Vec<Value<'_>> = columns.0.iter().map(Parameter::value).collect();
            steps.execute_one(statement, &values).await?;
            columns.0.clear();
        }
        Ok(())
    }

    async fn delete(self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let mut source = refreshed(ORDERS, self.scale, self.set);
        let mut columns = Columns::default();
        while source.next_row(&mut columns) {
            let key = columns.0.first().map_or(Value::Null, Parameter::value);
            steps.execute(self.first + 2, &[key], lines_of_an_order).await?;
            steps.execute_one(self.first + 3, &[key]).await?;
            columns.0.clear();
        }
        Ok(())
    }
}

/// An order has one to seven lines (clause 4.2.3).
fn lines_of_an_order(deleted: u64) -> Result<(), DbError> {
    match deleted {
        1..=7 => Ok(()),
        _ => Err(DbError::unexpected(format!("an order had {deleted} lines, not 1 to 7"))),
    }
}
