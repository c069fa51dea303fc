//! How tables are written, whatever is in them.

use std::str::FromStr;

use crate::grid::wrap;
use crate::markup::plain;

/// What a table is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned text for a terminal.
    Table,
    /// A table of GitHub's Markdown.
    Markdown,
    /// CSV, a row per cell, numbers unrounded.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Table, Self::Markdown, Self::Csv];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut formats = Self::ALL.into_iter();
        formats
            .find(|format| format.name() == text)
            .ok_or_else(|| format!("`{text}` is not a format"))
    }
}

/// How a table is written.
#[derive(Clone, Copy, Debug)]
pub struct RenderOptions {
    /// The format.
    pub format: Format,
    /// The longest line in characters, for [`Format::Table`]. Where a table is wider, cells take
    /// two lines, and then columns are spread over several tables; nothing is left out.
    pub width: usize,
    /// Whether the best is marked by bold type, which terminals know, instead of `*`.
    pub styled: bool,
}

impl RenderOptions {
    /// A sentence below a table, in lines of its own.
    pub fn sentence(&self, text: &str) -> String {
        match self.format {
            Format::Markdown => format!("{}\n", plain(text)),
            Format::Table | Format::Csv => wrap(text, self.width),
        }
    }
}

impl Default for RenderOptions {
    /// Plain text of 80 characters.
    fn default() -> Self {
        Self { format: Format::Table, width: 80, styled: false }
    }
}
