//! The Payment transaction (TPC-C rev. 5.11, clause 2.5).

use std::fmt::Write as _;
use std::hint::black_box;

use dbdyno_core::{DbError, Decimal, Row, Steps, Value};

use super::customer::Finder;
use super::deck::Kind;
use super::effects::{Amount, Effects, Ending};
use super::inputs::{Choice, Payment};
use super::statements::{Sql, Statements};

/// The most bytes `C_DATA` holds (1.3.1).
const DATA_LENGTH: usize = 500;
/// How customers with bad credit are marked.
const BAD_CREDIT: &str = "BC";

/// Buffers for what one statement reads and a later one writes.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    warehouse_name: String,
    district_name: String,
    /// `W_NAME`, four blanks, `D_NAME`: to become `H_DATA`.
    history_data: String,
    /// What a payment of a customer with bad credit puts before its `C_DATA`, or all of it.
    customer_data: String,
}

/// Runs the transaction.
pub(super) async fn run(
    input: &Payment,
    sql: &Statements,
    finder: &mut Finder,
    buffers: &mut Buffers,
    ending: &mut Ending<'_>,
    steps: &mut Steps<'_>,
) -> Result<(), DbError> {
    let mut paying = Paying { input, sql, buffers, has_bad_credit: false };
    let c_id = paying.debit(finder, steps).await?;
    if paying.has_bad_credit && !sql.form.returns() {
        paying.read_customer_data(steps, c_id).await?;
    }
    paying.write_history_data();
    let mut effects = Effects::default();
    effects.add(Amount::PaidCents, input.amount_cents);
    while steps.pass()? {
        if !sql.form.returns() {
            paying.update_customer(steps, c_id).await?;
        }
        paying.insert_history(steps, c_id).await?;
        ending.commit(steps, effects).await?;
    }
    Ok(())
}

/// A payment under way.
struct Paying<'p> {
    input: &'p Payment,
    sql: &'p Statements,
    buffers: &'p mut Buffers,
    /// The customer's, once it was read.
    has_bad_credit: bool,
}

impl Paying<'_> {
    /// Begins, credits the warehouse and the district, finds the customer, and debits it where that
    /// is one statement, or else locks it. Gives the customer's number.
    async fn debit(&mut self, finder: &mut Finder, steps: &mut Steps<'_>) -> Result<i64, DbError> {
        let Payment { c_w_id, c_d_id, customer, .. } = *self.input;
        let access = Kind::Payment.access();
        match customer {
            Choice::Number(c_id) => {
                self.write_payment(c_id);
                while steps.pass()? {
                    steps.begin(access).await?;
                    self.credit(steps).await?;
                    self.customer(steps, c_id).await?;
                }
                Ok(c_id)
            }
            Choice::Name(name) => {
                while steps.pass()? {
                    steps.begin(access).await?;
                    self.credit(steps).await?;
                    finder.read(steps, self.sql, (c_w_id, c_d_id), name).await?;
                }
                let c_id = finder.chosen((c_w_id, c_d_id))?;
                self.write_payment(c_id);
                self.customer(steps, c_id).await?;
                Ok(c_id)
            }
        }
    }

    async fn credit(&mut self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let amount = Value::Decimal(Decimal::cents(self.input.amount_cents));
        let [w_id, d_id] = [self.input.w_id, self.input.d_id].map(Value::Int);
        let Buffers { warehouse_name, district_name, .. } = &mut *self.buffers;
        let read_warehouse = |row: &dyn Row| read_name(row, warehouse_name);
        let read_district = |row: &dyn Row| read_name(row, district_name);
        let (of_warehouse, of_district) = ([amount, w_id], [amount, w_id, d_id]);
        let place = |sql| self.sql.place(sql);
        if self.sql.form.returns() {
            let update = place(Sql::PaymentTakeWarehouse);
            steps.query_one(update, &of_warehouse, read_warehouse).await?;
            let update = place(Sql::PaymentTakeDistrict);
            return steps.query_one(update, &of_district, read_district).await;
        }
        steps.execute_one(place(Sql::PaymentUpdateWarehouse), &of_warehouse).await?;
        steps.query_one(place(Sql::PaymentWarehouse), &[w_id], read_warehouse).await?;
        steps.execute_one(place(Sql::PaymentUpdateDistrict), &of_district).await?;
        steps.query_one(place(Sql::PaymentDistrict), &[w_id, d_id], read_district).await
    }

    /// Reads the customer, debited or locked.
    async fn customer(&mut self, steps: &mut Steps<'_>, c_id: i64) -> Result<(), DbError> {
        let [c_w_id, c_d_id, c_id] = self.key(c_id);
        let has_bad_credit = &mut self.has_bad_credit;
        let read = |row: &dyn Row| {
            read_texts(row, 0..9)?;
            black_box((
                row.value(10)?,
                row.decimal(11, 2)?,
                row.decimal(12, 4)?,
                row.decimal(13, 2)?,
            ));
            *has_bad_credit = row.text(9)? == BAD_CREDIT;
            Ok(())
        };
        if !self.sql.form.returns() {
            let place = self.sql.place(Sql::PaymentCustomer);
            return steps.query_one(place, &[c_w_id, c_d_id, c_id], read).await;
        }
        let amount = Value::Decimal(Decimal::cents(self.input.amount_cents));
        let payment = Value::Text(&self.buffers.customer_data);
        let params = [amount, amount, payment, c_w_id, c_d_id, c_id];
        steps.query_one(self.sql.place(Sql::PaymentTakeCustomer), &params, read).await
    }

    async fn read_customer_data(
        &mut self,
        steps: &mut Steps<'_>,
        c_id: i64,
    ) -> Result<(), DbError> {
        let (key, data) = (self.key(c_id), &mut self.buffers.customer_data);
        let read = |row: &dyn Row| {
            append_old_data(data, row.text(0)?);
            Ok(())
        };
        steps.query_one(self.sql.place(Sql::PaymentCustomerData), &key, read).await
    }

    async fn update_customer(&self, steps: &mut Steps<'_>, c_id: i64) -> Result<(), DbError> {
        let amount = Value::Decimal(Decimal::cents(self.input.amount_cents));
        let [c_w_id, c_d_id, c_id] = self.key(c_id);
        if !self.has_bad_credit {
            let params = [amount, amount, c_w_id, c_d_id, c_id];
            return steps.execute_one(self.sql.place(Sql::PaymentUpdateCustomer), &params).await;
        }
        let data = Value::Text(&self.buffers.customer_data);
        let params = [amount, amount, data, c_w_id, c_d_id, c_id];
        steps.execute_one(self.sql.place(Sql::PaymentUpdateBadCustomer), &params).await
    }

    async fn insert_history(&self, steps: &mut Steps<'_>, c_id: i64) -> Result<(), DbError> {
        let Payment { w_id, d_id, amount_cents, paid, .. } = *self.input;
        let [c_w_id, c_d_id, c_id] = self.key(c_id);
        let history = [
            c_id,
            c_d_id,
            c_w_id,
            Value::Int(d_id),
            Value::Int(w_id),
            Value::Timestamp(paid),
            Value::Decimal(Decimal::cents(amount_cents)),
            Value::Text(&self.buffers.history_data),
        ];
        steps.execute_one(self.sql.place(Sql::PaymentHistory), &history).await
    }

    /// The customer's key.
    fn key(&self, c_id: i64) -> [Value<'static>; 3] {
        [self.input.c_w_id, self.input.c_d_id, c_id].map(Value::Int)
    }

    fn write_payment(&mut self, c_id: i64) {
        write_payment(&mut self.buffers.customer_data, self.input, c_id);
    }

    fn write_history_data(&mut self) {
        let Buffers { warehouse_name, district_name, history_data, .. } = &mut *self.buffers;
        history_data.clear();
        [warehouse_name, "    ", district_name]
            .into_iter()
            .for_each(|part| history_data.push_str(part));
    }
}

