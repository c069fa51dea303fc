//! Isolation levels, and how an engine supports each.

use std::fmt;
use std::str::FromStr;

/// A transaction isolation level, in the words of the SQL standard, with snapshot isolation
/// (Berenson et al., "A Critique of ANSI SQL Isolation Levels", 1995) beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isolation {
    /// Dirty reads are allowed.
    ReadUncommitted,
    /// Each statement sees what was committed before it began.
    ReadCommitted,
    /// Rows once read stay as they were read.
    RepeatableRead,
    /// The transaction sees one snapshot, and the first of two writers of a row wins.
    Snapshot,
    /// As if transactions ran one after another.
    Serializable,
}

impl Isolation {
    /// Every level, weakest first.
    pub const ALL: [Self; 5] = [
        Self::ReadUncommitted,
        Self::ReadCommitted,
        Self::RepeatableRead,
        Self::Snapshot,
        Self::Serializable,
    ];

    /// The word used on the command line and in CSV files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "read-uncommitted",
            Self::ReadCommitted => "read-committed",
            Self::RepeatableRead => "repeatable-read",
            Self::Snapshot => "snapshot",
            Self::Serializable => "serializable",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Isolation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.name() == text)
            .ok_or_else(|| format!("`{text}` is not an isolation level"))
    }
}

/// How a driver answers for an isolation level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LevelSupport {
    /// The engine has the level; `maps_to` is what it is told.
    Native {
        /// The engine's own name of the level or the settings that give it.
        maps_to: &'static str,
    },
    /// The engine accepts the name but gives `level`, which is at least as strong.
    SameAs {
        /// The level that the engine really runs.
        level: Isolation,
        /// Why, with the manual's page.
        why: &'static str,
    },
    /// The engine has nothing of the kind.
    Lacks {
        /// Why, as a result row says it.
        why: String,
    },
}

impl LevelSupport {
    /// Whether `--isolation all` includes the level: those that the engine tells apart.
    pub const fn is_native(&self) -> bool {
        matches!(self, Self::Native { .. })
    }
}
