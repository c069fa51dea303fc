//! The packets that answer a command
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_response_packets.html>).

use super::wire::{ERROR, Fault};

/// `SERVER_STATUS_IN_TRANS`.
const IN_TRANSACTION: u16 = 0x0001;
/// `SERVER_MORE_RESULTS_EXISTS`.
const MORE_RESULTS: u16 = 0x0008;

/// The state of a session, as the last answer gave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status(u16);

impl Status {
    /// Whether a transaction is open.
    #[inline]
    pub fn in_transaction(self) -> bool {
        self.0 & IN_TRANSACTION != 0
    }

    /// Whether another answer to the same command follows.
    #[inline]
    pub fn more_results(self) -> bool {
        self.0 & MORE_RESULTS != 0
    }
}

/// What a command has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows that it matched, inserted or removed.
    pub rows: u64,
    pub status: Status,
    pub warnings: u16,
}

impl Done {
    /// Reads an OK packet, whose first byte is not looked at: it differs at the end of rows.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, Fault> {
        let mut rest = packet.get(1..).unwrap_or_default();
        let rows = length_encoded(&mut rest);
        let insert_id = length_encoded(&mut rest);
        match (rows, insert_id, rest) {
            (Some(rows), Some(_), [s0, s1, w0, w1, ..]) => Ok(Self {
                rows,
                status: Status(u16::from_le_bytes([*s0, *s1])),
                warnings: u16::from_le_bytes([*w0, *w1]),
            }),
            _ => Err(Fault::Malformed("an OK packet that is cut off")),
        }
    }

    /// Reads the EOF packet with which servers older than `CLIENT_DEPRECATE_EOF` end rows.
    pub fn parse_eof(packet: &[u8]) -> Result<Self, Fault> {
        match packet {
            [0xFE, w0, w1, s0, s1] => Ok(Self {
                rows: 0,
                status: Status(u16::from_le_bytes([*s0, *s1])),
                warnings: u16::from_le_bytes([*w0, *w1]),
            }),
            _ => Err(Fault::Malformed("no EOF packet where one is due")),
        }
    }
}

/// An error packet's number, SQLSTATE and words. Before a session is set up it has no SQLSTATE.
pub fn error(packet: &[u8]) -> Option<(u16, String, String)> {
    let [ERROR, low, high, rest @ ..] = packet else { return None };
    let (state, words) = match rest {
        [b'#', rest @ ..] => rest.split_at_checked(5)?,
        _ => (&b"HY000"[..], rest),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((u16::from_le_bytes([*low, *high]), text(state), text(words)))
}

/// Takes a number of one to nine bytes; `None` where it is cut off, or is not a number: 0xFB stands
/// for NULL and 0xFF for an error.
#[inline]
pub fn length_encoded(rest: &mut &[u8]) -> Option<u64> {
    let (first, after) = rest.split_first()?;
    let bytes = match first {
        0..=0xFA => {
            *rest = after;
            return Some(u64::from(*first));
        }
        0xFC => 2,
        0xFD => 3,
        0xFE => 8,
        0xFB | 0xFF => return None,
    };
    let (number, after) = after.split_at_checked(bytes)?;
    let mut wide = [0; 8];
    wide[..bytes].copy_from_slice(number);
    *rest = after;
    Some(u64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ok_packets_are_read() {
        let done = Done::parse(&[0, 0xFC, 0x01, 0x01, 0, 0x03, 0, 5, 0, b'x']).unwrap();
        assert_eq!((done.rows, done.warnings), (257, 5));
        assert!(done.status.in_transaction() && !done.status.more_results());
        let end = Done::parse_eof(&[0xFE, 1, 0, 8, 0]).unwrap();
        assert!(end.status.more_results() && end.warnings == 1);
    }

    #[test]
    fn errors_are_read_with_and_without_a_state() {
        let error = |packet: &[u8]| error(packet).unwrap();
        let plain = |code, state: &str, words: &str| (code, state.to_owned(), words.to_owned());
        assert_eq!(error(b"\xff\x10\x04Too many"), plain(1040, "HY000", "Too many"));
        assert_eq!(error(b"\xff\x48\x04#42000No"), plain(1096, "42000", "No"));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Done::parse(&bytes);
            let _ = Done::parse_eof(&bytes);
            let _ = error(&bytes);
            let _ = length_encoded(&mut &bytes[..]);
        }
    }
}
