//! Prepared statements as they are sent.

use bytes::{BufMut, BytesMut};
use dbdyno_core::{DbError, Value};
use postgres_protocol::message::frontend;

use super::values::{Encoding, WireType, encode};

/// Parameters and results in the binary format, all of them: one format code that is 1.
const BINARY: [u8; 4] = [0, 1, 0, 1];

/// The formats of parameters where some are of types that only their texts are known of.
fn formats(parameters: &[WireType]) -> Vec<u8> {
    let is_text = |ty: &WireType| ty.encoding == Encoding::Other;
    if !parameters.iter().any(is_text) {
        return BINARY.to_vec();
    }
    let codes = parameters.iter().flat_map(|ty| u16::from(!is_text(ty)).to_be_bytes());
    (parameters.len() as u16).to_be_bytes().into_iter().chain(codes).collect()
}

/// What follows a Bind's parameters: the format of the results, and an Execute of the unnamed
/// portal without a limit of rows.
const EXECUTE: [u8; 14] = *b"\0\x01\0\x01E\0\0\0\x09\0\0\0\0\0";

/// "Nothing comes after this": the server answers with ReadyForQuery.
pub(super) const SYNC: [u8; 5] = *b"S\0\0\0\x04";

/// A statement that the server has prepared.
pub(super) struct Prepared {
    pub(super) name: &'static str,
    pub(super) columns: Vec<WireType>,
    /// Where they were asked for.
    pub(super) column_names: Vec<String>,
    parameters: Vec<WireType>,
    /// Its Parse, where the server forgets the statement after each use; else empty.
    parse: Vec<u8>,
    /// The beginning of its Bind up to the parameters; the length is not filled in.
    bind: Vec<u8>,
}

impl Prepared {
    /// A statement that the server knows by its `wire_name`.
    pub(super) fn new(
        name: &'static str,
        wire_name: &str,
        parameters: Vec<WireType>,
        columns: Vec<WireType>,
    ) -> Self {
        let mut bind = b"B\0\0\0\0\0".to_vec();
        bind.extend(wire_name.bytes());
        bind.push(0);
        bind.extend(formats(&parameters));
        bind.extend((parameters.len() as u16).to_be_bytes());
        Self { name, columns, column_names: Vec::new(), parameters, parse: Vec::new(), bind }
    }

    /// Has the server parse it anew each time, without a name.
    ///
    /// # Errors
    /// Its SQL cannot be said.
    pub(super) fn parse_each_time(&mut self, sql: &str) -> Result<(), DbError> {
        let mut parse = BytesMut::new();
        let types = self.parameters.iter().map(|parameter| parameter.oid);
        frontend::parse("", sql, types, &mut parse)
            .map_err(|why| DbError::unexpected(why.to_string()))?;
        self.parse = parse.to_vec();
        Ok(())
    }

    /// Puts a Bind with these parameters and an Execute.
    ///
    /// # Errors
    /// The parameters do not fit the statement; nothing was put.
    #[inline]
    pub(super) fn put(&self, params: &[Value<'_>], out: &mut BytesMut) -> Result<(), DbError> {
        if params.len() != self.parameters.len() {
            return Err(self.miscounted(params.len()));
        }
        let start = out.len();
        out.put_slice(&self.parse);
        let bind = out.len();
        out.put_slice(&self.bind);
        for (index, (value, ty)) in params.iter().zip(&self.parameters).enumerate() {
            if let Err(why) = encode(*value, *ty, out) {
                out.truncate(start);
                return Err(self.misfit(index, &why));
            }
        }
        // The length counts itself and the formats of the results, not the tag.
        let length = (out.len() - bind - 1 + BINARY.len()) as u32;
        out[bind + 1..bind + 5].copy_from_slice(&length.to_be_bytes());
        out.put_slice(&EXECUTE);
        Ok(())
    }

    #[cold]
    fn miscounted(&self, given: usize) -> DbError {
        let wanted = self.parameters.len();
        DbError::unexpected(format!(
            "statement `{}` takes {wanted} parameters and was given {given}",
            self.name
        ))
    }

    #[cold]
    fn misfit(&self, index: usize, why: &str) -> DbError {
        DbError::unexpected(format!("statement `{}`: parameter {}: {why}", self.name, index + 1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use postgres_protocol::IsNull;

    #[test]
    fn a_statement_is_bound_as_the_protocol_has_it() {
        let int = WireType::of(20);
        let statement = Prepared::new("x", "s3", vec![int, int], Vec::new());
        let mut out = BytesMut::from("before");
        statement.put(&[Value::Int(7), Value::Null], &mut out).unwrap();
        let mut expected = BytesMut::from("before");
        let put = |value: Option<i64>, out: &mut BytesMut| match value {
            Some(value) => {
                out.put_i64(value);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        };
        let bound = frontend::bind("", "s3", [1], [Some(7), None], put, [1], &mut expected);
        assert!(bound.is_ok());
        frontend::execute("", 0, &mut expected).unwrap();
        assert_eq!(out, expected);
        // What does not fit leaves nothing behind.
        assert!(statement.put(&[Value::Null], &mut out).is_err());
        assert!(statement.put(&[Value::Int(1), Value::Text("x")], &mut out).is_err());
        assert_eq!(out, expected);
    }

    #[test]
    fn a_statement_that_is_forgotten_is_parsed_each_time() {
        let int = WireType::of(20);
        let mut statement = Prepared::new("x", "", vec![int], Vec::new());
        let mut bound = BytesMut::new();
        statement.put(&[Value::Int(7)], &mut bound).unwrap();
        statement.parse_each_time("SELECT $1").unwrap();
        let (mut out, mut expected) = (BytesMut::from("before"), BytesMut::from("before"));
        statement.put(&[Value::Int(7)], &mut out).unwrap();
        frontend::parse("", "SELECT $1", [20], &mut expected).unwrap();
        expected.extend_from_slice(&bound);
        assert_eq!(out, expected);
        assert!(statement.put(&[Value::Text("x")], &mut out).is_err());
        assert_eq!(out, expected);
        assert!(statement.parse_each_time("SELECT \0").is_err());
    }

    #[test]
    fn a_sync_is_one() {
        let mut out = BytesMut::new();
        frontend::sync(&mut out);
        assert_eq!(out[..], SYNC);
    }
}
