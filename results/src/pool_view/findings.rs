//! What the benchmarks found out that do something else to a pool than fill it: a line for each pool, with the
//! numbers that answer the question.

use std::collections::BTreeMap;

use super::{DIRECT, SUITE, lines, name, pool};
use crate::compare::against::{self, Against, Family};
use crate::grid::{Align, Grid, Text};
use crate::number;
use crate::render::{Format, RenderOptions};
use crate::subject::Subject;

/// What connections are called that are opened for each transaction.
const CHURN: &str = "churn";

/// A benchmark's table.
struct Table {
    benchmark: &'static str,
    columns: &'static [Column],
    legend: &'static str,
}

/// A column: its heading, its metric, and how its numbers are shown.
type Column = (&'static str, &'static str, Show);

#[derive(Clone, Copy, PartialEq)]
enum Show {
    /// With the spread over repetitions.
    Rate,
    /// How many times as much as with connections that are opened for each transaction.
    AgainstChurn,
    /// Microseconds, in milliseconds.
    Micros,
    /// Milliseconds.
    Millis,
    Count,
}

const TABLES: [Table; 5] = [
    Table {
        benchmark: "churn",
        columns: &[
            ("tx/s", "throughput", Show::Rate),
            ("x\nchurn", "throughput", Show::AgainstChurn),
            ("p50\nms", "latency_p50_us", Show::Micros),
            ("p99\nms", "latency_p99_us", Show::Micros),
            ("acquire\np50 ms", "acquire_p50_us", Show::Micros),
        ],
        legend: "churn: a connection is opened for each transaction and closed after it; x: how many times as \
                 many transactions go through",
    },
    Table {
        benchmark: "burst",
        columns: &[
            ("before\np95 ms", "acquire_before_p95_us", Show::Micros),
            ("burst\np95 ms", "acquire_burst_p95_us", Show::Micros),
            ("burst\nmax ms", "acquire_burst_max_us", Show::Micros),
            ("time-\nouts", "acquire_timeouts", Show::Count),
            ("recovered\nafter ms", "burst_recovery_ms", Show::Millis),
        ],
        legend: "burst: how long clients waited for a connection before ten times as many came for two seconds, \
                 meanwhile, and how long afterwards until they waited no longer than before",
    },
    Table {
        benchmark: "leak",
        columns: &[
            ("reported\nafter ms", "leak_reported_ms", Show::Millis),
            ("time-\nouts", "acquire_timeouts", Show::Count),
            ("errors", "errors", Show::Count),
            ("open", "connections_open_max", Show::Count),
        ],
        legend: "leak: how long after the last connection was forgotten a client was first told that there is none",
    },
    Table {
        benchmark: "restart",
        columns: &[
            ("down\nms", "server_down_ms", Show::Millis),
            ("outage\nms", "pool_outage_ms", Show::Millis),
            ("recovery\nms", "pool_recovery_ms", Show::Millis),
            ("errors", "errors", Show::Count),
            ("time-\nouts", "acquire_timeouts", Show::Count),
        ],
        legend: "restart: down: from killing the server until it answers; recovery: from then until a client was \
                 served through the pool; outage: between the last answer before and the first after",
    },
    Table {
        benchmark: "idle",
        columns: &[
            ("time-out\nms", "idle_timeout_ms", Show::Millis),
            ("closed\nafter ms", "idle_closed_after_ms", Show::Millis),
            ("open", "connections_open_max", Show::Count),
            ("left", "connections_left", Show::Count),
        ],
        legend: "idle: how long after their last use all connections were closed",
    },
];

/// Whether there is a table for a benchmark.
pub(super) fn is_shown(benchmark: &str) -> bool {
    TABLES.iter().any(|table| table.benchmark == benchmark)
}

/// The tables of all benchmarks that were measured, with what was said below each.
pub(super) fn render(subjects: &[Subject], options: &RenderOptions) -> Vec<String> {
    TABLES.iter().filter_map(|table| table.render(subjects, options)).collect()
}

impl Table {
    fn render(&self, subjects: &[Subject], options: &RenderOptions) -> Option<String> {
        let its = subjects.iter().filter(|subject| subject.case.benchmark == self.benchmark);
        let its: Vec<&Subject> = its.filter(|subject| !loads(subject).is_empty()).collect();
        if its.is_empty() {
            return None;
        }
        let ratios = self.against_churn(&its);
        let grid = self.grid(&its, &ratios);
        let mut notes: Vec<String> = its.iter().flat_map(|subject| self.notes(subject)).collect();
        let mut legend = vec![self.legend.to_owned()];
        let named = ratios.iter().map(|((row, place), against)| {
            let subject = its[*row];
            (format!("{}, {}", name(subject), loads(subject)[*place]), against)
        });
        legend.extend(against::legend(&[Family { name: self.benchmark, ratios: named.collect() }]));
        notes.push(legend.join("; "));
        let table = match options.format {
            Format::Markdown => grid.markdown(),
            _ => grid.text(options.width, options.styled),
        };
        Some(format!("{table}\n{}", lines(&notes, options)))
    }

