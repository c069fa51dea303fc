//! Values in PostgreSQL's binary format (manual, section 55.1, and the types' send functions).

use bytes::BufMut;
use dbdyno_core::{Date, Decimal, Timestamp, Value};
use postgres_protocol::Oid;
use postgres_types::Type;

use super::casts::cast;

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's timestamps count from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;
/// 2000-01-01 in days since 1970-01-01.
const POSTGRES_EPOCH_DAY: i32 = 10_957;

/// The type of a parameter or a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireType {
    pub(super) oid: Oid,
    pub(super) encoding: Encoding,
}

/// How the values of a type look on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    /// An array of `int`.
    Int4Array,
    Text,
    /// The one-byte type `"char"`.
    Byte,
    Bytea,
    Jsonb,
    Timestamp,
    Date,
    Void,
    /// None that [`Value`] covers.
    Other,
}

impl WireType {
    /// A built-in type. One that the server's user made, a domain or an enum, is `Other` here.
    pub(super) fn of(oid: Oid) -> Self {
        let encoding = match Type::from_oid(oid) {
            Some(Type::BOOL) => Encoding::Bool,
            Some(Type::INT2) => Encoding::Int2,
            Some(Type::INT4) => Encoding::Int4,
            Some(Type::INT8) => Encoding::Int8,
            Some(Type::OID) => Encoding::Oid,
            Some(Type::FLOAT4) => Encoding::Float4,
            Some(Type::FLOAT8) => Encoding::Float8,
            Some(Type::NUMERIC) => Encoding::Numeric,
            Some(Type::INT4_ARRAY) => Encoding::Int4Array,
            Some(
                Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON,
            ) => Encoding::Text,
            Some(Type::CHAR) => Encoding::Byte,
            Some(Type::JSONB) => Encoding::Jsonb,
            Some(Type::BYTEA) => Encoding::Bytea,
            Some(Type::TIMESTAMP | Type::TIMESTAMPTZ) => Encoding::Timestamp,
            Some(Type::DATE) => Encoding::Date,
            Some(Type::VOID) => Encoding::Void,
            _ => Encoding::Other,
        };
        Self { oid, encoding }
    }

    fn name(self) -> String {
        match Type::from_oid(self.oid) {
            Some(built_in) => built_in.name().to_owned(),
            None => format!("with OID {}", self.oid),
        }
    }
}

/// Puts a parameter as Bind has it: its length, then the value as the type that the server gave
/// the statement's place.
///
/// # Errors
/// The value does not fit the type; what was put until then is for the caller to take back.
#[inline]
pub(super) fn encode(value: Value<'_>, ty: WireType, out: &mut impl BufMut) -> Result<(), String> {
    match (value, ty.encoding) {
        (Value::Int(int), Encoding::Int4) => sized(out, narrow::<i32>(int, ty)?.to_be_bytes()),
        (Value::Int(int), Encoding::Int8) => sized(out, int.to_be_bytes()),
        (Value::Int(int), Encoding::Int2) => sized(out, narrow::<i16>(int, ty)?.to_be_bytes()),
        (Value::Text(text), Encoding::Text) => return put_bytes(text.as_bytes(), out),
        (Value::Null, _) => out.put_i32(-1),
        (Value::Decimal(decimal), Encoding::Numeric) => put_numeric(decimal, out),
        (Value::Timestamp(moment), Encoding::Timestamp) => {
            sized(out, since_postgres_epoch(moment)?.to_be_bytes());
        }
        (Value::Date(date), Encoding::Date) => {
            sized(out, days_since_postgres_epoch(date)?.to_be_bytes());
        }
        (Value::Text(text), Encoding::Jsonb) => return put_jsonb(text, out),
        (Value::Bytes(bytes), Encoding::Bytea) => return put_bytes(bytes, out),
        (Value::Ints(ints), Encoding::Int4Array) => return put_int4_array(ints, ty, out),
        (Value::Int(int), Encoding::Numeric) => put_numeric(Decimal::new(int, 0), out),
        (Value::Int(int), Encoding::Float8) => sized(out, (int as f64).to_be_bytes()),
        (Value::Int(int), Encoding::Float4) => sized(out, (int as f32).to_be_bytes()),
        (Value::Int(int @ (0 | 1)), Encoding::Bool) => sized(out, [u8::from(int == 1)]),
        (Value::Decimal(decimal), Encoding::Float8) => sized(out, decimal.to_f64().to_be_bytes()),
        (Value::Float(float), Encoding::Float8) => sized(out, float.to_be_bytes()),
        (Value::Float(float), Encoding::Float4) => sized(out, (float as f32).to_be_bytes()),
        _ => return cast(value, ty, out).unwrap_or_else(|| Err(mismatch(value, ty))),
    }
    Ok(())
}

