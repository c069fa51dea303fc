//! The Order-Status transaction (TPC-C rev. 5.11, clause 2.6).

use std::hint::black_box;

use dbdyno_core::{DbError, Row, Steps, Value};

use super::customer::Finder;
use super::deck::Kind;
use super::effects::{Effects, Ending};
use super::inputs::{Choice, OrderStatus};
use super::statements::{Form, Sql, Statements};

/// Runs the transaction.
pub(super) async fn run(
    input: &OrderStatus,
    sql: &Statements,
    finder: &mut Finder,
    ending: &mut Ending<'_>,
    steps: &mut Steps<'_>,
) -> Result<(), DbError> {
    let access = Kind::OrderStatus.access();
    let mut shown = Shown { input, sql, o_id: 0 };
    match input.customer {
        Choice::Number(c_id) => {
            while steps.pass()? {
                steps.begin(access).await?;
                shown.customer(steps, c_id, ending).await?;
            }
        }
        Choice::Name(name) => {
            let district = (input.w_id, input.d_id);
            while steps.pass()? {
                steps.begin(access).await?;
                finder.read(steps, sql, district, name).await?;
            }
            let c_id = finder.chosen(district)?;
            while steps.pass()? {
                shown.customer(steps, c_id, ending).await?;
            }
        }
    }
    if sql.form == Form::Portable {
        while steps.pass()? {
            shown.lines(steps).await?;
            ending.commit(steps, Effects::default()).await?;
        }
    }
    Ok(())
}

/// What the user is shown.
struct Shown<'s> {
    input: &'s OrderStatus,
    sql: &'s Statements,
    /// The customer's last order.
    o_id: i64,
}

impl Shown<'_> {
    /// Reads the customer and its last order; in a native form its lines too, which ends the
    /// transaction.
    async fn customer(
        &mut self,
        steps: &mut Steps<'_>,
        c_id: i64,
        ending: &mut Ending<'_>,
    ) -> Result<(), DbError> {
        let customer = [self.input.w_id, self.input.d_id, c_id].map(Value::Int);
        let read = |row: &dyn Row| {
            black_box((row.decimal(0, 2)?, row.text(1)?, row.text(2)?, row.text(3)?));
            Ok(())
        };
        steps.query_one(self.sql.place(Sql::OrderStatusCustomer), &customer, read).await?;
        if self.sql.form == Form::Portable {
            let read = |row: &dyn Row| {
                black_box((row.value(1)?, row.value(2)?));
                row.int(0).map(|o_id| self.o_id = o_id)
            };
            return steps.query_one(self.sql.place(Sql::OrderStatusOrder), &customer, read).await;
        }
        let read = |row: &dyn Row| {
            black_box((row.int(5)?, row.value(6)?, row.value(7)?));
            read_line(row)
        };
        let place = self.sql.place(Sql::OrderStatusLastLines);
        let answered = |lines| self.must_have_lines(lines);
        steps.query(place, &customer, read, answered).await?;
        ending.commit(steps, Effects::default()).await
    }

    async fn lines(&self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let order = [self.input.w_id, self.input.d_id, self.o_id].map(Value::Int);
        let answered = |lines| self.must_have_lines(lines);
        steps.query(self.sql.place(Sql::OrderStatusLines), &order, read_line, answered).await
    }

    fn must_have_lines(&self, lines: u64) -> Result<(), DbError> {
        if lines > 0 {
            return Ok(());
        }
        let OrderStatus { w_id, d_id, customer } = self.input;
        Err(DbError::unexpected(format!(
            "the last order of customer {customer:?} of district {d_id} of warehouse {w_id} has no \
             lines"
        )))
    }
}

fn read_line(row: &dyn Row) -> Result<(), DbError> {
    black_box((row.int(0)?, row.int(1)?, row.int(2)?, row.decimal(3, 2)?, row.value(4)?));
    Ok(())
}
