//! What a commit survives.

use std::fmt;
use std::str::FromStr;

/// What a commit that was acknowledged survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// Nothing is promised.
    None,
    /// A crash of the server process, but not of the machine: the log is written, not synced.
    Process,
    /// Loss of power: the log is synced before a commit is acknowledged.
    Full,
}

impl Durability {
    /// Every level, strongest first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Process, Self::None];

    /// The word used on the command line and in CSV files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Process => "process",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.name() == text)
            .ok_or_else(|| format!("`{text}` is not a durability level"))
    }
}

/// The durability a server was seen to hold, and the settings that show it.
#[derive(Clone, Debug)]
pub struct HeldDurability {
    /// The level those settings amount to.
    pub level: Durability,
    /// The settings as read back from the server, `name=value` with spaces between.
    pub evidence: String,
}
