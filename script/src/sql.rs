//! Finding the statements in a script and the variables in them, by the rules of `psqlscan.l` in
//! PostgreSQL's source: a semicolon ends a statement unless it stands in quotes, comments, parentheses
//! or the body of a routine.

use crate::mistake::Mistake;
use crate::names::{begins_name, continues_name, is_name};
use crate::source::Source;
use crate::statement::Body;

/// The statements up to a semicolon, a backslash command or the end.
pub struct Chunk<'t> {
    /// Those that are more than blanks and comments.
    pub statements: Vec<Scanned<'t>>,
    /// Where the script goes on: at a backslash, or behind the semicolon.
    pub end: usize,
    /// Whether something is left of it.
    pub goes_on: bool,
}

/// A statement as it was found.
#[derive(Default)]
pub struct Scanned<'t> {
    /// With `?` in the place of each variable, without comments.
    pub sql: String,
    /// The variable of each `?`, by its name and where its colon stands.
    pub parameters: Vec<(&'t str, usize)>,
    /// What looks like variables in quotes, where none can be.
    pub quoted: Vec<(&'t str, usize)>,
    /// Its unquoted words in small letters.
    pub words: Vec<String>,
    /// Where it begins; nowhere as long as there is nothing but blanks.
    begin: Option<usize>,
}

impl Scanned<'_> {
    /// Where it begins.
    pub fn start(&self) -> usize {
        self.begin.unwrap_or(0)
    }
}

/// Reads on from `at`.
pub fn scan(source: Source<'_>, at: usize) -> Result<Chunk<'_>, Mistake> {
    Scanner {
        source,
        at,
        statement: Scanned::default(),
        done: Vec::new(),
        parentheses: 0,
        body: Body::default(),
    }
    .run()
}

struct Scanner<'t> {
    source: Source<'t>,
    at: usize,
    statement: Scanned<'t>,
    done: Vec<Scanned<'t>>,
    parentheses: usize,
    body: Body,
}

