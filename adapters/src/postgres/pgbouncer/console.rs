//! PgBouncer's console, which answers text (<https://www.pgbouncer.org/usage.html#show-pools>).

use dbdyno_core::{DbError, PoolState};
use postgres_protocol::message::backend::{
    DATA_ROW_TAG, ERROR_RESPONSE_TAG, READY_FOR_QUERY_TAG, ROW_DESCRIPTION_TAG,
};
use postgres_protocol::message::frontend;

use super::config::DATABASE;
use crate::postgres::messages::{column_names, columns_of_row};
use crate::postgres::wire::Wire;

/// Connections to the server, by what they do.
const OPEN: [&str; 5] = ["sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login"];
/// Those that nobody has; one that was used is looked at before it is given to anybody.
const IDLE: [&str; 3] = ["sv_idle", "sv_used", "sv_tested"];

/// The pool that clients use.
///
/// # Errors
/// It does not answer, or something else than pools.
pub(super) async fn pool_state(wire: &mut Wire) -> Result<PoolState, DbError> {
    let (mut state, mut waiting) = (PoolState::default(), 0);
    let visit = |names: &[String], row: &[Option<&str>]| {
        let text = |wanted: &str| {
            let place = names.iter().position(|name| name == wanted)?;
            row.get(place).copied().flatten()
        };
        let sum = |wanted: &[&str]| -> u32 {
            wanted.iter().filter_map(|name| text(name)?.parse::<u32>().ok()).sum()
        };
        if text("database") == Some(DATABASE) {
            state.open += sum(&OPEN);
            state.idle += sum(&IDLE);
            waiting += sum(&["cl_waiting"]);
        }
    };
    rows(wire, "SHOW POOLS", visit).await?;
    state.waiting = Some(waiting);
    Ok(state)
}

/// Asks, and shows each row with the names of its columns.
async fn rows(
    wire: &mut Wire,
    command: &str,
    mut visit: impl FnMut(&[String], &[Option<&str>]),
) -> Result<(), DbError> {
    wire.put(|out| frontend::query(command, out))?;
    wire.send().await?;
    let (mut names, mut spans, mut failure) = (Vec::new(), Vec::new(), None);
    loop {
        let (tag, length) = wire.message().await?;
        match tag {
            ROW_DESCRIPTION_TAG => names = column_names(wire.body(length)),
            DATA_ROW_TAG => {
                let body = wire.body(length);
                if !columns_of_row(body, &mut spans) {
                    return Err(wire.violated("has a row that is cut short"));
                }
                let texts = spans.iter().map(|span| {
                    let (start, end) = (*span)?;
                    std::str::from_utf8(body.get(start as usize..end as usize)?).ok()
                });
                visit(&names, &texts.collect::<Vec<_>>());
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
                return failure.map_or(Ok(()), Err);
            }
            _ => {}
        }
        wire.take(length);
    }
}
