//! Columns of rows as dbdyno's values.

use dbdyno_core::{Date, Decimal, Timestamp, Value};
use mysql_common::constants::ColumnType;

use super::columns::Column;

/// A column of a prepared statement's answer
/// (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>).
#[inline]
pub fn from_binary<'v>(bytes: &'v [u8], column: &Column) -> Result<Value<'v>, String> {
    use ColumnType as T;
    match (column.kind, bytes) {
        (T::MYSQL_TYPE_NULL, _) => Ok(Value::Null),
        (T::MYSQL_TYPE_TINY, &[byte]) => Ok(Value::Int(match column.unsigned {
            true => i64::from(byte),
            false => i64::from(byte as i8),
        })),
        (T::MYSQL_TYPE_SHORT | T::MYSQL_TYPE_YEAR, &[low, high]) => {
            let number = u16::from_le_bytes([low, high]);
            Ok(Value::Int(match column.unsigned {
                true => i64::from(number),
                false => i64::from(number as i16),
            }))
        }
        (T::MYSQL_TYPE_INT24 | T::MYSQL_TYPE_LONG, &[a, b, c, d]) => {
            let number = u32::from_le_bytes([a, b, c, d]);
            Ok(Value::Int(match column.unsigned {
                true => i64::from(number),
                false => i64::from(number as i32),
            }))
        }
        (T::MYSQL_TYPE_LONGLONG, &[a, b, c, d, e, f, g, h]) => {
            let number = i64::from_le_bytes([a, b, c, d, e, f, g, h]);
            if column.unsigned && number < 0 {
                return Err(format!("holds {}, more than 64 bits with a sign", number as u64));
            }
            Ok(Value::Int(number))
        }
        (T::MYSQL_TYPE_FLOAT, &[a, b, c, d]) => {
            Ok(Value::Float(f64::from(f32::from_le_bytes([a, b, c, d]))))
        }
        (T::MYSQL_TYPE_DOUBLE, &[a, b, c, d, e, f, g, h]) => {
            Ok(Value::Float(f64::from_le_bytes([a, b, c, d, e, f, g, h])))
        }
        (T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE, _) => binary_date(bytes),
        (
            T::MYSQL_TYPE_DATETIME
            | T::MYSQL_TYPE_DATETIME2
            | T::MYSQL_TYPE_TIMESTAMP
            | T::MYSQL_TYPE_TIMESTAMP2,
            _,
        ) => binary_timestamp(bytes),
        (T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2, _) => Err(time()),
        _ => from_bytes(bytes, column),
    }
}

/// A column of the answer to a statement that was not prepared.
pub fn from_text<'v>(bytes: &'v [u8], column: &Column) -> Result<Value<'v>, String> {
    use ColumnType as T;
    let broken = || format!("cannot be read: {:?}", String::from_utf8_lossy(bytes));
    match column.kind {
        T::MYSQL_TYPE_TINY
        | T::MYSQL_TYPE_SHORT
        | T::MYSQL_TYPE_INT24
        | T::MYSQL_TYPE_LONG
        | T::MYSQL_TYPE_LONGLONG
        | T::MYSQL_TYPE_YEAR => text(bytes)?.parse().map(Value::Int).map_err(|_| broken()),
        T::MYSQL_TYPE_FLOAT | T::MYSQL_TYPE_DOUBLE => {
            text(bytes)?.parse().map(Value::Float).map_err(|_| broken())
        }
        T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => {
            Date::parse(text(bytes)?).map(Value::Date).ok_or_else(broken)
        }
        T::MYSQL_TYPE_DATETIME
        | T::MYSQL_TYPE_DATETIME2
        | T::MYSQL_TYPE_TIMESTAMP
        | T::MYSQL_TYPE_TIMESTAMP2 => {
            parse_timestamp(text(bytes)?).map(Value::Timestamp).ok_or_else(broken)
        }
        T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2 => Err(time()),
        _ => from_bytes(bytes, column),
    }
}

/// What both protocols give as characters or bytes.
#[inline]
fn from_bytes<'v>(bytes: &'v [u8], column: &Column) -> Result<Value<'v>, String> {
    use ColumnType as T;
    match column.kind {
        T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => {
            let text = text(bytes)?;
            Decimal::parse_rounded(text).map(Value::Decimal).ok_or_else(|| {
                format!("holds {text}, more than the 18 digits before the point that are read")
            })
        }
        _ if column.binary => Ok(Value::Bytes(bytes)),
        _ => Ok(Value::Text(text(bytes)?)),
    }
}

