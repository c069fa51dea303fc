//! What shows in single reads, and in the order of versions.

use super::RwRegister;
use crate::class::AnomalyClass::{CyclicVersions, FutureRead, G1a, G1b, Internal, UnwrittenRead};
use crate::findings::{Findings, story};
use crate::store::{Action, NONE, Outcome};

/// Versions of a circle that are shown.
const SHOWN: usize = 8;

impl RwRegister<'_> {
    pub(super) fn reads(&self, findings: &mut Findings) {
        for reader in self.history.committed() {
            let range = self.history.range(reader);
            for at in range.clone() {
                let operation = self.history.operations[at];
                let Action::ReadRegister(write) = operation.action() else { continue };
                if write != NONE {
                    self.read_of(findings, reader, at, write);
                }
                let before = self.history.operations[range.start..at].iter().rev();
                let expected =
                    before.filter(|before| before.key() == operation.key()).find_map(|before| {
                        match before.action() {
                            Action::Write(write) | Action::ReadRegister(write) => Some(write),
                            _ => None,
                        }
                    });
                if let Some(expected) = expected.filter(|expected| *expected != write) {
                    findings.add(Internal, || {
                        let then = format!(
                            "T1 read key {} as {} after it had read or written {} there.",
                            self.history.key_text(operation.key()),
                            self.history.value_text(write),
                            self.history.value_text(expected)
                        );
                        story(self.history, &[reader], &then)
                    });
                }
            }
        }
    }

    fn read_of(&self, findings: &mut Findings, reader: u32, at: usize, write: u32) {
        let key = || self.history.key_text(self.history.writes.get(write).key);
        let value = || self.history.value_text(write);
        let Some(writer) = self.history.writes.writer(write) else {
            return findings.add(UnwrittenRead, || {
                let then = format!("T1 read key {} as {}, which nobody wrote.", key(), value());
                story(self.history, &[reader], &then)
            });
        };
        if self.history.outcome(writer) == Outcome::Aborted {
            findings.add(G1a, || {
                let then =
                    format!("T1 set key {} to {} and was aborted, and T2 read it.", key(), value());
                story(self.history, &[writer, reader], &then)
            });
        }
        if writer != reader && self.history.is_intermediate(write) {
            findings.add(G1b, || {
                let then = format!(
                    "T1 set key {} to {} and then to something else, and T2 read what was between.",
                    key(),
                    value()
                );
                story(self.history, &[writer, reader], &then)
            });
        }
        if writer == reader && self.history.writes.get(write).operation as usize > at {
            findings.add(FutureRead, || {
                let then = format!("T1 read key {} as {} before it wrote that.", key(), value());
                story(self.history, &[reader], &then)
            });
        }
    }

    pub(super) fn circles_of_versions(&self, findings: &mut Findings) {
        for (key, versions) in &self.circles {
            findings.add(CyclicVersions, || {
                let shown: Vec<String> = versions
                    .iter()
                    .take(SHOWN)
                    .map(|version| self.version_text(*version))
                    .collect();
                let more = match versions.len().saturating_sub(SHOWN) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let mut writers: Vec<u32> = versions
                    .iter()
                    .take(SHOWN)
                    .filter_map(|version| self.effective_writer(*version))
                    .collect();
                writers.dedup();
                let then = format!(
                    "each of the versions {}{more} of key {} comes before each other.",
                    shown.join(", "),
                    self.history.key_text(*key)
                );
                story(self.history, &writers, &then)
            });
        }
    }

    /// The value of a version.
    pub(super) fn version_text(&self, version: u32) -> String {
        let is_initial = version as usize >= self.history.writes.len();
        self.history.value_text(if is_initial { NONE } else { version })
    }
}
