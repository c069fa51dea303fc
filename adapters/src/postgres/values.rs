//! Values in PostgreSQL's binary format (manual, section 55.1, and the types' send functions).

use std::error::Error as StdError;
use std::fmt;

use bytes::{BufMut, BytesMut};
use dbdyno_core::{Decimal, Timestamp, Value};
use postgres_types::{FromSql, IsNull, Kind, ToSql, Type};

type AnyError = Box<dyn StdError + Sync + Send>;

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's timestamps count from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A parameter, encoded as the type that the server gave the statement's place.
#[derive(Debug)]
pub(super) struct Param<'a>(pub(super) &'a Value<'a>);

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, AnyError> {
        encode(*self.0, ty, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, AnyError> {
        encode(*self.0, ty, out)
    }
}

/// A column of a row, decoded by its type.
pub(super) struct Column<'a>(pub(super) Value<'a>);

impl<'a> FromSql<'a> for Column<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, AnyError> {
        decode(ty, raw).map(Self)
    }

    fn from_sql_null(_: &Type) -> Result<Self, AnyError> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn encode(value: Value<'_>, ty: &Type, out: &mut BytesMut) -> Result<IsNull, AnyError> {
    if let Kind::Domain(base) = ty.kind() {
        return encode(value, base, out);
    }
    match (value, ty) {
        (Value::Null, _) => return Ok(IsNull::Yes),
        (Value::Int(int), &Type::INT8) => out.put_i64(int),
        (Value::Int(int), &Type::INT4) => out.put_i32(narrow(int, ty)?),
        (Value::Int(int), &Type::INT2) => out.put_i16(narrow(int, ty)?),
        (Value::Int(int), &Type::NUMERIC) => put_numeric(Decimal::new(int, 0), out),
        (Value::Int(int), &Type::FLOAT8) => out.put_f64(int as f64),
        (Value::Int(int), &Type::FLOAT4) => out.put_f32(int as f32),
        (Value::Int(int @ (0 | 1)), &Type::BOOL) => out.put_u8(u8::from(int == 1)),
        (Value::Decimal(decimal), &Type::NUMERIC) => put_numeric(decimal, out),
        (Value::Decimal(decimal), &Type::FLOAT8) => out.put_f64(decimal.to_f64()),
        (Value::Float(float), &Type::FLOAT8) => out.put_f64(float),
        (Value::Float(float), &Type::FLOAT4) => out.put_f32(float as f32),
        (Value::Text(text), ty) if is_text(ty) => out.put_slice(text.as_bytes()),
        (Value::Bytes(bytes), &Type::BYTEA) => out.put_slice(bytes),
        (Value::Timestamp(moment), &Type::TIMESTAMP | &Type::TIMESTAMPTZ) => {
            out.put_i64(since_postgres_epoch(moment)?);
        }
        _ => return Err(Box::new(Mismatch(format!("{value:?} is no value for the type {ty}")))),
    }
    Ok(IsNull::No)
}

fn decode<'a>(ty: &Type, raw: &'a [u8]) -> Result<Value<'a>, AnyError> {
    if let Kind::Domain(base) = ty.kind() {
        return decode(base, raw);
    }
    Ok(match *ty {
        Type::INT8 => Value::Int(i64::from_be_bytes(raw.try_into()?)),
        Type::INT4 => Value::Int(i32::from_be_bytes(raw.try_into()?).into()),
        Type::INT2 => Value::Int(i16::from_be_bytes(raw.try_into()?).into()),
        Type::OID => Value::Int(u32::from_be_bytes(raw.try_into()?).into()),
        Type::BOOL => Value::Int(u8::from_be_bytes(raw.try_into()?).into()),
        Type::FLOAT8 => Value::Float(f64::from_be_bytes(raw.try_into()?)),
        Type::FLOAT4 => Value::Float(f32::from_be_bytes(raw.try_into()?).into()),
        Type::NUMERIC => numeric(raw)?,
        Type::BYTEA => Value::Bytes(raw),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            Value::Timestamp(from_postgres_epoch(i64::from_be_bytes(raw.try_into()?), 1)?)
        }
        Type::DATE => Value::Timestamp(from_postgres_epoch(
            i32::from_be_bytes(raw.try_into()?).into(),
            MICROS_PER_DAY,
        )?),
        Type::VOID => Value::Null,
        _ if is_text(ty) || *ty == Type::CHAR => Value::Text(std::str::from_utf8(raw)?),
        _ => return Err(Box::new(Mismatch(format!("the type {ty} is not one that dbdyno reads")))),
    })
}

