//! What a load finds in memory.

use std::fmt;

/// Whether the data is in memory when a load begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cache {
    /// As much of it as what came before has left there: loading, warming up, earlier cases.
    #[default]
    Warm,
    /// None of it: the server was just started, and its files are in no cache of the operating system.
    Cold,
}

impl Cache {
    /// Every state, the default first.
    pub const ALL: [Self; 2] = [Self::Warm, Self::Cold];

    /// The word used on the command line and in CSV files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
