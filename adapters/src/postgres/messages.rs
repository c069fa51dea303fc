//! What the server says (manual, section 55.7), read where it was received.

use postgres_protocol::Oid;

use super::values::WireType;

/// A length that no message has: the server refuses to make one of a gigabyte.
const TOO_LONG: usize = 1 << 30;

/// What was received begins with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// A whole message: its tag, and its length with the tag.
    Message(u8, usize),
    /// A part of one; so many bytes in all tell more.
    Part(usize),
    /// Nothing that a PostgreSQL server says.
    Malformed,
}

/// Looks at the beginning of what was received.
#[inline]
pub(super) fn head(received: &[u8]) -> Head {
    let [tag, a, b, c, d, ..] = received else { return Head::Part(5) };
    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    if !(4..TOO_LONG).contains(&length) {
        Head::Malformed
    } else if received.len() > length {
        Head::Message(*tag, length + 1)
    } else {
        Head::Part(length + 1)
    }
}

/// The number of rows in the tag of a CommandComplete, such as `INSERT 0 5`; 0 where the command
/// has none.
#[inline]
pub(super) fn rows_of_tag(body: &[u8]) -> u64 {
    let digits = body.strip_suffix(&[0]).unwrap_or(body);
    let (mut rows, mut unit) = (0u64, 1u64);
    for digit in digits.iter().rev().take_while(|byte| byte.is_ascii_digit()) {
        rows = rows.wrapping_add(unit.wrapping_mul(u64::from(digit - b'0')));
        unit = unit.wrapping_mul(10);
    }
    rows
}

/// Where a column of a row is in its message; `None` for NULL.
pub(super) type Span = Option<(u32, u32)>;

/// Puts the columns of a DataRow into `spans`; false where it is malformed.
#[inline]
pub(super) fn columns_of_row(body: &[u8], spans: &mut Vec<Span>) -> bool {
    spans.clear();
    let [high, low, ..] = body else { return false };
    let mut at = 2;
    for _ in 0..u16::from_be_bytes([*high, *low]) {
        let Some(&[a, b, c, d]) = body.get(at..at + 4) else { return false };
        at += 4;
        let length = i32::from_be_bytes([a, b, c, d]);
        if length < 0 {
            spans.push(None);
            continue;
        }
        let end = at + length as usize;
        if end > body.len() {
            return false;
        }
        spans.push(Some((at as u32, end as u32)));
        at = end;
    }
    at == body.len()
}

/// The types of a RowDescription's columns; `None` where it is malformed.
pub(super) fn column_types(body: &[u8]) -> Option<Vec<WireType>> {
    let (count, mut rest) = count(body)?;
    let mut types = Vec::new();
    for _ in 0..count {
        let (_name, after) = text(rest)?;
        // The table's OID and the column's number come before, length, modifier, format after.
        let oid = after.get(6..10)?;
        rest = after.get(18..)?;
        types.push(WireType::of(Oid::from_be_bytes(oid.try_into().ok()?)));
    }
    rest.is_empty().then_some(types)
}

/// The names of a RowDescription's columns; fewer where it is malformed.
pub(super) fn column_names(body: &[u8]) -> Vec<String> {
    let (count, mut rest) = count(body).unwrap_or_default();
    let mut names = Vec::with_capacity(count);
    while names.len() < count
        && let Some((name, after)) = text(rest)
    {
        names.push(String::from_utf8_lossy(name).into_owned());
        rest = after.get(18..).unwrap_or_default();
    }
    names
}

/// The types of a ParameterDescription; `None` where it is malformed.
pub(super) fn parameter_types(body: &[u8]) -> Option<Vec<WireType>> {
    let (count, rest) = count(body)?;
    let (oids, rest) = rest.as_chunks::<4>();
    let types: Vec<WireType> =
        oids.iter().map(|oid| WireType::of(Oid::from_be_bytes(*oid))).collect();
    (rest.is_empty() && types.len() == count).then_some(types)
}

