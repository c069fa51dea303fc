//! What the clients of both loads have in common: marks, deliberate rollbacks, and the journal.

use std::sync::Arc;

use dbdyno_core::load::Outcome;
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, Steps};

use super::journal::{Entry, Journal, Mark, Place, now_us};

/// One in so many transactions is rolled back on purpose.
const ROLLBACKS: u64 = 8;

/// The part of a case that clients work in.
#[derive(Clone)]
pub struct Part {
    /// The cycle, counted from 1.
    pub cycle: u32,
    /// Whether some transactions are rolled back on purpose.
    pub rolls_back: bool,
    /// Where they write what they do.
    pub journal: Arc<dyn Journal>,
}

/// Numbers a client's transactions, ends them and writes down how.
pub struct Scribe {
    part: Part,
    mark: Mark,
    rolls_back: bool,
}

impl Scribe {
    /// Of a client, counted from 0.
    pub fn new(part: &Part, client: u32) -> Self {
        let mark = Mark { cycle: part.cycle, client, number: 0 };
        Self { part: part.clone(), mark, rolls_back: false }
    }

    /// Draws whether the next transaction is rolled back; gives its mark.
    pub fn draw(&mut self, rng: &mut Rng) -> Mark {
        self.mark.number += 1;
        // Drawn in any case: what follows in the stream is the same.
        self.rolls_back = rng.below(ROLLBACKS) == 0 && self.part.rolls_back;
        self.mark
    }

    /// Ends the transaction, which left its mark at `places`.
    ///
    /// # Errors
    /// The engine refuses the commit, or the connection broke.
    pub async fn end(&self, steps: &mut Steps<'_>, places: &[Place]) -> Result<Outcome, DbError> {
        let (mark, journal) = (self.mark, &self.part.journal);
        if self.rolls_back {
            journal.keep(Entry::RollingBack(mark, places.to_vec()));
            steps.rollback().await?;
            return Ok(Outcome::RolledBack);
        }
        journal.keep(Entry::Sending(mark, places.to_vec()));
        match steps.commit().await {
            Ok(()) => {
                journal.keep(Entry::Acknowledged(mark, now_us()));
                Ok(Outcome::Committed)
            }
            // Nothing is written of a commit that was cut off: a killed client would not, either.
            Err(error) => {
                if !error.outcome_unknown {
                    journal.keep(Entry::Refused(mark));
                }
                Err(error)
            }
        }
    }
}
