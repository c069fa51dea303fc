//! How transactions begin and end.

use bytes::BytesMut;
use dbdyno_core::DbError;

use super::prepare::{Wanted, prepare};
use super::statement::SYNC;
use super::wire::Wire;

/// Messages that begin and end transactions: prepared statements, which the server need not parse
/// again, and which can be sent before others are answered.
pub(super) struct Control {
    pub(super) begin: BytesMut,
    pub(super) commit: BytesMut,
    pub(super) rollback: BytesMut,
}

impl Control {
    /// Each with a Sync of its own, unless the session pipelines.
    pub(super) async fn new(wire: &mut Wire, pipelines: bool) -> Result<Self, DbError> {
        const SQL: [&str; 3] = ["BEGIN", "COMMIT", "ROLLBACK"];
        let wanted = SQL.map(|sql| Wanted { name: sql, wire_name: sql.into(), sql: sql.into() });
        let prepared = prepare(wire, &wanted).await?;
        let mut messages: [BytesMut; 3] = Default::default();
        for (statement, message) in prepared.iter().zip(&mut messages) {
            statement.put(&[], message)?;
            if !pipelines {
                message.extend_from_slice(&SYNC);
            }
        }
        let [begin, commit, rollback] = messages;
        Ok(Self { begin, commit, rollback })
    }
}
