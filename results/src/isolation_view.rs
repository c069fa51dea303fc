//! What the isolation suite found out: which anomalies each level of each target allows, and what it costs.

mod costs;
mod matrix;

use std::collections::BTreeSet;

use dbdyno_core::{Case, Isolation};

use crate::record::{Record, take_out};
use crate::render::{Format, RenderOptions};
use costs::Costs;
use matrix::Matrix;

/// The suite that is shown so.
const SUITE: &str = "isolation";
/// The benchmark of anomalies.
const ANOMALIES: &str = "anomalies";
/// The metric of each anomaly; its detail is the outcome.
const POSSIBLE: &str = "anomaly_possible";
/// The metric of a cost.
const THROUGHPUT: &str = "throughput";

/// The suite's results, levels in lines.
#[derive(Clone, Debug)]
pub struct IsolationView {
    matrix: Matrix,
    costs: Costs,
}

/// A line: a level of a target.
#[derive(Clone, Debug, PartialEq)]
struct Level {
    target: String,
    isolation: Isolation,
}

impl Level {
    fn of(record: &Record) -> Self {
        Self { target: record.case.target.clone(), isolation: record.case.isolation }
    }
}

impl IsolationView {
    /// Takes the suite's records out of others. Loads are left where a level of a target was measured under
    /// more conditions than one, which lines of levels do not tell apart.
    /// Targets stand in the order of `targets`, and others behind them.
    pub fn take(mut records: Vec<Record>, targets: &[String]) -> (Option<Self>, Vec<Record>) {
        let mut loads = take_out(&mut records, is_shown_so);
        let schedules = take_out(&mut loads, |record| record.case.benchmark == ANOMALIES);
        if !is_of_levels(&loads) {
            records.append(&mut loads);
        }
        if schedules.is_empty() && loads.is_empty() {
            return (None, records);
        }
        let matrix = Matrix::new(&schedules, &levels(&schedules, targets));
        let costs = Costs::new(&loads, &levels(&loads, targets));
        (Some(Self { matrix, costs }), records)
    }

    /// The tables as text, in the format of a terminal or of Markdown.
    pub fn render(&self, options: &RenderOptions) -> String {
        let allowed = self.matrix.allowed();
        let parts = [
            self.matrix.render(options),
            self.costs.render_levels(&allowed, options),
            self.costs.render_numbers(options),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(if options.format == Format::Markdown { "\n\n" } else { "\n" })
    }
}

/// All of the suite but what is about something else than levels.
fn is_shown_so(record: &Record) -> bool {
    record.case.suite == SUITE && !record.case.benchmark.starts_with("durability")
}

/// Whether every benchmark has one case for each level of a target, and a target one engine.
fn is_of_levels(records: &[Record]) -> bool {
    let mut seen: Vec<&Record> = Vec::new();
    records.iter().all(|record| {
        let same = |known: &&&Record| {
            known.case.benchmark == record.case.benchmark && Level::of(known) == Level::of(record)
        };
        match seen.iter().find(same) {
            None => {
                seen.push(record);
                true
            }
            Some(known) => {
                let Case { repetition, seed, .. } = *record.case;
                Case { repetition, seed, ..(*known.case).clone() } == *record.case
            }
        }
    })
}

/// The lines: targets in order, those that have none as they first occur, and levels from the weakest.
fn levels(records: &[Record], order: &[String]) -> Vec<Level> {
    let mut targets: Vec<&str> = Vec::new();
    for record in records {
        if !targets.contains(&record.case.target.as_str()) {
            targets.push(&record.case.target);
        }
    }
    targets
        .sort_by_key(|target| order.iter().position(|known| known == target).unwrap_or(usize::MAX));
    let of = |target: &&str| -> BTreeSet<Isolation> {
        let its = records.iter().filter(|record| record.case.target == **target);
        its.map(|record| record.case.isolation).collect()
    };
    let lines = targets.iter().flat_map(|target| {
        let level = |isolation| Level { target: (*target).to_owned(), isolation };
        of(target).into_iter().map(level).collect::<Vec<_>>()
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
