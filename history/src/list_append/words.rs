//! Why one transaction comes before another, in words.

use super::ListAppend;
use crate::cycle::CircleStep;
use crate::graph::{RW, WR, WW};
use crate::store::{Action, NONE};
use crate::verdict::Step;

impl ListAppend<'_> {
    pub(super) fn words(&self, step: &CircleStep, to: u32, names: (&str, &str)) -> Step {
        let history = self.history;
        let operation = history.operations[step.operation as usize];
        let key = operation.key();
        let to_place = history.position(to, step.operation);
        let (from_place, because) = match operation.action() {
            Action::Write(write) if step.kind == WW => {
                self.write_write(step.transaction, key, write, names)
            }
            Action::Write(write) => self.read_write(step.transaction, key, write, names),
            Action::ReadList(version) => {
                let last = history.lists.last(version).unwrap_or(NONE);
                let value = history.value_text(last);
                let words = format!(
                    "{} observed {}'s append of {value} to key {}",
                    names.1,
                    names.0,
                    history.key_text(key)
                );
                (history.position_of_write(step.transaction, last), words)
            }
            _ => (None, String::new()),
        };
        let dependency = match step.kind {
            WW => "ww",
            WR => "wr",
            RW => "rw",
            _ => "",
        };
        Step {
            dependency,
            key: Some(history.key_text(key)),
            from: from_place,
            to: to_place,
            because,
        }
    }

    fn write_write(
        &self,
        from: u32,
        key: u32,
        write: u32,
        names: (&str, &str),
    ) -> (Option<usize>, String) {
        let order = self.history.lists.order(key);
        let place = (self.place[write as usize] as usize).min(order.len());
        let before = order[..place]
            .iter()
            .rev()
            .find(|before| self.history.writes.writer(**before) == Some(from))
            .copied()
            .unwrap_or(NONE);
        let words = format!(
            "{} appended {} to key {} after {} had appended {}",
            names.1,
            self.history.value_text(write),
            self.history.key_text(key),
            names.0,
            self.history.value_text(before)
        );
        (self.history.position_of_write(from, before), words)
    }

    fn read_write(
        &self,
        from: u32,
        key: u32,
        write: u32,
        names: (&str, &str),
    ) -> (Option<usize>, String) {
        let words = format!(
            "{} did not observe {}'s append of {} to key {}",
            names.0,
            names.1,
            self.history.value_text(write),
            self.history.key_text(key)
        );
        let place = self.place[write as usize];
        let operations = self.history.operations_of(from);
        let missed = operations.iter().position(|operation| match operation.action() {
            Action::ReadList(version) if operation.key() == key => {
                self.history.lists.is_in_order(version)
                    && version.length <= place
                    && match self.next_in_order(key, version.length) {
                        Some(next) => next == write,
                        None => place == NONE,
                    }
            }
            _ => false,
        });
        (missed, words)
    }
}
