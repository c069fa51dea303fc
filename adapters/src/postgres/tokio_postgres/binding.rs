//! Parameters, encoded as they are bound: tokio-postgres takes them as borrowed values when the statement
//! is sent, and those of a workload are gone by then.

use std::error::Error;

use ::tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use bytes::BytesMut;
use dbdyno_core::Value;

use crate::postgres::values::{Encoding, WireType, encode};

/// The parameters of the statement that is run next.
#[derive(Debug, Default)]
pub(super) struct Bound {
    /// Each with its length before it, as Bind has them.
    bytes: BytesMut,
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    /// As text, for of its type only that is known.
    text: bool,
}

impl Bound {
    /// Forgets the parameters of the statement before.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }

    /// Adds a parameter.
    ///
    /// # Errors
    /// It does not fit the type.
    #[inline]
    pub(super) fn add(&mut self, value: Value<'_>, ty: WireType) -> Result<(), String> {
        let start = self.bytes.len();
        encode(value, ty, &mut self.bytes)?;
        self.places.push(Place { start, text: ty.encoding == Encoding::Other });
        Ok(())
    }

    /// The parameters, as tokio-postgres takes them.
    pub(super) fn parameters(&self) -> impl ExactSizeIterator<Item = Parameter<'_>> {
        self.places.iter().map(|place| {
            let encoded = self.bytes.get(place.start..).unwrap_or_default();
            Parameter { encoded, text: place.text }
        })
    }
}

/// A parameter that is encoded, with its length before it and others behind it.
#[derive(Debug)]
pub(super) struct Parameter<'b> {
    encoded: &'b [u8],
    text: bool,
}

impl Parameter<'_> {
    /// Its bytes; `None` where it is NULL.
    fn bytes(&self) -> Option<&[u8]> {
        let (length, rest) = self.encoded.split_first_chunk()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
        rest.get(..length)
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(bytes) = self.bytes() else { return Ok(IsNull::Yes) };
        out.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    /// It was encoded for the type of its place.
    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        if self.text { Format::Text } else { Format::Binary }
    }

    to_sql_checked!();
}
