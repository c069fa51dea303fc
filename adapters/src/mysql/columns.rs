//! The columns of an answer, as the server defines them.

use mysql_common::constants::{ColumnFlags, ColumnType};
use mysql_common::io::ParseBuf;
use mysql_common::packets;
use mysql_common::proto::MyDeserialize;

use super::wire::Fault;

/// The number of the collation `binary` in a column's definition: bytes, not text
/// (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_column_definition.html>).
pub const BINARY: u16 = 63;
/// The most columns that an answer can have
/// (<https://dev.mysql.com/doc/refman/8.0/en/column-count-limit.html>).
const MOST: u64 = 4096;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its type.
    pub kind: ColumnType,
    /// Whether its integers have no sign.
    pub unsigned: bool,
    /// Whether it holds bytes, not text.
    pub binary: bool,
    /// Its name, for messages.
    pub name: String,
    /// The definition as it was received: one that has not changed is not read again.
    definition: Box<[u8]>,
}

/// The columns of one statement's answer.
#[derive(Clone, Debug, Default)]
pub struct Columns(Vec<Column>);

impl Columns {
    /// The columns known so far.
    #[inline]
    pub fn known(&self) -> &[Column] {
        &self.0
    }

    /// Makes sure that there are not more than can be: `count` as a number of columns.
    #[inline]
    pub fn limit(count: u64) -> Result<usize, Fault> {
        if count == 0 || count > MOST {
            return Err(Fault::Malformed("an answer with more columns than there can be"));
        }
        Ok(count as usize)
    }

    /// Forgets the columns from `count` on.
    #[inline]
    pub fn truncate(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// Takes the definition of the column at `index`, the columns before which are known.
    #[inline]
    pub fn learn(&mut self, index: usize, definition: &[u8]) -> Result<(), Fault> {
        match self.0.get(index) {
            Some(column) if *column.definition == *definition => Ok(()),
            _ => self.replace(index, definition),
        }
    }

    #[cold]
    fn replace(&mut self, index: usize, definition: &[u8]) -> Result<(), Fault> {
        let column = Column::parse(definition)
            .ok_or(Fault::Malformed("a column definition that cannot be read"))?;
        self.0.truncate(index);
        self.0.push(column);
        Ok(())
    }
}

impl Column {
    fn parse(definition: &[u8]) -> Option<Self> {
        let column = packets::Column::deserialize((), &mut ParseBuf(definition)).ok()?;
        Some(Self {
            kind: column.column_type(),
            unsigned: column.flags().contains(ColumnFlags::UNSIGNED_FLAG),
            binary: column.character_set() == BINARY,
            name: column.name_str().into_owned(),
            definition: definition.into(),
        })
    }

    /// A column as a client library tells of it.
    pub fn told(kind: ColumnType, unsigned: bool, binary: bool) -> Self {
        Self { kind, unsigned, binary, name: String::new(), definition: Box::default() }
    }

    /// A column that holds text.
    #[cfg(test)]
    pub fn sample(kind: ColumnType) -> Self {
        Self::told(kind, false, false)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    /// A LONG of the collation `binary`.
    fn definition(name: &str, flags: ColumnFlags) -> Vec<u8> {
        let name = [&[name.len() as u8][..], name.as_bytes()].concat();
        let [low, high] = flags.bits().to_le_bytes();
        let fixed = [12, 63, 0, 11, 0, 0, 0, 3, low, high, 0, 0, 0];
        [&b"\x03def\x00\x01t\x00"[..], &name, &name, &fixed].concat()
    }

    #[test]
    fn a_changed_definition_is_read_again() {
        let mut columns = Columns::default();
        columns.learn(0, &definition("a", ColumnFlags::UNSIGNED_FLAG)).unwrap();
        columns.learn(1, &definition("b", ColumnFlags::empty())).unwrap();
        columns.learn(1, &definition("b", ColumnFlags::empty())).unwrap();
        assert!(columns.known()[0].unsigned && columns.known()[0].binary);
        columns.learn(0, &definition("c", ColumnFlags::empty())).unwrap();
        let [column] = columns.known() else { panic!("{columns:?}") };
        assert!(column.name == "c" && !column.unsigned);
        assert!(columns.learn(3, b"\x03def").is_err());
        assert!(Columns::limit(1 << 40).is_err());
    }

    proptest! {
        #[test]
        fn no_definition_is_too_odd(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            at in 0usize..40,
            byte: u8,
        ) {
            let _ = Columns::default().learn(0, &bytes);
            let mut bent = definition("name", ColumnFlags::empty());
            let at = at % bent.len();
            bent[at] = byte;
            let _ = Columns::default().learn(0, &bent);
            let _ = Columns::default().learn(0, &bent[..at]);
        }
    }
}
