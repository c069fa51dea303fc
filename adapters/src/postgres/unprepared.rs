//! Queries that are run once, in one round trip, with their rows in the binary format.

use dbdyno_core::{DbError, RowVisitor};
use postgres_protocol::message::backend::{
    COMMAND_COMPLETE_TAG, COPY_IN_RESPONSE_TAG, DATA_ROW_TAG, ERROR_RESPONSE_TAG,
    READY_FOR_QUERY_TAG, ROW_DESCRIPTION_TAG,
};
use postgres_protocol::message::frontend;

use super::messages::{Span, column_types, rows_of_tag};
use super::row::PostgresRow;
use super::statement::{Prepared, SYNC};
use super::wire::Wire;

/// Runs a query without parameters; gives the number of rows that it answers or, where it answers
/// none, changes.
///
/// # Errors
/// The server refuses it, `visit` fails, or the connection broke.
pub(super) async fn query(
    wire: &mut Wire,
    sql: &str,
    columns: &mut Vec<Span>,
    visit: &mut RowVisitor<'_>,
) -> Result<u64, DbError> {
    wire.put(|out| {
        frontend::parse("", sql, [], out)?;
        frontend::describe(b'S', "", out)
    })?;
    let bind = Prepared::new("", "", Vec::new(), Vec::new());
    bind.put(&[], wire.outbound())?;
    wire.outbound().extend_from_slice(&SYNC);
    wire.send().await?;
    let (mut types, mut rows, mut visited) = (Vec::new(), 0, Ok(()));
    let mut failure = None;
    loop {
        let (tag, length) = wire.message().await?;
        match tag {
            ROW_DESCRIPTION_TAG => match column_types(wire.body(length)) {
                Some(found) => types = found,
                None => return Err(wire.violated("has a description that is cut short")),
            },
            DATA_ROW_TAG => {
                rows += 1;
                if visited.is_ok() {
                    let body = wire.body(length);
                    match PostgresRow::read(&types, body, columns) {
                        Some(row) => visited = visit(&row),
                        None => return Err(wire.violated("has a row that is cut short")),
                    }
                }
            }
            ERROR_RESPONSE_TAG => {
                let error = wire.take_error(length);
                if wire.end().is_some() {
                    return Err(error);
                }
                failure.get_or_insert(error);
                continue;
            }
            READY_FOR_QUERY_TAG => {
                wire.take_ready(length)?;
                return failure.map_or(visited.map(|()| rows), Err);
            }
            // The server waits for rows that nobody has.
            COPY_IN_RESPONSE_TAG => return Err(wire.out_of_place(tag)),
            COMMAND_COMPLETE_TAG if rows == 0 => rows = rows_of_tag(wire.body(length)),
            _ => {}
        }
        wire.take(length);
    }
}
