//! The five transactions as stored procedures: what a call takes, and what it answers.

use std::fmt::Write as _;
use std::hint::black_box;

use dbdyno_core::load::Outcome;
use dbdyno_core::random::Text;
use dbdyno_core::{DbError, Decimal, Row, RowLists, Steps, Value};

use super::client::Inputs;
use super::effects::{Amount, Effects, Ending};
use super::inputs::{Choice, DISTRICTS, Delivery, MAX_LINES, NewOrder, OrderStatus, Payment};
use super::new_order;

/// Buffers for what is passed, grown once.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    last_name: Text,
    /// Items, warehouses and quantities of an order's lines.
    numbers: [[i64; MAX_LINES]; 3],
    /// The same as JSON arrays, for an engine that has no others.
    arrays: [String; 3],
}

/// Calls the procedure of a transaction; `lists` says how it takes the lines of an order.
pub(super) async fn run(
    inputs: &Inputs,
    lists: RowLists,
    buffers: &mut Buffers,
    ending: &mut Ending<'_>,
    steps: &mut Steps<'_>,
) -> Result<Outcome, DbError> {
    let place = inputs.kind() as usize;
    match inputs {
        Inputs::NewOrder(input) => {
            return new_order(input, place, lists, buffers, ending, steps).await;
        }
        Inputs::Payment(input) => payment(input, place, buffers, ending, steps).await?,
        Inputs::OrderStatus(input) => order_status(input, place, buffers, steps).await?,
        Inputs::Delivery(input) => delivery(input, place, ending, steps).await?,
        Inputs::StockLevel(input) => {
            let params = [input.w_id, input.d_id, input.threshold].map(Value::Int);
            steps.query_one(place, &params, |row| row.int(0).map(drop)).await?;
        }
    }
    Ok(Outcome::Committed)
}

/// Answers whether it went through, and what a terminal shows (2.4.3.3).
async fn new_order(
    input: &NewOrder,
    place: usize,
    lists: RowLists,
    buffers: &mut Buffers,
    ending: &mut Ending<'_>,
    steps: &mut Steps<'_>,
) -> Result<Outcome, DbError> {
    let NewOrder { w_id, d_id, c_id, entered, .. } = *input;
    let count = input.lines().len();
    for (place, line) in input.lines().iter().enumerate() {
        let columns = [line.i_id, line.supply_w_id, line.quantity];
        buffers.numbers.iter_mut().zip(columns).for_each(|(column, value)| column[place] = value);
    }
    if lists != RowLists::Arrays {
        for (numbers, text) in buffers.numbers.iter().zip(&mut buffers.arrays) {
            write_array(text, &numbers[..count]);
        }
    }
    let list = |column: usize| match lists {
        RowLists::Arrays => Value::Ints(&buffers.numbers[column][..count]),
        RowLists::Listed | RowLists::OneByOne => Value::Text(&buffers.arrays[column]),
    };
    let params = [
        Value::Int(w_id),
        Value::Int(d_id),
        Value::Int(c_id),
        Value::Timestamp(entered),
        Value::Int(input.all_local().into()),
        list(0),
        list(1),
        list(2),
    ];
    let mut done = false;
    let read = |row: &dyn Row| {
        done = row.int(0)? != 0;
        if done {
            black_box((row.int(1)?, row.value(2)?, row.decimal(3, 4)?, row.text(4)?, row.text(5)?));
            black_box((row.decimal(6, 4)?, row.decimal(7, 4)?, row.text(8)?));
        }
        Ok(())
    };
    ending.call(steps, place, &params, new_order::effects(input), read).await?;
    if done {
        return Ok(Outcome::Committed);
    }
    ending.found(Effects::default());
    new_order::reject(input, count - 1)
}

/// A JSON array.
fn write_array(text: &mut String, numbers: &[i64]) {
    text.clear();
    for (place, number) in numbers.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{number}", if place == 0 { '[' } else { ',' });
    }
    text.push(']');
}

