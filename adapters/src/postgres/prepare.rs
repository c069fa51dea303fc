//! Preparing statements, all in one round trip.

use dbdyno_core::{DbError, ErrorClass};
use postgres_protocol::Oid;
use postgres_protocol::message::backend::{
    DATA_ROW_TAG, ERROR_RESPONSE_TAG, NO_DATA_TAG, PARAMETER_DESCRIPTION_TAG, READY_FOR_QUERY_TAG,
    ROW_DESCRIPTION_TAG,
};
use postgres_protocol::message::frontend;

use super::messages::{column_names, column_types, columns_of_row, parameter_types};
use super::statement::{Prepared, SYNC};
use super::values::{Encoding, WireType};
use super::wire::Wire;

/// A statement to be prepared.
pub(super) struct Wanted {
    /// As people know it.
    pub(super) name: &'static str,
    /// As the server will know it; empty where it is to forget it after each use.
    pub(super) wire_name: String,
    pub(super) sql: String,
}

/// The types of one statement's parameters and columns.
type Types = (Vec<WireType>, Vec<WireType>);

/// Prepares statements, after what was put before them.
///
/// # Errors
/// The server refuses one, or the connection broke.
pub(super) async fn prepare(wire: &mut Wire, wanted: &[Wanted]) -> Result<Vec<Prepared>, DbError> {
    for Wanted { wire_name, sql, .. } in wanted {
        wire.put(|out| {
            frontend::parse(wire_name, sql, [], out)?;
            frontend::describe(b'S', wire_name, out)
        })?;
    }
    wire.outbound().extend_from_slice(&SYNC);
    wire.send().await?;
    let (mut described, names) = descriptions(wire, wanted).await?;
    resolve(wire, &mut described).await?;
    let prepared = wanted.iter().zip(described).zip(names);
    prepared
        .map(|((wanted, (parameters, columns)), names)| {
            let mut made = Prepared::new(wanted.name, &wanted.wire_name, parameters, columns);
            made.column_names = names;
            if wanted.wire_name.is_empty() {
                made.parse_each_time(&wanted.sql)?;
            }
            Ok(made)
        })
        .collect()
}

/// The types of the statements, and the names of their columns.
async fn descriptions(
    wire: &mut Wire,
    wanted: &[Wanted],
) -> Result<(Vec<Types>, Vec<Vec<String>>), DbError> {
    let cut_short = "has a description that is cut short";
    let mut described: Vec<Types> = Vec::with_capacity(wanted.len());
    let mut names = Vec::with_capacity(wanted.len());
    let (mut parameters, mut failure) = (Vec::new(), None);
    loop {
        let (tag, length) = wire.message().await?;
        match tag {
            PARAMETER_DESCRIPTION_TAG => match parameter_types(wire.body(length)) {
                Some(types) => parameters = types,
                None => return Err(wire.violated(cut_short)),
            },
            NO_DATA_TAG => {
                described.push((std::mem::take(&mut parameters), Vec::new()));
                names.push(Vec::new());
            }
            ROW_DESCRIPTION_TAG => match column_types(wire.body(length)) {
                Some(columns) => {
                    described.push((std::mem::take(&mut parameters), columns));
                    names.push(column_names(wire.body(length)));
                }
                None => return Err(wire.violated(cut_short)),
            },
            ERROR_RESPONSE_TAG => {
                let mut error = wire.take_error(length);
                if wire.end().is_some() {
                    return Err(error);
                }
                if let (ErrorClass::Other, Some(refused)) =
                    (error.class, wanted.get(described.len()))
                {
                    error.message = format!("statement `{}`: {}", refused.name, error.message);
                }
                failure.get_or_insert(error);
                continue;
            }
            READY_FOR_QUERY_TAG => {
                wire.take_ready(length)?;
                return match failure {
                    Some(error) => Err(error),
                    None if described.len() == wanted.len() => Ok((described, names)),
                    None => Err(wire.violated("is missing")),
                };
            }
            _ => {}
        }
        wire.take(length);
    }
}

/// Finds out how the values of domains and enums look, which their OIDs do not tell.
async fn resolve(wire: &mut Wire, described: &mut [Types]) -> Result<(), DbError> {
    /// `FirstNormalObjectId` of the server's sources: types below come with the server.
    const FIRST_OF_USERS: Oid = 16_384;
    for (parameters, columns) in described {
        for ty in parameters.iter_mut().chain(columns) {
            let mut oid = ty.oid;
            // A domain may be over another domain.
            while oid >= FIRST_OF_USERS {
                match base(wire, oid).await? {
                    Base::Text => {
                        ty.encoding = Encoding::Text;
                        break;
                    }
                    Base::Type(below) => oid = below,
                    Base::None => break,
                }
            }
            if oid < FIRST_OF_USERS {
                ty.encoding = WireType::of(oid).encoding;
            }
        }
    }
    Ok(())
}

/// What a type is made of.
enum Base {
    /// An enum's values are sent as their labels.
    Text,
    Type(Oid),
    None,
}

/// Asks the catalog for the type below another.
async fn base(wire: &mut Wire, oid: Oid) -> Result<Base, DbError> {
    wire.put(|out| {
        frontend::query(
            &format!("SELECT typtype, typbasetype FROM pg_catalog.pg_type WHERE oid = {oid}"),
            out,
        )
    })?;
    wire.send().await?;
    let (mut found, mut failure) = (Base::None, None);
    let mut columns = Vec::new();
    loop {
        let (tag, length) = wire.message().await?;
        match tag {
            DATA_ROW_TAG => {
                let body = wire.body(length);
                if !columns_of_row(body, &mut columns) {
                    return Err(wire.violated("has a row that is cut short"));
                }
                let text = |index: usize| {
                    let (start, end) = columns.get(index).copied().flatten()?;
                    std::str::from_utf8(body.get(start as usize..end as usize)?).ok()
                };
                found = match (text(0), text(1).and_then(|oid| oid.parse().ok())) {
                    (Some("e"), _) => Base::Text,
                    (Some("d"), Some(below)) => Base::Type(below),
                    _ => Base::None,
                };
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
                return failure.map_or(Ok(found), Err);
            }
            _ => {}
        }
        wire.take(length);
    }
}
