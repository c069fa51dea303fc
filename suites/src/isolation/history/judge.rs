//! What a history shows, against what the level promises.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use dbdyno_core::{Better, Check, Error, Measurement, Promise, Result};
use dbdyno_history::{
    AnomalyClass, CheckOptions, ClassSet, History, Model, ReadOptions, Verdict, check, dot, svg,
    verdict_text,
};

/// A history that was checked.
pub struct Judged {
    promise: Promise,
    verdict: Verdict,
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|why| {
        Error::new(format!("write {}", path.display()), why)
            .next("free some space, or write results elsewhere with --out")
    })
}

/// The classes that a promise forbids. Elements that vanish or come twice are forbidden at any level.
fn forbidden(promise: Promise) -> ClassSet {
    let model = match promise {
        Promise::WholeWrites => Model::ReadUncommitted,
        // The snapshot of reads says nothing of transactions that also write.
        Promise::CommittedReads | Promise::SnapshotReads => Model::ReadCommitted,
        Promise::Snapshot => Model::SnapshotIsolation,
        Promise::Serializable => Model::Serializable,
    };
    let lost = ClassSet::of(&[AnomalyClass::MissingElements, AnomalyClass::DuplicateElements]);
    model.proscribed().and(lost)
}

/// All that is to be looked for: sessions and real time are told, though no level promises them.
fn options() -> CheckOptions {
    CheckOptions { session_order: true, real_time: true, ..CheckOptions::default() }
}

impl Judged {
    /// Reads and checks a history.
    ///
    /// # Errors
    /// It cannot be read, or memory does not suffice.
    pub fn new(path: &Path, promise: Promise) -> Result<Self> {
        let history = History::read(path, &ReadOptions::default())?;
        Ok(Self { promise, verdict: check(&history, &options()) })
    }

    /// Writes the report, and beside it a picture of the first circle of each class that breaks the promise.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn write(&self, path: &Path) -> Result<()> {
        let forbidden = forbidden(self.promise);
        write(path, &verdict_text(&self.verdict, forbidden, &options()))?;
        for found in self.verdict.violations(forbidden) {
            let mut circles = found.examples.iter().filter_map(|example| example.cycle.as_ref());
            if let Some(circle) = circles.next() {
                let name = found.class.name();
                let title = format!("{name}: {}", found.class.words());
                write(&path.with_extension(format!("{name}.dot")), &dot(circle, &title))?;
                write(&path.with_extension(format!("{name}.svg")), &svg(circle, &title))?;
            }
        }
        Ok(())
    }

    /// Whether it shows nothing that the level promises to prevent.
    pub fn check(&self) -> Check {
        let broken = self.verdict.violations(forbidden(self.promise));
        let unsettled = self.verdict.unsettled(forbidden(self.promise));
        let promise = self.promise.words();
        let detail = match broken.first() {
            None if !unsettled.is_empty() => {
                let classes: Vec<_> = unsettled.iter().map(AnomalyClass::name).collect();
                format!(
                    "the level promises {promise}; whether the history shows {} could not be told: it \
                     has too many circles",
                    classes.join(", ")
                )
            }
            None => format!("the level promises {promise}, and the history shows nothing else"),
            Some(first) => {
                let classes: Vec<_> = broken.iter().map(|found| found.class.name()).collect();
                let example = first.examples.first().map(|example| example.explanation.as_str());
                format!(
                    "the level promises {promise}, but the history shows {}: {}",
                    classes.join(", "),
                    example.unwrap_or_default()
                )
            }
        };
        Check::new("history_holds", broken.is_empty() && unsettled.is_empty(), detail)
    }

    /// How many transactions were recorded, and what they show.
    pub fn measurements(&self) -> Vec<Measurement> {
        let Verdict { committed, aborted, unknown, .. } = &self.verdict;
        let mut classes = String::new();
        let mut total = 0;
        for found in &self.verdict.found {
            let separator = if classes.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(classes, "{separator}{} {}", found.class.name(), found.count);
            total += found.count;
        }
        let recorded = committed + aborted + unknown;
        let found = Measurement::new("anomalies_found", total as f64, "1", Better::Lower);
        vec![
            Measurement::new("history_transactions", recorded as f64, "1", Better::Neither),
            Measurement { detail: classes, ..found },
        ]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    /// Two transactions that read both lists and append to one each, unseen by the other.
    const WRITE_SKEW: &str = "\
        {:type :ok, :process 0, :value [[:r 1 []] [:r 2 []] [:append 1 10]]}\n\
        {:type :ok, :process 1, :value [[:r 1 []] [:r 2 []] [:append 2 20]]}\n\
        {:type :ok, :process 2, :value [[:r 1 [10]] [:r 2 [20]]]}\n";

    fn judged(text: &str, promise: Promise) -> (Judged, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.edn");
        fs::write(&path, text).unwrap();
        let judged = Judged::new(&path, promise).unwrap();
        judged.write(&folder.path().join("history.txt")).unwrap();
        (judged, folder)
    }

    #[test]
    fn what_a_promise_forbids_fails_and_is_drawn() {
        let (allowed, folder) = judged(WRITE_SKEW, Promise::Snapshot);
        assert!(allowed.check().held, "{}", allowed.check().detail);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);

        let (broken, folder) = judged(WRITE_SKEW, Promise::Serializable);
        let check = broken.check();
        assert!(!check.held);
        assert!(check.detail.contains("the history shows G2-item"), "{}", check.detail);
        let picture = fs::read_to_string(folder.path().join("history.G2-item.svg")).unwrap();
        assert!(picture.starts_with("<svg") || picture.starts_with("<?xml"), "{picture}");
        let found = &broken.measurements()[1];
        assert_eq!((found.value, found.detail.as_str()), (Some(1.0), "G2-item 1"));
    }
}
