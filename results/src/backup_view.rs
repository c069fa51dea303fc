//! What the backup suite found out: what each method costs, and whether what was restored is what was promised.

mod course;
mod found;
mod table;

use std::path::Path;

use dbdyno_core::Status;

use crate::chart::LineChart;
use crate::grid::wrap;
use crate::markup::plain;
use crate::record::{Record, take_out};
use crate::render::{Format, RenderOptions};
use crate::subject::subjects;
use found::Found;

/// The suite that is shown so.
const SUITE: &str = "backup";

/// The suite's results.
#[derive(Clone, Debug)]
pub struct BackupView {
    cases: Vec<Found>,
}

impl BackupView {
    /// Takes the suite's records out of others. Targets stand in the order of `targets`, and others
    /// behind them.
    pub fn take(mut records: Vec<Record>, targets: &[String]) -> (Option<Self>, Vec<Record>) {
        let ours = take_out(&mut records, |record| record.case.suite == SUITE);
        let cases: Vec<Found> =
            subjects(&ours, targets).into_iter().map(|subject| Found::of(subject, &ours)).collect();
        ((!cases.is_empty()).then_some(Self { cases }), records)
    }

    /// The tables as text, in the format of a terminal or of Markdown: one for each benchmark, with what
    /// went wrong below it.
    pub fn render(&self, options: &RenderOptions) -> String {
        let mut parts: Vec<String> =
            table::TABLES.iter().filter_map(|table| table.render(&self.cases, options)).collect();
        let notes: Vec<String> = self.cases.iter().flat_map(Found::notes).collect();
        if !notes.is_empty() {
            parts.push(lines(&notes, options));
        }
        parts.join("\n")
    }

    /// The course of each method's load, with the beginning and the end of its backup marked, by the files `backups/`
    /// of run folders: of the first that has one.
    pub fn courses(&self, folders: &[&Path]) -> Vec<LineChart> {
        self.cases.iter().flat_map(|found| course::charts(&found.subject, folders)).collect()
    }
}

/// Sentences, each in lines of its own.
fn lines(sentences: &[String], options: &RenderOptions) -> String {
    let written = sentences.iter().map(|sentence| match options.format {
        Format::Markdown => format!("{}\n\n", plain(sentence)),
        Format::Table | Format::Csv => wrap(sentence, options.width),
    });
    written.collect()
}

/// Whether a row of this status says why there is no number.
fn tells_why(status: Status) -> bool {
    matches!(status, Status::Failed | Status::Unsupported | Status::Interrupted)
}

#[cfg(test)]
mod tests;
