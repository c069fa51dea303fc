//! How transactions begin and end.

use bytes::BytesMut;
use dbdyno_core::DbError;

use super::prepare::{Wanted, prepare};
use super::statement::Prepared;
use super::wire::Wire;

const SQL: [&str; 3] = ["BEGIN", "COMMIT", "ROLLBACK"];

/// Messages that begin and end transactions: prepared statements, which the server need not parse
/// again, and which can be sent before others are answered.
pub(super) struct Control {
    pub(super) begin: BytesMut,
    pub(super) commit: BytesMut,
    pub(super) rollback: BytesMut,
}

impl Control {
    /// Has the server prepare them.
    ///
    /// # Errors
    /// The server refuses one, or the connection broke.
    pub(super) async fn new(wire: &mut Wire) -> Result<Self, DbError> {
        let wanted = SQL.map(|sql| Wanted { name: sql, wire_name: sql.into(), sql: sql.into() });
        Self::of(&prepare(wire, &wanted).await?)
    }

    /// For a server that forgets statements after each use.
    ///
    /// # Errors
    /// None that a server can cause.
    pub(super) fn unnamed() -> Result<Self, DbError> {
        let unnamed = SQL.map(|sql| {
            let mut statement = Prepared::new(sql, "", Vec::new(), Vec::new());
            statement.parse_each_time(sql).map(|()| statement)
        });
        Self::of(&unnamed.into_iter().collect::<Result<Vec<_>, _>>()?)
    }

    fn of(prepared: &[Prepared]) -> Result<Self, DbError> {
        let mut messages: [BytesMut; 3] = Default::default();
        for (statement, message) in prepared.iter().zip(&mut messages) {
            statement.put(&[], message)?;
        }
        let [begin, commit, rollback] = messages;
        Ok(Self { begin, commit, rollback })
    }
}