#[cold]
fn mismatch(value: Value<'_>, ty: WireType) -> String {
    format!("{value:?} is no value for the type {}", ty.name())
}

/// Puts a value of a fixed length, after that length.
#[inline]
pub(super) fn sized<const LENGTH: usize>(out: &mut impl BufMut, value: [u8; LENGTH]) {
    out.put_i32(LENGTH as i32);
    out.put_slice(&value);
}

#[inline]
pub(super) fn put_bytes(bytes: &[u8], out: &mut impl BufMut) -> Result<(), String> {
    let length = i32::try_from(bytes.len())
        .map_err(|_| format!("{} bytes are more than a value may have", bytes.len()))?;
    out.put_i32(length);
    out.put_slice(bytes);
    Ok(())
}

/// The version of the format in which a JSON document travels (`jsonb_send` in the server's source,
/// `src/backend/utils/adt/jsonb.c`).
const JSONB_VERSION: u8 = 1;

/// Puts a JSON document.
pub(super) fn put_jsonb(text: &str, out: &mut impl BufMut) -> Result<(), String> {
    let length = i32::try_from(text.len() + 1)
        .map_err(|_| format!("{} bytes are more than a value may have", text.len()))?;
    out.put_i32(length);
    out.put_u8(JSONB_VERSION);
    out.put_slice(text.as_bytes());
    Ok(())
}

/// Reads text.
fn text(raw: &[u8]) -> Result<Value<'_>, String> {
    std::str::from_utf8(raw).map(Value::Text).map_err(|why| format!("it is not UTF-8: {why}"))
}

/// Puts an array of one dimension, without NULLs, counted from 1 (`array_send` in the server's
/// source, `src/backend/utils/adt/arrayfuncs.c`). One without elements has no dimension.
fn put_int4_array(ints: &[i64], ty: WireType, out: &mut impl BufMut) -> Result<(), String> {
    const HEADER: usize = 12;
    const DIMENSION: usize = 8;
    const ELEMENT: usize = 8;
    let dimensions = usize::from(!ints.is_empty());
    let length = HEADER + dimensions * DIMENSION + ints.len() * ELEMENT;
    let length = i32::try_from(length)
        .map_err(|_| format!("{} integers are more than an array may have", ints.len()))?;
    out.put_i32(length);
    out.put_i32(dimensions as i32);
    out.put_i32(0);
    out.put_u32(Type::INT4.oid());
    if dimensions > 0 {
        out.put_i32(ints.len() as i32);
        out.put_i32(1);
    }
    for int in ints {
        sized(out, narrow::<i32>(*int, ty)?.to_be_bytes());
    }
    Ok(())
}

