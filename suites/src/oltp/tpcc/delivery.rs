//! The Delivery transaction (TPC-C rev. 5.11, clause 2.7): the oldest undelivered order of each
//! district of a warehouse, all in one database transaction.

use dbdyno_core::load::Outcome;
use dbdyno_core::query::{execute_one, query_one, query_optional};
use dbdyno_core::{DbError, Decimal, Session, Value};

use super::effects::{Amount, Effects};
use super::inputs::{DISTRICTS, Delivery};
use super::statements::Sql;

/// How often a district is asked for its oldest order before it counts as having none. PostgreSQL
/// at read committed answers no row at all where it waited for a row that another Delivery then
/// took (manual, 13.2.1), so one empty answer proves nothing.
const LOOKS: usize = 3;

/// Does the transaction's work and gives how it is to end.
pub(super) async fn run(
    input: &Delivery,
    effects: &mut Effects,
    session: &mut dyn Session,
) -> Result<Outcome, DbError> {
    for d_id in 1..=DISTRICTS {
        match oldest_order(input.w_id, d_id, session).await? {
            Some(o_id) => {
                deliver(input, d_id, o_id, session).await?;
                effects.add(Amount::DeliveredOrders, 1);
            }
            None => effects.add(Amount::SkippedDistricts, 1),
        }
    }
    Ok(Outcome::Committed)
}

async fn oldest_order(
    w_id: i64,
    d_id: i64,
    session: &mut dyn Session,
) -> Result<Option<i64>, DbError> {
    let district = [Value::Int(w_id), Value::Int(d_id)];
    for _ in 0..LOOKS {
        let oldest =
            query_optional(session, Sql::DeliveryOldest.id(), &district, |row| row.int(0)).await?;
        if oldest.is_some() {
            return Ok(oldest);
        }
    }
    Ok(None)
}

/// Delivers one order. Each row is updated before it is read: InnoDB at repeatable read has locked
/// a new order that its snapshot may be too old to show, and a transaction sees the rows that it
/// has updated itself.
async fn deliver(
    input: &Delivery,
    d_id: i64,
    o_id: i64,
    session: &mut dyn Session,
) -> Result<(), DbError> {
    let [w_id, d_id, o_id] = [input.w_id, d_id, o_id].map(Value::Int);
    let order = [w_id, d_id, o_id];
    execute_one(session, Sql::DeliveryDeleteNewOrder.id(), &order).await?;
    let carrier = [Value::Int(input.carrier_id), w_id, d_id, o_id];
    execute_one(session, Sql::DeliveryUpdateOrder.id(), &carrier).await?;
    let c_id = query_one(session, Sql::DeliveryOrder.id(), &order, |row| row.int(0)).await?;
    let delivered = [Value::Timestamp(input.delivered), w_id, d_id, o_id];
    session.execute(Sql::DeliveryUpdateLines.id(), &delivered).await?;
    let amount_cents =
        query_one(session, Sql::DeliveryAmount.id(), &order, |row| row.decimal(0, 2)).await?;
    let amount = Value::Decimal(Decimal::cents(amount_cents));
    let customer = [amount, w_id, d_id, Value::Int(c_id)];
    execute_one(session, Sql::DeliveryUpdateCustomer.id(), &customer).await
}
