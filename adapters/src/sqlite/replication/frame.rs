//! What goes over the socket: who sends, and then one change set after another, each with the database that it
//! is of. All numbers are little-endian.

use std::io::{self, Read};

/// A change set on its way.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// The database, by its file's name without the extension.
    pub database: String,
    /// The change set.
    pub set: Vec<u8>,
}

/// A change set as it is sent.
pub fn encode(database: &str, set: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + database.len() + set.len());
    bytes.extend((database.len() as u64).to_le_bytes());
    bytes.extend((set.len() as u64).to_le_bytes());
    bytes.extend(database.as_bytes());
    bytes.extend(set);
    bytes
}

/// How many bytes a change set takes on its way.
pub fn length(frame: &Frame) -> u64 {
    16 + (frame.database.len() + frame.set.len()) as u64
}

/// The next change set; `None` at the end, and where its sender died before all of it was sent.
///
/// # Errors
/// It cannot be read, or is none.
pub fn read(from: &mut impl Read) -> io::Result<Option<Frame>> {
    let (Some(name), Some(set)) = (read_number(from)?, read_number(from)?) else {
        return Ok(None);
    };
    let (Some(name), Some(set)) = (read_bytes(from, name)?, read_bytes(from, set)?) else {
        return Ok(None);
    };
    let database = String::from_utf8(name).map_err(io::Error::other)?;
    Ok(Some(Frame { database, set }))
}

/// A number; `None` where there are not eight bytes more.
pub fn read_number(from: &mut impl Read) -> io::Result<Option<u64>> {
    let bytes = read_bytes(from, 8)?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes))
}

/// So many bytes; `None` where there are fewer. Memory is taken for what is there, whatever the number says.
fn read_bytes(from: &mut impl Read, length: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 == length).then_some(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What was sent whole arrives, and what was cut off does not.
        #[test]
        fn whole_frames_arrive(
            frames in prop::collection::vec(("[a-z_]{1,20}", prop::collection::vec(any::<u8>(), 0..50)), 0..5),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut sent = Vec::new();
            let mut ends = Vec::new();
            for (database, set) in &frames {
                sent.extend(encode(database, set));
                ends.push(sent.len());
            }
            let cut = cut.index(sent.len() + 1);
            let mut from = &sent[..cut];
            let mut read_back = Vec::new();
            while let Some(frame) = read(&mut from).unwrap() {
                prop_assert_eq!(length(&frame), encode(&frame.database, &frame.set).len() as u64);
                read_back.push((frame.database, frame.set));
            }
            let whole = ends.iter().filter(|end| **end <= cut).count();
            prop_assert_eq!(&read_back[..], &frames[..whole]);
        }
    }
}
