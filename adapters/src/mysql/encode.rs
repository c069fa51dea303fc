//! Rows as lines of a file.

use bytes::{BufMut, BytesMut};
use dbdyno_core::{Date, Decimal, RowWriter, Timestamp};

use super::digits;
use super::wire::HEADER_BYTES;

/// Rows as lines of a file for `LOAD DATA`, in its default format: fields end with a tab, lines
/// with a newline, and a backslash escapes
/// (<https://dev.mysql.com/doc/refman/8.0/en/load-data.html>, "Field and Line Handling").
pub struct TextRow {
    lines: BytesMut,
    columns: usize,
}

impl TextRow {
    /// A file without lines, to be written into `buffer`.
    pub fn new(buffer: BytesMut) -> Self {
        let mut row = Self { lines: BytesMut::new(), columns: 0 };
        row.take(buffer);
        row
    }

    /// Ends a line, which must have so many columns.
    pub fn end(&mut self, wanted: usize) -> Result<(), String> {
        self.lines.put_u8(b'\n');
        check_width(std::mem::take(&mut self.columns), wanted)
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.lines.len() - HEADER_BYTES
    }

    /// The lines so far, after room for a packet's header; those that come are written into
    /// `buffer`.
    pub fn take(&mut self, mut buffer: BytesMut) -> BytesMut {
        buffer.clear();
        buffer.put_bytes(0, HEADER_BYTES);
        std::mem::replace(&mut self.lines, buffer)
    }

    #[inline]
    fn field(&mut self) -> &mut BytesMut {
        if self.columns > 0 {
            self.lines.put_u8(b'\t');
        }
        self.columns += 1;
        &mut self.lines
    }
}

impl RowWriter for TextRow {
    fn null(&mut self) {
        self.field().put_slice(b"\\N");
    }

    fn int(&mut self, value: i64) {
        digits::int(self.field(), value);
    }

    fn decimal(&mut self, value: Decimal) {
        digits::decimal(self.field(), value);
    }

    fn text(&mut self, value: &str) {
        let lines = self.field();
        let mut rest = value.as_bytes();
        while let Some(place) =
            rest.iter().position(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | 0))
        {
            lines.put_slice(&rest[..place]);
            lines.put_slice(match rest[place] {
                b'\t' => b"\\t",
                b'\n' => b"\\n",
                0 => b"\\0",
                _ => b"\\\\",
            });
            rest = &rest[place + 1..];
        }
        lines.put_slice(rest);
    }

    fn timestamp(&mut self, value: Timestamp) {
        digits::timestamp(self.field(), value);
    }

    fn date(&mut self, value: Date) {
        digits::date(self.field(), value);
    }
}

/// Refuses a row that has not as many columns as its table.
pub fn check_width(columns: usize, wanted: usize) -> Result<(), String> {
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
        let mut row = TextRow::new(BytesMut::new());
        row.int(-7);
        row.text("a\tb\\c\nd\0e");
        row.null();
        row.decimal(Decimal::cents(-5));
        row.end(4).unwrap();
        assert_eq!(
            &row.take(BytesMut::new())[HEADER_BYTES..],
            b"-7\ta\\tb\\\\c\\nd\\0e\t\\N\t-0.05\n"
        );
        assert_eq!(row.len(), 0);
    }

    #[test]
    fn the_number_of_columns_is_checked() {
        let mut text = TextRow::new(BytesMut::new());
        text.int(1);
        assert!(text.end(2).unwrap_err().contains("1 columns instead of 2"));
    }
}
