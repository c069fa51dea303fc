//! The New-Order transaction (TPC-C rev. 5.11, clause 2.4).

use std::hint::black_box;

use dbdyno_core::load::Outcome;
use dbdyno_core::{DbError, Decimal, Row, StatementId, Steps, Value};

use super::deck::Kind;
use super::effects::{Amount, Effects, Ending};
use super::inputs::{Line, MAX_LINES, NewOrder};
use super::lists::SqlByLines;
use super::statements::{Form, Sql, Statements};

/// Buffers for what one statement reads and a later one writes.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    lines: [Found; MAX_LINES],
}

/// What the tables say of a line.
#[derive(Debug, Default)]
struct Found {
    has_item: bool,
    price_cents: i64,
    is_original: bool,
    has_stock: bool,
    /// In stock, before the line or after it.
    quantity: i64,
    /// `S_DIST_xx`, to become `OL_DIST_INFO`.
    district_info: String,
}

/// Rates in ten thousandths, as the tables hold them.
#[derive(Default)]
struct Rates {
    warehouse_tax: i64,
    district_tax: i64,
    discount: i64,
}

/// Runs the transaction. An order with an unused item number does all its work up to that item and
/// is then to be rolled back (2.4.2.3).
pub(super) async fn run(
    input: &NewOrder,
    sql: &Statements,
    buffers: &mut Buffers,
    ending: &mut Ending<'_>,
    steps: &mut Steps<'_>,
) -> Result<Outcome, DbError> {
    let lines = &mut buffers.lines[..input.lines().len()];
    for line in lines.iter_mut() {
        (line.has_item, line.has_stock) = (false, false);
    }
    let mut order = Order { input, sql, lines, o_id: 0, rates: Rates::default() };
    if sql.form == Form::Portable && !steps.pipelines() {
        order.line_by_line(ending, steps).await
    } else {
        order.all_lines(ending, steps).await
    }
}

/// An order under way.
struct Order<'o> {
    input: &'o NewOrder,
    sql: &'o Statements,
    /// As the lines of the input.
    lines: &'o mut [Found],
    o_id: i64,
    rates: Rates,
}

