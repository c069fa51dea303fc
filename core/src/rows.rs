//! Rows that come out of an engine, and rows that go in.

use crate::error::DbError;
use crate::value::{Date, Decimal, Timestamp, Value};

/// One row of an answer, decoded column by column as the workload asks for it.
pub trait Row {
    /// The column at `index`, counted from 0.
    ///
    /// # Errors
    /// There is no such column, or it has a type that [`Value`] does not cover.
    fn value(&self, index: usize) -> Result<Value<'_>, DbError>;

    /// The column as an integer. Engines give sums of integers as decimals or doubles; those are
    /// taken where they are whole.
    ///
    /// # Errors
    /// It is NULL, of another type, or not whole.
    #[inline]
    fn int(&self, index: usize) -> Result<i64, DbError> {
        match self.value(index)? {
            Value::Int(int) => Ok(int),
            Value::Decimal(decimal)
                if decimal
                    .rescale(0)
                    .map(|whole| Decimal::new(whole, 0).rescale(decimal.scale))
                    == Some(Some(decimal.unscaled)) =>
            {
                decimal
                    .rescale(0)
                    .ok_or_else(|| mismatch(index, "an integer", Value::Decimal(decimal)))
            }
            Value::Float(float) if float.fract() == 0.0 && float.abs() < 9e15 => Ok(float as i64),
            other => Err(mismatch(index, "an integer", other)),
        }
    }

    /// The column as a number of `10^-scale`: `decimal(i, 2)` is an amount of money in cents. A
    /// double is rounded to the nearest.
    ///
    /// # Errors
    /// It is NULL, of another type, or too large.
    #[inline]
    fn decimal(&self, index: usize, scale: u8) -> Result<i64, DbError> {
        let wanted = "a decimal";
        match self.value(index)? {
            Value::Int(int) => Decimal::new(int, 0)
                .rescale(scale)
                .ok_or_else(|| mismatch(index, wanted, Value::Int(int))),
            Value::Decimal(decimal) => decimal
                .rescale(scale)
                .ok_or_else(|| mismatch(index, wanted, Value::Decimal(decimal))),
            Value::Float(float) => {
                let scaled = (float * 10f64.powi(i32::from(scale))).round();
                if scaled.abs() < 9e18 {
                    Ok(scaled as i64)
                } else {
                    Err(mismatch(index, wanted, Value::Float(float)))
                }
            }
            other => Err(mismatch(index, wanted, other)),
        }
    }

    /// The column as a double.
    ///
    /// # Errors
    /// It is NULL or not a number.
    #[inline]
    fn float(&self, index: usize) -> Result<f64, DbError> {
        match self.value(index)? {
            Value::Int(int) => Ok(int as f64),
            Value::Decimal(decimal) => Ok(decimal.to_f64()),
            Value::Float(float) => Ok(float),
            other => Err(mismatch(index, "a number", other)),
        }
    }

    /// The column as text.
    ///
    /// # Errors
    /// It is NULL or not text.
    #[inline]
    fn text(&self, index: usize) -> Result<&str, DbError> {
        match self.value(index)? {
            Value::Text(text) => Ok(text),
            Value::Bytes(bytes) => {
                std::str::from_utf8(bytes).map_err(|_| mismatch(index, "text", Value::Bytes(bytes)))
            }
            other => Err(mismatch(index, "text", other)),
        }
    }

    /// The column as a day.
    ///
    /// # Errors
    /// It is NULL or not a day. An engine without such a type gives text, which is read.
    #[inline]
    fn date(&self, index: usize) -> Result<Date, DbError> {
        match self.value(index)? {
            Value::Date(date) => Ok(date),
            Value::Text(text) => {
                Date::parse(text).ok_or_else(|| mismatch(index, "a date", Value::Text(text)))
            }
            other => Err(mismatch(index, "a date", other)),
        }
    }

    /// Whether the column is NULL.
    ///
    /// # Errors
    /// There is no such column.
    #[inline]
    fn is_null(&self, index: usize) -> Result<bool, DbError> {
        Ok(self.value(index)? == Value::Null)
    }
}

#[cold]
fn mismatch(index: usize, wanted: &str, found: Value<'_>) -> DbError {
    DbError::unexpected(format!("column {index} of the answer is {found:?}, not {wanted}"))
}

/// What is called with each row of an answer.
pub type RowVisitor<'v> = dyn FnMut(&dyn Row) -> Result<(), DbError> + Send + 'v;

/// Where a generator puts a row, column by column in the table's order. Adapters encode straight
/// into their wire format, so that loading copies no row twice.
pub trait RowWriter {
    /// SQL NULL.
    fn null(&mut self);
    /// An integer of any width.
    fn int(&mut self, value: i64);
    /// A fixed-point number; its scale is the column's.
    fn decimal(&mut self, value: Decimal);
    /// Character data.
    fn text(&mut self, value: &str);
    /// A point in time.
    fn timestamp(&mut self, value: Timestamp);
    /// A day.
    fn date(&mut self, value: Date);
}

/// A stream of rows of one table, in constant memory.
pub trait RowSource: Send {
    /// Writes the next row's columns into `row`; false, with nothing written, when there is none.
    fn next_row(&mut self, row: &mut dyn RowWriter) -> bool;
}
