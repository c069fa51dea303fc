//! Bytes to tokens: what all of EDN has in common. Nothing is kept of the file but a buffer.

use std::io::Read;

use super::malformed::{Malformed, Parsed};
use crate::atom::{Atom, Names};

const BUFFER: usize = 256 * 1024;
/// Text that is shown of something unexpected.
const SHOWN: usize = 24;
const DISCARDED: &str = "a form after `#_`";

/// Reads EDN from front to back.
pub struct Lexer<'a> {
    input: Box<dyn Read + 'a>,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    line: u64,
    /// The text of the last word, string or number that is kept as text.
    word: Vec<u8>,
}

impl<'a> Lexer<'a> {
    pub fn new(input: impl Read + 'a) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { input: Box::new(input), buffer, at: 0, end: 0, line: 1, word: Vec::new() }
    }

    /// The line that reading is at, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The last word.
    pub fn last_word(&self) -> &[u8] {
        &self.word
    }

    /// The next byte, which stays; `None` at the end.
    #[inline]
    pub fn peek(&mut self) -> Parsed<Option<u8>> {
        if self.at < self.end { Ok(Some(self.buffer[self.at])) } else { self.refill() }
    }

    /// Passes over the byte that [`peek`](Self::peek) gave.
    #[inline]
    pub fn pass(&mut self) {
        self.line += u64::from(self.buffer[self.at] == b'\n');
        self.at += 1;
    }

    #[cold]
    fn refill(&mut self) -> Parsed<Option<u8>> {
        loop {
            match self.input.read(&mut self.buffer) {
                Ok(0) => return Ok(None),
                Ok(read) => {
                    (self.at, self.end) = (0, read);
                    return Ok(Some(self.buffer[0]));
                }
                Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
                Err(why) => return Err(Box::new(Malformed::Unreadable(why))),
            }
        }
    }

    /// The first byte of the next token; spaces, commas, comments and what `#_` discards are passed
    /// over. A `#`, the start of a tag or a set, is passed over too: only so is it told from `#_`.
    #[inline]
    pub fn token(&mut self) -> Parsed<Option<u8>> {
        loop {
            let byte = self.solid()?;
            if byte == Some(b'#') {
                self.pass();
                if self.peek()? == Some(b'_') {
                    self.pass();
                    self.skip(DISCARDED)?;
                    continue;
                }
            }
            return Ok(byte);
        }
    }

    /// The next byte that is neither space nor comment, which stays.
    #[inline]
    fn solid(&mut self) -> Parsed<Option<u8>> {
        loop {
            match self.peek()? {
                Some(b' ' | b',' | b'\n' | b'\t' | b'\r' | 0x0c) => self.pass(),
                Some(b';') => {
                    while !matches!(self.peek()?, None | Some(b'\n')) {
                        self.pass();
                    }
                }
                other => return Ok(other),
            }
        }
    }

    /// Like [`token`](Self::token), where the format has more to come.
    #[inline]
    pub fn token_of(&mut self, expected: &str) -> Parsed<u8> {
        match self.token()? {
            Some(byte) => Ok(byte),
            None => Err(self.truncated(expected)),
        }
    }

    /// A word (keyword, symbol, tag, number): all up to the next delimiter, which
    /// [`last_word`](Self::last_word) then gives.
    pub fn word(&mut self) -> Parsed<()> {
        self.word.clear();
        self.rest_of_word()
    }

    fn rest_of_word(&mut self) -> Parsed<()> {
        while let Some(byte) = self.peek()? {
            if is_delimiter(byte) {
                break;
            }
            self.word.push(byte);
            self.pass();
        }
        Ok(())
    }

    /// A string with its quotes.
    fn string(&mut self) -> Parsed<()> {
        self.word.clear();
        self.word.push(b'"');
        self.pass();
        loop {
            let Some(byte) = self.peek()? else {
                return Err(self.truncated("the `\"` that ends a string"));
            };
            self.word.push(byte);
            self.pass();
            match byte {
                b'"' => return Ok(()),
                b'\\' => {
                    if let Some(escaped) = self.peek()? {
                        self.word.push(escaped);
                        self.pass();
                    }
                }
                _ => {}
            }
        }
    }

    /// A character: `\` and at least one byte, whatever it is.
    fn character(&mut self) -> Parsed<()> {
        self.word.clear();
        for _ in 0..2 {
            let Some(byte) = self.peek()? else { return Err(self.truncated("a character")) };
            self.word.push(byte);
            self.pass();
        }
        self.rest_of_word()
    }

    /// A number, string, keyword, symbol or character; `None` for `nil`.
    #[inline]
    pub fn atom(&mut self, names: &mut Names, expected: &str) -> Parsed<Option<Atom>> {
        match self.token_of(expected)? {
            b'0'..=b'9' | b'-' | b'+' => return self.number(names).map(Some),
            b'"' => self.string()?,
            b'\\' => self.character()?,
            byte if is_delimiter(byte) || byte == b'#' => return Err(self.unexpected(expected)),
            _ => self.word()?,
        }
        if self.word == b"nil" {
            return Ok(None);
        }
        self.named(names, expected).map(Some)
    }

