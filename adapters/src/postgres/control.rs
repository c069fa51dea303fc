//! How transactions begin and end.

use bytes::BytesMut;
use dbdyno_core::DbError;
use postgres_protocol::message::frontend;

use super::prepare::{Wanted, prepare};
use super::wire::Wire;

/// Messages that begin and end transactions.
pub(super) struct Control {
    pub(super) begin: BytesMut,
    pub(super) commit: BytesMut,
    pub(super) rollback: BytesMut,
}

impl Control {
    /// Simple queries, or prepared statements, which can be sent before others are answered.
    pub(super) async fn new(wire: &mut Wire, pipelines: bool) -> Result<Self, DbError> {
        const SQL: [&str; 3] = ["BEGIN", "COMMIT", "ROLLBACK"];
        let mut messages: [BytesMut; 3] = Default::default();
        if pipelines {
            let wanted =
                SQL.map(|sql| Wanted { name: sql, wire_name: sql.into(), sql: sql.into() });
            let prepared = prepare(wire, &wanted).await?;
            for (statement, message) in prepared.iter().zip(&mut messages) {
                statement.put(&[], message)?;
            }
        } else {
            for (sql, message) in SQL.iter().zip(&mut messages) {
                frontend::query(sql, message)
                    .map_err(|why| DbError::unexpected(why.to_string()))?;
            }
        }
        let [begin, commit, rollback] = messages;
        Ok(Self { begin, commit, rollback })
    }
}
