//! What is wrong with a history, and where.

use std::fmt;
use std::io;

/// Why reading ended.
#[derive(Debug)]
pub enum Malformed {
    /// Something else stands where a thing was expected.
    Unexpected {
        /// The line, from 1.
        line: u64,
        /// What the format has there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The file ends within something.
    Truncated {
        /// The last line, from 1.
        line: u64,
        /// What was expected next.
        expected: String,
    },
    /// The file could not be read on.
    Unreadable(io::Error),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected { line, expected, found } => {
                write!(f, "line {line}: expected {expected}, found {found}")
            }
            Self::Truncated { line, expected } => {
                write!(f, "line {line}: expected {expected}, but the file ends: it is cut off")
            }
            Self::Unreadable(why) => why.fmt(f),
        }
    }
}

/// The result of reading a part; an error is one pointer, for every byte passes through.
pub type Parsed<T> = Result<T, Box<Malformed>>;
