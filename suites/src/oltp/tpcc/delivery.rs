//! The Delivery transaction (TPC-C rev. 5.11, clause 2.7): the oldest undelivered order of each
//! district of a warehouse, all in one database transaction.

use dbdyno_core::{DbError, Decimal, Row, Steps, Value};

use super::deck::Kind;
use super::effects::{Amount, Effects, Ending};
use super::inputs::{DISTRICTS, Delivery};
use super::statements::{Form, Sql, Statements};

/// How often a district is asked for its oldest order before it counts as having none. PostgreSQL
/// at read committed answers no row at all where it waited for a row that another Delivery then
/// took (manual, 13.2.1), so one empty answer proves nothing.
const LOOKS: usize = 3;

const ALL: usize = DISTRICTS as usize;

/// A district's order.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    d_id: i64,
    /// Its number; 0, which no order has, where there is none.
    o_id: i64,
    c_id: i64,
    amount_cents: i64,
}

impl Order {
    const fn is_found(&self) -> bool {
        self.o_id != 0
    }
}

/// Runs the transaction. District by district where each step waits for its answer anyway, else
/// step by step for all of them.
///
/// In the portable form each row is updated before it is read: InnoDB at repeatable read has locked
/// a new order that its snapshot may be too old to show, and a transaction sees the rows that it has
/// updated itself.
pub(super) async fn run(
    input: &Delivery,
    sql: &Statements,
    ending: &mut Ending<'_>,
    steps: &mut Steps<'_>,
) -> Result<(), DbError> {
    let mut orders: [Order; ALL] =
        std::array::from_fn(|place| Order { d_id: place as i64 + 1, ..Order::default() });
    let together = steps.pipelines() || matches!(sql.form, Form::Arrays | Form::Listed);
    let mut delivering = Delivering { input, sql, has_begun: false };
    let mut effects = Effects::default();
    for group in orders.chunks_mut(if together { ALL } else { 1 }) {
        delivering.find(group, steps).await?;
        let found = group.iter().filter(|order| order.is_found()).count();
        if found > 0 {
            while steps.pass()? {
                delivering.deliver(group, found, steps).await?;
            }
        }
        effects.add(Amount::DeliveredOrders, found as i64);
        effects.add(Amount::SkippedDistricts, (group.len() - found) as i64);
        let is_last = group.last().is_some_and(|order| order.d_id == DISTRICTS);
        while steps.pass()? {
            if found > 0 {
                delivering.pay(group, found, steps).await?;
            }
            if is_last {
                ending.commit(steps, effects).await?;
            }
        }
    }
    Ok(())
}

/// A delivery under way.
struct Delivering<'d> {
    input: &'d Delivery,
    sql: &'d Statements,
    has_begun: bool,
}

