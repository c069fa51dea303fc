//! Rows as the visitor sees them.

use dbdyno_core::{DbError, Row, Value};

use super::messages::{Span, columns_of_row};
use super::values::{WireType, decode};

/// A row where it was received.
pub(super) struct PostgresRow<'r> {
    types: &'r [WireType],
    columns: &'r [Span],
    body: &'r [u8],
}

impl<'r> PostgresRow<'r> {
    /// Finds the columns of a DataRow; `None` where it is malformed.
    #[inline]
    pub(super) fn read(
        types: &'r [WireType],
        body: &'r [u8],
        columns: &'r mut Vec<Span>,
    ) -> Option<PostgresRow<'r>> {
        columns_of_row(body, columns).then_some(PostgresRow { types, columns, body })
    }
}

impl Row for PostgresRow<'_> {
    #[inline]
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        let (Some(column), Some(ty)) = (self.columns.get(index), self.types.get(index)) else {
            return Err(self.missing(index));
        };
        let Some((start, end)) = *column else { return Ok(Value::Null) };
        let raw = self.body.get(start as usize..end as usize).unwrap_or_default();
        decode(*ty, raw).map_err(|why| unreadable(index, &why))
    }
}

impl PostgresRow<'_> {
    #[cold]
    fn missing(&self, index: usize) -> DbError {
        DbError::unexpected(format!("the answer has {} columns, not {index}", self.columns.len()))
    }
}

#[cold]
fn unreadable(index: usize, why: &str) -> DbError {
    DbError::unexpected(format!("column {index} of the answer: {why}"))
}
