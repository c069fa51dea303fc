//! Rows on their way in, as the two ways of loading want them.

use std::io::Write;

use bytes::Bytes;
use dbdyno_core::{Decimal, RowWriter, Timestamp};
use mysql_async::Value;

use super::values::timestamp;

/// Rows as lines of a file for `LOAD DATA`, in its default format: fields end with a tab, lines
/// with a newline, and a backslash escapes
/// (<https://dev.mysql.com/doc/refman/8.0/en/load-data.html>, "Field and Line Handling").
pub struct TextRow {
    lines: Vec<u8>,
    columns: usize,
}

impl TextRow {
    /// A file without lines, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { lines: Vec::with_capacity(bytes), columns: 0 }
    }

    /// Ends a line, which must have so many columns.
    pub fn end(&mut self, wanted: usize) -> Result<(), String> {
        self.lines.push(b'\n');
        check_width(std::mem::take(&mut self.columns), wanted)
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// The lines so far; those that come begin anew.
    pub fn take(&mut self) -> Bytes {
        let lines = Bytes::copy_from_slice(&self.lines);
        self.lines.clear();
        lines
    }

    fn field(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.columns > 0 {
            self.lines.push(b'\t');
        }
        self.columns += 1;
        write(&mut self.lines);
    }

    fn number(&mut self, value: impl std::fmt::Display) {
        self.field(|lines| {
            // Writing to memory cannot fail.
            let _ = write!(lines, "{value}");
        });
    }
}

impl RowWriter for TextRow {
    fn null(&mut self) {
        self.field(|lines| lines.extend_from_slice(b"\\N"));
    }

    fn int(&mut self, value: i64) {
        self.number(value);
    }

    fn decimal(&mut self, value: Decimal) {
        self.number(value);
    }

    fn text(&mut self, value: &str) {
        self.field(|lines| {
            for byte in value.bytes() {
                match byte {
                    b'\\' => lines.extend_from_slice(b"\\\\"),
                    b'\t' => lines.extend_from_slice(b"\\t"),
                    b'\n' => lines.extend_from_slice(b"\\n"),
                    0 => lines.extend_from_slice(b"\\0"),
                    _ => lines.push(byte),
                }
            }
        });
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.number(value);
    }
}

/// Rows as the parameters of one insert.
pub struct ValueRow {
    values: Vec<Value>,
    ended: usize,
}

impl ValueRow {
    /// No rows, with room for so many values.
    pub fn with_capacity(values: usize) -> Self {
        Self { values: Vec::with_capacity(values), ended: 0 }
    }

    /// Ends a row, which must have so many columns.
    pub fn end(&mut self, wanted: usize) -> Result<(), String> {
        let columns = self.values.len() - self.ended;
        self.ended = self.values.len();
        check_width(columns, wanted)
    }

    /// The values of all rows.
    pub fn take(self) -> Vec<Value> {
        self.values
    }
}

impl RowWriter for ValueRow {
    fn null(&mut self) {
        self.values.push(Value::NULL);
    }

    fn int(&mut self, value: i64) {
        self.values.push(Value::Int(value));
    }

    fn decimal(&mut self, value: Decimal) {
        self.values.push(Value::Bytes(value.to_string().into_bytes()));
    }

    fn text(&mut self, value: &str) {
        self.values.push(Value::Bytes(value.as_bytes().to_vec()));
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.values.push(timestamp(value));
    }
}

fn check_width(columns: usize, wanted: usize) -> Result<(), String> {
    if columns == wanted {
        return Ok(());
    }
    Err(format!("a row has {columns} columns instead of {wanted}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn lines_are_escaped() {
        let mut row = TextRow::with_capacity(16);
        row.int(-7);
        row.text("a\tb\\c\nd\0e");
        row.null();
        row.decimal(Decimal::cents(-5));
        row.end(4).unwrap();
        assert_eq!(&row.take()[..], b"-7\ta\\tb\\\\c\\nd\\0e\t\\N\t-0.05\n");
        assert_eq!(row.len(), 0);
    }

    #[test]
    fn the_number_of_columns_is_checked() {
        let mut text = TextRow::with_capacity(16);
        text.int(1);
        assert!(text.end(2).unwrap_err().contains("1 columns instead of 2"));
        let mut values = ValueRow::with_capacity(2);
        values.int(1);
        values.null();
        assert!(values.end(2).is_ok());
        values.int(1);
        assert!(values.end(2).is_err());
    }
}