impl Delivering<'_> {
    /// Finds the oldest order of each district of a group; where one statement does both, it also
    /// takes it from the new orders.
    async fn find(&mut self, group: &mut [Order], steps: &mut Steps<'_>) -> Result<(), DbError> {
        for _ in 0..LOOKS {
            let mut missing = [0; ALL];
            let mut count = 0;
            for order in group.iter().filter(|order| !order.is_found()) {
                missing[count] = order.d_id;
                count += 1;
            }
            if count == 0 {
                break;
            }
            while steps.pass()? {
                if !self.has_begun {
                    steps.begin(Kind::Delivery.access()).await?;
                }
                self.look(group, &missing[..count], steps).await?;
            }
            self.has_begun = true;
        }
        Ok(())
    }

    /// Looks once for the orders of the districts that are missing.
    async fn look(
        &self,
        group: &mut [Order],
        missing: &[i64],
        steps: &mut Steps<'_>,
    ) -> Result<(), DbError> {
        let w_id = Value::Int(self.input.w_id);
        let place = |sql| self.sql.place(sql);
        match self.sql.form {
            Form::Portable | Form::Returning => {
                for order in group.iter_mut().filter(|order| missing.contains(&order.d_id)) {
                    let d_id = Value::Int(order.d_id);
                    let read = |row: &dyn Row| row.int(0).map(|o_id| order.o_id = o_id);
                    let twice = [w_id, d_id, w_id, d_id];
                    match self.sql.form {
                        Form::Portable => {
                            steps.query_optional(place(Sql::DeliveryOldest), &twice[..2], read)
                        }
                        _ => steps.query_optional(place(Sql::DeliveryTakeOldest), &twice, read),
                    }
                    .await?;
                }
                Ok(())
            }
            Form::Arrays => {
                let params = [w_id, Value::Ints(missing), w_id];
                let read = |row: &dyn Row| {
                    of_district(group, row)?.o_id = row.int(1)?;
                    Ok(())
                };
                steps.query(place(Sql::DeliveryTakeAllOldest), &params, read, |_| Ok(())).await
            }
            Form::Listed => {
                let read = |row: &dyn Row| {
                    of_district(group, row)?.o_id = row.int(1)?;
                    Ok(())
                };
                steps.query(place(Sql::DeliveryAllOldest), &[w_id; ALL], read, |_| Ok(())).await
            }
        }
    }

    /// Delivers the `found` orders of a group, all but the customers' part.
    async fn deliver(
        &self,
        group: &mut [Order],
        found: usize,
        steps: &mut Steps<'_>,
    ) -> Result<(), DbError> {
        match self.sql.form {
            Form::Portable => {
                for order in group.iter_mut().filter(|order| order.is_found()) {
                    self.deliver_one(order, steps).await?;
                }
                Ok(())
            }
            Form::Returning => {
                for order in group.iter_mut().filter(|order| order.is_found()) {
                    self.take_one(order, steps).await?;
                }
                Ok(())
            }
            Form::Arrays => self.take_all(group, found, steps).await,
            Form::Listed => self.deliver_all(group, found, steps).await,
        }
    }

    async fn deliver_one(&self, order: &mut Order, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let place = |sql| self.sql.place(sql);
        let [w_id, d_id, o_id] = [self.input.w_id, order.d_id, order.o_id].map(Value::Int);
        let key = [w_id, d_id, o_id];
        steps.execute_one(place(Sql::DeliveryDeleteNewOrder), &key).await?;
        let carrier = [self.carrier(), w_id, d_id, o_id];
        steps.execute_one(place(Sql::DeliveryUpdateOrder), &carrier).await?;
        let read = |row: &dyn Row| row.int(0).map(|c_id| order.c_id = c_id);
        steps.query_one(place(Sql::DeliveryOrder), &key, read).await?;
        let delivered = [self.delivered(), w_id, d_id, o_id];
        steps.execute(place(Sql::DeliveryUpdateLines), &delivered, |_| Ok(())).await?;
        let read = |row: &dyn Row| row.decimal(0, 2).map(|cents| order.amount_cents = cents);
        steps.query_one(place(Sql::DeliveryAmount), &key, read).await
    }

    async fn take_one(&self, order: &mut Order, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let place = |sql| self.sql.place(sql);
        let [w_id, d_id, o_id] = [self.input.w_id, order.d_id, order.o_id].map(Value::Int);
        let carrier = [self.carrier(), w_id, d_id, o_id];
        let read = |row: &dyn Row| row.int(0).map(|c_id| order.c_id = c_id);
        steps.query_one(place(Sql::DeliveryTakeOrder), &carrier, read).await?;
        let delivered = [self.delivered(), w_id, d_id, o_id];
        let read = |row: &dyn Row| row.decimal(0, 2).map(|cents| order.amount_cents += cents);
        let answered = |lines| self.must_have_lines(lines);
        steps.query(place(Sql::DeliveryTakeLines), &delivered, read, answered).await
    }

    async fn take_all(
        &self,
        group: &mut [Order],
        found: usize,
        steps: &mut Steps<'_>,
    ) -> Result<(), DbError> {
        let place = |sql| self.sql.place(sql);
        let w_id = Value::Int(self.input.w_id);
        let [d_ids, o_ids, ..] = columns(group);
        let [d_ids, o_ids] = [&d_ids[..found], &o_ids[..found]].map(Value::Ints);
        let carrier = [self.carrier(), d_ids, o_ids, w_id];
        let read = |row: &dyn Row| read_customer(group, row);
        steps.query_rows(place(Sql::DeliveryTakeOrders), &carrier, found, read).await?;
        let delivered = [self.delivered(), d_ids, o_ids, w_id];
        let read = |row: &dyn Row| read_amount(group, row);
        steps.query_rows(place(Sql::DeliveryTakeAllLines), &delivered, found, read).await
    }

    async fn deliver_all(
        &self,
        group: &mut [Order],
        found: usize,
        steps: &mut Steps<'_>,
    ) -> Result<(), DbError> {
        let place = |sql| self.sql.place(sql);
        let mut params = [Value::Null; 1 + 3 * ALL];
        for (order, key) in group.iter().zip(params[1..].chunks_exact_mut(3)) {
            key.copy_from_slice(&[self.input.w_id, order.d_id, order.o_id].map(Value::Int));
        }
        steps.execute_rows(place(Sql::DeliveryDeleteNewOrders), &params[1..], found).await?;
        params[0] = self.carrier();
        steps.execute_rows(place(Sql::DeliveryUpdateOrders), &params, found).await?;
        let read = |row: &dyn Row| read_customer(group, row);
        steps.query_rows(place(Sql::DeliveryOrders), &params[1..], found, read).await?;
        params[0] = self.delivered();
        steps.execute(place(Sql::DeliveryUpdateAllLines), &params, |_| Ok(())).await?;
        let read = |row: &dyn Row| read_amount(group, row);
        steps.query_rows(place(Sql::DeliveryAmounts), &params[1..], found, read).await
    }

    /// Gives the customers of a group what was delivered to them.
    async fn pay(
        &self,
        group: &[Order],
        found: usize,
        steps: &mut Steps<'_>,
    ) -> Result<(), DbError> {
        let place = |sql| self.sql.place(sql);
        let w_id = Value::Int(self.input.w_id);
        match self.sql.form {
            Form::Portable | Form::Returning => {
                for order in group.iter().filter(|order| order.is_found()) {
                    let amount = Value::Decimal(Decimal::cents(order.amount_cents));
                    let [d_id, c_id] = [order.d_id, order.c_id].map(Value::Int);
                    let customer = [amount, w_id, d_id, c_id];
                    steps.execute_one(place(Sql::DeliveryUpdateCustomer), &customer).await?;
                }
                Ok(())
            }
            Form::Arrays => {
                let [d_ids, _, c_ids, cents] = columns(group);
                let [d_ids, c_ids, cents] = [&d_ids, &c_ids, &cents].map(|all| &all[..found]);
                let [d_ids, c_ids, cents] = [d_ids, c_ids, cents].map(Value::Ints);
                let customers = [d_ids, c_ids, cents, w_id];
                steps.execute_rows(place(Sql::DeliveryPayCustomers), &customers, found).await
            }
            Form::Listed => {
                let mut params = [w_id; 3 * ALL + 1];
                for (order, paid) in group.iter().zip(params.chunks_exact_mut(3)) {
                    let paid_now = [order.d_id, order.c_id, order.amount_cents];
                    paid.copy_from_slice(&paid_now.map(Value::Int));
                }
                steps.execute_rows(place(Sql::DeliveryUpdateCustomers), &params, found).await
            }
        }
    }

    const fn carrier(&self) -> Value<'static> {
        Value::Int(self.input.carrier_id)
    }

    const fn delivered(&self) -> Value<'static> {
        Value::Timestamp(self.input.delivered)
    }

    fn must_have_lines(&self, lines: u64) -> Result<(), DbError> {
        if lines > 0 {
            return Ok(());
        }
        let w_id = self.input.w_id;
        Err(DbError::unexpected(format!("a new order of warehouse {w_id} has no lines")))
    }
}

/// The orders found, column by column: districts, numbers, customers, cents.
fn columns(group: &[Order]) -> [[i64; ALL]; 4] {
    let mut columns = [[0; ALL]; 4];
    for (place, order) in group.iter().filter(|order| order.is_found()).enumerate() {
        let row = [order.d_id, order.o_id, order.c_id, order.amount_cents];
        columns.iter_mut().zip(row).for_each(|(column, value)| column[place] = value);
    }
    columns
}

/// The order of the district that a row begins with.
fn of_district<'o>(group: &'o mut [Order], row: &dyn Row) -> Result<&'o mut Order, DbError> {
    let d_id = row.int(0)?;
    let found = group.iter_mut().find(|order| order.d_id == d_id);
    found.ok_or_else(|| DbError::unexpected(format!("district {d_id} was not asked for")))
}

fn read_customer(group: &mut [Order], row: &dyn Row) -> Result<(), DbError> {
    of_district(group, row)?.c_id = row.int(1)?;
    Ok(())
}

fn read_amount(group: &mut [Order], row: &dyn Row) -> Result<(), DbError> {
    of_district(group, row)?.amount_cents = row.decimal(1, 2)?;
    Ok(())
}