/// Reads a column that is not NULL.
///
/// # Errors
/// The bytes are none of the type, or `Value` does not cover it.
#[inline]
pub(super) fn decode(ty: WireType, raw: &[u8]) -> Result<Value<'_>, String> {
    Ok(match ty.encoding {
        Encoding::Int4 => Value::Int(i32::from_be_bytes(exactly(raw, ty)?).into()),
        Encoding::Int8 => Value::Int(i64::from_be_bytes(exactly(raw, ty)?)),
        Encoding::Int2 => Value::Int(i16::from_be_bytes(exactly(raw, ty)?).into()),
        Encoding::Text | Encoding::Byte => text(raw)?,
        Encoding::Jsonb => match raw.split_first() {
            Some((&JSONB_VERSION, document)) => text(document)?,
            _ => return Err("the JSON document is in a format that dbdyno does not know".into()),
        },
        Encoding::Numeric => numeric(raw)?,
        Encoding::Timestamp => {
            Value::Timestamp(from_postgres_epoch(i64::from_be_bytes(exactly(raw, ty)?))?)
        }
        Encoding::Date => {
            let days = i32::from_be_bytes(exactly(raw, ty)?);
            // The extremes stand for infinity and -infinity.
            let date = days.checked_add(POSTGRES_EPOCH_DAY).map(Date);
            let date = date.filter(|date| (Date::FIRST..=Date::LAST).contains(date));
            Value::Date(date.ok_or_else(|| "the date is beyond what dbdyno reads".to_owned())?)
        }
        Encoding::Oid => Value::Int(u32::from_be_bytes(exactly(raw, ty)?).into()),
        Encoding::Bool => Value::Int(u8::from_be_bytes(exactly(raw, ty)?).into()),
        Encoding::Float8 => Value::Float(f64::from_be_bytes(exactly(raw, ty)?)),
        Encoding::Float4 => Value::Float(f32::from_be_bytes(exactly(raw, ty)?).into()),
        Encoding::Bytea => Value::Bytes(raw),
        Encoding::Void => Value::Null,
        Encoding::Int4Array | Encoding::Other => {
            return Err(format!("the type {} is not one that dbdyno reads", ty.name()));
        }
    })
}

#[inline]
fn exactly<const LENGTH: usize>(raw: &[u8], ty: WireType) -> Result<[u8; LENGTH], String> {
    raw.try_into()
        .map_err(|_| format!("{} bytes are not a value of the type {}", raw.len(), ty.name()))
}

#[inline]
fn narrow<T: TryFrom<i64>>(int: i64, ty: WireType) -> Result<T, String> {
    T::try_from(int).map_err(|_| format!("{int} does not fit the type {}", ty.name()))
}

/// Microseconds since 2000-01-01.
pub(super) fn since_postgres_epoch(moment: Timestamp) -> Result<i64, String> {
    moment
        .0
        .checked_sub(POSTGRES_EPOCH)
        .ok_or_else(|| format!("{} is too long ago for a timestamp", moment.0))
}

/// Days since 2000-01-01.
pub(super) fn days_since_postgres_epoch(date: Date) -> Result<i32, String> {
    date.0
        .checked_sub(POSTGRES_EPOCH_DAY)
        .ok_or_else(|| format!("{} days after 1970-01-01 are too long ago for a date", date.0))
}

fn from_postgres_epoch(micros: i64) -> Result<Timestamp, String> {
    // The extremes stand for infinity and -infinity, and overflow here.
    micros
        .checked_add(POSTGRES_EPOCH)
        .map(Timestamp)
        .ok_or_else(|| "the timestamp is beyond what dbdyno reads".to_owned())
}

