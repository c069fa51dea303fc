//! Text to tokens, up to the end of a command's line (`exprscan.l` in pgbench's source).

use super::operator::Operator;
use crate::mistake::Mistake;
use crate::names::{begins_name, continues_name};
use crate::scalar::Scalar;
use crate::source::Source;
use crate::word::skip_blanks;

/// What an expression is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Token<'t> {
    Constant(Scalar),
    /// 2^63, which is an integer after a minus alone.
    IntMinimum,
    /// A variable, by its name without the colon.
    Variable(&'t str),
    /// The name of a function, or any other word.
    Name(&'t str),
    Operator(Operator),
    Keyword(Keyword),
    Complement,
    Open,
    Close,
    Comma,
    End,
}

/// Words that are no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    Not,
    Is,
    IsNull,
    NotNull,
    Case,
    When,
    Then,
    Else,
    End,
}

const KEYWORDS: [(&str, Token<'static>); 14] = [
    ("and", Token::Operator(Operator::And)),
    ("or", Token::Operator(Operator::Or)),
    ("null", Token::Constant(Scalar::Null)),
    ("true", Token::Constant(Scalar::Bool(true))),
    ("false", Token::Constant(Scalar::Bool(false))),
    ("not", Token::Keyword(Keyword::Not)),
    ("is", Token::Keyword(Keyword::Is)),
    ("isnull", Token::Keyword(Keyword::IsNull)),
    ("notnull", Token::Keyword(Keyword::NotNull)),
    ("case", Token::Keyword(Keyword::Case)),
    ("when", Token::Keyword(Keyword::When)),
    ("then", Token::Keyword(Keyword::Then)),
    ("else", Token::Keyword(Keyword::Else)),
    ("end", Token::Keyword(Keyword::End)),
];

/// Longer ones first.
const SYMBOLS: [(&str, Token<'static>); 22] = [
    ("<=", Token::Operator(Operator::LessOrEqual)),
    (">=", Token::Operator(Operator::GreaterOrEqual)),
    ("<>", Token::Operator(Operator::NotEqual)),
    ("!=", Token::Operator(Operator::NotEqual)),
    ("<<", Token::Operator(Operator::ShiftLeft)),
    (">>", Token::Operator(Operator::ShiftRight)),
    ("<", Token::Operator(Operator::Less)),
    (">", Token::Operator(Operator::Greater)),
    ("=", Token::Operator(Operator::Equal)),
    ("|", Token::Operator(Operator::BitOr)),
    ("#", Token::Operator(Operator::BitXor)),
    ("&", Token::Operator(Operator::BitAnd)),
    ("+", Token::Operator(Operator::Add)),
    ("-", Token::Operator(Operator::Subtract)),
    ("*", Token::Operator(Operator::Multiply)),
    ("/", Token::Operator(Operator::Divide)),
    ("%", Token::Operator(Operator::Modulo)),
    ("~", Token::Complement),
    ("(", Token::Open),
    (")", Token::Close),
    (",", Token::Comma),
    ("\n", Token::End),
];

/// Reads tokens from front to back.
pub struct Lexer<'t> {
    source: Source<'t>,
    /// Behind the present token.
    at: usize,
    /// Where the present token begins.
    start: usize,
    token: Token<'t>,
}

impl<'t> Lexer<'t> {
    /// At the first token from `at` on.
    pub fn new(source: Source<'t>, at: usize) -> Result<Self, Mistake> {
        let mut lexer = Self { source, at, start: at, token: Token::End };
        lexer.advance()?;
        Ok(lexer)
    }

    pub fn token(&self) -> &Token<'t> {
        &self.token
    }

    /// Where the present token begins.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Gives the present token and goes on to the next.
    pub fn take(&mut self) -> Result<Token<'t>, Mistake> {
        let taken = self.token.clone();
        if taken != Token::End {
            self.advance()?;
        }
        Ok(taken)
    }

    /// The present token as a person reads it.
    pub fn shown(&self) -> String {
        match self.token {
            Token::End => "the end of the command".to_owned(),
            _ => format!("`{}`", &self.source.text[self.start..self.at]),
        }
    }

    /// That something else was expected in place of the present token.
    #[cold]
    pub fn unexpected(&self, expected: &str) -> Mistake {
        self.source.mistake(self.start, format!("found {}, expected {expected}", self.shown()))
    }

    /// What is wrong with the text from `start` on.
    #[cold]
    pub fn mistake(&self, start: usize, what: impl Into<String>) -> Mistake {
        self.source.mistake(start, what)
    }

    fn advance(&mut self) -> Result<(), Mistake> {
        self.at = skip_blanks(self.source.text, self.at);
        self.start = self.at;
        let rest = &self.source.text[self.at..];
        let Some(first) = rest.chars().next() else {
            self.token = Token::End;
            return Ok(());
        };
        if first.is_ascii_digit() || (first == '.' && digits(&rest[1..]) > 0) {
            return self.number(rest);
        }
        if first == ':' {
            let length = run(&rest[1..], continues_name);
            if length > 0 {
                self.set(Token::Variable(&rest[1..=length]), length + 1);
                return Ok(());
            }
        }
        if begins_name(first) {
            let word = &rest[..run(rest, continues_name)];
            let keyword = KEYWORDS.iter().find(|(text, _)| text.eq_ignore_ascii_case(word));
            let token = keyword.map_or(Token::Name(word), |(_, token)| token.clone());
            self.set(token, word.len());
            return Ok(());
        }
        match SYMBOLS.iter().find(|(text, _)| rest.starts_with(text)) {
            Some((text, token)) => {
                self.set(token.clone(), text.len());
                Ok(())
            }
            None => Err(self.mistake(self.at, format!("unexpected character `{first}`"))),
        }
    }

    fn set(&mut self, token: Token<'t>, length: usize) {
        self.token = token;
        self.at += length;
    }

    fn number(&mut self, rest: &'t str) -> Result<(), Mistake> {
        let whole = digits(rest);
        let mut length = whole;
        if rest[length..].starts_with('.') {
            length += 1 + digits(&rest[length + 1..]);
        }
        length += exponent(&rest[length..]);
        let text = &rest[..length];
        let token = if length == whole {
            match text.parse::<u64>() {
                Ok(number) if number == 1 << 63 => Token::IntMinimum,
                Ok(number) => match i64::try_from(number) {
                    Ok(int) => Token::Constant(Scalar::Int(int)),
                    Err(_) => return Err(self.overflow("bigint", text)),
                },
                Err(_) => return Err(self.overflow("bigint", text)),
            }
        } else {
            match Scalar::read_double(text) {
                Some(double) => Token::Constant(double),
                None => return Err(self.overflow("double", text)),
            }
        };
        self.set(token, length);
        Ok(())
    }

    #[cold]
    fn overflow(&self, ty: &str, text: &str) -> Mistake {
        self.mistake(self.at, format!("{ty} constant overflow: `{text}` is out of range"))
    }
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character)).unwrap_or(text.len())
}

fn digits(text: &str) -> usize {
    run(text, |character| character.is_ascii_digit())
}

/// The length of an exponent, 0 where there is none.
fn exponent(text: &str) -> usize {
    let Some(after) = text.strip_prefix(['e', 'E']) else { return 0 };
    let signed = after.strip_prefix(['+', '-']).unwrap_or(after);
    match digits(signed) {
        0 => 0,
        count => text.len() - signed.len() + count,
    }
}
