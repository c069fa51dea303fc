//! Parameters of another type than the server expects, as it would read a literal of them: the text `12`
//! for an integer, an integer for a text. Scripts in pgbench's language rely on it, for pgbench sends all
//! parameters as text.

use bytes::BufMut;
use dbdyno_core::{Date, Decimal, Timestamp, Value};

use super::values::{Encoding, WireType, encode, put_bytes};

/// Puts a value that is not of the type as one that is; `None`, with nothing put, where the server would not
/// read it either.
#[cold]
pub(super) fn cast(
    value: Value<'_>,
    ty: WireType,
    out: &mut impl BufMut,
) -> Option<Result<(), String>> {
    match (value, ty.encoding) {
        // What comes as text in any case.
        (Value::Text(text), Encoding::Other) => Some(put_bytes(text.as_bytes(), out)),
        (_, Encoding::Text | Encoding::Other) => Some(put_bytes(in_words(value)?.as_bytes(), out)),
        (Value::Text(text), _) => Some(encode(read(text.trim(), ty.encoding)?, ty, out)),
        (Value::Float(float), Encoding::Int2 | Encoding::Int4 | Encoding::Int8) => {
            let fits = float.fract() == 0.0 && float.abs() < 9e15;
            fits.then(|| encode(Value::Int(float as i64), ty, out))
        }
        (Value::Float(float), Encoding::Numeric) => {
            let decimal = Decimal::parse_rounded(&float.to_string())?;
            Some(encode(Value::Decimal(decimal), ty, out))
        }
        _ => None,
    }
}

fn in_words(value: Value<'_>) -> Option<String> {
    match value {
        Value::Int(int) => Some(int.to_string()),
        Value::Float(float) => Some(float.to_string()),
        Value::Decimal(decimal) => Some(decimal.to_string()),
        Value::Timestamp(moment) => Some(moment.to_string()),
        Value::Date(date) => Some(date.to_string()),
        Value::Null | Value::Text(_) | Value::Bytes(_) | Value::Ints(_) => None,
    }
}

fn read(text: &str, encoding: Encoding) -> Option<Value<'_>> {
    match encoding {
        Encoding::Int2 | Encoding::Int4 | Encoding::Int8 => text.parse().ok().map(Value::Int),
        Encoding::Float4 | Encoding::Float8 => text.parse().ok().map(Value::Float),
        Encoding::Numeric => Decimal::parse_rounded(text).map(Value::Decimal),
        Encoding::Timestamp => Timestamp::parse(text).map(Value::Timestamp),
        Encoding::Date => Date::parse(text).map(Value::Date),
        Encoding::Bool => match text.to_ascii_lowercase().as_str() {
            "t" | "true" | "yes" | "on" | "1" => Some(Value::Int(1)),
            "f" | "false" | "no" | "off" | "0" => Some(Value::Int(0)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;

    fn put(value: Value<'_>, oid: u32) -> Option<BytesMut> {
        let mut out = BytesMut::new();
        encode(value, WireType::of(oid), &mut out).ok().map(|()| out)
    }

    #[test]
    fn values_are_taken_as_the_server_reads_literals() {
        const BOOL: u32 = 16;
        const INT8: u32 = 20;
        const INT4: u32 = 23;
        const TEXT: u32 = 25;
        const FLOAT8: u32 = 701;
        const DATE: u32 = 1082;
        const TIMESTAMP: u32 = 1114;
        const NUMERIC: u32 = 1700;
        const UUID: u32 = 2950;
        for (given, oid, same) in [
            (Value::Text(" -12"), INT8, Value::Int(-12)),
            (Value::Text("7"), INT4, Value::Int(7)),
            (Value::Float(3.0), INT4, Value::Int(3)),
            (Value::Text("1e3"), FLOAT8, Value::Float(1000.0)),
            (Value::Text("-12.50"), NUMERIC, Value::Decimal(Decimal::cents(-1250))),
            (Value::Float(0.25), NUMERIC, Value::Decimal(Decimal::cents(25))),
            (Value::Text("t"), BOOL, Value::Int(1)),
            (Value::Text("2024-02-29"), DATE, Value::Date(Date(19_782))),
            (
                Value::Text("1970-01-01 00:00:01.5"),
                TIMESTAMP,
                Value::Timestamp(Timestamp(1_500_000)),
            ),
            (Value::Int(-5), TEXT, Value::Text("-5")),
            (Value::Float(0.5), TEXT, Value::Text("0.5")),
            (Value::Decimal(Decimal::cents(5)), TEXT, Value::Text("0.05")),
        ] {
            let (found, wanted) = (put(given, oid), put(same, oid));
            assert!(wanted.is_some() && found == wanted, "{given:?} as {oid}: {found:?}");
        }
        for (wrong, oid) in [
            (Value::Text("x"), INT4),
            (Value::Text("3000000000"), INT4),
            (Value::Float(1.5), INT8),
            (Value::Text("2024-02-30"), DATE),
            (Value::Text("maybe"), BOOL),
            (Value::Int(2), BOOL),
            (Value::Bytes(b"x"), UUID),
        ] {
            assert_eq!(put(wrong, oid), None, "{wrong:?} as {oid}");
        }
        assert_eq!(put(Value::Text("a-b"), UUID).unwrap()[..], *b"\0\0\0\x03a-b");
    }
}