    /// A number that is an atom, or else the text it is written in.
    #[inline]
    fn number(&mut self, names: &mut Names) -> Parsed<Atom> {
        let mut sign = None;
        if let Some(byte @ (b'-' | b'+')) = self.peek()? {
            sign = Some(byte);
            self.pass();
        }
        let mut magnitude: i64 = 0;
        let mut digits = 0;
        while let Some(byte @ b'0'..=b'9') = self.peek()? {
            // Up to 18 digits always fit.
            if digits == 18 {
                break;
            }
            magnitude = magnitude * 10 + i64::from(byte - b'0');
            digits += 1;
            self.at += 1;
        }
        let ends = self.peek()?.is_none_or(is_delimiter);
        if digits > 0 && ends {
            let number = if sign == Some(b'-') { -magnitude } else { magnitude };
            if let Some(atom) = Atom::number(number) {
                return Ok(atom);
            }
        }
        self.word.clear();
        self.word.extend(sign);
        if digits > 0 {
            self.word.extend_from_slice(format!("{magnitude:0digits$}").as_bytes());
        }
        self.rest_of_word()?;
        self.long_number(names)
    }

    #[cold]
    fn long_number(&mut self, names: &mut Names) -> Parsed<Atom> {
        let text = std::str::from_utf8(&self.word).unwrap_or_default();
        match text.parse().ok().and_then(Atom::number) {
            Some(atom) => Ok(atom),
            None => self.named(names, "a number"),
        }
    }

    fn named(&mut self, names: &mut Names, expected: &str) -> Parsed<Atom> {
        match std::str::from_utf8(&self.word) {
            Ok(text) => Ok(names.atom(text)),
            Err(_) => Err(Box::new(Malformed::Unexpected {
                line: self.line,
                expected: expected.to_owned(),
                found: "bytes that are not UTF-8".to_owned(),
            })),
        }
    }

    /// Passes over one form, whatever it is, however deep.
    pub fn skip(&mut self, expected: &str) -> Parsed<()> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let wanted = open.last().map_or(expected, |open| open.wanted());
            let Some(byte) = self.solid()? else { return Err(self.truncated(wanted)) };
            match byte {
                b'"' => self.string()?,
                b'\\' => self.character()?,
                b'#' => {
                    self.pass();
                    match self.peek()? {
                        Some(b'_') => {
                            self.pass();
                            open.push(Open::Discarded);
                        }
                        Some(b'{') => {}
                        _ => self.word()?,
                    }
                    // A tag, a set or what is discarded: the form itself is yet to come.
                    continue;
                }
                b'(' | b'[' | b'{' => {
                    self.pass();
                    open.push(Open::Until(match byte {
                        b'(' => b')',
                        b'[' => b']',
                        _ => b'}',
                    }));
                    continue;
                }
                b')' | b']' | b'}' => match open.pop() {
                    Some(Open::Until(closer)) if closer == byte => self.pass(),
                    _ => return Err(self.unexpected(wanted)),
                },
                _ => self.word()?,
            }
            // A form has ended, and with it what waited for one.
            match open.last() {
                None => return Ok(()),
                Some(Open::Discarded) => {
                    open.pop();
                }
                Some(Open::Until(_)) => {}
            }
        }
    }

    /// The error that says what stands here instead of what was expected.
    #[cold]
    pub fn unexpected(&mut self, expected: &str) -> Box<Malformed> {
        match self.peek() {
            Ok(None) => self.truncated(expected),
            Err(why) => why,
            Ok(Some(_)) => {
                let rest = &self.buffer[self.at..self.end];
                let text: Vec<u8> =
                    rest.iter().copied().take_while(|byte| *byte != b'\n').take(SHOWN).collect();
                let found = format!("`{}`", String::from_utf8_lossy(&text));
                self.instead(expected, found)
            }
        }
    }

    /// The error that says that `found` was read instead of what was expected.
    #[cold]
    pub fn instead(&self, expected: &str, found: String) -> Box<Malformed> {
        Box::new(Malformed::Unexpected { line: self.line, expected: expected.to_owned(), found })
    }

    #[cold]
    pub fn truncated(&self, expected: &str) -> Box<Malformed> {
        Box::new(Malformed::Truncated { line: self.line, expected: expected.to_owned() })
    }
}

/// Whether a byte ends a word.
#[inline]
fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b','
            | b'\n'
            | b'\t'
            | b'\r'
            | 0x0c
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'"'
            | b';'
    )
}

/// What a form that is passed over is in the middle of.
#[derive(Clone, Copy)]
enum Open {
    /// A list, vector, map or set that this byte closes.
    Until(u8),
    /// `#_`, which discards the next form.
    Discarded,
}

impl Open {
    fn wanted(self) -> &'static str {
        match self {
            Self::Until(b')') => "`)`",
            Self::Until(b']') => "`]`",
            Self::Until(_) => "`}`",
            Self::Discarded => DISCARDED,
        }
    }
}
