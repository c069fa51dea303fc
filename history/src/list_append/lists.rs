//! What shows in single lists: elements of aborted transactions, of nobody, twice, or of a transaction
//! that was not done.

use hashbrown::HashMap;

use super::ListAppend;
use crate::class::AnomalyClass::{DuplicateElements, G1a, G1b, UnwrittenRead};
use crate::findings::{Findings, story};
use crate::store::{NONE, Outcome, Version};

/// Of a branch: from which length on its lists have an element of the kind; [`NONE`] for never.
#[derive(Clone, Copy)]
struct First {
    aborted: u32,
    unwritten: u32,
    twice: u32,
}

impl First {
    const NEVER: Self = Self { aborted: NONE, unwritten: NONE, twice: NONE };
}

impl ListAppend<'_> {
    pub(super) fn lists(&self, findings: &mut Findings) {
        let first = self.first_of_branches();
        for (reader, _, key, version) in self.reads() {
            if version.length == 0 {
                continue;
            }
            let first = first[version.branch as usize];
            if first.aborted <= version.length {
                self.aborted(findings, reader, key, version, first.aborted - 1);
            }
            if first.unwritten <= version.length {
                findings.add(UnwrittenRead, || {
                    let element = self.history.lists.element(version, first.unwritten - 1);
                    self.list_story(
                        &[reader],
                        key,
                        version,
                        &format!("nobody appended {}", self.history.value_text(element)),
                    )
                });
            }
            if first.twice <= version.length {
                findings.add(DuplicateElements, || {
                    let element = self.history.lists.element(version, first.twice - 1);
                    self.list_story(
                        &[reader],
                        key,
                        version,
                        &format!("{} is in it twice", self.history.value_text(element)),
                    )
                });
            }
            self.intermediate(findings, reader, key, version);
        }
    }

    fn list_story(&self, transactions: &[u32], key: u32, version: Version, but: &str) -> String {
        let reader = transactions.len();
        let list = self.history.list_text(version);
        let key = self.history.key_text(key);
        story(
            self.history,
            transactions,
            &format!("T{reader} read key {key} as {list}; but {but}."),
        )
    }

    fn aborted(&self, findings: &mut Findings, reader: u32, key: u32, version: Version, at: u32) {
        let element = self.history.lists.element(version, at);
        let Some(writer) = self.history.writes.writer(element) else { return };
        findings.add(G1a, || {
            let value = self.history.value_text(element);
            self.list_story(
                &[writer, reader],
                key,
                version,
                &format!("T1, which appended {value}, was aborted"),
            )
        });
    }

    fn intermediate(&self, findings: &mut Findings, reader: u32, key: u32, version: Version) {
        let Some(last) = self.history.lists.last(version) else { return };
        let Some(writer) = self.history.writes.writer(last) else { return };
        if writer == reader || !self.history.is_intermediate(last) {
            return;
        }
        findings.add(G1b, || {
            let value = self.history.value_text(last);
            let but =
                format!("T1 appended more to that key after {value}, and these were not there");
            self.list_story(&[writer, reader], key, version, &but)
        });
    }

    fn first_of_branches(&self) -> Vec<First> {
        let mut all: Vec<First> = Vec::new();
        // When a write was last met, so that what was met before in the same list is twice in it.
        let mut met: Vec<u32> = vec![NONE; self.history.writes.len()];
        let mut shared: Vec<u32> = Vec::new();
        let mut seen: HashMap<u32, ()> = HashMap::default();
        for (branch, _, fork, own) in self.history.lists.branches() {
            let parent = self.history.lists.parent(branch);
            // Branches come after those that they leave.
            let inherited = all.get(parent as usize).copied().unwrap_or(First::NEVER);
            let kept = |length: u32| if length <= fork { length } else { NONE };
            let mut first = First {
                aborted: kept(inherited.aborted),
                unwritten: kept(inherited.unwritten),
                twice: kept(inherited.twice),
            };
            shared.clear();
            seen.clear();
            if fork > 0 {
                self.history.lists.list_into(Version { branch: parent, length: fork }, &mut shared);
                seen.extend(shared.iter().map(|write| (*write, ())));
            }
            for (write, length) in own.iter().zip(fork + 1..) {
                match self.history.writes.writer(*write) {
                    None => first.unwritten = first.unwritten.min(length),
                    Some(writer) if self.history.outcome(writer) == Outcome::Aborted => {
                        first.aborted = first.aborted.min(length);
                    }
                    Some(_) => {}
                }
                let met = &mut met[*write as usize];
                if *met == branch || seen.contains_key(write) {
                    first.twice = first.twice.min(length);
                }
                *met = branch;
            }
            all.push(first);
        }
        all
    }
}
