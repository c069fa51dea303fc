//! What shows within a transaction: whether it saw what it had written and read, and nothing that it
//! had not written yet.
//!
//! The first is the axiom INT of Cerone, Bernardi and Gotsman, "A Framework for Transactional
//! Consistency Models with Atomic Visibility", 2015.

use super::ListAppend;
use crate::class::AnomalyClass::{FutureRead, Internal};
use crate::findings::{Findings, story};
use crate::store::{Action, Version};

impl ListAppend<'_> {
    pub(super) fn inside(&self, findings: &mut Findings) {
        for transaction in self.history.committed() {
            let operations = self.history.operations_of(transaction);
            for (at, operation) in operations.iter().enumerate() {
                match operation.action() {
                    Action::ReadList(version) if at > 0 => {
                        self.read_after(findings, transaction, at, version);
                    }
                    Action::Write(write) if at > 0 => {
                        self.read_before(findings, transaction, at, write);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Compares a read with the transaction's last read of the key and its appends since.
    fn read_after(&self, findings: &mut Findings, transaction: u32, at: usize, version: Version) {
        let operations = self.history.operations_of(transaction);
        let key = operations[at].key();
        let before = operations[..at].iter().rev().filter(|operation| operation.key() == key);
        let mut expected_last = version.length;
        let mut as_expected = true;
        let mut seen = false;
        for operation in before {
            seen = true;
            match operation.action() {
                Action::Write(write) => {
                    as_expected &= expected_last
                        .checked_sub(1)
                        .is_some_and(|place| self.history.lists.element(version, place) == write);
                    expected_last = expected_last.saturating_sub(1);
                }
                Action::ReadList(earlier) => {
                    as_expected &= earlier.length == expected_last
                        && self.history.lists.begins_with(version, earlier);
                    break;
                }
                _ => {}
            }
            if !as_expected {
                break;
            }
        }
        if seen && !as_expected {
            findings.add(Internal, || {
                let list = self.history.list_text(version);
                let key = self.history.key_text(key);
                let then = format!(
                    "T1 read key {key} as {list}, which is not what it had read before with what it had appended since."
                );
                story(self.history, &[transaction], &then)
            });
        }
    }

    /// Looks for a value in what the transaction read before it appended it.
    fn read_before(&self, findings: &mut Findings, transaction: u32, at: usize, write: u32) {
        if !self.is_read[write as usize] {
            return;
        }
        let operations = self.history.operations_of(transaction);
        let key = operations[at].key();
        let knew = operations[..at].iter().any(|operation| match operation.action() {
            Action::ReadList(version) if operation.key() == key => self.has(version, write),
            _ => false,
        });
        if knew {
            findings.add(FutureRead, || {
                let value = self.history.value_text(write);
                let key = self.history.key_text(key);
                let then = format!("T1 read {value} in key {key} before it appended it.");
                story(self.history, &[transaction], &then)
            });
        }
    }

    fn has(&self, version: Version, write: u32) -> bool {
        if self.history.lists.is_in_order(version) {
            return self.place[write as usize] < version.length;
        }
        self.history.lists.list(version).contains(&write)
    }
}
