//! Drivers whose sessions are a client library's, such as users deploy: what a library costs is part of
//! what they measure.
//!
//! A library's calls are futures, and a row of an answer lasts as long as the stream that it came from. A
//! [`LibrarySession`] keeps the [`Connection`] where the [`Answer`] that borrows it is, polls both from
//! `poll_answer`, and has the connection back once the answer is done: rows are visited where the library
//! put them and gathered nowhere. A [`LibraryDriver`] leaves to the engine's own driver all that is no
//! session of a client.
//!
//! Who owns the library's own connection is open: a [`LibraryPool`]'s makes a session like one of its own.

mod connection;
mod driver;
mod lent;
pub mod session;
mod tally;

pub use connection::{
    Answer, Asked, Connection, Refused, SetUp, check_count, misfit, named, not_prepared,
};
pub use driver::{Library, LibraryDriver, LibraryPool};
pub use lent::{Shelf, lend};
pub use tally::Tally;
