//! What happened in a schedule, step by step, as a person reads it.

use std::fmt::Display;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use dbdyno_core::{Case, Error, Result};

use super::outcome::Outcome;
use super::schedule::{Rows, Schedule, Step};

/// The steps of the schedules of one case, on disk as they happen.
pub struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// A new file that says which case it is about.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn create(path: &Path, case: &Case) -> Result<Self> {
        let file = File::create(path).map_err(|why| failed(path, &why))?;
        let mut log = Self { file, path: path.to_owned() };
        log.line(format!(
            "{} {} ({}), {}, repetition {}\n\nBefore each schedule the rows are 1:10 2:20. A line is \
             what happened next: the\nnumber of the step in the schedule, the transaction, what it \
             asked and was answered.",
            case.engine, case.engine_version, case.target, case.isolation, case.repetition
        ))?;
        Ok(log)
    }

    /// A schedule was played.
    ///
    /// # Errors
    /// As in [`create`](Self::create).
    pub fn schedule(
        &mut self,
        schedule: &Schedule,
        transcript: &Transcript,
        outcome: &Outcome,
    ) -> Result<()> {
        let Schedule { anomaly, says, .. } = schedule;
        self.line(format!("\n{anomaly}: {says}\n{}   => {outcome}", transcript.0))
    }

    fn line(&mut self, line: String) -> Result<()> {
        let path = &self.path;
        self.file.write_all(format!("{line}\n").as_bytes()).map_err(|why| failed(path, &why))
    }
}

/// What happened in one schedule.
#[derive(Debug, Default)]
pub struct Transcript(String);

impl Transcript {
    /// Something happened to a step.
    pub fn step(&mut self, number: usize, step: Step, what: impl Display) {
        self.0.push_str(&format!("{number:>4}  T{}  {}  -> {what}\n", step.by, step.what));
    }

    /// Something happened that is no step.
    pub fn note(&mut self, what: impl Display) {
        self.0.push_str(&format!("      {what}\n"));
    }
}

fn failed(path: &Path, why: &std::io::Error) -> Error {
    Error::new(format!("write {}", path.display()), why)
        .next("free some space, or write results elsewhere with --out")
}

/// Rows as `1:10 2:20`.
pub fn in_words(rows: &Rows) -> String {
    if rows.is_empty() {
        return "no rows".to_owned();
    }
    rows.iter().map(|(id, value)| format!("{id}:{value}")).collect::<Vec<_>>().join(" ")
}
