//! A prepared statement and the columns of its rows, without a connection.

use bytes::BytesMut;
use dbdyno_core::{DbError, Row, Value};
use postgres_protocol::Oid;

use super::messages::Span;
use super::row::PostgresRow;
use super::statement::Prepared;
use super::values::WireType;
use crate::codec::Codec;

/// A statement whose parameters and columns have these types.
#[doc(hidden)]
pub fn codec(parameters: &[Oid], columns: &[Oid]) -> impl Codec + use<> {
    let types = |oids: &[Oid]| oids.iter().map(|oid| WireType::of(*oid)).collect();
    PostgresCodec {
        statement: Prepared::new("bench", "s0", types(parameters), types(columns)),
        out: BytesMut::with_capacity(1024),
        spans: Vec::new(),
    }
}

struct PostgresCodec {
    statement: Prepared,
    out: BytesMut,
    spans: Vec<Span>,
}

impl Codec for PostgresCodec {
    fn bind(&mut self, params: &[Value<'_>]) -> Result<usize, DbError> {
        self.out.clear();
        self.statement.put(params, &mut self.out)?;
        Ok(self.out.len())
    }

    fn read(
        &mut self,
        row: &[u8],
        visit: &mut dyn FnMut(&dyn Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        match PostgresRow::read(&self.statement.columns, row, &mut self.spans) {
            Some(row) => visit(&row),
            None => Err(DbError::unexpected("a row that is malformed")),
        }
    }
}
