//! What the pool suite found out: what each pool does at each size, and which size is enough.

mod advice;
mod findings;
mod queue;
mod sweep;

use std::path::Path;

use dbdyno_core::Case;

use crate::chart::{Chart, LineChart};
use crate::grid::wrap;
use crate::markup::plain;
use crate::record::{Record, take_out};
use crate::render::{Format, RenderOptions};
use crate::scalability;
use crate::subject::{Subject, subjects};
use sweep::Sweep;

/// The suite that is shown so.
const SUITE: &str = "pool";
/// Its benchmarks of pools of every kind and size under the same load.
const SWEEPS: [&str; 3] = ["tpcb", "read-mostly", "long-transactions"];
/// What a connection for each client is called.
const DIRECT: &str = "direct";

/// The suite's results.
#[derive(Clone, Debug)]
pub struct PoolView {
    subjects: Vec<Subject>,
}

impl PoolView {
    /// Takes the suite's records out of others. Targets stand in the order of `targets`, and others
    /// behind them.
    pub fn take(mut records: Vec<Record>, targets: &[String]) -> (Option<Self>, Vec<Record>) {
        let ours = take_out(&mut records, |record| is_shown_so(&record.case));
        let subjects = subjects(&ours, targets);
        ((!subjects.is_empty()).then_some(Self { subjects }), records)
    }

    /// The tables as text, in the format of a terminal or of Markdown: one for each case, with what it
    /// advises below it.
    pub fn render(&self, options: &RenderOptions) -> String {
        let sweeps = self.sweeps();
        let mut parts: Vec<String> = sweeps.iter().map(|sweep| sweep.render(options)).collect();
        let mut legends = Vec::new();
        if !sweeps.is_empty() {
            legends.push(sweep::LEGEND.to_owned());
        }
        if sweeps.iter().any(Sweep::is_fitted) {
            legends.push(scalability::LEGEND.to_owned());
        }
        parts.extend((!legends.is_empty()).then(|| lines(&legends, options)));
        parts.extend(findings::render(&self.subjects, options));
        let notes: Vec<String> = self.subjects.iter().flat_map(lacks).collect();
        parts.extend((!notes.is_empty()).then(|| lines(&notes, options)));
        parts.join("\n")
    }

    /// Throughput against connections, charts for each case, a curve for each kind of pool.
    pub fn charts(&self) -> Vec<Chart> {
        self.sweeps().iter().flat_map(Sweep::charts).collect()
    }

    /// The clients that waited over time, charts for each case, from the run folders that keep it.
    pub fn queues(&self, folders: &[&Path]) -> Vec<LineChart> {
        self.subjects.iter().flat_map(|subject| queue::charts(subject, folders)).collect()
    }

    /// The sweeps that there is anything to show of, in the order of the benchmarks.
    fn sweeps(&self) -> Vec<Sweep<'_>> {
        let of = |name: &&str| {
            let its = self.subjects.iter().filter(|subject| subject.case.benchmark == *name);
            its.filter_map(Sweep::new).collect::<Vec<_>>()
        };
        SWEEPS.iter().flat_map(of).collect()
    }
}

/// The load of the pool of a case that does most, out of those of the sizes that are advised.
pub(crate) fn advised(records: &[Record]) -> Option<String> {
    let subjects = subjects(records, &[]);
    let advised: Vec<_> = subjects
        .iter()
        .filter_map(Sweep::new)
        .flat_map(|sweep| sweep.advised().collect::<Vec<_>>())
        .collect();
    let most = advised.into_iter().max_by(|(_, one), (_, other)| one.total_cmp(other));
    most.map(|(load, _)| load)
}

/// Benchmarks in which clients are meant to be refused or cut off.
const TROUBLED: [&str; 3] = ["burst", "leak", "restart"];

/// Whether it is made to have transactions fail.
pub(crate) fn makes_trouble(case: &Case) -> bool {
    case.suite == SUITE && TROUBLED.contains(&case.benchmark.as_str())
}

fn is_shown_so(case: &Case) -> bool {
    let benchmark = case.benchmark.as_str();
    case.suite == SUITE && (SWEEPS.contains(&benchmark) || findings::is_shown(benchmark))
}

/// What became of a case, and why parts of it are missing.
fn lacks(subject: &Subject) -> Vec<String> {
    let name = name(subject);
    let mut notes = Vec::new();
    notes.extend(subject.failure().map(|what| format!("{name}: {what}")));
    // The same reason, such as a program that is not installed, holds for all sizes of a pool.
    let mut reasons: Vec<(&String, Vec<&str>)> = Vec::new();
    for (load, why) in &subject.lacking {
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, loads)) => loads.push(load),
            None => reasons.push((why, vec![load])),
        }
    }
    let told = reasons.iter().map(|(why, loads)| format!("{name}, {}: {why}", loads.join(", ")));
    notes.extend(told);
    notes
}

/// What a case is called: `pool/tpcb on postgres, 16 clients`.
fn name(subject: &Subject) -> String {
    let Subject { case, label, .. } = subject;
    let clients = scalability::Load::Clients.count(case.clients.into());
    let clients = if label.contains(&clients) { String::new() } else { format!(", {clients}") };
    format!("{SUITE}/{} on {label}{clients}", case.benchmark)
}

/// The kind and size of a pool by the name of its load: `deadpool-8`.
fn pool(load: &str) -> Option<(&str, u32)> {
    let (kind, size) = load.rsplit_once('-')?;
    Some((kind, size.parse().ok()?))
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
