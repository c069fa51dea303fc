//! Tokens to events: the operation maps of a history, one after another.

use std::io::Read;

use super::lexer::Lexer;
use super::malformed::{Malformed, Parsed};
use super::operations::Value;
use crate::atom::{Atom, Names};

/// One line of a history: an invocation or a completion.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// The line it begins at, from 1.
    pub line: u64,
    /// What happened.
    pub kind: EventKind,
    /// The client; `None` where the history names none.
    pub process: Option<i64>,
    /// Its number in the history that it was taken from.
    pub index: Option<i64>,
    /// When, in nanoseconds.
    pub time: Option<i64>,
    /// The operations of the transaction; empty where the event has no value.
    pub mops: Vec<Mop>,
    /// The lists that were read, one after another.
    pub elements: Vec<Atom>,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventKind {
    /// A client began a transaction.
    #[default]
    Invoke,
    /// It was committed.
    Ok,
    /// It was aborted.
    Fail,
    /// Nobody knows what became of it.
    Info,
}

/// One operation of a transaction ("micro-operation" in Jepsen).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mop {
    /// What it does.
    pub kind: MopKind,
    /// To which key.
    pub key: Atom,
    /// What was written, or read.
    pub answer: Answer,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MopKind {
    /// `:r`.
    Read,
    /// `:append`.
    Append,
    /// `:w`.
    Write,
}

/// The value of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `nil`: the state before anything was written, or nothing known.
    Nil,
    /// One value.
    One(Atom),
    /// A range of the event's elements.
    List {
        /// Where it begins.
        start: usize,
        /// How many they are.
        length: usize,
    },
}

impl Event {
    /// The elements of a list that was read.
    pub fn list(&self, start: usize, length: usize) -> &[Atom] {
        &self.elements[start..start + length]
    }
}

/// Reads events. Those of processes that are not numbers, such as Jepsen's `:nemesis`, are passed
/// over.
pub struct EventReader<'a> {
    lexer: Lexer<'a>,
    names: Names,
    event: Event,
    /// What closes the vector or list around all maps, where there is one.
    closer: Option<u8>,
    begun: bool,
}

const AN_EVENT: &str =
    "an operation map such as `{:type :ok, :process 0, :f :txn, :value [[:r 1 nil]]}`";

impl<'a> EventReader<'a> {
    /// Reads a history.
    pub fn new(input: impl Read + 'a) -> Self {
        Self {
            lexer: Lexer::new(input),
            names: Names::default(),
            event: Event::default(),
            closer: None,
            begun: false,
        }
    }

    /// Ends reading and gives the texts of the atoms.
    pub fn into_names(self) -> Names {
        self.names
    }

    /// The next event and the texts of its atoms; `None` after the last.
    ///
    /// # Errors
    /// What stands there is no event, or cannot be read.
    pub fn next(&mut self) -> Parsed<Option<(&Event, &Names)>> {
        loop {
            if !self.at_map()? {
                return Ok(None);
            }
            if self.map()? {
                return Ok(Some((&self.event, &self.names)));
            }
        }
    }

    /// Goes to the next map and passes its brace; the answer is no at the end.
    fn at_map(&mut self) -> Parsed<bool> {
        let mut tagged = false;
        loop {
            match self.lexer.token()? {
                None if tagged => return Err(self.lexer.truncated(AN_EVENT)),
                None => match self.closer {
                    Some(_) => {
                        return Err(self
                            .lexer
                            .truncated("another operation map, or the history's end"));
                    }
                    None => return Ok(false),
                },
                Some(b'{') => {
                    self.begun = true;
                    self.event.line = self.lexer.line();
                    self.lexer.pass();
                    return Ok(true);
                }
                Some(b'#') if !tagged => {
                    self.lexer.word()?;
                    tagged = true;
                }
                Some(opener @ (b'[' | b'(')) if !self.begun && !tagged => {
                    self.begun = true;
                    self.closer = Some(if opener == b'[' { b']' } else { b')' });
                    self.lexer.pass();
                }
                Some(closer) if self.closer == Some(closer) && !tagged => {
                    self.closer = None;
                    self.lexer.pass();
                }
                Some(_) => return Err(self.lexer.unexpected(AN_EVENT)),
            }
        }
    }

    /// Reads a map up to its closing brace. The answer is whether it is a client's.
    fn map(&mut self) -> Parsed<bool> {
        let event = &mut self.event;
        (event.process, event.index, event.time) = (None, None, None);
        let mut kind = None;
        let mut is_client = true;
        let mut value = Value::Nil;
        event.mops.clear();
        event.elements.clear();
        loop {
            match self.lexer.token_of("a keyword or the `}` that ends an operation map")? {
                b'}' => break,
                b':' => self.lexer.word()?,
                b'"' => {
                    self.lexer.skip("a key")?;
                    self.lexer.skip("the value of a key")?;
                    continue;
                }
                _ => {
                    return Err(self
                        .lexer
                        .unexpected("a keyword or the `}` that ends an operation map"));
                }
            }
            match self.lexer.last_word() {
                b":type" => kind = Some(event_kind(&mut self.lexer)?),
                b":process" => match whole_number(&mut self.lexer)? {
                    Some(process) => self.event.process = Some(process),
                    None => is_client = self.lexer.last_word() == b"nil",
                },
                b":index" => self.event.index = whole_number(&mut self.lexer)?,
                b":time" => self.event.time = whole_number(&mut self.lexer)?,
                b":value" => {
                    value = Value::read(&mut self.lexer, &mut self.names, &mut self.event)?;
                }
                _ => self.lexer.skip("the value of a key")?,
            }
        }
        self.lexer.pass();
        if !is_client {
            return Ok(false);
        }
        self.event.kind = self.wanted(kind, "the key `:type` in an operation map")?;
        if let Value::Other { line, found } = value {
            let expected = "operations such as `[[:append 5 17] [:r 6 nil]]`".to_owned();
            return Err(Box::new(Malformed::Unexpected { line, expected, found }));
        }
        Ok(true)
    }

    fn wanted<T>(&self, found: Option<T>, expected: &str) -> Parsed<T> {
        found.ok_or_else(|| {
            Box::new(Malformed::Unexpected {
                line: self.event.line,
                expected: expected.to_owned(),
                found: "a map without it".to_owned(),
            })
        })
    }
}

fn event_kind(lexer: &mut Lexer<'_>) -> Parsed<EventKind> {
    const EXPECTED: &str = "`:invoke`, `:ok`, `:fail` or `:info`";
    if lexer.token_of(EXPECTED)? != b':' {
        return Err(lexer.unexpected(EXPECTED));
    }
    lexer.word()?;
    match lexer.last_word() {
        b":invoke" => Ok(EventKind::Invoke),
        b":ok" => Ok(EventKind::Ok),
        b":fail" => Ok(EventKind::Fail),
        b":info" => Ok(EventKind::Info),
        other => {
            let found = format!("`{}`", String::from_utf8_lossy(other));
            Err(lexer.instead(EXPECTED, found))
        }
    }
}

/// A whole number; `None` for anything else, of which the last word is then the text if it is a word.
fn whole_number(lexer: &mut Lexer<'_>) -> Parsed<Option<i64>> {
    match lexer.token_of("the value of a key")? {
        b'"' | b'(' | b'[' | b'{' | b'#' | b'\\' => {
            lexer.skip("the value of a key")?;
            Ok(None)
        }
        b')' | b']' | b'}' => Err(lexer.unexpected("the value of a key")),
        _ => {
            lexer.word()?;
            Ok(std::str::from_utf8(lexer.last_word()).ok().and_then(|text| text.parse().ok()))
        }
    }
}
