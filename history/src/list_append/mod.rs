//! Lists that are appended to: who wrote what a read returned, and in which order, is in the lists.

mod edges;
mod inside;
mod lists;
mod order;
mod words;

use crate::cycle::CircleStep;
use crate::findings::Findings;
use crate::graph::GraphBuilder;
use crate::lost_update;
use crate::store::{Action, History, NONE, Outcome, Version};
use crate::verdict::Step;

/// A history of lists, with what its lists tell.
pub struct ListAppend<'a> {
    history: &'a History,
    /// Of each write: its place in the order of its key's versions; [`NONE`] if it is not in it.
    place: Vec<u32>,
    /// Of each write: whether it is in any list at all.
    is_read: Vec<bool>,
    /// Of each transaction: whether it can have had an effect: it was committed, or nobody knows and
    /// somebody read what it wrote.
    has_effect: Vec<bool>,
}

impl<'a> ListAppend<'a> {
    /// Reads off the lists what they tell.
    pub fn new(history: &'a History) -> Self {
        let mut place = vec![NONE; history.writes.len()];
        for key in 0..history.keys.len() as u32 {
            for (write, at) in history.lists.order(key).iter().zip(0..) {
                let place = &mut place[*write as usize];
                *place = (*place).min(at);
            }
        }
        let mut is_read = vec![false; history.writes.len()];
        let mut has_effect: Vec<bool> =
            history.transactions.iter().map(|it| it.outcome == Outcome::Committed).collect();
        for (_, _, _, own) in history.lists.branches() {
            for write in own {
                is_read[*write as usize] = true;
                if let Some(writer) = history.writes.writer(*write)
                    && history.outcome(writer) == Outcome::Unknown
                {
                    has_effect[writer as usize] = true;
                }
            }
        }
        Self { history, place, is_read, has_effect }
    }

    /// Looks for all anomalies that show without the graph.
    pub fn look(&self, findings: &mut Findings) {
        self.lists(findings);
        self.inside(findings);
        self.order(findings);
        lost_update::look(self.history, findings);
    }

    /// Adds the dependencies.
    pub fn link(&self, graph: &mut GraphBuilder) {
        self.edges(graph);
    }

    /// Says why `from` comes before `to`.
    pub fn step(&self, from: &CircleStep, to: u32, names: (&str, &str)) -> Step {
        self.words(from, to, names)
    }

    /// Committed writes that are in no list.
    pub fn never_read(&self) -> usize {
        (0..self.history.writes.len() as u32).filter(|write| self.is_unread(*write)).count()
    }

    /// Whether a write was committed and is in no list.
    fn is_unread(&self, write: u32) -> bool {
        !self.is_read[write as usize]
            && self
                .history
                .writes
                .writer(write)
                .is_some_and(|writer| self.has_effect[writer as usize])
    }

    /// The transaction that made a write take effect.
    fn effective_writer(&self, write: u32) -> Option<u32> {
        self.history.writes.writer(write).filter(|writer| self.has_effect[*writer as usize])
    }

    /// Every read of a list by a committed transaction: who, the place of the operation, key and list.
    fn reads(&self) -> impl Iterator<Item = (u32, u32, u32, Version)> + '_ {
        self.history.committed().flat_map(move |transaction| {
            self.history.range(transaction).filter_map(move |at| {
                let operation = self.history.operations[at];
                match operation.action() {
                    Action::ReadList(version) => {
                        Some((transaction, at as u32, operation.key(), version))
                    }
                    _ => None,
                }
            })
        })
    }

    /// The write after the first `length` in the order of a key that took effect.
    fn next_in_order(&self, key: u32, length: u32) -> Option<u32> {
        let order = &self.history.lists.order(key)[length as usize..];
        order.iter().copied().find(|write| self.effective_writer(*write).is_some())
    }

    /// The last write among the first `length` in the order of a key that took effect.
    fn last_in_order(&self, key: u32, length: u32) -> Option<u32> {
        let order = &self.history.lists.order(key)[..length as usize];
        order.iter().rev().copied().find(|write| self.effective_writer(*write).is_some())
    }
}
