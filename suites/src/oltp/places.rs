//! Where statements stand in the list of a workload, which holds only those that it uses.

use dbdyno_core::{Statement, StatementId};

/// The place of each statement that is used, by its number among all `COUNT` that there are.
#[derive(Clone, Copy, Debug)]
pub struct Places<const COUNT: usize>([StatementId; COUNT]);

impl<const COUNT: usize> Places<COUNT> {
    /// Puts the statements that are used, each with its number, into a list.
    pub fn list(used: impl IntoIterator<Item = (usize, Statement)>) -> (Vec<Statement>, Self) {
        let mut list = Vec::new();
        let mut places = [StatementId::MAX; COUNT];
        for (number, statement) in used {
            places[number] = list.len();
            list.push(statement);
        }
        (list, Self(places))
    }

    /// The place of a statement that is used.
    #[inline]
    pub const fn of(&self, number: usize) -> StatementId {
        self.0[number]
    }
}
