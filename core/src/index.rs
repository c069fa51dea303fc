//! Indexes that are made to be measured, and dropped again.

/// An index beside those that a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name, unquoted and unique in the data set.
    pub name: &'static str,
    /// The table, unquoted.
    pub table: &'static str,
    /// What it is over.
    pub key: IndexKey,
    /// The condition, in portable SQL, that rows must meet to be in it; all rows are where `None`.
    pub filter: Option<&'static str>,
}

/// What an index is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexKey {
    /// Columns, in order.
    Columns(&'static [&'static str]),
    /// An expression of the row, in portable SQL.
    Expression(&'static str),
    /// The words of a text column.
    Words {
        /// The column, unquoted.
        column: &'static str,
        /// The integer column that is the table's primary key.
        row: &'static str,
    },
}

/// How an engine says indexes.
pub trait IndexSql: Send + Sync {
    /// Statements that make the index.
    ///
    /// # Errors
    /// Why the engine has no such index.
    fn create(&self, index: &IndexDefinition) -> Result<Vec<String>, &'static str>;

    /// A query for the number of indexes of that name on the table: 0 or 1.
    fn exists(&self, index: &IndexDefinition) -> String;

    /// Statements that drop the index, which is there.
    fn drop(&self, index: &IndexDefinition) -> Vec<String>;

    /// A query for the bytes that the index takes, which is there and fresh: its statistics were
    /// gathered.
    fn size(&self, index: &IndexDefinition) -> String;

    /// Whether a foreign key can do without an index on its columns.
    ///
    /// # Errors
    /// Why it cannot.
    fn foreign_key_without_index(&self) -> Result<(), &'static str> {
        Ok(())
    }

    /// The condition, in portable SQL, that the text in `column` has the word that a parameter gives, by the
    /// index over words of that name; `row` is the table's key.
    fn has_word(&self, index: &str, column: &str, row: &str) -> String;
}
