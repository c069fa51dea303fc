//! dbdyno's values as the client library's, and back.

use dbdyno_core::{DbError, Decimal, Row, Timestamp, Value};
use mysql_async::Column;
use mysql_async::Value as MysqlValue;
use mysql_async::consts::ColumnType;

/// The number of the collation `binary` in a column's description: bytes, not text
/// (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_column_definition.html>).
const BINARY: u16 = 63;

/// A parameter. A decimal goes as text, which is exact when assigned to a DECIMAL column; in
/// arithmetic the server takes it as a double, whose rounding to cents is exact below 10^13.
pub fn parameter(value: &Value<'_>) -> MysqlValue {
    match *value {
        Value::Null => MysqlValue::NULL,
        Value::Int(int) => MysqlValue::Int(int),
        Value::Float(float) => MysqlValue::Double(float),
        Value::Decimal(decimal) => MysqlValue::Bytes(decimal.to_string().into_bytes()),
        Value::Text(text) => MysqlValue::Bytes(text.as_bytes().to_vec()),
        Value::Bytes(bytes) => MysqlValue::Bytes(bytes.to_vec()),
        Value::Timestamp(moment) => timestamp(moment),
    }
}

/// A DATETIME(6).
pub fn timestamp(moment: Timestamp) -> MysqlValue {
    let (year, month, day, hour, minute, second, microsecond) = moment.parts();
    MysqlValue::Date(year.unsigned_abs(), month, day, hour, minute, second, microsecond)
}

/// A row that the client library has read; a column is turned into a [`Value`] when asked for.
pub struct MysqlRow<'r>(pub &'r mysql_async::Row);

impl Row for MysqlRow<'_> {
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        let columns = self.0.columns_ref();
        let (Some(value), Some(column)) = (self.0.as_ref(index), columns.get(index)) else {
            return Err(DbError::unexpected(format!(
                "the answer has no column {index}: it has {}",
                columns.len()
            )));
        };
        decode(value, column).map_err(|why| {
            DbError::unexpected(format!("column {index} (`{}`) {why}", column.name_str()))
        })
    }
}

/// Prepared statements answer in the binary protocol, others in text.
fn decode<'v>(value: &'v MysqlValue, column: &Column) -> Result<Value<'v>, String> {
    match value {
        MysqlValue::NULL => Ok(Value::Null),
        MysqlValue::Int(int) => Ok(Value::Int(*int)),
        MysqlValue::UInt(int) => i64::try_from(*int)
            .map(Value::Int)
            .map_err(|_| format!("holds {int}, more than 64 bits with a sign")),
        MysqlValue::Float(float) => Ok(Value::Float(f64::from(*float))),
        MysqlValue::Double(double) => Ok(Value::Float(*double)),
        MysqlValue::Date(year, month, day, hour, minute, second, microsecond) => {
            let year = i16::try_from(*year).map_err(|_| format!("holds the year {year}"))?;
            let date = (year, *month, *day);
            Timestamp::from_parts(date, (*hour, *minute, *second), *microsecond)
                .map(Value::Timestamp)
                .ok_or_else(|| format!("holds a date that there is not: {date:?}"))
        }
        MysqlValue::Time(..) => Err("is a TIME, which dbdyno does not read".to_owned()),
        MysqlValue::Bytes(bytes) => decode_bytes(bytes, column),
    }
}

fn decode_bytes<'v>(bytes: &'v [u8], column: &Column) -> Result<Value<'v>, String> {
    use ColumnType as T;
    let text = || std::str::from_utf8(bytes).map_err(|error| format!("is not UTF-8: {error}"));
    let broken = || format!("cannot be read: {:?}", String::from_utf8_lossy(bytes));
    match column.column_type() {
        T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => {
            let text = text()?;
            Decimal::parse(text)
                .map(Value::Decimal)
                .ok_or_else(|| format!("holds {text}, more than the 18 digits that are read"))
        }
        T::MYSQL_TYPE_TINY
        | T::MYSQL_TYPE_SHORT
        | T::MYSQL_TYPE_INT24
        | T::MYSQL_TYPE_LONG
        | T::MYSQL_TYPE_LONGLONG
        | T::MYSQL_TYPE_YEAR => text()?.parse().map(Value::Int).map_err(|_| broken()),
        T::MYSQL_TYPE_FLOAT | T::MYSQL_TYPE_DOUBLE => {
            text()?.parse().map(Value::Float).map_err(|_| broken())
        }
        T::MYSQL_TYPE_DATE
        | T::MYSQL_TYPE_NEWDATE
        | T::MYSQL_TYPE_DATETIME
        | T::MYSQL_TYPE_DATETIME2
        | T::MYSQL_TYPE_TIMESTAMP
        | T::MYSQL_TYPE_TIMESTAMP2 => {
            parse_timestamp(text()?).map(Value::Timestamp).ok_or_else(broken)
        }
        _ if column.character_set() == BINARY => Ok(Value::Bytes(bytes)),
        _ => Ok(Value::Text(text()?)),
    }
}

/// Reads `YYYY-MM-DD`, with ` HH:MM:SS` and up to six digits of a second after it or not.
fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(' ').unwrap_or((text, "00:00:00"));
    let mut date = date.split('-');
    let (year, month, day) = (date.next()?, date.next()?, date.next()?);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut time = time.split(':');
    let (hour, minute, second) = (time.next()?, time.next()?, time.next()?);
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 6)?;
    let microsecond = match fraction {
        "" => 0,
        _ => fraction.parse::<u32>().ok()? * 10u32.pow(6 - digits),
    };
    Timestamp::from_parts(
        (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?),
        (hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?),
        microsecond,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read_with_and_without_a_time() {
        assert_eq!(parse_timestamp("1970-01-02"), Some(Timestamp(86_400_000_000)));
        assert_eq!(parse_timestamp("1970-01-01 00:00:01.5"), Some(Timestamp(1_500_000)));
        for broken in ["", "1970-01", "0000-00-00 00:00:00", "1970-01-01 00:00:00.1234567"] {
            assert_eq!(parse_timestamp(broken), None, "{broken}");
        }
    }

    #[test]
    fn unsigned_numbers_beyond_64_bits_with_a_sign_are_refused() {
        let column = Column::new(ColumnType::MYSQL_TYPE_LONGLONG);
        assert!(decode(&MysqlValue::UInt(u64::MAX), &column).is_err());
        assert_eq!(decode(&MysqlValue::UInt(7), &column), Ok(Value::Int(7)));
    }

    proptest! {
        #[test]
        fn both_protocols_give_the_same_timestamp(micros in 0i64..4_000_000_000_000_000) {
            let column = Column::new(ColumnType::MYSQL_TYPE_DATETIME);
            let moment = Timestamp(micros);
            let expected = Ok(Value::Timestamp(moment));
            let binary = timestamp(moment);
            prop_assert_eq!(decode(&binary, &column), expected.clone());
            let text = MysqlValue::Bytes(moment.to_string().into_bytes());
            prop_assert_eq!(decode(&text, &column), expected);
        }
    }
}
