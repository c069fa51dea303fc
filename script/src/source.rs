//! The text of a script, and where in it something stands.

use crate::mistake::Mistake;

/// A script's text under the name that a person knows it by.
#[derive(Clone, Copy, Debug)]
pub struct Source<'t> {
    pub name: &'t str,
    pub text: &'t str,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl<'t> Source<'t> {
    /// Where the byte at `offset` stands.
    pub fn place(self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The line in which the byte at `offset` stands, without its end.
    fn line(self, offset: usize) -> &'t str {
        let offset = offset.min(self.text.len());
        let start = self.text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[start..].split('\n').next().unwrap_or("");
        line.trim_end_matches('\r')
    }

    /// What is wrong at `offset`.
    #[cold]
    pub fn mistake(self, offset: usize, what: impl Into<String>) -> Mistake {
        let place = self.place(offset);
        Mistake::new(self.name, place.line, place.column, self.line(offset), what)
    }
}
