//! The parts of a session that run for each statement and for each row, without a connection: for
//! benches, which have no server.

use dbdyno_core::{DbError, Row, Value};

/// What a session does to parameters and rows.
#[doc(hidden)]
pub trait Codec {
    /// Puts the messages that run the statement into a buffer; gives their length in bytes.
    ///
    /// # Errors
    /// The parameters do not fit the statement.
    fn bind(&mut self, params: &[Value<'_>]) -> Result<usize, DbError>;

    /// Finds the columns of a row as the server sends it, and shows it.
    ///
    /// # Errors
    /// The row is malformed, or the visitor's error.
    fn read(
        &mut self,
        row: &[u8],
        visit: &mut dyn FnMut(&dyn Row) -> Result<(), DbError>,
    ) -> Result<(), DbError>;
}
