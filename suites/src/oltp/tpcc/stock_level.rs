//! The Stock-Level transaction (TPC-C rev. 5.11, clause 2.8).

use std::hint::black_box;

use dbdyno_core::load::Outcome;
use dbdyno_core::query::query_one;
use dbdyno_core::{DbError, Session, Value};

use super::inputs::StockLevel;
use super::statements::Sql;

/// How many of the district's last orders are looked at (2.8.2.2).
const ORDERS: i64 = 20;

/// Does the transaction's work and gives how it is to end.
pub(super) async fn run(input: &StockLevel, session: &mut dyn Session) -> Result<Outcome, DbError> {
    let [w_id, d_id] = [input.w_id, input.d_id].map(Value::Int);
    let next =
        query_one(session, Sql::StockLevelDistrict.id(), &[w_id, d_id], |row| row.int(0)).await?;
    let params = [
        w_id,
        d_id,
        Value::Int(next - ORDERS),
        Value::Int(next),
        w_id,
        Value::Int(input.threshold),
    ];
    black_box(query_one(session, Sql::StockLevelCount.id(), &params, |row| row.int(0)).await?);
    Ok(Outcome::Committed)
}