/// Writes what the payment puts before what `C_DATA` held (2.5.2.2).
fn write_payment(data: &mut String, input: &Payment, c_id: i64) {
    data.clear();
    let Payment { w_id, d_id, c_w_id, c_d_id, .. } = input;
    let amount = Decimal::cents(input.amount_cents);
    // Writing to a string cannot fail.
    let _ = write!(data, "{c_id} {c_d_id} {c_w_id} {d_id} {w_id} {amount} ");
}

/// Puts what `C_DATA` held after the payment, and cuts off what no longer fits (2.5.2.2).
fn append_old_data(data: &mut String, old: &str) {
    data.push_str(old);
    let end = (0..=DATA_LENGTH.min(data.len())).rev().find(|end| data.is_char_boundary(*end));
    data.truncate(end.unwrap_or(0));
}

/// Reads a name, and decodes the columns of the address.
fn read_name(row: &dyn Row, name: &mut String) -> Result<(), DbError> {
    name.clear();
    name.push_str(row.text(0)?);
    read_texts(row, 1..6)
}

/// Decodes columns that the user is shown.
fn read_texts(row: &dyn Row, columns: std::ops::Range<usize>) -> Result<(), DbError> {
    for column in columns {
        black_box(row.text(column)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbdyno_core::Timestamp;

    #[test]
    fn the_payment_is_put_before_the_customer_data() {
        let input = Payment {
            w_id: 1,
            d_id: 2,
            c_w_id: 3,
            c_d_id: 4,
            customer: Choice::Number(5),
            amount_cents: 123_405,
            paid: Timestamp(0),
        };
        let mut data = "left over".to_owned();
        let mut write = |c_id, old: &str| {
            write_payment(&mut data, &input, c_id);
            append_old_data(&mut data, old);
            data.clone()
        };
        assert_eq!(write(5, "old"), "5 4 3 2 1 1234.05 old");

        let old = "x".repeat(500);
        let data = write(5, &old);
        assert_eq!(data.len(), 500);
        assert_eq!(data, format!("5 4 3 2 1 1234.05 {}", &old[..482]));

        assert_eq!(write(5, &"é".repeat(250)).len(), 500);
        assert_eq!(write(55, &"é".repeat(250)).len(), 499);
    }
}
