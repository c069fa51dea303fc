//! What is wrong with a script, and where.

use std::fmt;

/// Something in a script that cannot be understood, or cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake(Box<Details>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    file: String,
    line: usize,
    column: usize,
    shown: String,
    what: String,
    next: Option<String>,
}

impl Mistake {
    /// A mistake in `file`, of which `shown` is the line; `line` and `column` count from 1.
    #[cold]
    pub fn new(
        file: impl Into<String>,
        line: usize,
        column: usize,
        shown: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        let (file, shown, what) = (file.into(), shown.into(), what.into());
        Self(Box::new(Details { file, line, column, shown, what, next: None }))
    }

    /// Adds what to do about it, an imperative sentence without its full stop.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.0.next = Some(next.into());
        self
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// The character in the line, from 1.
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// What was found and what was expected.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// What to do about it, where more can be said than to mend it.
    pub fn remedy(&self) -> Option<&str> {
        self.0.next.as_deref()
    }
}

impl fmt::Display for Mistake {
    /// The place and what is wrong, then the line with a mark under the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { file, line, column, shown, what, .. } = &*self.0;
        writeln!(f, "{file}:{line}:{column}: {what}")?;
        let number = line.to_string();
        writeln!(f, "  {number} | {shown}")?;
        // Tabs stay tabs, so that the mark stands under its character at any width.
        let before = shown.chars().take(column - 1);
        let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "  {:width$} | {indent}^", "", width = number.len())
    }
}

impl std::error::Error for Mistake {}
