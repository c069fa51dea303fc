//! How a schedule came out.

use std::fmt;

use super::schedule::{Schedule, Seen};

/// How a schedule came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The anomaly happened.
    Possible,
    /// A transaction had to wait until another was over.
    PreventedByBlocking,
    /// The engine ended a transaction.
    PreventedByAbort {
        /// The engine's own code and what it means.
        code: String,
    },
    /// Nobody waited, and everybody was answered as if alone.
    PreventedBySnapshot,
    /// A step was not answered, though nothing was left that it could have waited for.
    Hung {
        /// Its place among the steps, counted from 1.
        step: usize,
    },
    /// The engine refused a step for a reason of its own, or could not be asked.
    Refused {
        /// Why.
        why: String,
    },
}

impl Outcome {
    /// Whether the anomaly happened.
    pub fn is_possible(&self) -> bool {
        *self == Self::Possible
    }

    /// Whether the schedule says anything of the level.
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Hung { .. } | Self::Refused { .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Possible => f.write_str("possible"),
            Self::PreventedByBlocking => f.write_str("prevented by blocking"),
            Self::PreventedByAbort { code } => write!(f, "prevented by abort ({code})"),
            Self::PreventedBySnapshot => f.write_str("prevented by snapshot"),
            Self::Hung { step } => write!(f, "hung at step {step}"),
            Self::Refused { why } => write!(f, "refused: {why}"),
        }
    }
}

/// All that happened while a schedule was played.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// What transactions were answered.
    pub seen: Seen,
    /// The transactions that waited for a lock.
    pub waited: Vec<usize>,
    /// The codes by which the engine ended transactions.
    pub aborts: Vec<String>,
    /// The step that was never answered.
    pub hung: Option<usize>,
    /// What went wrong otherwise.
    pub refused: Option<String>,
}

impl Played {
    /// How it came out.
    pub fn outcome(&self, schedule: &Schedule) -> Outcome {
        if let Some(why) = &self.refused {
            return Outcome::Refused { why: why.clone() };
        }
        if let Some(step) = self.hung {
            return Outcome::Hung { step };
        }
        if (schedule.shows)(&self.seen) {
            return Outcome::Possible;
        }
        if let Some(code) = self.aborts.first() {
            return Outcome::PreventedByAbort { code: code.clone() };
        }
        match self.waited.iter().any(|one| schedule.held_back.contains(one)) {
            true => Outcome::PreventedByBlocking,
            false => Outcome::PreventedBySnapshot,
        }
    }
}
