//! Counting what comes of an answer.

use dbdyno_core::{DbError, Row, RowVisitor};

/// What came of an answer so far.
#[derive(Debug, Default)]
pub struct Tally {
    rows: u64,
    matched: u64,
    /// The first set of rows has ended: a procedure may answer several, and one is looked at.
    seen: bool,
    /// What a visitor first failed with.
    unread: Option<DbError>,
}

impl Tally {
    /// Shows a row to the visitor, unless an earlier one was too much for it.
    #[inline]
    pub fn row(&mut self, row: &dyn Row, visit: &mut RowVisitor<'_>) {
        if self.seen {
            return;
        }
        self.rows += 1;
        if self.unread.is_none() {
            self.unread = visit(row).err();
        }
    }

    /// Notes the end of a statement that matched so many rows, or of a set of rows that it answered.
    #[inline]
    pub fn end(&mut self, matched: u64) {
        self.matched = matched;
        self.seen |= self.rows > 0;
    }

    /// Gives the number of rows answered or, where there are none, matched, and begins anew.
    ///
    /// # Errors
    /// A visitor failed.
    #[inline]
    pub fn take(&mut self) -> Result<u64, DbError> {
        let Self { rows, matched, unread, .. } = std::mem::take(self);
        match unread {
            Some(why) => Err(why),
            None if rows > 0 => Ok(rows),
            None => Ok(matched),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use dbdyno_core::Value;

    use super::*;

    struct Seven;

    impl Row for Seven {
        fn value(&self, _: usize) -> Result<Value<'_>, DbError> {
            Ok(Value::Int(7))
        }
    }

    #[test]
    fn rows_of_the_first_set_are_looked_at_until_one_is_refused() {
        let (mut tally, mut looked) = (Tally::default(), 0);
        let mut visit = |row: &dyn Row| {
            looked += row.int(0)?;
            if looked > 7 { Err(DbError::unexpected("enough")) } else { Ok(()) }
        };
        for _ in 0..3 {
            tally.row(&Seven, &mut visit);
        }
        tally.end(0);
        tally.row(&Seven, &mut visit);
        assert_eq!(tally.take().unwrap_err().message, "enough");
        assert_eq!(looked, 14);
        for (rows, matched, counted) in [(3, 0, 3), (0, 5, 5), (0, 0, 0)] {
            (0..rows).for_each(|_| tally.row(&Seven, &mut |_| Ok(())));
            tally.end(matched);
            assert_eq!(tally.take().unwrap(), counted);
        }
    }
}
