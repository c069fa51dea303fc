//! What shows in the order of a key's versions.

use hashbrown::HashMap;

use super::ListAppend;
use crate::class::AnomalyClass::{DirtyUpdate, IncompatibleOrder, MissingElements};
use crate::findings::{Findings, story};
use crate::store::{NONE, Outcome, Version};

impl ListAppend<'_> {
    pub(super) fn order(&self, findings: &mut Findings) {
        self.incompatible(findings);
        for key in 0..self.history.keys.len() as u32 {
            self.dirty_updates(findings, key);
        }
        self.missing(findings);
    }

    /// Lists that are no prefixes of the longest; the same list counts once, however often it was read.
    fn incompatible(&self, findings: &mut Findings) {
        let mut longest: HashMap<u32, u32> = HashMap::default();
        let mut others: HashMap<Version, u32> = HashMap::default();
        let mut different: Vec<(u32, u32, Version)> = Vec::new();
        for (reader, _, key, version) in self.reads() {
            if self.history.lists.is_in_order(version) {
                continue;
            }
            if others.insert(version, reader).is_none() {
                different.push((reader, key, version));
                longest.insert(key, NONE);
            }
        }
        if different.is_empty() {
            return;
        }
        for (reader, _, key, version) in self.reads() {
            if version.length as usize == self.history.lists.order(key).len()
                && self.history.lists.is_in_order(version)
                && let Some(longest) = longest.get_mut(&key)
            {
                *longest = reader;
            }
        }
        for (reader, key, version) in different {
            let with = longest.get(&key).copied().filter(|other| *other != NONE).unwrap_or(reader);
            findings.add(IncompatibleOrder, || {
                let then = format!(
                    "T1 read key {} as {}, and T2 as {}: neither begins with the other{}.",
                    self.history.key_text(key),
                    self.history.list_text(version),
                    self.history.order_text(key),
                    self.difference(key, version)
                );
                story(self.history, &[reader, with], &then)
            });
        }
    }

    /// Where a list first differs from the longest of its key.
    fn difference(&self, key: u32, version: Version) -> String {
        let list = self.history.lists.list(version);
        let mut pairs = list.iter().zip(self.history.lists.order(key)).zip(1_u32..);
        let Some(((one, other), place)) = pairs.find(|((one, other), _)| one != other) else {
            return String::new();
        };
        let (one, other) = (self.history.value_text(*one), self.history.value_text(*other));
        format!(", for element {place} is {one} in the first and {other} in the second")
    }

    /// A committed version on top of an aborted one, as Elle has it: what is between them is of
    /// unknown outcome, if there is anything.
    fn dirty_updates(&self, findings: &mut Findings, key: u32) {
        let mut aborted = None;
        for write in self.history.lists.order(key) {
            let Some(writer) = self.history.writes.writer(*write) else { continue };
            match self.history.outcome(writer) {
                Outcome::Aborted => aborted = aborted.or(Some(*write)),
                Outcome::Unknown => {}
                Outcome::Committed => {
                    if let Some(below) = aborted.take() {
                        self.dirty_update(findings, key, below, *write);
                    }
                }
            }
        }
    }

    fn dirty_update(&self, findings: &mut Findings, key: u32, below: u32, above: u32) {
        let writers = (self.history.writes.writer(below), self.history.writes.writer(above));
        let (Some(one), Some(other)) = writers else { return };
        findings.add(DirtyUpdate, || {
            let then = format!(
                "T1 appended {} to key {} and was aborted; T2 appended {} after it and was committed.",
                self.history.value_text(below),
                self.history.key_text(key),
                self.history.value_text(above)
            );
            story(self.history, &[one, other], &then)
        });
    }

    /// Appends that were acknowledged, and are in no list although one was read by a transaction that
    /// began afterwards.
    fn missing(&self, findings: &mut Findings) {
        // The reader of each key that began last.
        let mut last = vec![(0, NONE); self.history.keys.len()];
        for (reader, _, key, _) in self.reads() {
            let began = self.history.transactions[reader as usize].invoked;
            let last = &mut last[key as usize];
            if began != NONE && (last.1 == NONE || began > last.0) {
                *last = (began, reader);
            }
        }
        for write in 0..self.history.writes.len() as u32 {
            if !self.is_unread(write) {
                continue;
            }
            let it = self.history.writes.get(write);
            let ended = self.history.transactions[it.transaction as usize].completed;
            let (began, reader) = last[it.key as usize];
            // One of unknown outcome has no end, and promises nothing.
            if reader == NONE || ended == NONE || began < ended {
                continue;
            }
            findings.add(MissingElements, || {
                let then = format!(
                    "T1's append of {} to key {} was acknowledged before T2 began, and neither T2 nor any other read saw it.",
                    self.history.value_text(write),
                    self.history.key_text(it.key)
                );
                story(self.history, &[it.transaction, reader], &then)
            });
        }
    }
}