/// Answers the customer and the addresses of warehouse and district (2.5.3.3).
async fn payment(
    input: &Payment,
    place: usize,
    buffers: &mut Buffers,
    ending: &mut Ending<'_>,
    steps: &mut Steps<'_>,
) -> Result<(), DbError> {
    let Payment { w_id, d_id, c_w_id, c_d_id, customer, amount_cents, paid } = *input;
    let [w_id, d_id, c_w_id, c_d_id] = [w_id, d_id, c_w_id, c_d_id].map(Value::Int);
    let [number, name] = chosen(customer, &mut buffers.last_name);
    let amount = Value::Decimal(Decimal::cents(amount_cents));
    let params = [w_id, d_id, c_w_id, c_d_id, number, name, amount, Value::Timestamp(paid)];
    let mut effects = Effects::default();
    effects.add(Amount::PaidCents, amount_cents);
    let read = |row: &dyn Row| {
        for column in 1..11 {
            black_box(row.text(column)?);
        }
        black_box((row.int(0)?, row.value(11)?, row.decimal(12, 2)?));
        black_box((row.decimal(13, 4)?, row.decimal(14, 2)?, row.value(15)?));
        for column in 16..26 {
            black_box(row.text(column)?);
        }
        Ok(())
    };
    ending.call(steps, place, &params, effects, read).await
}

/// Answers the lines of the customer's last order, each with the customer and the order before it.
async fn order_status(
    input: &OrderStatus,
    place: usize,
    buffers: &mut Buffers,
    steps: &mut Steps<'_>,
) -> Result<(), DbError> {
    let OrderStatus { w_id, d_id, customer } = *input;
    let [number, name] = chosen(customer, &mut buffers.last_name);
    let params = [Value::Int(w_id), Value::Int(d_id), number, name];
    let read = |row: &dyn Row| {
        black_box((row.decimal(0, 2)?, row.text(1)?, row.text(2)?, row.text(3)?));
        black_box((row.int(4)?, row.value(5)?, row.value(6)?));
        black_box((row.int(7)?, row.int(8)?, row.int(9)?, row.decimal(10, 2)?, row.value(11)?));
        Ok(())
    };
    let answered = |lines| match lines {
        0 => Err(DbError::unexpected(format!(
            "the last order of customer {customer:?} of district {d_id} of warehouse {w_id} has no \
             lines"
        ))),
        _ => Ok(()),
    };
    steps.query(place, &params, read, answered).await
}

/// Answers how many orders were delivered.
async fn delivery(
    input: &Delivery,
    place: usize,
    ending: &mut Ending<'_>,
    steps: &mut Steps<'_>,
) -> Result<(), DbError> {
    let Delivery { w_id, carrier_id, delivered: when } = *input;
    let params = [Value::Int(w_id), Value::Int(carrier_id), Value::Timestamp(when)];
    // Nobody knows how many there are before the answer, nor ever if it does not come.
    let mut most = Effects::default();
    most.add(Amount::DeliveredOrders, DISTRICTS);
    let mut delivered = 0;
    let read = |row: &dyn Row| row.int(0).map(|orders| delivered = orders);
    ending.call(steps, place, &params, most, read).await?;
    let mut effects = Effects::default();
    effects.add(Amount::DeliveredOrders, delivered);
    effects.add(Amount::SkippedDistricts, DISTRICTS - delivered);
    ending.found(effects);
    Ok(())
}

/// A customer's number and last name, of which one is NULL.
fn chosen(customer: Choice, last_name: &mut Text) -> [Value<'_>; 2] {
    match customer {
        Choice::Number(number) => [Value::Int(number), Value::Null],
        Choice::Name(name) => [Value::Null, Value::Text(last_name.last_name(name))],
    }
}

#[cfg(test)]
mod tests {
    use super::write_array;

    #[test]
    fn numbers_become_a_json_array() {
        let mut text = "left over".to_owned();
        write_array(&mut text, &[3, -1, 20]);
        assert_eq!(text, "[3,-1,20]");
    }
}
