//! Registers that are written and read: who wrote what was read is in the values, the order of versions
//! is inferred. After "Elle", section 5.2 (`elle.rw-register`).

mod edges;
mod look;
mod versions;
mod words;

use crate::cycle::CircleStep;
use crate::findings::Findings;
use crate::graph::{Graph, GraphBuilder};
use crate::lost_update;
use crate::store::{Action, History, NONE, Outcome};
use crate::verdict::{CheckOptions, Step};

/// A history of registers, with the order of their versions as far as it is known.
pub struct RwRegister<'a> {
    history: &'a History,
    /// Of each transaction: whether it can have had an effect: it was committed, or nobody knows and
    /// somebody read what it wrote.
    has_effect: Vec<bool>,
    /// Which version comes before which. Its nodes are the writes, and after them what was in each key
    /// at first.
    versions: Graph,
    /// Circles of versions: the key and the versions.
    circles: Vec<(u32, Vec<u32>)>,
}

impl<'a> RwRegister<'a> {
    /// Infers the order of versions.
    pub fn new(history: &'a History, options: &CheckOptions) -> Self {
        let mut has_effect: Vec<bool> =
            history.transactions.iter().map(|it| it.outcome == Outcome::Committed).collect();
        let mut is_read = vec![false; history.writes.len()];
        for transaction in history.committed() {
            for operation in history.operations_of(transaction) {
                let Action::ReadRegister(write) = operation.action() else { continue };
                let writer = if write == NONE { None } else { history.writes.writer(write) };
                if write != NONE {
                    is_read[write as usize] = true;
                }
                if let Some(writer) = writer
                    && history.outcome(writer) == Outcome::Unknown
                {
                    has_effect[writer as usize] = true;
                }
            }
        }
        let (versions, circles) =
            versions::infer(history, &has_effect, &is_read, options.register_order);
        Self { history, has_effect, versions, circles }
    }

    /// Looks for all anomalies that show without the graph.
    pub fn look(&self, findings: &mut Findings) {
        self.reads(findings);
        self.circles_of_versions(findings);
        lost_update::look(self.history, findings);
    }

    /// Adds the dependencies.
    pub fn link(&self, graph: &mut GraphBuilder) {
        self.edges(graph);
    }

    /// Says why `step`'s transaction comes before `to`.
    pub fn step(&self, step: &CircleStep, to: u32, names: (&str, &str)) -> Step {
        self.words(step, to, names)
    }

    /// Committed writes that no transaction read.
    pub fn never_read(&self) -> usize {
        let mut unread = vec![false; self.history.writes.len()];
        for write in 0..self.history.writes.len() as u32 {
            let writer = self.history.writes.writer(write);
            unread[write as usize] =
                writer.is_some_and(|writer| self.history.outcome(writer) == Outcome::Committed);
        }
        for transaction in self.history.committed() {
            for operation in self.history.operations_of(transaction) {
                if let Action::ReadRegister(write) = operation.action()
                    && write != NONE
                {
                    unread[write as usize] = false;
                }
            }
        }
        unread.into_iter().filter(|unread| *unread).count()
    }

    /// The transaction that made a write take effect; none for what was there at first.
    fn effective_writer(&self, version: u32) -> Option<u32> {
        if version as usize >= self.history.writes.len() {
            return None;
        }
        self.history.writes.writer(version).filter(|writer| self.has_effect[*writer as usize])
    }
}

/// What a transaction does to a key, as others see it: what it read there before it wrote, and the
/// last of what it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touch {
    pub key: u32,
    /// The version that was read and the place of the operation.
    pub read: Option<(u32, u32)>,
    /// The version that was written and the place of the operation.
    pub written: Option<(u32, u32)>,
}

/// What a transaction does to each key, in the order of first use.
pub(super) fn touches(history: &History, transaction: u32, out: &mut Vec<Touch>) {
    out.clear();
    for at in history.range(transaction) {
        let operation = history.operations[at];
        let key = operation.key();
        let place = out.iter().position(|touch| touch.key == key).unwrap_or_else(|| {
            out.push(Touch { key, read: None, written: None });
            out.len() - 1
        });
        let touch = &mut out[place];
        match operation.action() {
            Action::Write(write) => touch.written = Some((write, at as u32)),
            Action::ReadRegister(write) if touch.read.is_none() && touch.written.is_none() => {
                touch.read = Some((version(history, key, write), at as u32));
            }
            _ => {}
        }
    }
}

/// The node of a version: its write's number, or a number of its own for what was there at first.
fn version(history: &History, key: u32, write: u32) -> u32 {
    if write == NONE { history.writes.len() as u32 + key } else { write }
}

/// The key of a version.
fn key_of(history: &History, version: u32) -> u32 {
    match (version as usize).checked_sub(history.writes.len()) {
        Some(key) => key as u32,
        None => history.writes.get(version).key,
    }
}