    /// The throughput against connections that are opened for each transaction, by the places of the case and of the load,
    /// where the table shows it; those of a table are looked at together.
    fn against_churn(&self, subjects: &[&Subject]) -> BTreeMap<(usize, usize), Against> {
        let mut found = BTreeMap::new();
        let shown = self.columns.iter().filter(|(.., show)| *show == Show::AgainstChurn);
        for (_, metric, _) in shown {
            for (row, subject) in subjects.iter().enumerate() {
                let Some(churn) = subject.rounds(metric, CHURN) else { continue };
                let others = loads(subject).into_iter().enumerate();
                for (place, load) in others.filter(|(_, load)| *load != CHURN) {
                    let values = subject.rounds(metric, load);
                    let against = values.map(|values| Against::of(values, churn, CHURN));
                    found.extend(against.map(|against| ((row, place), against)));
                }
            }
        }
        against::correct_all(found.values_mut());
        found
    }

    fn grid(&self, subjects: &[&Subject], ratios: &BTreeMap<(usize, usize), Against>) -> Grid {
        let mut columns = vec![(format!("{SUITE}/{}", self.benchmark), Align::Left)];
        columns.push(("pool".to_owned(), Align::Left));
        let headings = self.columns.iter().map(|(heading, ..)| (*heading).to_owned());
        columns.extend(headings.map(|heading| (heading, Align::Right)));
        let mut grid = Grid { columns, rows: Vec::new() };
        for (row, subject) in subjects.iter().enumerate() {
            grid.gap();
            for (place, load) in loads(subject).into_iter().enumerate() {
                let label = if place == 0 { subject.label.clone() } else { String::new() };
                let ratio = ratios.get(&(row, place));
                let mut line: Vec<Text> = vec![label.into(), load.to_owned().into()];
                let cells = self.columns.iter().map(|column| cell(subject, load, column, ratio));
                line.extend(cells.map(Text::from));
                grid.rows.push(line);
            }
        }
        grid
    }

    /// What a cell has no room for: what connecting is made of, why there is no number, and in what words
    /// clients were told of errors.
    fn notes(&self, subject: &Subject) -> Vec<String> {
        let mut notes: Vec<String> = connecting(subject).into_iter().collect();
        for load in loads(subject) {
            let about = format!("{}, {load}", name(subject));
            let lacking = self.columns.iter().filter(|column| {
                subject.median(column.1, load).is_none() && column.2 != Show::AgainstChurn
            });
            let reasons = lacking.filter_map(|(_, metric, _)| subject.detail(metric, load));
            notes.extend(reasons.map(|why| format!("{about}: {why}")));
            for metric in subject.metrics("errors_", load) {
                if let Some(words) = subject.detail(metric, load) {
                    let class = metric.trim_start_matches("errors_").replace('_', "-");
                    notes.push(format!("{about}, {class}: {words}"));
                }
            }
        }
        notes
    }
}

/// The loads of a case: without a pool first, then by kind and size.
fn loads(subject: &Subject) -> Vec<&str> {
    let measured = subject.transactions().into_iter().filter(|load| {
        let is_load = *load == CHURN || *load == DIRECT || pool(load).is_some();
        is_load && !subject.lacking.contains_key(*load)
    });
    let mut loads: Vec<&str> = measured.collect();
    loads.sort_by_key(|load| (*load != CHURN, *load != DIRECT, pool(load)));
    loads
}

/// `ratio` is that to connections that are opened for each transaction, of another load.
fn cell(
    subject: &Subject,
    load: &str,
    (_, metric, show): &Column,
    ratio: Option<&Against>,
) -> String {
    match (show, subject.median(metric, load)) {
        (Show::AgainstChurn, _) => ratio.map(Against::text).unwrap_or_default(),
        (_, None) => subject.word().unwrap_or("-").to_owned(),
        (Show::Rate, Some(value)) => {
            let spread = subject.spread(metric, load).map(number::spread).unwrap_or_default();
            format!("{} {spread}", number::sensible(value)).trim_end().to_owned()
        }
        (Show::Micros, Some(value)) => number::sensible(value / 1_000.0),
        (Show::Millis, Some(value)) => number::sensible(value),
        (Show::Count, Some(value)) => number::value(value, "1"),
    }
}

/// The steps of opening a connection, as metrics and as a person names them.
const STEPS: [(&str, &str); 6] = [
    ("socket", "socket"),
    ("tls", "TLS"),
    ("authentication", "authentication"),
    ("set_up", "set-up"),
    ("first_query", "first query"),
    ("prepare", "preparing statements"),
];

/// What opening a connection is made of.
fn connecting(subject: &Subject) -> Option<String> {
    let us = |step: &str, at: &str| subject.median(&format!("connect_{step}_{at}_us"), "");
    let whole = us("total", "p50")?;
    let p95 = us("total", "p95").map(|us| format!(", p95 {} us", number::sensible(us)));
    let step = |(step, words): &(&str, &str)| {
        us(step, "p50").map(|us| format!("{words} {}", number::sensible(us)))
    };
    let steps: Vec<String> = STEPS.iter().filter_map(step).collect();
    Some(format!(
        "{}: opening a connection takes {} us (median{}): {}",
        name(subject),
        number::sensible(whole),
        p95.unwrap_or_default(),
        steps.join(", ")
    ))
}
