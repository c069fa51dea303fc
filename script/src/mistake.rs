//! What is wrong with a script, and where.

use std::fmt;

/// As many characters of a line are shown at most.
const WIDEST: usize = 160;

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

    /// The place, what is wrong and the line in a single line, for where a table or a log has but one.
    pub fn in_a_line(&self) -> String {
        let Details { file, line, column, shown, what, .. } = &*self.0;
        let part: String = shown.trim().chars().take(WIDEST).collect();
        format!("{file}:{line}:{column}: {what} in `{part}`")
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
        let (number, at) = (line.to_string(), column.saturating_sub(1));
        // Of a long line what is around the place.
        let first = if shown.chars().count() > WIDEST { at.saturating_sub(WIDEST / 2) } else { 0 };
        let cut = if first > 0 { "…" } else { "" };
        let part: String = shown.chars().skip(first).take(WIDEST).collect();
        let more = if shown.chars().nth(first + WIDEST).is_some() { "…" } else { "" };
        writeln!(f, "  {number} | {cut}{part}{more}")?;
        // Tabs stay tabs, so that the mark stands under its character at any width.
        let before = cut.chars().chain(part.chars().take(at - first));
        let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "  {:width$} | {indent}^", "", width = number.len())
    }
}

impl std::error::Error for Mistake {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let shown = format!("{}é{}", "a".repeat(500), "b".repeat(500));
        let told = Mistake::new("x.sql", 7, 501, &shown, "found it").to_string();
        let (a, b) = ("a".repeat(80), "b".repeat(79));
        let indent = " ".repeat(81);
        assert_eq!(told, format!("x.sql:7:501: found it\n  7 | …{a}é{b}…\n    | {indent}^"));
        let told = Mistake::new("x.sql", 7, 1, &shown, "found it").to_string();
        assert_eq!(told, format!("x.sql:7:1: found it\n  7 | {}…\n    | ^", "a".repeat(160)));
        let told = Mistake::new("x.sql", 7, 1002, &shown, "the end").to_string();
        assert_eq!(
            told,
            format!("x.sql:7:1002: the end\n  7 | …{}\n    | {indent}^", "b".repeat(80))
        );
        let told = Mistake::new("x.sql", 12, 2, "\tx", "found it").to_string();
        assert_eq!(told, "x.sql:12:2: found it\n  12 | \tx\n     | \t^");
    }
}