/// Puts a `numeric` after its length: the number of base-10000 digits, the weight of the first, the sign, the
/// number of decimal digits after the point, the digits (numeric_send in the server's sources).
pub(super) fn put_numeric(decimal: Decimal, out: &mut impl BufMut) {
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
    out.put_i32(8 + 2 * count as i32);
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
fn numeric(raw: &[u8]) -> Result<Value<'static>, String> {
    let word = |index: usize| match raw.get(index * 2..index * 2 + 2) {
        Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
        _ => Err("the numeric is cut short".to_owned()),
    };
    let (count, weight) = (word(0)?, i32::from(word(1)? as i16));
    let (sign, scale) = (word(2)?, u32::from(word(3)?).min(18));
    match sign {
        0xC000 => return Ok(Value::Float(f64::NAN)),
        0xD000 => return Ok(Value::Float(f64::INFINITY)),
        0xF000 => return Ok(Value::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    let too_large = || "the numeric has more than 18 digits before its point".to_owned();
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
    let unscaled = if sign == 0x4000 { -unscaled } else { unscaled };
    Decimal::rounded(unscaled, scale).map(Value::Decimal).ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use bytes::BytesMut;
    use proptest::prelude::*;

    fn encoded(value: Value<'_>, ty: &Type) -> BytesMut {
        let mut out = BytesMut::new();
        encode(value, WireType::of(ty.oid()), &mut out).unwrap();
        let length = i32::from_be_bytes(out[..4].try_into().unwrap());
        assert_eq!(length as usize, out.len() - 4);
        out.split_off(4)
    }

    fn decoded<'r>(ty: &Type, raw: &'r [u8]) -> Result<Value<'r>, String> {
        decode(WireType::of(ty.oid()), raw)
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
    fn arrays_have_the_servers_bytes() {
        // As `SELECT encode(array_send(a), 'hex')` gives them, after the length.
        for (ints, hex) in [
            (&[][..], "0000000000000000".to_owned() + "00000017"),
            (
                &[7, -1][..],
                "000000010000000000000017".to_owned()
                    + "0000000200000001"
                    + "0000000400000007"
                    + "00000004ffffffff",
            ),
        ] {
            let mut out = BytesMut::new();
            encode(Value::Ints(ints), WireType::of(Type::INT4_ARRAY.oid()), &mut out).unwrap();
            let shown: String = out[4..].iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(shown, hex, "{ints:?}");
            assert_eq!(out[..4], (out.len() as i32 - 4).to_be_bytes());
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let mut out = BytesMut::new();
        for (value, ty) in [
            (Value::Int(40_000), Type::INT2),
            (Value::Int(1 << 40), Type::INT4),
            (Value::Text("x"), Type::INT4),
            (Value::Timestamp(Timestamp(i64::MIN)), Type::TIMESTAMP),
            (Value::Date(Date(i32::MIN)), Type::DATE),
            (Value::Ints(&[1 << 40]), Type::INT4_ARRAY),
            (Value::Ints(&[1]), Type::INT4),
        ] {
            assert!(encode(value, WireType::of(ty.oid()), &mut out).is_err(), "{value:?} as {ty}");
        }
        assert!(decoded(&Type::JSONB, b"{}").is_err());
        assert!(decoded(&Type::INT4, &[1, 2]).is_err());
        assert!(decoded(&Type::TIMESTAMP, &i64::MAX.to_be_bytes()).is_err());
        // And 5874897-12-31, the last day of the server.
        for days in [i32::MAX, i32::MIN, 2_145_031_948] {
            assert!(decoded(&Type::DATE, &days.to_be_bytes()).is_err());
        }
    }

    proptest! {
        #[test]
        fn dates_survive(days in -100_000i32..1_000_000) {
            let value = Value::Date(Date(days));
            let bytes = encoded(value, &Type::DATE);
            prop_assert_eq!(decoded(&Type::DATE, &bytes).unwrap(), value);
        }

        #[test]
        fn decimals_survive(unscaled in any::<i64>(), scale in 0u8..=18) {
            prop_assume!(unscaled != i64::MIN);
            let value = Value::Decimal(Decimal::new(unscaled, scale));
            let bytes = encoded(value, &Type::NUMERIC);
            prop_assert_eq!(decoded(&Type::NUMERIC, &bytes).unwrap(), value);
        }

        #[test]
        fn integers_survive_as_numerics(int in -i64::MAX..i64::MAX) {
            let bytes = encoded(Value::Int(int), &Type::NUMERIC);
            let found = decoded(&Type::NUMERIC, &bytes).unwrap();
            prop_assert_eq!(found, Value::Decimal(Decimal::new(int, 0)));
        }

        #[test]
        fn timestamps_survive(micros in -4_000_000_000_000_000i64..4_000_000_000_000_000) {
            let value = Value::Timestamp(Timestamp(micros));
            let bytes = encoded(value, &Type::TIMESTAMP);
            prop_assert_eq!(decoded(&Type::TIMESTAMP, &bytes).unwrap(), value);
        }

        #[test]
        fn no_bytes_make_a_value_panic(raw in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = numeric(&raw);
            for oid in 0..3_000 {
                let _ = decode(WireType::of(oid), &raw);
            }
        }
    }
}