#[inline]
fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| format!("is not UTF-8: {error}"))
}

#[cold]
fn time() -> String {
    "is a TIME, which dbdyno does not read".to_owned()
}

fn binary_date(bytes: &[u8]) -> Result<Value<'static>, String> {
    let &[low, high, month, day, ..] = bytes else {
        return Err(format!("holds a date of {} bytes", bytes.len()));
    };
    let year = u16::from_le_bytes([low, high]);
    let date = i16::try_from(year).ok().and_then(|year| Date::from_parts(year, month, day));
    date.map(Value::Date)
        .ok_or_else(|| format!("holds a date that there is not: {year}-{month}-{day}"))
}

/// A date in 4 bytes, with a time in 7, with microseconds in 11; parts that are zero are left out.
fn binary_timestamp(bytes: &[u8]) -> Result<Value<'static>, String> {
    let (date, time, micros) = match *bytes {
        [] => ([0, 0, 0, 0], [0; 3], [0; 4]),
        [a, b, c, d] => ([a, b, c, d], [0; 3], [0; 4]),
        [a, b, c, d, e, f, g] => ([a, b, c, d], [e, f, g], [0; 4]),
        [a, b, c, d, e, f, g, h, i, j, k] => ([a, b, c, d], [e, f, g], [h, i, j, k]),
        _ => return Err(format!("holds a date of {} bytes", bytes.len())),
    };
    let [low, high, month, day] = date;
    let [hour, minute, second] = time;
    let year = u16::from_le_bytes([low, high]);
    i16::try_from(year)
        .ok()
        .and_then(|year| {
            let micros = u32::from_le_bytes(micros);
            Timestamp::from_parts((year, month, day), (hour, minute, second), micros)
        })
        .map(Value::Timestamp)
        .ok_or_else(|| format!("holds a date that there is not: {year}-{month}-{day}"))
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
    use crate::mysql::params;
    use bytes::BytesMut;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read_with_and_without_a_time() {
        assert_eq!(parse_timestamp("1970-01-02"), Some(Timestamp(86_400_000_000)));
        assert_eq!(parse_timestamp("1970-01-01 00:00:01.5"), Some(Timestamp(1_500_000)));
        for broken in ["", "1970-01", "0000-00-00 00:00:00", "1970-01-01 00:00:00.1234567"] {
            assert_eq!(parse_timestamp(broken), None, "{broken}");
        }
        let binary = |bytes: &[u8]| binary_timestamp(bytes);
        assert_eq!(binary(&[0xB2, 7, 1, 2]), Ok(Value::Timestamp(Timestamp(86_400_000_000))));
        let second = Ok(Value::Timestamp(Timestamp(1_000_000)));
        assert_eq!(binary(&[0xB2, 7, 1, 1, 0, 0, 1]), second);
        assert!(binary(&[]).is_err() && binary(&[1]).is_err());
    }

    #[test]
    fn unsigned_numbers_beyond_64_bits_with_a_sign_are_refused() {
        let mut column = Column::sample(ColumnType::MYSQL_TYPE_LONGLONG);
        assert_eq!(from_binary(&[0xFF; 8], &column), Ok(Value::Int(-1)));
        column.unsigned = true;
        assert!(from_binary(&[0xFF; 8], &column).is_err());
        assert!(from_text(u64::MAX.to_string().as_bytes(), &column).is_err());
        assert_eq!(from_text(b"7", &column), Ok(Value::Int(7)));
        column.kind = ColumnType::MYSQL_TYPE_TINY;
        assert_eq!(from_binary(&[0xFF], &column), Ok(Value::Int(255)));
    }

    proptest! {
        #[test]
        fn both_protocols_give_the_same_timestamp(micros in 0i64..4_000_000_000_000_000) {
            let column = Column::sample(ColumnType::MYSQL_TYPE_DATETIME);
            let moment = Value::Timestamp(Timestamp(micros));
            let mut binary = BytesMut::new();
            params::write_value(&mut binary, moment);
            prop_assert_eq!(from_binary(&binary[1..], &column), Ok(moment));
            let text = Timestamp(micros).to_string();
            prop_assert_eq!(from_text(text.as_bytes(), &column), Ok(moment));
        }
    }
}
