//! What the replication suite found out: what each topology costs, how stale its replicas are, and what is lost
//! with the primary.

mod tables;

use crate::grid::wrap;
use crate::markup::plain;
use crate::record::{Record, take_out};
use crate::render::{Format, RenderOptions};
use crate::scalability;
use crate::subject::{Subject, subjects_in_parts};
use tables::TABLES;

/// The suite that is shown so.
const SUITE: &str = "replication";

/// The suite's results.
#[derive(Clone, Debug)]
pub struct ReplicationView {
    subjects: Vec<Subject>,
}

impl ReplicationView {
    /// Takes the suite's records out of others. Targets stand in the order of `targets`, and others
    /// behind them.
    pub fn take(mut records: Vec<Record>, targets: &[String]) -> (Option<Self>, Vec<Record>) {
        let is_shown = |record: &Record| {
            let benchmark = record.case.benchmark.as_str();
            record.case.suite == SUITE && TABLES.iter().any(|table| table.is_of(benchmark))
        };
        let ours = take_out(&mut records, is_shown);
        let subjects = subjects_in_parts(&ours, targets);
        ((!subjects.is_empty()).then_some(Self { subjects }), records)
    }

    /// The tables as text, in the format of a terminal or of Markdown: one for each benchmark, with what
    /// is to be known beside the numbers below it.
    pub fn render(&self, options: &RenderOptions) -> String {
        let tables = TABLES.iter().flat_map(|table| table.render(&self.subjects, options));
        let mut parts: Vec<String> = tables.collect();
        let notes: Vec<String> = self.subjects.iter().flat_map(lacks).collect();
        parts.extend((!notes.is_empty()).then(|| lines(&notes, options)));
        parts.join("\n")
    }
}

/// What became of a case, and why parts of it are missing.
fn lacks(subject: &Subject) -> Vec<String> {
    let name = name(subject);
    let failure = subject.failure().map(|what| format!("{name}: {what}"));
    let lacking = subject.lacking.iter().map(|(load, why)| format!("{name}, {load}: {why}"));
    failure.into_iter().chain(lacking).collect()
}

/// What a case is called: `replication/tpcb on postgres, 4 clients`.
fn name(subject: &Subject) -> String {
    let Subject { case, label, .. } = subject;
    let clients = scalability::Load::Clients.count(case.clients.into());
    let clients = if label.contains(&clients) { String::new() } else { format!(", {clients}") };
    format!("{SUITE}/{} on {label}{clients}", case.benchmark)
}

/// Sentences, each in lines of its own.
fn lines(sentences: &[String], options: &RenderOptions) -> String {
    let written = sentences.iter().map(|sentence| match options.format {
        Format::Markdown => format!("{}\n\n", plain(sentence)),
        Format::Table | Format::Csv => wrap(sentence, options.width),
    });
    written.collect()
}

#[cfg(test)]
mod tests;
