//! Jepsen's form of histories: EDN (<https://github.com/edn-format/edn>), an operation map per event.

mod event;
mod lexer;
mod malformed;
mod operations;
mod writer;

pub use event::{Answer, Event, EventKind, EventReader, Mop, MopKind};
pub use writer::write_event;