impl Order<'_> {
    /// In the order in which the specification tells the steps.
    async fn line_by_line(
        &mut self,
        ending: &mut Ending<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<Outcome, DbError> {
        steps.begin(Kind::NewOrder.access()).await?;
        self.read_rates(steps).await?;
        self.take_number(steps).await?;
        self.insert_order(steps).await?;
        for number in 0..self.lines.len() {
            self.read_item(number, steps).await?;
            if !self.lines[number].has_item {
                return reject(self.input, number);
            }
            self.read_stock(number, steps).await?;
            self.take_stock(number)?;
            self.update_stock(number, steps).await?;
            self.insert_line(number, steps).await?;
        }
        black_box(self.total_cents());
        ending.commit(steps, effects(self.input)).await?;
        Ok(Outcome::Committed)
    }

    /// All that is read first, then all that is written.
    async fn all_lines(
        &mut self,
        ending: &mut Ending<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<Outcome, DbError> {
        while steps.pass()? {
            steps.begin(Kind::NewOrder.access()).await?;
            self.read_rates(steps).await?;
            self.take_number(steps).await?;
            self.read_lines(steps).await?;
        }
        let known = self.lines.iter().take_while(|line| line.has_item).count();
        for number in 0..known {
            if let Some(earlier) = self.earlier_of_same_stock(number) {
                self.lines[number].quantity = self.lines[earlier].quantity;
            }
            self.take_stock(number)?;
        }
        let is_whole = known == self.lines.len();
        let outcome = if is_whole { Outcome::Committed } else { reject(self.input, known)? };
        while steps.pass()? {
            self.insert_order(steps).await?;
            self.write_lines(known, steps).await?;
            if is_whole {
                ending.commit(steps, effects(self.input)).await?;
            }
        }
        black_box(self.total_cents());
        Ok(outcome)
    }

    fn line(&self, number: usize) -> &Line {
        &self.input.lines()[number]
    }

    /// The line before with the same row of stock.
    fn earlier_of_same_stock(&self, number: usize) -> Option<usize> {
        let is_same = |earlier: &usize| self.line(*earlier).has_stock_of(self.line(number));
        (0..number).rev().find(is_same)
    }

    async fn read_rates(&mut self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let NewOrder { w_id, d_id, c_id, .. } = *self.input;
        let customer = [w_id, d_id, c_id].map(Value::Int);
        let Rates { warehouse_tax, discount, .. } = &mut self.rates;
        let read_discount = |row: &dyn Row| {
            black_box((row.text(1)?, row.text(2)?));
            *discount = row.decimal(0, 4)?;
            Ok(())
        };
        if self.sql.form == Form::Portable {
            let place = self.sql.place(Sql::NewOrderWarehouse);
            let read = |row: &dyn Row| row.decimal(0, 4).map(|tax| *warehouse_tax = tax);
            steps.query_one(place, &customer[..1], read).await?;
            let place = self.sql.place(Sql::NewOrderCustomer);
            return steps.query_one(place, &customer, read_discount).await;
        }
        let mut read_discount = read_discount;
        let read = |row: &dyn Row| {
            *warehouse_tax = row.decimal(3, 4)?;
            read_discount(row)
        };
        steps.query_one(self.sql.place(Sql::NewOrderCustomerAndTax), &customer, read).await
    }

    /// Takes the district's next order number.
    async fn take_number(&mut self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let district = [self.input.w_id, self.input.d_id].map(Value::Int);
        let (o_id, tax) = (&mut self.o_id, &mut self.rates.district_tax);
        let read = |row: &dyn Row| {
            (*o_id, *tax) = (row.int(0)?, row.decimal(1, 4)?);
            Ok(())
        };
        if self.sql.form.returns() {
            return steps.query_one(self.sql.place(Sql::NewOrderTakeId), &district, read).await;
        }
        steps.query_one(self.sql.place(Sql::NewOrderDistrict), &district, read).await?;
        steps.execute_one(self.sql.place(Sql::NewOrderNextId), &district).await
    }

    /// Inserts the order without its lines.
    async fn insert_order(&self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let NewOrder { w_id, d_id, c_id, entered, .. } = *self.input;
        let [o_id, d_id, w_id] = [self.o_id, d_id, w_id].map(Value::Int);
        let order = [
            o_id,
            d_id,
            w_id,
            Value::Int(c_id),
            Value::Timestamp(entered),
            Value::Int(self.lines.len() as i64),
            Value::Int(self.input.all_local().into()),
        ];
        steps.execute_one(self.sql.place(Sql::NewOrderOrder), &order).await?;
        steps.execute_one(self.sql.place(Sql::NewOrderNewOrder), &[o_id, d_id, w_id]).await
    }

    /// Reads the items and stocks of all lines.
    async fn read_lines(&mut self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let count = self.lines.len();
        let mut ids = [[0; MAX_LINES]; 2];
        for (place, line) in self.input.lines().iter().enumerate() {
            (ids[0][place], ids[1][place]) = (line.supply_w_id, line.i_id);
        }
        let [w_ids, i_ids] = ids.each_ref().map(|ids| &ids[..count]);
        let d_id = Value::Int(self.input.d_id);
        match self.sql.form {
            Form::Portable | Form::Returning => {
                for number in 0..count {
                    self.read_item(number, steps).await?;
                    self.read_stock(number, steps).await?;
                }
                Ok(())
            }
            Form::Arrays => {
                let place = self.sql.place(Sql::NewOrderItems);
                self.read_items(place, &[Value::Ints(i_ids)], steps).await?;
                let params = [d_id, Value::Ints(w_ids), Value::Ints(i_ids)];
                self.read_stocks(self.sql.place(Sql::NewOrderStocks), &params, steps).await
            }
            Form::Listed => {
                let mut params = [d_id; 1 + 2 * MAX_LINES];
                for (param, i_id) in params.iter_mut().zip(i_ids) {
                    *param = Value::Int(*i_id);
                }
                let place = self.sql.for_lines(SqlByLines::Items, count);
                self.read_items(place, &params[..count], steps).await?;
                params[0] = d_id;
                for (place, line) in self.input.lines().iter().enumerate() {
                    let stock = [line.supply_w_id, line.i_id].map(Value::Int);
                    params[1 + 2 * place..][..2].copy_from_slice(&stock);
                }
                let place = self.sql.for_lines(SqlByLines::Stocks, count);
                self.read_stocks(place, &params[..=2 * count], steps).await
            }
        }
    }

    /// Takes all stocks of the first `known` lines and inserts those.
    async fn write_lines(&self, known: usize, steps: &mut Steps<'_>) -> Result<(), DbError> {
        match self.sql.form {
            Form::Portable | Form::Returning => {
                for number in 0..known {
                    self.update_stock(number, steps).await?;
                    self.insert_line(number, steps).await?;
                }
                return Ok(());
            }
            Form::Arrays => {
                let (taken, stocks) = self.taken(known);
                let params = taken.each_ref().map(|column| Value::Ints(&column[..stocks]));
                let place = self.sql.place(Sql::NewOrderUpdateStocks);
                steps.execute_rows(place, &params, stocks).await?;
            }
            Form::Listed => {
                let (taken, stocks) = self.taken(known);
                let mut params = [Value::Null; TAKEN * MAX_LINES];
                for (place, param) in params[..TAKEN * known].iter_mut().enumerate() {
                    *param = Value::Int(taken[place % TAKEN][place / TAKEN]);
                }
                let place = self.sql.for_lines(SqlByLines::UpdateStocks, known);
                steps.execute_rows(place, &params[..TAKEN * known], stocks).await?;
            }
        }
        let mut params = [Value::Null; LINE_PARAMS * MAX_LINES];
        for (number, line) in params.chunks_exact_mut(LINE_PARAMS).take(known).enumerate() {
            line.copy_from_slice(&self.line_params(number));
        }
        let place = self.sql.for_lines(SqlByLines::Lines, known);
        steps.execute_rows(place, &params[..LINE_PARAMS * known], known).await
    }

    async fn read_item(&mut self, number: usize, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let item = [Value::Int(self.line(number).i_id)];
        let line = &mut self.lines[number];
        let read = |row: &dyn Row| line.read_item(row, 0);
        steps.query_optional(self.sql.place(Sql::NewOrderItem), &item, read).await
    }

    /// Reads the items of all lines, each row with the item's number first.
    async fn read_items(
        &mut self,
        place: StatementId,
        items: &[Value<'_>],
        steps: &mut Steps<'_>,
    ) -> Result<(), DbError> {
        let (inputs, lines) = (self.input.lines(), &mut *self.lines);
        let read = |row: &dyn Row| {
            let i_id = row.int(0)?;
            let of_item = inputs.iter().zip(lines.iter_mut()).filter(|(line, _)| line.i_id == i_id);
            of_item.map(|(_, found)| found).try_for_each(|found| found.read_item(row, 1))
        };
        steps.query(place, items, read, |_| Ok(())).await
    }

    async fn read_stock(&mut self, number: usize, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let Line { supply_w_id, i_id, .. } = *self.line(number);
        let line = &mut self.lines[number];
        let read = |row: &dyn Row| line.read_stock(row, 0);
        let stock = [supply_w_id, i_id].map(Value::Int);
        steps.query_optional(self.sql.stock(self.input.d_id), &stock, read).await
    }

    /// Reads the stocks of all lines, each row with the warehouse's and the item's number first.
    async fn read_stocks(
        &mut self,
        place: StatementId,
        stocks: &[Value<'_>],
        steps: &mut Steps<'_>,
    ) -> Result<(), DbError> {
        let (inputs, lines) = (self.input.lines(), &mut *self.lines);
        let read = |row: &dyn Row| {
            let (supply_w_id, i_id) = (row.int(0)?, row.int(1)?);
            let stock = Line { supply_w_id, i_id, quantity: 0 };
            let of_stock =
                inputs.iter().zip(lines.iter_mut()).filter(|(line, _)| line.has_stock_of(&stock));
            of_stock.map(|(_, found)| found).try_for_each(|found| found.read_stock(row, 2))
        };
        steps.query(place, stocks, read, |_| Ok(())).await
    }

    /// Takes a line's quantity from what was read to be in stock.
    fn take_stock(&mut self, number: usize) -> Result<(), DbError> {
        let Line { supply_w_id, i_id, quantity: ordered } = *self.line(number);
        let line = &mut self.lines[number];
        if !line.has_stock {
            let stock = format!("there is no stock of item {i_id} in warehouse {supply_w_id}");
            return Err(DbError::unexpected(stock));
        }
        line.quantity = quantity_left(line.quantity, ordered);
        Ok(())
    }

    async fn update_stock(&self, number: usize, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let line = self.line(number);
        let params = [
            self.lines[number].quantity,
            line.quantity,
            self.is_remote(line),
            line.supply_w_id,
            line.i_id,
        ];
        let place = self.sql.place(Sql::NewOrderUpdateStock);
        steps.execute_one(place, &params.map(Value::Int)).await
    }

    /// What the first `known` lines take from stock, column by column (warehouses, items, quantities
    /// left, quantities ordered, orders, remote orders), and from how many rows. Lines of one stock
    /// are added up, for a statement updates a row once; what is left of the columns is zeros,
    /// which no row has as its key.
    fn taken(&self, known: usize) -> ([[i64; MAX_LINES]; TAKEN], usize) {
        let mut taken = [[0; MAX_LINES]; TAKEN];
        let mut stocks = 0;
        for (line, found) in self.input.lines().iter().zip(&*self.lines).take(known) {
            let [w_ids, i_ids, left, ordered, orders, remote] = &mut taken;
            let is_it =
                |place: &usize| (w_ids[*place], i_ids[*place]) == (line.supply_w_id, line.i_id);
            let place = (0..stocks).find(is_it).unwrap_or(stocks);
            stocks = stocks.max(place + 1);
            (w_ids[place], i_ids[place]) = (line.supply_w_id, line.i_id);
            left[place] = found.quantity;
            ordered[place] += line.quantity;
            orders[place] += 1;
            remote[place] += self.is_remote(line);
        }
        (taken, stocks)
    }

    async fn insert_line(&self, number: usize, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let place = self.sql.place(Sql::NewOrderLine);
        steps.execute_one(place, &self.line_params(number)).await
    }

    fn line_params(&self, number: usize) -> [Value<'_>; LINE_PARAMS] {
        let line = self.line(number);
        [
            Value::Int(self.o_id),
            Value::Int(self.input.d_id),
            Value::Int(self.input.w_id),
            Value::Int(number as i64 + 1),
            Value::Int(line.i_id),
            Value::Int(line.supply_w_id),
            Value::Int(line.quantity),
            Value::Decimal(Decimal::cents(self.amount_cents(number))),
            Value::Text(&self.lines[number].district_info),
        ]
    }

    fn is_remote(&self, line: &Line) -> i64 {
        (line.supply_w_id != self.input.w_id).into()
    }

    fn amount_cents(&self, number: usize) -> i64 {
        self.lines[number].price_cents * self.line(number).quantity
    }

    fn total_cents(&self) -> i64 {
        let sum = (0..self.lines.len()).map(|number| self.amount_cents(number)).sum();
        total_cents(sum, &self.rates)
    }
}

/// Of the whole order.
pub(super) fn effects(input: &NewOrder) -> Effects {
    let mut effects = Effects::default();
    effects.add(Amount::OrderLines, input.lines().len() as i64);
    effects.add(Amount::OrderedItems, input.lines().iter().map(|line| line.quantity).sum());
    effects
}

/// Ends an order of which a line's item was not found: the last, where that was meant.
pub(super) fn reject(input: &NewOrder, number: usize) -> Result<Outcome, DbError> {
    if input.rolls_back && number + 1 == input.lines().len() {
        return Ok(Outcome::RolledBack);
    }
    let missing = input.lines().get(number).map_or(0, |line| line.i_id);
    Err(DbError::unexpected(format!("there is no item {missing}")))
}

/// Columns of what an order takes from stock.
const TAKEN: usize = 6;
/// Parameters of an order line.
const LINE_PARAMS: usize = 9;

impl Found {
    /// Reads an item from the column `from` on.
    fn read_item(&mut self, row: &dyn Row, from: usize) -> Result<(), DbError> {
        black_box(row.text(from + 1)?);
        self.price_cents = row.decimal(from, 2)?;
        self.is_original = is_original(row.text(from + 2)?);
        self.has_item = true;
        Ok(())
    }

    /// Reads a row of stock from the column `from` on.
    fn read_stock(&mut self, row: &dyn Row, from: usize) -> Result<(), DbError> {
        self.quantity = row.int(from)?;
        self.district_info.clear();
        self.district_info.push_str(row.text(from + 1)?);
        // The brand-generic field of the answer.
        black_box(if self.is_original && is_original(row.text(from + 2)?) { 'B' } else { 'G' });
        self.has_stock = true;
        Ok(())
    }
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
