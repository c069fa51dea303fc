//! The New-Order transaction (TPC-C rev. 5.11, clause 2.4).

use std::hint::black_box;

use dbdyno_core::load::Outcome;
use dbdyno_core::query::{execute_one, query_one, query_optional};
use dbdyno_core::{DbError, Decimal, Session, Value};

use super::effects::{Amount, Effects};
use super::inputs::{Line, NewOrder};
use super::statements::Sql;

/// Buffers for what one statement reads and a later one writes.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// `S_DIST_xx`, to become `OL_DIST_INFO`.
    district_info: String,
}

/// Rates in ten thousandths, as the tables hold them.
struct Rates {
    warehouse_tax: i64,
    district_tax: i64,
    discount: i64,
}

/// What an item's row says that later steps need.
struct Item {
    price_cents: i64,
    is_original: bool,
}

/// Does the transaction's work and gives how it is to end. An order with an unused item number
/// does all its work up to that item and is then rolled back (2.4.2.3).
pub(super) async fn run(
    input: &NewOrder,
    buffers: &mut Buffers,
    effects: &mut Effects,
    session: &mut dyn Session,
) -> Result<Outcome, DbError> {
    let (o_id, rates) = open_order(input, session).await?;
    let mut sum_cents = 0;
    for (number, line) in (1..).zip(input.lines()) {
        let Some(item) = read_item(line.i_id, session).await? else {
            return reject(input, line);
        };
        let amount_cents = item.price_cents * line.quantity;
        take_stock(input, line, &item, buffers, session).await?;
        let params = [
            Value::Int(o_id),
            Value::Int(input.d_id),
            Value::Int(input.w_id),
            Value::Int(number),
            Value::Int(line.i_id),
            Value::Int(line.supply_w_id),
            Value::Int(line.quantity),
            Value::Decimal(Decimal::cents(amount_cents)),
            Value::Text(&buffers.district_info),
        ];
        execute_one(session, Sql::NewOrderLine.id(), &params).await?;
        sum_cents += amount_cents;
        effects.add(Amount::OrderLines, 1);
        effects.add(Amount::OrderedItems, line.quantity);
    }
    black_box(total_cents(sum_cents, &rates));
    Ok(Outcome::Committed)
}

/// Gives the order its number and inserts it, without its lines.
async fn open_order(input: &NewOrder, session: &mut dyn Session) -> Result<(i64, Rates), DbError> {
    let [w_id, d_id, c_id] = [input.w_id, input.d_id, input.c_id].map(Value::Int);
    let warehouse_tax =
        query_one(session, Sql::NewOrderWarehouse.id(), &[w_id], |row| row.decimal(0, 4)).await?;
    let discount = query_one(session, Sql::NewOrderCustomer.id(), &[w_id, d_id, c_id], |row| {
        black_box((row.text(1)?, row.text(2)?));
        row.decimal(0, 4)
    })
    .await?;
    let (o_id, district_tax) =
        query_one(session, Sql::NewOrderDistrict.id(), &[w_id, d_id], |row| {
            Ok((row.int(0)?, row.decimal(1, 4)?))
        })
        .await?;
    execute_one(session, Sql::NewOrderNextId.id(), &[w_id, d_id]).await?;
    let order = [
        Value::Int(o_id),
        d_id,
        w_id,
        c_id,
        Value::Timestamp(input.entered),
        Value::Int(input.lines().len() as i64),
        Value::Int(input.all_local().into()),
    ];
    execute_one(session, Sql::NewOrderOrder.id(), &order).await?;
    execute_one(session, Sql::NewOrderNewOrder.id(), &[Value::Int(o_id), d_id, w_id]).await?;
    Ok((o_id, Rates { warehouse_tax, district_tax, discount }))
}

async fn read_item(i_id: i64, session: &mut dyn Session) -> Result<Option<Item>, DbError> {
    query_optional(session, Sql::NewOrderItem.id(), &[Value::Int(i_id)], |row| {
        black_box(row.text(1)?);
        Ok(Item { price_cents: row.decimal(0, 2)?, is_original: is_original(row.text(2)?) })
    })
    .await
}

/// Ends an order whose item was not found.
fn reject(input: &NewOrder, line: &Line) -> Result<Outcome, DbError> {
    if input.rolls_back {
        return Ok(Outcome::RolledBack);
    }
    Err(DbError::unexpected(format!("there is no item {}", line.i_id)))
}

/// Takes a line's quantity from stock, leaving the district's information in `buffers`.
async fn take_stock(
    input: &NewOrder,
    line: &Line,
    item: &Item,
    buffers: &mut Buffers,
    session: &mut dyn Session,
) -> Result<(), DbError> {
    let [w_id, i_id] = [line.supply_w_id, line.i_id].map(Value::Int);
    let info = &mut buffers.district_info;
    let quantity = query_one(session, Sql::stock(input.d_id), &[w_id, i_id], |row| {
        info.clear();
        info.push_str(row.text(1)?);
        // The brand-generic field of the answer.
        black_box(if item.is_original && is_original(row.text(2)?) { 'B' } else { 'G' });
        row.int(0)
    })
    .await?;
    let params = [
        Value::Int(quantity_left(quantity, line.quantity)),
        Value::Int(line.quantity),
        Value::Int((line.supply_w_id != input.w_id).into()),
        w_id,
        i_id,
    ];
    execute_one(session, Sql::NewOrderUpdateStock.id(), &params).await
}

/// What is in stock afterwards; refilled by 91 where fewer than 10 would be left (2.4.2.2).
const fn quantity_left(quantity: i64, ordered: i64) -> i64 {
    if quantity >= ordered + 10 { quantity - ordered } else { quantity - ordered + 91 }
}

fn is_original(data: &str) -> bool {
    data.contains("ORIGINAL")
}

/// `sum(OL_AMOUNT) * (1 - C_DISCOUNT) * (1 + W_TAX + D_TAX)` (2.4.2.2), rounded to the cent.
fn total_cents(sum_cents: i64, rates: &Rates) -> i64 {
    let exact = i128::from(sum_cents)
        * i128::from(10_000 - rates.discount)
        * i128::from(10_000 + rates.warehouse_tax + rates.district_tax);
    ((exact + 50_000_000) / 100_000_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_is_refilled_below_ten() {
        assert_eq!(quantity_left(20, 10), 10);
        assert_eq!(quantity_left(19, 10), 100);
        assert_eq!(quantity_left(10, 10), 91);
        assert_eq!(quantity_left(100, 1), 99);
    }

    #[test]
    fn totals_are_exact_to_the_cent() {
        let rates = Rates { warehouse_tax: 1_500, district_tax: 500, discount: 2_500 };
        // 100.00 * 0.75 * 1.2
        assert_eq!(total_cents(10_000, &rates), 9_000);
        let none = Rates { warehouse_tax: 0, district_tax: 0, discount: 0 };
        assert_eq!(total_cents(123_457, &none), 123_457);
        let half = Rates { warehouse_tax: 0, district_tax: 0, discount: 5_000 };
        assert_eq!((total_cents(3, &half), total_cents(1, &half)), (2, 1));
    }
}
