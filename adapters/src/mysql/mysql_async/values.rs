//! Values as mysql_async has them.

use dbdyno_core::{Date, Timestamp, Value};
use mysql_common::constants::ColumnType;

use crate::mysql::columns::Column;
use crate::mysql::values::{from_binary, from_text};

/// A parameter. mysql_async has no type for fixed-point numbers: they go as text, as the types that its
/// users have for them do.
#[inline]
pub(super) fn parameter(value: Value<'_>) -> Result<mysql_async::Value, String> {
    use mysql_async::Value as V;
    Ok(match value {
        Value::Null => V::NULL,
        Value::Int(int) => V::Int(int),
        Value::Float(float) => V::Double(float),
        Value::Decimal(decimal) => V::Bytes(decimal.to_string().into_bytes()),
        Value::Text(text) => V::Bytes(text.as_bytes().to_vec()),
        Value::Bytes(bytes) => V::Bytes(bytes.to_vec()),
        Value::Timestamp(moment) => {
            let (year, month, day, hour, minute, second, microsecond) = moment.parts();
            V::Date(year.unsigned_abs(), month, day, hour, minute, second, microsecond)
        }
        Value::Date(date) => {
            let (year, month, day) = date.parts();
            V::Date(year.unsigned_abs(), month, day, 0, 0, 0, 0)
        }
        Value::Ints(_) => return Err("it is an array, and MySQL has none".to_owned()),
    })
}

/// A column of a row; `text` where the whole row came as text.
///
/// # Errors
/// It has a type that [`Value`] does not cover.
#[inline]
pub(super) fn value<'r>(
    found: &'r mysql_async::Value,
    column: &Column,
    text: bool,
) -> Result<Value<'r>, String> {
    use mysql_async::Value as V;
    Ok(match found {
        V::NULL => Value::Null,
        V::Int(int) => Value::Int(*int),
        V::UInt(int) => {
            let signed = i64::try_from(*int);
            Value::Int(signed.map_err(|_| format!("holds {int}, more than 64 bits with a sign"))?)
        }
        V::Float(float) => Value::Float(f64::from(*float)),
        V::Double(float) => Value::Float(*float),
        V::Bytes(bytes) if text => return from_text(bytes, column),
        V::Bytes(bytes) => return from_binary(bytes, column),
        V::Date(year, month, day, hour, minute, second, micros) => {
            let no_date = || format!("holds a date that there is not: {year}-{month}-{day}");
            let signed = i16::try_from(*year).map_err(|_| no_date())?;
            if column.kind == ColumnType::MYSQL_TYPE_DATE {
                Value::Date(Date::from_parts(signed, *month, *day).ok_or_else(no_date)?)
            } else {
                let (date, time) = ((signed, *month, *day), (*hour, *minute, *second));
                let moment = Timestamp::from_parts(date, time, *micros);
                Value::Timestamp(moment.ok_or_else(no_date)?)
            }
        }
        V::Time(..) => return Err("is a TIME, which dbdyno does not read".to_owned()),
    })
}