fn count(body: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = body.split_first_chunk::<2>()?;
    Some((usize::from(u16::from_be_bytes(*count)), rest))
}

/// A text that ends with a zero byte, and what follows.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// The fields of an ErrorResponse that dbdyno tells of (manual, section 55.8).
#[derive(Clone, Debug, Default)]
pub(super) struct Complaint {
    pub(super) severity: String,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) detail: Option<String>,
    pub(super) hint: Option<String>,
}

/// Reads an ErrorResponse; fields that are missing are empty.
pub(super) fn complaint(body: &[u8]) -> Complaint {
    let mut found = Complaint::default();
    let mut rest = body;
    while let Some((field, after)) = rest.split_first()
        && let Some((value, next)) = text(after)
    {
        let value = String::from_utf8_lossy(value).into_owned();
        match field {
            // Not translated, unlike `S`; servers before version 9.6 and PgBouncer do not send it.
            b'V' => found.severity = value,
            b'S' if found.severity.is_empty() => found.severity = value,
            b'C' => found.code = value,
            b'M' => found.message = value,
            b'D' => found.detail = Some(value),
            b'H' => found.hint = Some(value),
            _ => {}
        }
        rest = next;
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_told_apart() {
        assert_eq!(head(b""), Head::Part(5));
        assert_eq!(head(b"Z\0\0\0"), Head::Part(5));
        assert_eq!(head(b"Z\0\0\0\x05"), Head::Part(6));
        assert_eq!(head(b"Z\0\0\0\x05I"), Head::Message(b'Z', 6));
        assert_eq!(head(b"2\0\0\0\x04Z"), Head::Message(b'2', 5));
        assert_eq!(head(b"D\0\0\0\x03"), Head::Malformed);
        assert_eq!(head(b"HTTP/1.1"), Head::Malformed);
    }

    #[test]
    fn tags_have_rows() {
        for (tag, rows) in [
            (&b"INSERT 0 5\0"[..], 5),
            (b"UPDATE 120\0", 120),
            (b"SELECT 0\0", 0),
            (b"COMMIT\0", 0),
            (b"", 0),
        ] {
            assert_eq!(rows_of_tag(tag), rows);
        }
    }

    #[test]
    fn a_row_has_columns() {
        let mut spans = Vec::new();
        let body = b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0";
        assert!(columns_of_row(body, &mut spans));
        assert_eq!(spans, [Some((6, 8)), None, Some((16, 16))]);
        for cut in 0..body.len() {
            assert!(!columns_of_row(&body[..cut], &mut spans));
        }
    }

    #[test]
    fn an_error_has_fields() {
        let found = complaint(b"SFATAL\0VFATAL\0C57P01\0Mgo away\0Hcome back\0\0");
        assert_eq!((found.severity.as_str(), found.code.as_str()), ("FATAL", "57P01"));
        assert_eq!((found.message.as_str(), found.detail), ("go away", None));
        assert_eq!(found.hint.as_deref(), Some("come back"));
    }

    #[test]
    fn a_description_has_types() {
        let body = b"\0\x01a\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\x01";
        assert_eq!(column_types(body).unwrap(), [WireType::of(23)]);
        assert_eq!(parameter_types(b"\0\x01\0\0\0\x17").unwrap(), [WireType::of(23)]);
        for cut in 0..body.len() {
            assert_eq!(column_types(&body[..cut]), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut spans = Vec::new();
            if columns_of_row(&body, &mut spans) {
                for (start, end) in spans.into_iter().flatten() {
                    prop_assert!(body.get(start as usize..end as usize).is_some());
                }
            }
            if let Head::Message(_, length) = head(&body) {
                prop_assert!((5..=body.len()).contains(&length));
            }
            rows_of_tag(&body);
            column_types(&body);
            parameter_types(&body);
            complaint(&body);
        }
    }
}