impl<'t> Scanner<'t> {
    fn run(mut self) -> Result<Chunk<'t>, Mistake> {
        while let Some(first) = self.rest().chars().next() {
            let rest = self.rest();
            match first {
                ';' if self.parentheses == 0 && !self.body.is_open() => {
                    self.at += 1;
                    return Ok(self.finish(true));
                }
                '\\' if rest.starts_with("\\;") => {
                    self.at += 2;
                    self.end_statement();
                }
                '\\' if rest.starts_with("\\:") => {
                    self.push(":");
                    self.at += 2;
                }
                '\\' => return Ok(self.finish(true)),
                '-' if rest.starts_with("--") => self.line_comment(),
                '/' if rest.starts_with("/*") => self.block_comment()?,
                '\'' => self.text()?,
                '"' | '`' => self.identifier(first)?,
                '$' => self.dollar()?,
                ':' => self.colon(),
                '?' => return Err(self.question_mark()),
                first if begins_name(first) => self.word(),
                first => {
                    match first {
                        '(' => self.parentheses += 1,
                        ')' => self.parentheses = self.parentheses.saturating_sub(1),
                        _ => {}
                    }
                    self.copy(first.len_utf8());
                }
            }
        }
        Ok(self.finish(false))
    }

    fn rest(&self) -> &'t str {
        &self.source.text[self.at..]
    }

    fn finish(mut self, goes_on: bool) -> Chunk<'t> {
        self.end_statement();
        Chunk { statements: self.done, end: self.at, goes_on }
    }

    fn end_statement(&mut self) {
        let mut statement = std::mem::take(&mut self.statement);
        self.parentheses = 0;
        self.body = Body::default();
        if statement.begin.is_some() {
            let trimmed = statement.sql.trim().to_owned();
            statement.sql = trimmed;
            self.done.push(statement);
        }
    }

    /// Takes the next bytes over as they are.
    fn copy(&mut self, length: usize) {
        let copied = &self.source.text[self.at..self.at + length];
        if self.statement.begin.is_none() && !copied.trim().is_empty() {
            self.statement.begin = Some(self.at);
        }
        self.statement.sql.push_str(copied);
        self.at += length;
    }

    fn word(&mut self) {
        let rest = self.rest();
        // A dollar sign may stand in a name, but not begin one.
        let belongs = |c: char| continues_name(c) || c == '$';
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let word = rest[..length].to_ascii_lowercase();
        self.body.word(&word, &self.statement.words);
        self.statement.words.push(word);
        self.copy(length);
    }

    fn line_comment(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    /// Block comments stand within each other. Hints (`/*+ … */`, `/*! … */`) are no comments.
    fn block_comment(&mut self) -> Result<(), Mistake> {
        let rest = self.rest();
        let Some(length) = comment_length(rest.as_bytes()) else {
            return Err(self.unclosed("the comment"));
        };
        if rest.starts_with("/*+") || rest.starts_with("/*!") {
            self.copy(length);
        } else {
            self.at += length;
            self.statement.sql.push(' ');
        }
        Ok(())
    }

    /// A text in single quotes. In one with an `E` before it a backslash takes away the meaning of what is
    /// behind it; a quote is doubled there instead, which means the same and can be read without knowing.
    fn text(&mut self) -> Result<(), Mistake> {
        let escapes = self.is_escape_text();
        let rest = self.rest();
        let mut characters = rest.char_indices().skip(1).peekable();
        let mut text = String::from("'");
        while let Some((index, character)) = characters.next() {
            match character {
                '\\' if escapes => match characters.next() {
                    Some((_, '\'')) => text.push_str("''"),
                    Some((_, escaped)) => text.extend(['\\', escaped]),
                    None => break,
                },
                '\'' if characters.next_if(|(_, next)| *next == '\'').is_some() => {
                    text.push_str("''");
                }
                '\'' => {
                    self.note_quoted(1, index);
                    self.push(&text);
                    self.statement.sql.push('\'');
                    self.at += index + 1;
                    return Ok(());
                }
                character => text.push(character),
            }
        }
        Err(self.unclosed("the text"))
    }

    /// Whether an `E` stands right before, which is not the end of a name.
    fn is_escape_text(&self) -> bool {
        self.statement.sql.ends_with(['e', 'E'])
            && self.statement.words.last().is_some_and(|word| word == "e")
    }

    fn identifier(&mut self, quote: char) -> Result<(), Mistake> {
        match self.rest()[1..].find(quote) {
            Some(length) => {
                self.note_quoted(1, length + 1);
                self.copy(length + 2);
                Ok(())
            }
            None => Err(self.unclosed("the name")),
        }
    }

    /// `$tag$ … $tag$` is a text without escapes; single quotes say the same on every engine.
    fn dollar(&mut self) -> Result<(), Mistake> {
        let rest = self.rest();
        let Some(tag) = dollar_tag(rest) else {
            self.copy(1);
            return Ok(());
        };
        let Some(length) = rest[tag.len()..].find(tag) else {
            return Err(self.unclosed("the text"));
        };
        self.note_quoted(tag.len(), tag.len() + length);
        let text = rest[tag.len()..tag.len() + length].replace('\'', "''");
        self.push(&format!("'{text}'"));
        self.at += length + 2 * tag.len();
        Ok(())
    }

    fn push(&mut self, text: &str) {
        self.statement.begin.get_or_insert(self.at);
        self.statement.sql.push_str(text);
    }

    /// Remembers what looks like a variable between two places of the rest.
    fn note_quoted(&mut self, from: usize, to: usize) {
        let base = self.at;
        let text = &self.rest()[..to];
        let mut at = from;
        while let Some(found) = text[at..].find(':') {
            at += found;
            match variable(&text[at..]) {
                Some(name) if !text[..at].ends_with(':') => {
                    self.statement.quoted.push((name, base + at));
                    at += name.len();
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// A variable, or the colons of a cast.
    fn colon(&mut self) {
        let rest = self.rest();
        match variable(rest) {
            Some(name) => {
                self.push("?");
                self.statement.parameters.push((name, self.at));
                self.at += 1 + name.len();
            }
            None => {
                if let Some(name) = quoted_variable(rest) {
                    self.statement.quoted.push((name, self.at));
                }
                self.copy(rest.len() - rest.trim_start_matches(':').len());
            }
        }
    }

    #[cold]
    fn question_mark(&self) -> Mistake {
        self.source
            .mistake(self.at, "found `?` outside of quotes, where it would be taken for a parameter")
            .next("write a variable as `:name`, and PostgreSQL's operators as functions: `jsonb_exists(a, b)`")
    }

    #[cold]
    fn unclosed(&self, what: &str) -> Mistake {
        self.source.mistake(self.at, format!("{what} that begins here has no end"))
    }
}

/// The length of the comment that the text begins with, with those in it; none where it has no end.
fn comment_length(text: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    loop {
        match text.get(at..at + 2)? {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return Some(at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
}

/// The name of the variable whose colon the text begins with.
fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix(':').filter(|name| name.starts_with(begins_name))?;
    Some(&name[..name.find(|c| !continues_name(c)).unwrap_or(name.len())])
}

/// The name in `:'name'` or `:"name"`, which psql knows.
fn quoted_variable(text: &str) -> Option<&str> {
    let quote = text.strip_prefix(':')?.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let name = &text[2..];
    let name = &name[..name.find(quote)?];
    is_name(name).then_some(name)
}

/// The `$tag$` that a text begins with.
fn dollar_tag(text: &str) -> Option<&str> {
    let behind = text.strip_prefix('$')?;
    let length = behind.find(|c| !continues_name(c)).unwrap_or(behind.len());
    let is_tag =
        behind[length..].starts_with('$') && !behind.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| &text[..length + 2])
}
