//! What the procedures suite found out: what stored procedures gain at each round trip, and what triggers
//! cost each row.

mod gains;
mod triggers;

use crate::grid::{Grid, wrap};
use crate::markup::plain;
use crate::ratios::Ratios;
use crate::record::{Record, take_out};
use crate::render::{Format, RenderOptions};
use crate::subject::{Subject, subjects};

/// The suite that is shown so.
const SUITE: &str = "procedures";
/// The benchmark about triggers.
const TRIGGERS: &str = "triggers";

/// The suite's results.
#[derive(Clone, Debug)]
pub struct ProceduresView {
    subjects: Vec<Subject>,
}

impl ProceduresView {
    /// Takes the suite's records out of others. Targets stand in the order of `targets`, and others
    /// behind them.
    pub fn take(mut records: Vec<Record>, targets: &[String]) -> (Option<Self>, Vec<Record>) {
        let ours = take_out(&mut records, |record| record.case.suite == SUITE);
        let subjects = subjects(&ours, targets);
        ((!subjects.is_empty()).then_some(Self { subjects }), records)
    }

    /// The tables as text, in the format of a terminal or of Markdown.
    pub fn render(&self, options: &RenderOptions) -> String {
        let (about_triggers, others): (Vec<_>, Vec<_>) =
            self.subjects.iter().partition(|subject| subject.case.benchmark == TRIGGERS);
        let mut parts = Vec::new();
        if !others.is_empty() {
            let ratios = Ratios::new(&others, "procedure_speedup", |round_trip| {
                let load = format!("procedures-{round_trip}");
                ("throughput", load.trim_end_matches('-').to_owned())
            });
            let legend = [&[gains::LEGEND.to_owned()][..], &ratios.legend(&others)].concat();
            parts.push(written(&gains::grid(&others, &ratios), &legend, options));
        }
        if !about_triggers.is_empty() {
            let ratios = Ratios::new(&about_triggers, "trigger_slowdown", |load| {
                ("row_us", load.to_owned())
            });
            let grid = triggers::grid(&about_triggers, &ratios, options.width);
            let legend =
                [&[triggers::LEGEND.to_owned()][..], &ratios.legend(&about_triggers)].concat();
            parts.push(written(&grid, &legend, options));
        }
        let mut notes = Vec::new();
        for subject in &self.subjects {
            let name = format!("{SUITE}/{} on {}", subject.case.benchmark, subject.label);
            notes.extend(subject.went_wrong().map(|what| format!("{name}: {what}")));
            let mut reasons: Vec<&String> = subject.lacking.values().collect();
            reasons.dedup();
            notes.extend(reasons.iter().map(|why| format!("{name}, where there is a dash: {why}")));
        }
        if !notes.is_empty() {
            let wrapped = notes.iter().map(|note| match options.format {
                Format::Markdown => plain(note),
                _ => wrap(note, options.width),
            });
            parts.push(wrapped.collect::<Vec<_>>().join("\n"));
        }
        parts.join(if options.format == Format::Markdown { "\n\n" } else { "\n" })
    }
}

fn written(grid: &Grid, legend: &[String], options: &RenderOptions) -> String {
    let legend = legend.join("; ");
    match options.format {
        Format::Markdown => format!("{}\n{}", grid.markdown(), plain(&legend)),
        _ => format!(
            "{}\n{}\n",
            grid.text(options.width, options.styled),
            wrap(&legend, options.width)
        ),
    }
}

#[cfg(test)]
mod tests;
