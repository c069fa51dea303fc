//! The Stock-Level transaction (TPC-C rev. 5.11, clause 2.8).

use std::hint::black_box;

use dbdyno_core::{DbError, Row, Steps, Value};

use super::deck::Kind;
use super::effects::{Effects, Ending};
use super::inputs::StockLevel;
use super::statements::{Form, Sql, Statements};

/// How many of the district's last orders are looked at (2.8.2.2); native statements say it too.
const ORDERS: i64 = 20;

/// Runs the transaction.
pub(super) async fn run(
    input: &StockLevel,
    sql: &Statements,
    ending: &mut Ending<'_>,
    steps: &mut Steps<'_>,
) -> Result<(), DbError> {
    let [w_id, d_id] = [input.w_id, input.d_id].map(Value::Int);
    let threshold = Value::Int(input.threshold);
    if sql.form != Form::Portable {
        let params = [w_id, d_id, w_id, d_id, w_id, d_id, w_id, threshold];
        while steps.pass()? {
            steps.begin(Kind::StockLevel.access()).await?;
            steps.query_one(sql.place(Sql::StockLevelLow), &params, read_number).await?;
            ending.commit(steps, Effects::default()).await?;
        }
        return Ok(());
    }
    let mut next = 0;
    while steps.pass()? {
        steps.begin(Kind::StockLevel.access()).await?;
        let read = |row: &dyn Row| row.int(0).map(|found| next = found);
        steps.query_one(sql.place(Sql::StockLevelDistrict), &[w_id, d_id], read).await?;
    }
    let params = [w_id, d_id, Value::Int(next - ORDERS), Value::Int(next), w_id, threshold];
    while steps.pass()? {
        steps.query_one(sql.place(Sql::StockLevelCount), &params, read_number).await?;
        ending.commit(steps, Effects::default()).await?;
    }
    Ok(())
}

fn read_number(row: &dyn Row) -> Result<(), DbError> {
    black_box(row.int(0)?);
    Ok(())
}
