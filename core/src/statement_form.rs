//! In which words a transaction's statements are said.

use std::fmt;
use std::str::FromStr;

/// How the statements of a case are said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatementForm {
    /// The same on every engine.
    #[default]
    Portable,
    /// As each engine says them best ([`NativeSql`](crate::NativeSql)).
    Native,
}

impl StatementForm {
    /// Every form, the default first.
    pub const ALL: [Self; 2] = [Self::Portable, Self::Native];

    /// The word used on the command line and in CSV files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Native => "native",
        }
    }
}

impl fmt::Display for StatementForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for StatementForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|form| form.name() == text)
            .ok_or_else(|| format!("`{text}` is not a form of statements"))
    }
}