fn is_text(ty: &Type) -> bool {
    matches!(*ty, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
        || matches!(ty.kind(), Kind::Enum(_))
}

fn narrow<T: TryFrom<i64>>(int: i64, ty: &Type) -> Result<T, AnyError> {
    T::try_from(int).map_err(|_| Mismatch(format!("{int} does not fit the type {ty}")).into())
}

/// Microseconds since 2000-01-01.
pub(super) fn since_postgres_epoch(moment: Timestamp) -> Result<i64, AnyError> {
    moment
        .0
        .checked_sub(POSTGRES_EPOCH)
        .ok_or_else(|| Mismatch(format!("{} is too long ago for a timestamp", moment.0)).into())
}

fn from_postgres_epoch(count: i64, unit: i64) -> Result<Timestamp, AnyError> {
    // The extremes stand for infinity and -infinity, and overflow here.
    count
        .checked_mul(unit)
        .and_then(|micros| micros.checked_add(POSTGRES_EPOCH))
        .map(Timestamp)
        .ok_or_else(|| Mismatch("the timestamp is beyond what dbdyno reads".into()).into())
}

/// Writes a `numeric`: the number of base-10000 digits, the weight of the first, the sign, the
/// number of decimal digits after the point, the digits (numeric_send in the server's sources).
pub(super) fn put_numeric(decimal: Decimal, out: &mut BytesMut) {
    let groups = u32::from(decimal.scale).div_ceil(4);
    let align = 10u128.pow(groups * 4 - u32::from(decimal.scale));
    let mut rest = u128::from(decimal.unscaled.unsigned_abs()) * align;
    // At most 22 decimal digits, so at most 6 digits and a group of zeros for each empty place.
    let mut digits = [0u16; 8];
    let mut count = 0;
    let mut skipped = 0;
    while rest > 0 {
        let digit = (rest % 10_000) as u16;
        rest /= 10_000;
        if count == 0 && digit == 0 {
            skipped += 1;
            continue;
        }
        digits[count] = digit;
        count += 1;
    }
    let weight = if count == 0 { 0 } else { count as i32 + skipped - groups as i32 - 1 };
    out.put_i16(count as i16);
    out.put_i16(weight as i16);
    out.put_u16(if decimal.unscaled < 0 { 0x4000 } else { 0 });
    out.put_u16(decimal.scale.into());
    for digit in digits[..count].iter().rev() {
        out.put_u16(*digit);
    }
}

/// Reads a `numeric`. One with more digits than [`Decimal`] holds (an average has sixteen after
/// the point) is rounded after its last digit that fits; NaN and the infinities come as doubles.
fn numeric(raw: &[u8]) -> Result<Value<'static>, AnyError> {
    let word = |index: usize| -> Result<u16, AnyError> {
        let bytes = raw.get(index * 2..index * 2 + 2).ok_or("the numeric is cut short")?;
        Ok(u16::from_be_bytes(bytes.try_into()?))
    };
    let (count, weight) = (word(0)?, i32::from(word(1)? as i16));
    let (sign, scale) = (word(2)?, u32::from(word(3)?).min(18));
    match sign {
        0xC000 => return Ok(Value::Float(f64::NAN)),
        0xD000 => return Ok(Value::Float(f64::INFINITY)),
        0xF000 => return Ok(Value::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    let too_large = || Mismatch("the numeric has more than 18 digits before its point".into());
    let mut unscaled: i128 = 0;
    for index in 0..count {
        let digit = i128::from(word(usize::from(index) + 4)?);
        let exponent = 4 * (weight - i32::from(index)) + scale as i32;
        let part = if exponent >= 0 {
            10i128.checked_pow(exponent.unsigned_abs()).and_then(|ten| digit.checked_mul(ten))
        } else {
            Some(digit / 10i128.pow(exponent.unsigned_abs().min(4)))
        };
        unscaled = part.and_then(|part| unscaled.checked_add(part)).ok_or_else(too_large)?;
    }
    let (unscaled, scale) = fit(unscaled, scale).ok_or_else(too_large)?;
    let unscaled = if sign == 0x4000 { -unscaled } else { unscaled };
    Ok(Value::Decimal(Decimal::new(unscaled, scale)))
}

/// Drops digits after the point, rounding half up, until the number fits.
fn fit(unscaled: i128, scale: u32) -> Option<(i64, u8)> {
    (0..=scale).find_map(|dropped| {
        let factor = 10i128.pow(dropped);
        let rounded = (unscaled + factor / 2) / factor;
        Some((i64::try_from(rounded).ok()?, (scale - dropped) as u8))
    })
}

/// A value that the type of its place does not take, or a type that `Value` does not cover.
#[derive(Debug)]
struct Mismatch(String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Mismatch {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    fn encoded(value: Value<'_>, ty: &Type) -> BytesMut {
        let mut out = BytesMut::new();
        encode(value, ty, &mut out).unwrap();
        out
    }

    #[test]
    fn numerics_have_the_servers_digits() {
        // As `SELECT encode(numeric_send(n), 'hex')` gives them.
        for (decimal, hex) in [
            (Decimal::new(0, 2), "0000000000000002"),
            (Decimal::new(1250, 2), "0002000000000002000c1388"),
            (Decimal::new(-5, 2), "0001ffff4000000201f4"),
            (Decimal::new(100_000_000, 0), "00010002000000000001"),
            (Decimal::new(5, 6), "0001fffe0000000601f4"),
        ] {
            let bytes = encoded(Value::Decimal(decimal), &Type::NUMERIC);
            let shown: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(shown, hex, "{decimal}");
        }
    }

    #[test]
    fn a_long_numeric_is_rounded_where_it_ends() {
        // 12345678901.2345678901234567 has 27 digits, 18 of which fit beside each other.
        let raw: Vec<u8> = [7u16, 2, 0, 16, 123, 4567, 8901, 2345, 6789, 123, 4567]
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect();
        let Value::Decimal(decimal) = numeric(&raw).unwrap() else { panic!("not a decimal") };
        assert_eq!(decimal.to_string(), "12345678901.23456789");
        assert!(numeric(&raw[..10]).is_err());
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let mut out = BytesMut::new();
        for (value, ty) in [
            (Value::Int(40_000), Type::INT2),
            (Value::Int(1 << 40), Type::INT4),
            (Value::Text("1"), Type::INT4),
            (Value::Timestamp(Timestamp(i64::MIN)), Type::TIMESTAMP),
        ] {
            assert!(encode(value, &ty, &mut out).is_err(), "{value:?} as {ty}");
        }
        assert!(decode(&Type::JSONB, b"{}").is_err());
        assert!(decode(&Type::INT4, &[1, 2]).is_err());
        assert!(decode(&Type::TIMESTAMP, &i64::MAX.to_be_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn decimals_survive(unscaled in any::<i64>(), scale in 0u8..=18) {
            prop_assume!(unscaled != i64::MIN);
            let value = Value::Decimal(Decimal::new(unscaled, scale));
            let bytes = encoded(value, &Type::NUMERIC);
            prop_assert_eq!(decode(&Type::NUMERIC, &bytes).unwrap(), value);
        }

        #[test]
        fn integers_survive_as_numerics(int in -i64::MAX..i64::MAX) {
            let bytes = encoded(Value::Int(int), &Type::NUMERIC);
            let decoded = decode(&Type::NUMERIC, &bytes).unwrap();
            prop_assert_eq!(decoded, Value::Decimal(Decimal::new(int, 0)));
        }

        #[test]
        fn timestamps_survive(micros in -4_000_000_000_000_000i64..4_000_000_000_000_000) {
            let value = Value::Timestamp(Timestamp(micros));
            let bytes = encoded(value, &Type::TIMESTAMP);
            prop_assert_eq!(decode(&Type::TIMESTAMP, &bytes).unwrap(), value);
        }

        #[test]
        fn no_bytes_make_a_numeric_panic(raw in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = numeric(&raw);
        }
    }
}
