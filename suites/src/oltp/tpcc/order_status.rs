//! The Order-Status transaction (TPC-C rev. 5.11, clause 2.6).

use std::hint::black_box;

use dbdyno_core::load::Outcome;
use dbdyno_core::query::query_one;
use dbdyno_core::{DbError, Session, Value};

use super::customer::Finder;
use super::inputs::OrderStatus;
use super::statements::Sql;

/// Does the transaction's work and gives how it is to end.
pub(super) async fn run(
    input: &OrderStatus,
    finder: &mut Finder,
    session: &mut dyn Session,
) -> Result<Outcome, DbError> {
    let [w_id, d_id] = [input.w_id, input.d_id].map(Value::Int);
    let c_id = finder.find(session, (input.w_id, input.d_id), input.customer).await?;
    let customer = [w_id, d_id, Value::Int(c_id)];
    query_one(session, Sql::OrderStatusCustomer.id(), &customer, |row| {
        black_box((row.decimal(0, 2)?, row.text(1)?, row.text(2)?, row.text(3)?));
        Ok(())
    })
    .await?;
    let o_id = query_one(session, Sql::OrderStatusOrder.id(), &customer, |row| {
        black_box((row.value(1)?, row.value(2)?));
        row.int(0)
    })
    .await?;
    let lines = session
        .query(Sql::OrderStatusLines.id(), &[w_id, d_id, Value::Int(o_id)], &mut |row| {
            black_box((row.int(0)?, row.int(1)?, row.int(2)?, row.decimal(3, 2)?, row.value(4)?));
            Ok(())
        })
        .await?;
    if lines == 0 {
        return Err(DbError::unexpected(format!(
            "order {o_id} of district {} of warehouse {} has no lines",
            input.d_id, input.w_id
        )));
    }
    Ok(Outcome::Committed)
}
