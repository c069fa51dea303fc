//! The Payment transaction (TPC-C rev. 5.11, clause 2.5).

use std::fmt::Write as _;
use std::hint::black_box;

use dbdyno_core::load::Outcome;
use dbdyno_core::query::{execute_one, query_one};
use dbdyno_core::{DbError, Decimal, Row, Session, Value};

use super::customer::Finder;
use super::effects::{Amount, Effects};
use super::inputs::Payment;
use super::statements::Sql;

/// The most bytes `C_DATA` holds (1.3.1).
const DATA_LENGTH: usize = 500;
/// How customers with bad credit are marked.
const BAD_CREDIT: &str = "BC";

/// Buffers for what one statement reads and a later one writes.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// `W_NAME`, four blanks, `D_NAME`: to become `H_DATA`.
    history_data: String,
    /// The new `C_DATA` of a customer with bad credit.
    customer_data: String,
}

/// Does the transaction's work and gives how it is to end.
pub(super) async fn run(
    input: &Payment,
    finder: &mut Finder,
    buffers: &mut Buffers,
    effects: &mut Effects,
    session: &mut dyn Session,
) -> Result<Outcome, DbError> {
    credit_warehouse_and_district(input, buffers, session).await?;
    let c_id = finder.find(session, (input.c_w_id, input.c_d_id), input.customer).await?;
    debit_customer(input, c_id, buffers, session).await?;
    let history = [
        Value::Int(c_id),
        Value::Int(input.c_d_id),
        Value::Int(input.c_w_id),
        Value::Int(input.d_id),
        Value::Int(input.w_id),
        Value::Timestamp(input.paid),
        Value::Decimal(Decimal::cents(input.amount_cents)),
        Value::Text(&buffers.history_data),
    ];
    execute_one(session, Sql::PaymentHistory.id(), &history).await?;
    effects.add(Amount::PaidCents, input.amount_cents);
    Ok(Outcome::Committed)
}

async fn credit_warehouse_and_district(
    input: &Payment,
    buffers: &mut Buffers,
    session: &mut dyn Session,
) -> Result<(), DbError> {
    let amount = Value::Decimal(Decimal::cents(input.amount_cents));
    let [w_id, d_id] = [input.w_id, input.d_id].map(Value::Int);
    let data = &mut buffers.history_data;
    data.clear();

    execute_one(session, Sql::PaymentUpdateWarehouse.id(), &[amount, w_id]).await?;
    query_one(session, Sql::PaymentWarehouse.id(), &[w_id], |row| {
        data.push_str(row.text(0)?);
        read_texts(row, 1..6)
    })
    .await?;
    execute_one(session, Sql::PaymentUpdateDistrict.id(), &[amount, w_id, d_id]).await?;
    query_one(session, Sql::PaymentDistrict.id(), &[w_id, d_id], |row| {
        data.push_str("    ");
        data.push_str(row.text(0)?);
        read_texts(row, 1..6)
    })
    .await
}

async fn debit_customer(
    input: &Payment,
    c_id: i64,
    buffers: &mut Buffers,
    session: &mut dyn Session,
) -> Result<(), DbError> {
    let amount = Value::Decimal(Decimal::cents(input.amount_cents));
    let [c_w_id, c_d_id, c_id_value] = [input.c_w_id, input.c_d_id, c_id].map(Value::Int);
    let key = [c_w_id, c_d_id, c_id_value];
    let has_bad_credit = query_one(session, Sql::PaymentCustomer.id(), &key, |row| {
        read_texts(row, 0..9)?;
        black_box((row.value(10)?, row.decimal(11, 2)?, row.decimal(12, 4)?, row.decimal(13, 2)?));
        Ok(row.text(9)? == BAD_CREDIT)
    })
    .await?;
    if !has_bad_credit {
        let params = [amount, amount, c_w_id, c_d_id, c_id_value];
        return execute_one(session, Sql::PaymentUpdateCustomer.id(), &params).await;
    }
    let data = &mut buffers.customer_data;
    query_one(session, Sql::PaymentCustomerData.id(), &key, |row| {
        write_customer_data(data, input, c_id, row.text(0)?)
    })
    .await?;
    let params = [amount, amount, Value::Text(data), c_w_id, c_d_id, c_id_value];
    execute_one(session, Sql::PaymentUpdateBadCustomer.id(), &params).await
}

/// Puts the payment before what `C_DATA` held, and cuts off what no longer fits (2.5.2.2).
fn write_customer_data(
    data: &mut String,
    input: &Payment,
    c_id: i64,
    old: &str,
) -> Result<(), DbError> {
    data.clear();
    write!(
        data,
        "{c_id} {} {} {} {} {} ",
        input.c_d_id,
        input.c_w_id,
        input.d_id,
        input.w_id,
        Decimal::cents(input.amount_cents)
    )
    .map_err(|error| DbError::unexpected(format!("cannot write C_DATA: {error}")))?;
    data.push_str(old);
    let end = (0..=DATA_LENGTH.min(data.len())).rev().find(|end| data.is_char_boundary(*end));
    data.truncate(end.unwrap_or(0));
    Ok(())
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
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::oltp::tpcc::inputs::Choice;
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
        write_customer_data(&mut data, &input, 5, "old").unwrap();
        assert_eq!(data, "5 4 3 2 1 1234.05 old");

        let old = "x".repeat(500);
        write_customer_data(&mut data, &input, 5, &old).unwrap();
        assert_eq!(data.len(), 500);
        assert_eq!(data, format!("5 4 3 2 1 1234.05 {}", &old[..482]));

        write_customer_data(&mut data, &input, 5, &"é".repeat(250)).unwrap();
        assert_eq!(data.len(), 500);
        write_customer_data(&mut data, &input, 55, &"é".repeat(250)).unwrap();
        assert_eq!(data.len(), 499);
    }
}
