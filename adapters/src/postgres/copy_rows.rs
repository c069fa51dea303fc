//! Rows in the binary format of COPY (manual, COPY, file formats), put where they are sent from.

use bytes::{BufMut, BytesMut};
use dbdyno_core::schema::ColumnType;
use dbdyno_core::{Date, DbError, Decimal, RowSource, RowWriter, Timestamp};

use super::values::{
    days_since_postgres_epoch, put_bytes, put_jsonb, put_numeric, since_postgres_epoch, sized,
};

/// How many bytes are put at once: a part of what a socket holds, so that the server has something
/// to read while the next are made.
const CHUNK: usize = 64 * 1024;

/// The signature, the flags and the length of the extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The number of columns that ends the rows.
const TRAILER: &[u8] = &[0xff, 0xff];

/// Makes the CopyData messages of one COPY.
pub(super) struct CopyRows<'t> {
    types: &'t [ColumnType],
    /// Rows so far.
    pub(super) count: u64,
}

impl<'t> CopyRows<'t> {
    /// Rows with columns of these types.
    pub(super) fn new(types: &'t [ColumnType]) -> Self {
        Self { types, count: 0 }
    }

    /// Puts what comes before the rows.
    pub(super) fn begin(&self, out: &mut BytesMut) {
        put_copy_data(out, |out| out.put_slice(HEADER));
    }

    /// Puts what comes after the rows.
    pub(super) fn end(&self, out: &mut BytesMut) {
        put_copy_data(out, |out| out.put_slice(TRAILER));
    }

    /// Puts rows of a source; gives whether it may have more.
    ///
    /// # Errors
    /// A row does not fit the table.
    pub(super) fn put_chunk(
        &mut self,
        source: &mut dyn RowSource,
        out: &mut BytesMut,
    ) -> Result<bool, DbError> {
        put_copy_data(out, |out| {
            let end = out.len() + CHUNK;
            let mut row = CopyRow { types: self.types, out, column: 0, mistake: None };
            while row.out.len() < end {
                if !row.take(source).map_err(|mistake| self.wrong(&mistake))? {
                    return Ok(false);
                }
                self.count += 1;
            }
            Ok(true)
        })
    }

    #[cold]
    fn wrong(&self, mistake: &str) -> DbError {
        let row = self.count + 1;
        DbError::unexpected(format!("row {row} that the data set made has {mistake}"))
    }
}

/// Puts a CopyData message with what `put` puts.
fn put_copy_data<T>(out: &mut BytesMut, put: impl FnOnce(&mut BytesMut) -> T) -> T {
    let start = out.len();
    out.put_slice(b"d\0\0\0\0");
    let done = put(out);
    let length = (out.len() - start - 1) as u32;
    out[start + 1..start + 5].copy_from_slice(&length.to_be_bytes());
    done
}

fn without_padding(text: &[u8]) -> &[u8] {
    let kept = text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    text.get(..kept).unwrap_or_default()
}

/// One row after the other.
struct CopyRow<'t, 'o> {
    types: &'t [ColumnType],
    out: &'o mut BytesMut,
    column: usize,
    mistake: Option<String>,
}

impl CopyRow<'_, '_> {
    /// Takes one row; false where there is none left.
    fn take(&mut self, source: &mut dyn RowSource) -> Result<bool, String> {
        let start = self.out.len();
        self.column = 0;
        self.out.put_i16(self.types.len() as i16);
        if !source.next_row(self) {
            self.out.truncate(start);
            return Ok(false);
        }
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        if self.column != self.types.len() {
            return Err(format!("{} columns of {}", self.column, self.types.len()));
        }
        Ok(true)
    }

    /// The type of the next column.
    fn next(&mut self) -> Option<ColumnType> {
        let ty = self.types.get(self.column).copied();
        self.column += 1;
        if ty.is_none() {
            self.mistake = Some("more columns than its table".into());
        }
        ty
    }

    #[cold]
    fn misfit(&mut self, ty: ColumnType, what: &str) {
        let column = self.column - 1;
        self.mistake = Some(format!("{what} in column {column} of type {ty:?}"));
    }
}

impl RowWriter for CopyRow<'_, '_> {
    fn null(&mut self) {
        if self.next().is_some() {
            self.out.put_i32(-1);
        }
    }

    fn int(&mut self, value: i64) {
        let Some(ty) = self.next() else { return };
        match ty {
            ColumnType::Int => match i32::try_from(value) {
                Ok(int) => sized(self.out, int.to_be_bytes()),
                Err(_) => self.misfit(ty, &format!("the number {value}")),
            },
            ColumnType::SmallInt => match i16::try_from(value) {
                Ok(int) => sized(self.out, int.to_be_bytes()),
                Err(_) => self.misfit(ty, &format!("the number {value}")),
            },
            ColumnType::BigInt => sized(self.out, value.to_be_bytes()),
            ColumnType::Decimal(..) => put_numeric(Decimal::new(value, 0), self.out),
            _ => self.misfit(ty, "a number"),
        }
    }

    fn decimal(&mut self, value: Decimal) {
        let Some(ty) = self.next() else { return };
        match ty {
            ColumnType::Decimal(..) => put_numeric(value, self.out),
            _ => self.misfit(ty, "a decimal"),
        }
    }

    fn text(&mut self, value: &str) {
        let Some(ty) = self.next() else { return };
        let text = match ty {
            // The server pads it again (manual, section 8.3): blanks need no sending.
            ColumnType::Char(_) => without_padding(value.as_bytes()),
            ColumnType::Varchar(_) | ColumnType::Text => value.as_bytes(),
            ColumnType::Json => {
                if let Err(why) = put_jsonb(value, self.out) {
                    self.misfit(ty, &why);
                }
                return;
            }
            _ => return self.misfit(ty, "text"),
        };
        if let Err(why) = put_bytes(text, self.out) {
            self.misfit(ty, &why);
        }
    }

    fn timestamp(&mut self, value: Timestamp) {
        let Some(ty) = self.next() else { return };
        match (ty, since_postgres_epoch(value)) {
            (ColumnType::Timestamp, Ok(micros)) => sized(self.out, micros.to_be_bytes()),
            (ColumnType::Timestamp, Err(why)) => self.misfit(ty, &why),
            _ => self.misfit(ty, "a timestamp"),
        }
    }

    fn date(&mut self, value: Date) {
        let Some(ty) = self.next() else { return };
        match (ty, days_since_postgres_epoch(value)) {
            (ColumnType::Date, Ok(days)) => sized(self.out, days.to_be_bytes()),
            (ColumnType::Date, Err(why)) => self.misfit(ty, &why),
            _ => self.misfit(ty, "a date"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_padding;

    #[test]
    fn only_blanks_are_padding() {
        for (text, kept) in
            [("a b  ", "a b"), ("a\n ", "a\n"), ("ž\u{a0} ", "ž\u{a0}"), ("   ", ""), ("", "")]
        {
            assert_eq!(without_padding(text.as_bytes()), kept.as_bytes());
        }
    }
}
