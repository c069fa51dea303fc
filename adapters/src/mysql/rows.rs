//! Rows as they are received, in either of the two protocols: the binary one of prepared
//! statements
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>), and
//! text.

use dbdyno_core::{DbError, Row, Value};
use mysql_common::constants::ColumnType;

use super::answers::length_encoded;
use super::columns::Column;
use super::values;
use super::wire::Fault;

/// Which of the two protocols a statement is answered in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Of statements that were not prepared.
    #[default]
    Text,
    /// Of prepared statements.
    Binary,
}

/// Where a column's bytes are in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Null,
    At { start: u32, end: u32 },
}

/// A row in the receive buffer; a column is turned into a [`Value`] when it is asked for.
pub struct MysqlRow<'r> {
    protocol: Protocol,
    columns: &'r [Column],
    places: &'r [Place],
    packet: &'r [u8],
}

impl<'r> MysqlRow<'r> {
    /// Finds the columns in a row; `places` is only kept to be used again.
    ///
    /// # Errors
    /// The packet is not such a row.
    #[inline]
    pub fn find(
        protocol: Protocol,
        columns: &'r [Column],
        places: &'r mut Vec<Place>,
        packet: &'r [u8],
    ) -> Result<Self, Fault> {
        places.clear();
        match protocol {
            Protocol::Text => find_text(columns, places, packet),
            Protocol::Binary => find_binary(columns, places, packet),
        }
        .ok_or(Fault::Malformed("a row that does not fit its columns"))?;
        Ok(Self { protocol, columns, places, packet })
    }
}

fn find_text(columns: &[Column], places: &mut Vec<Place>, packet: &[u8]) -> Option<()> {
    let mut rest = packet;
    for _ in columns {
        if let Some((0xFB, after)) = rest.split_first() {
            rest = after;
            places.push(Place::Null);
        } else {
            places.push(text(packet, &mut rest)?);
        }
    }
    rest.is_empty().then_some(())
}

#[inline]
fn find_binary(columns: &[Column], places: &mut Vec<Place>, packet: &[u8]) -> Option<()> {
    // The bitmap of NULLs has two bits before that of the first column.
    let bitmap = packet.get(1..1 + (columns.len() + 9) / 8)?;
    let mut rest = &packet[1 + bitmap.len()..];
    for (index, column) in columns.iter().enumerate() {
        let bit = index + 2;
        if bitmap[bit / 8] & (1 << (bit % 8)) != 0 {
            places.push(Place::Null);
        } else {
            places.push(match width(column.kind) {
                Some(width) => next(packet, &mut rest, width)?,
                None => text(packet, &mut rest)?,
            });
        }
    }
    (packet[0] == 0 && rest.is_empty()).then_some(())
}

/// Bytes of a value whose type gives its length; all others say their own.
#[inline]
fn width(kind: ColumnType) -> Option<usize> {
    use ColumnType as T;
    match kind {
        T::MYSQL_TYPE_NULL => Some(0),
        T::MYSQL_TYPE_TINY => Some(1),
        T::MYSQL_TYPE_SHORT | T::MYSQL_TYPE_YEAR => Some(2),
        T::MYSQL_TYPE_INT24 | T::MYSQL_TYPE_LONG | T::MYSQL_TYPE_FLOAT => Some(4),
        T::MYSQL_TYPE_LONGLONG | T::MYSQL_TYPE_DOUBLE => Some(8),
        _ => None,
    }
}

#[inline]
fn text(packet: &[u8], rest: &mut &[u8]) -> Option<Place> {
    let length = usize::try_from(length_encoded(rest)?).ok()?;
    next(packet, rest, length)
}

#[inline]
fn next(packet: &[u8], rest: &mut &[u8], length: usize) -> Option<Place> {
    let start = packet.len() - rest.len();
    *rest = rest.get(length..)?;
    let (start, end) = (u32::try_from(start).ok()?, u32::try_from(start + length).ok()?);
    Some(Place::At { start, end })
}

impl Row for MysqlRow<'_> {
    #[inline]
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        let (Some(place), Some(column)) = (self.places.get(index), self.columns.get(index)) else {
            return Err(no_column(index, self.columns.len()));
        };
        let Place::At { start, end } = *place else { return Ok(Value::Null) };
        let bytes = &self.packet[start as usize..end as usize];
        match self.protocol {
            Protocol::Text => values::from_text(bytes, column),
            Protocol::Binary => values::from_binary(bytes, column),
        }
        .map_err(|why| unreadable(index, column, &why))
    }
}

#[cold]
fn no_column(index: usize, columns: usize) -> DbError {
    DbError::unexpected(format!("the answer has no column {index}: it has {columns}"))
}

#[cold]
fn unreadable(index: usize, column: &Column, why: &str) -> DbError {
    DbError::unexpected(format!("column {index} (`{}`) {why}", column.name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use ColumnType as T;
    use proptest::prelude::*;

    fn columns(kinds: &[ColumnType]) -> Vec<Column> {
        kinds.iter().map(|kind| Column::sample(*kind)).collect()
    }

    #[test]
    fn columns_are_found_in_both_protocols() {
        let columns = columns(&[T::MYSQL_TYPE_LONG, T::MYSQL_TYPE_VAR_STRING, T::MYSQL_TYPE_TINY]);
        let (mut places, mut others) = (Vec::new(), Vec::new());
        let binary = [0, 0b100, 0xFE, 0xFF, 0xFF, 0xFF, 5];
        assert!(MysqlRow::find(Protocol::Binary, &columns, &mut places, &binary).is_err());
        let binary = [0, 0b1000, 0xFE, 0xFF, 0xFF, 0xFF, 5];
        let row = MysqlRow::find(Protocol::Binary, &columns, &mut places, &binary).unwrap();
        let values = [0, 1, 2].map(|index| row.value(index).unwrap());
        assert_eq!(values, [Value::Int(-2), Value::Null, Value::Int(5)]);
        assert!(row.value(3).is_err());
        let text = b"\x02-2\xfb\x015";
        let row = MysqlRow::find(Protocol::Text, &columns, &mut others, text).unwrap();
        assert_eq!([0, 1, 2].map(|index| row.value(index).unwrap()), values);
        assert!(MysqlRow::find(Protocol::Text, &columns, &mut places, b"\x02-2\xfb").is_err());
        assert!(MysqlRow::find(Protocol::Text, &columns, &mut places, b"\x011\xfb\xfb9").is_err());
    }

    proptest! {
        #[test]
        fn no_row_is_too_odd(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            kinds in proptest::collection::vec(0u8..=255, 1..12),
            plain: bool,
        ) {
            let kinds: Vec<_> =
                kinds.into_iter().filter_map(|kind| ColumnType::try_from(kind).ok()).collect();
            let columns = columns(&kinds);
            let protocol = if plain { Protocol::Text } else { Protocol::Binary };
            let mut places = Vec::new();
            if let Ok(row) = MysqlRow::find(protocol, &columns, &mut places, &bytes) {
                for index in 0..=columns.len() {
                    let _ = row.value(index);
                }
            }
        }
    }
}
