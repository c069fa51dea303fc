//! The value of an operation map: the operations of a transaction.

use super::event::{Answer, Event, Mop, MopKind};
use super::lexer::Lexer;
use super::malformed::Parsed;
use crate::atom::Names;

/// What stands at `:value`.
pub enum Value {
    /// Nothing.
    Nil,
    /// Operations, which are the event's now.
    Transaction,
    /// Something else, which is wrong if a client says it.
    Other {
        /// Where.
        line: u64,
        /// What.
        found: String,
    },
}

const A_MOP: &str = "an operation: `[:r KEY VALUE]`, `[:append KEY VALUE]` or `[:w KEY VALUE]`";

impl Value {
    /// Reads the value into `event`.
    pub fn read(lexer: &mut Lexer<'_>, names: &mut Names, event: &mut Event) -> Parsed<Self> {
        event.mops.clear();
        event.elements.clear();
        let line = lexer.line();
        let opener = lexer.token_of("the value of a key")?;
        let closer = match opener {
            b'[' => b']',
            b'(' => b')',
            b'}' | b')' | b']' => return Err(lexer.unexpected("the value of a key")),
            b'#' | b'{' => {
                // A tag stands before any form; what follows is passed over as that form.
                lexer.skip("the value of a key")?;
                return Ok(Self::Other {
                    line,
                    found: "a map, a set or a tagged value".to_owned(),
                });
            }
            _ => {
                lexer.skip("the value of a key")?;
                let word = String::from_utf8_lossy(lexer.last_word()).into_owned();
                return Ok(if word == "nil" {
                    Self::Nil
                } else {
                    Self::Other { line, found: format!("`{word}`") }
                });
            }
        };
        lexer.pass();
        loop {
            match lexer.token_of("an operation, or the end of the operations")? {
                byte if byte == closer => {
                    lexer.pass();
                    return Ok(Self::Transaction);
                }
                b'[' | b'(' => {
                    if let Some(found) = mop(lexer, names, event)? {
                        return rest(lexer, closer, line, found);
                    }
                }
                _ => {
                    lexer.skip(A_MOP)?;
                    return rest(lexer, closer, line, "a value that is no operation".to_owned());
                }
            }
        }
    }
}

/// Passes over the rest of a vector that is no transaction.
fn rest(lexer: &mut Lexer<'_>, closer: u8, line: u64, found: String) -> Parsed<Value> {
    while lexer.token_of("the end of a value")? != closer {
        lexer.skip("a value")?;
    }
    lexer.pass();
    Ok(Value::Other { line, found })
}

/// Reads an operation; the answer is what stands there where that is no operation.
#[inline]
fn mop(lexer: &mut Lexer<'_>, names: &mut Names, event: &mut Event) -> Parsed<Option<String>> {
    let closer = if lexer.token_of(A_MOP)? == b'[' { b']' } else { b')' };
    lexer.pass();
    let kind = match lexer.token_of(A_MOP)? {
        b':' => {
            lexer.word()?;
            match lexer.last_word() {
                b":r" => Some(MopKind::Read),
                b":append" => Some(MopKind::Append),
                b":w" => Some(MopKind::Write),
                _ => None,
            }
        }
        _ => None,
    };
    let Some(kind) = kind else {
        let word = String::from_utf8_lossy(lexer.last_word()).into_owned();
        while lexer.token_of("the end of a value")? != closer {
            lexer.skip("a value")?;
        }
        lexer.pass();
        let is_word = word.starts_with(':');
        return Ok(Some(if is_word { format!("`[{word} …]`") } else { "a vector".to_owned() }));
    };
    let Some(key) = lexer.atom(names, "a key: a number, string, keyword or symbol")? else {
        return Err(lexer.instead("a key: a number, string, keyword or symbol", "`nil`".to_owned()));
    };
    let answer = answer(lexer, names, event, kind)?;
    if lexer.token_of("the end of an operation")? != closer {
        return Err(lexer.unexpected("the end of an operation"));
    }
    lexer.pass();
    event.mops.push(Mop { kind, key, answer });
    Ok(None)
}

#[inline]
fn answer(
    lexer: &mut Lexer<'_>,
    names: &mut Names,
    event: &mut Event,
    kind: MopKind,
) -> Parsed<Answer> {
    const EXPECTED: &str = "what was read: a value, a list of values or `nil`";
    if kind != MopKind::Read {
        const WRITTEN: &str = "a value to write: a number, string, keyword or symbol";
        return match lexer.atom(names, WRITTEN)? {
            Some(value) => Ok(Answer::One(value)),
            None => Err(lexer.instead(WRITTEN, "`nil`".to_owned())),
        };
    }
    let closer = match lexer.token_of(EXPECTED)? {
        b'[' => b']',
        b'(' => b')',
        _ => {
            return Ok(lexer.atom(names, EXPECTED)?.map_or(Answer::Nil, Answer::One));
        }
    };
    lexer.pass();
    let start = event.elements.len();
    while lexer.token_of("an element, or the end of a list")? != closer {
        match lexer.atom(names, "an element: a number, string, keyword or symbol")? {
            Some(element) => event.elements.push(element),
            None => return Err(lexer.instead("an element", "`nil`".to_owned())),
        }
    }
    lexer.pass();
    Ok(Answer::List { start, length: event.elements.len() - start })
}
