//! A prepared statement and the columns of its rows, without a connection.

use bytes::BytesMut;
use dbdyno_core::{DbError, Row, Value};

use super::columns::Columns;
use super::params::{Types, write_execute};
use super::rows::{MysqlRow, Place, Protocol};
use super::wire::Fault;
use crate::codec::Codec;

/// A statement whose columns are defined by these packets.
///
/// # Errors
/// One is malformed.
#[doc(hidden)]
pub fn codec(definitions: &[Vec<u8>]) -> Result<impl Codec + use<>, DbError> {
    let mut columns = Columns::default();
    for (index, definition) in definitions.iter().enumerate() {
        columns.learn(index, definition).map_err(malformed)?;
    }
    Ok(MysqlCodec {
        columns,
        types: Types::default(),
        out: BytesMut::with_capacity(1024),
        places: Vec::new(),
    })
}

struct MysqlCodec {
    columns: Columns,
    types: Types,
    out: BytesMut,
    places: Vec<Place>,
}

impl Codec for MysqlCodec {
    fn bind(&mut self, params: &[Value<'_>]) -> Result<usize, DbError> {
        self.out.clear();
        write_execute(&mut self.out, 1, &mut self.types, params);
        Ok(self.out.len())
    }

    fn read(
        &mut self,
        row: &[u8],
        visit: &mut dyn FnMut(&dyn Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let columns = self.columns.known();
        let row = MysqlRow::find(Protocol::Binary, columns, &mut self.places, row);
        visit(&row.map_err(malformed)?)
    }
}

fn malformed(fault: Fault) -> DbError {
    DbError::unexpected(format!("{fault:?}"))
}
