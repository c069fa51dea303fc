//! A query whose text is in a file.

use super::answer::Kind;

/// A query.
pub struct Query {
    /// Its name: `q01` to `q22`.
    pub name: &'static str,
    /// Its portable SQL.
    pub sql: &'static str,
    /// What its answer's columns hold.
    pub columns: &'static [Kind],
}

impl Query {
    /// A query by its name, text and columns.
    pub const fn new(name: &'static str, sql: &'static str, columns: &'static [Kind]) -> Self {
        Self { name, sql, columns }
    }
}
