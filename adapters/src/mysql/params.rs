//! Parameters of prepared statements, in the binary protocol
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_execute.html>).

use bytes::{BufMut, BytesMut};
use dbdyno_core::{Date, Decimal, RowWriter, Timestamp, Value};
use mysql_common::constants::{ColumnType, Command};

use super::digits;

/// The types of a statement's parameters that the server was last told: it keeps them from one
/// execution to the next.
#[derive(Debug, Default)]
pub struct Types {
    told: Vec<u8>,
    known: bool,
}

impl Types {
    /// Tells them again with the next execution.
    pub fn forget(&mut self) {
        self.known = false;
    }

    /// Whether the server must be told the types of these parameters; NULL fits each.
    #[inline]
    fn take(&mut self, params: &[Value<'_>]) -> bool {
        let mut tell = !self.known || self.told.len() != params.len();
        self.told.resize(params.len(), ColumnType::MYSQL_TYPE_NULL as u8);
        for (told, value) in self.told.iter_mut().zip(params) {
            let kind = kind(value);
            if kind != *told && !matches!(value, Value::Null) {
                (*told, tell) = (kind, true);
            }
        }
        self.known = true;
        tell
    }
}

/// Writes the command that runs a prepared statement.
#[inline]
pub fn write_execute(out: &mut BytesMut, statement: u32, types: &mut Types, params: &[Value<'_>]) {
    write_head(out, statement);
    if params.is_empty() {
        return;
    }
    let bitmap = out.len();
    out.put_bytes(0, params.len().div_ceil(8));
    let tell = types.take(params);
    out.put_u8(u8::from(tell));
    if tell {
        types.told.iter().for_each(|kind| out.put_slice(&[*kind, 0]));
    }
    for (index, value) in params.iter().enumerate() {
        if matches!(value, Value::Null) {
            out[bitmap + index / 8] |= 1 << (index % 8);
        } else {
            write_value(out, *value);
        }
    }
}

/// Without a cursor, once.
#[inline]
fn write_head(out: &mut BytesMut, statement: u32) {
    let [a, b, c, d] = statement.to_le_bytes();
    out.put_slice(&[Command::COM_STMT_EXECUTE as u8, a, b, c, d, 0, 1, 0, 0, 0]);
}

/// A decimal goes as one, so that arithmetic with it is exact.
#[inline]
fn kind(value: &Value<'_>) -> u8 {
    (match value {
        // Arrays are refused before.
        Value::Null | Value::Ints(_) => ColumnType::MYSQL_TYPE_NULL,
        Value::Int(_) => ColumnType::MYSQL_TYPE_LONGLONG,
        Value::Float(_) => ColumnType::MYSQL_TYPE_DOUBLE,
        Value::Decimal(_) => ColumnType::MYSQL_TYPE_NEWDECIMAL,
        Value::Text(_) => ColumnType::MYSQL_TYPE_VAR_STRING,
        Value::Bytes(_) => ColumnType::MYSQL_TYPE_BLOB,
        Value::Timestamp(_) => ColumnType::MYSQL_TYPE_DATETIME,
        Value::Date(_) => ColumnType::MYSQL_TYPE_DATE,
    }) as u8
}

/// Writes a value that is not NULL.
#[inline]
pub fn write_value(out: &mut BytesMut, value: Value<'_>) {
    match value {
        Value::Null | Value::Ints(_) => {}
        Value::Int(int) => out.put_i64_le(int),
        Value::Float(float) => out.put_f64_le(float),
        Value::Decimal(decimal) => write_decimal(out, decimal),
        Value::Text(text) => write_bytes(out, text.as_bytes()),
        Value::Bytes(bytes) => write_bytes(out, bytes),
        Value::Timestamp(moment) => write_timestamp(out, moment),
        Value::Date(date) => write_date(out, date),
    }
}

/// Its digits, with their length in one byte: there are no more than 21.
fn write_decimal(out: &mut BytesMut, decimal: Decimal) {
    let length = out.len();
    out.put_u8(0);
    digits::decimal(out, decimal);
    out[length] = (out.len() - length - 1) as u8;
}

fn write_timestamp(out: &mut BytesMut, moment: Timestamp) {
    let (year, month, day, hour, minute, second, microsecond) = moment.parts();
    out.put_u8(11);
    out.put_u16_le(year.unsigned_abs());
    out.put_slice(&[month, day, hour, minute, second]);
    out.put_u32_le(microsecond);
}

fn write_date(out: &mut BytesMut, date: Date) {
    let (year, month, day) = date.parts();
    out.put_u8(4);
    out.put_u16_le(year.unsigned_abs());
    out.put_slice(&[month, day]);
}

/// Bytes with their length before them.
#[inline]
pub fn write_bytes(out: &mut BytesMut, bytes: &[u8]) {
    let length = bytes.len() as u64;
    match length {
        0..=0xFA => out.put_u8(length as u8),
        0xFB..=0xFFFF => {
            out.put_u8(0xFC);
            out.put_u16_le(length as u16);
        }
        0x1_0000..=0xFF_FFFF => {
            out.put_u8(0xFD);
            out.put_uint_le(length, 3);
        }
        _ => {
            out.put_u8(0xFE);
            out.put_u64_le(length);
        }
    }
    out.put_slice(bytes);
}

/// Rows as the parameters of one statement that inserts them all.
#[derive(Debug, Default)]
pub struct ParameterRows {
    nulls: Vec<u8>,
    kinds: Vec<u8>,
    values: BytesMut,
}

impl ParameterRows {
    /// Values so far.
    pub fn len(&self) -> usize {
        self.kinds.len() / 2
    }

    /// Writes the command that runs a prepared statement with these rows, and begins anew.
    pub fn write_execute(&mut self, out: &mut BytesMut, statement: u32) {
        write_head(out, statement);
        out.put_slice(&self.nulls);
        out.put_u8(1);
        out.put_slice(&self.kinds);
        out.put_slice(&self.values);
        self.nulls.clear();
        self.kinds.clear();
        self.values.clear();
    }

    fn put(&mut self, value: Value<'_>) {
        let index = self.len();
        if index.is_multiple_of(8) {
            self.nulls.push(0);
        }
        if matches!(value, Value::Null) {
            self.nulls[index / 8] |= 1 << (index % 8);
        }
        self.kinds.extend_from_slice(&[kind(&value), 0]);
        write_value(&mut self.values, value);
    }
}

impl RowWriter for ParameterRows {
    fn null(&mut self) {
        self.put(Value::Null);
    }

    fn int(&mut self, value: i64) {
        self.put(Value::Int(value));
    }

    fn decimal(&mut self, value: Decimal) {
        self.put(Value::Decimal(value));
    }

    fn text(&mut self, value: &str) {
        self.put(Value::Text(value));
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.put(Value::Timestamp(value));
    }

    fn date(&mut self, value: Date) {
        self.put(Value::Date(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(types: &mut Types, params: &[Value<'_>]) -> Vec<u8> {
        let mut out = BytesMut::new();
        write_execute(&mut out, 7, types, params);
        assert_eq!(out[..10], [0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0]);
        out[10..].to_vec()
    }

    #[test]
    fn types_are_told_once() {
        let mut types = Types::default();
        let mut then = |params: &[Value<'_>]| written(&mut types, params);
        assert!(then(&[]).is_empty());
        let params = [Value::Text("ab"), Value::Decimal(Decimal::cents(-5))];
        let values = b"\x02ab\x05-0.05";
        let told = [&[0, 1, 0xFD, 0, 0xF6, 0][..], values].concat();
        assert_eq!(then(&params), told);
        assert_eq!(then(&params), [&[0, 0][..], values].concat());
        // NULL fits every type, and another type is told.
        assert_eq!(then(&[Value::Null, Value::Null]), [0b11, 0]);
        assert_eq!(then(&[params[0], Value::Bytes(b"")]), b"\x00\x01\xfd\x00\xfc\x00\x02ab\x00");
        types.forget();
        assert_eq!(written(&mut types, &[Value::Null; 9])[..3], [0xFF, 1, 1]);
    }

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        for (length, head) in [
            (250, &[250][..]),
            (251, &[0xFC, 251, 0]),
            (0x1_0000, &[0xFD, 0, 0, 1]),
            (0x100_0000, &[0xFE, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            let mut out = BytesMut::new();
            write_bytes(&mut out, &vec![7; length]);
            assert_eq!(out[..head.len()], *head);
            assert_eq!(out.len(), head.len() + length);
            let number = super::super::answers::length_encoded(&mut &out[..]);
            assert_eq!(number, Some(length as u64));
        }
    }

    #[test]
    fn rows_become_parameters() {
        let mut rows = ParameterRows::default();
        for _ in 0..3 {
            rows.int(1);
            rows.null();
            rows.text("x");
        }
        assert_eq!(rows.len(), 9);
        let mut out = BytesMut::new();
        rows.write_execute(&mut out, 7);
        assert_eq!(out[10..13], [0b1001_0010, 0, 1]);
        assert_eq!(out.len(), 13 + 2 * 9 + 3 * (8 + 2));
        assert_eq!(rows.len(), 0);
    }
}
