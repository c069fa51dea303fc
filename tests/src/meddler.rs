//! A recorder that does something at moments that it is told of.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, Error, Event, Measurement, Plan, Recorder, Result};

use crate::Kept;

/// Keeps what is measured and, before it keeps an event, does what a test does at that moment.
pub struct Meddler<F> {
    /// What was kept.
    pub kept: Kept,
    has_files: bool,
    meddle: F,
}

impl<F: Fn(&Event) + Send + Sync> Meddler<F> {
    /// One that calls `meddle` with each event.
    pub fn new(meddle: F) -> Self {
        Self { kept: Kept::default(), has_files: true, meddle }
    }

    /// The same that can write no files beside the results: each is a folder.
    pub fn without_files(self) -> Self {
        Self { has_files: false, ..self }
    }
}

impl<F: Fn(&Event) + Send + Sync> Recorder for Meddler<F> {
    fn measurements(&self, case: &Case, rows: &[Measurement]) -> Result<()> {
        self.kept.measurements(case, rows)
    }

    fn second(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> Result<()> {
        Recorder::second(&self.kept, case, began, seconds)
    }

    fn beside(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> Result<()> {
        self.kept.beside(case, began, seconds)
    }

    fn unstarted(&self, case: &Case, began: SystemTime, waited: &Second) -> Result<()> {
        self.kept.unstarted(case, began, waited)
    }

    fn plan(&self, case: &Case, name: &str, plan: &Plan) -> Result<()> {
        self.kept.plan(case, name, plan)
    }

    fn file(&self, case: &Case, folder: &str, extension: &str) -> Result<PathBuf> {
        let path = self.kept.file(case, folder, extension)?;
        if !self.has_files {
            let made = fs::create_dir_all(&path);
            made.map_err(|why| Error::new(format!("make {}", path.display()), why))?;
        }
        Ok(path)
    }

    fn event(&self, case: &Case, event: &Event) -> Result<()> {
        (self.meddle)(event);
        Recorder::event(&self.kept, case, event)
    }
}
