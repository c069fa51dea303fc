//! A table for each benchmark, a line for each topology.

use std::collections::BTreeSet;

use dbdyno_core::Status;

use super::{SUITE, lines};
use crate::compare::against::Against;
use crate::grid::{Align, Grid, Text};
use crate::number;
use crate::ratios::Ratios;
use crate::render::{Format, RenderOptions};
use crate::subject::Subject;

/// The table of some benchmarks.
pub(super) struct Table {
    benchmarks: &'static [&'static str],
    /// What its lines are of, beside the target.
    of: &'static str,
    /// A metric that each of its lines has.
    told_by: &'static str,
    columns: &'static [Column],
    legend: &'static str,
}

/// A column: its heading, whose metric it shows, and how.
struct Column {
    heading: &'static str,
    metric: &'static str,
    show: Show,
    of: Of,
}

/// The throughput by that without a replica.
const RATIO: &str = "throughput_ratio";

/// Whose metric.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    /// The line's own.
    Line,
    /// The worst of the line's replicas.
    Replicas,
    /// The line's own, a ratio to what was measured in turns with it; and whether rounds can tell that.
    Against,
    /// That of a load of the line's topology, by the word behind its name.
    Load(&'static str),
}

#[derive(Clone, Copy, PartialEq)]
enum Show {
    /// A number, with the spread over repetitions.
    Rate,
    /// How many times as much.
    Times,
    /// Microseconds, in milliseconds.
    Micros,
    /// Milliseconds.
    Plain,
    Count,
    /// Milliseconds, or a count, in the worst of the repetitions: what was lost once may be lost again.
    WorstMillis,
    WorstCount,
    /// Bytes per second, in megabytes.
    Megabytes,
    /// The share of another metric, in percent.
    ShareOf(&'static str),
}

const fn column(heading: &'static str, metric: &'static str, show: Show) -> Column {
    Column { heading, metric, show, of: Of::Line }
}

const fn of_replicas(heading: &'static str, metric: &'static str) -> Column {
    Column { heading, metric, show: Show::Micros, of: Of::Replicas }
}

const fn of_load(heading: &'static str, metric: &'static str, load: &'static str) -> Column {
    Column { heading, metric, show: Show::Rate, of: Of::Load(load) }
}

pub(super) const TABLES: [Table; 7] = [
    Table {
        benchmarks: &["tpcb", "tpcc", "bulk-update"],
        of: "topology",
        told_by: "commit_p50_us",
        columns: &[
            column("tx/s", "throughput", Show::Rate),
            Column { of: Of::Against, ..column("x\nnone", RATIO, Show::Times) },
            column("commit\np50 ms", "commit_p50_us", Show::Micros),
            column("p99\nms", "commit_p99_us", Show::Micros),
            of_replicas("visible\np50 ms", "visible_p50_us"),
            of_replicas("p99\nms", "visible_p99_us"),
            Column { show: Show::Count, ..of_replicas("un-\nseen", "beats_unseen") },
            of_replicas("server\nsays ms", "reported_replay_p50_us"),
            of_replicas("off by\nms", "disagreement_p50_us"),
        ],
        legend: "commit: a one-row update, from when it was due; visible: from its acknowledgement until the slowest replica shows it; \
                 unseen: beats that a replica never showed; server says: the lag that the server reports, median; off by: how far that is from what a client \
                 saw at the same moment, median",
    },
    Table {
        benchmarks: &["reads"],
        of: "topology",
        told_by: "monotonic_reads",
        columns: &[
            of_load("primary\nreads/s", "throughput", "primary"),
            of_load("spread\nreads/s", "throughput", "spread"),
            column(
                "own write\nmissed %",
                "read_your_writes_violations",
                Show::ShareOf("read_your_writes_reads"),
            ),
            column("missed", "read_your_writes_violations", Show::Count),
            column("back in\ntime %", "monotonic_violations", Show::ShareOf("monotonic_reads")),
            column("back", "monotonic_violations", Show::Count),
        ],
        legend: "spread: clients on all nodes, which share one machine here; own write missed: reads from a replica \
                 that did not show what their reader had just committed; back in time: reads from one node after \
                 another that showed less than an earlier one",
    },
    Table {
        benchmarks: &["catch-up"],
        of: "topology",
        told_by: "away_ms",
        columns: &[
            column("away\nms", "away_ms", Show::Plain),
            column("beats\naway", "beats_while_away", Show::Count),
            column("longest\ncommit ms", "commit_longest_ms", Show::Plain),
            column("stalest\nms", "visible_longest_ms", Show::Plain),
            column("caught up\nafter ms", "catch_up_ms", Show::Plain),
            column("not\nup", "not_caught_up", Show::WorstCount),
            column("drained\nms", "drained_ms", Show::Plain),
            column("speed\nx", "catch_up_speed", Show::Times),
            column("MB/s", "catch_up_bytes_per_s", Show::Megabytes),
        ],
        legend: "beats away: commits of a heartbeat that the primary acknowledged while the replica was stopped, of 40 \
                 a second; caught up: while the load went on; not up: 1 where a repetition was not waited for any more, which counts with the time that it was; drained: after the load had ended; speed: seconds of the primary's work that the replica caught up with in a second",
    },
    Table {
        benchmarks: &["failover"],
        of: "topology",
        told_by: "failover_rto_ms",
        columns: &[
            column("RTO\nms", "failover_rto_ms", Show::Plain),
            column("promotion\nms", "failover_promotion_ms", Show::Plain),
            column("lost\n(RPO)", "lost_commits", Show::WorstCount),
            column("of\nacked", "acknowledged_commits", Show::Count),
            column("lost last\nms", "lost_window_ms", Show::WorstMillis),
            column("un-\nknown", "unknown_commits", Show::Count),
        ],
        legend: "RTO: from SIGKILL of the primary to the first commit on the replica that was promoted at once, without \
                 what it takes to notice; lost: commits that were acknowledged and are gone, in the worst repetition; unknown: cut off by the \
                 kill",
    },
    Table {
        benchmarks: &["network"],
        of: "topology and link",
        told_by: "visible_p50_us",
        columns: &[
            column("tx/s", "throughput", Show::Rate),
            column("commit\np50 ms", "commit_p50_us", Show::Micros),
            column("p99\nms", "commit_p99_us", Show::Micros),
            column("visible\np50 ms", "visible_p50_us", Show::Micros),
            column("p99\nms", "visible_p99_us", Show::Micros),
        ],
        legend: "a time behind the topology: added to each round trip between the nodes; an amount a second: what gets \
                 through each way",
    },
    Table {
        benchmarks: &["network"],
        of: "topology and link",
        told_by: "cut_ms",
        columns: &[
            column("cut\nms", "cut_ms", Show::Plain),
            column("beats\ncut", "beats_while_cut", Show::Count),
            column("longest\ncommit ms", "commit_longest_ms", Show::Plain),
            column("stalest\nms", "visible_longest_ms", Show::Plain),
        ],
        legend: "beats cut: commits of a heartbeat that were acknowledged while nothing got through between the \
                 nodes, of 40 a second",
    },
    Table {
        benchmarks: &["network"],
        of: "topology and link",
        told_by: "minority_refused_ms",
        columns: &[
            column("refused\nafter ms", "minority_refused_ms", Show::Plain),
            column("rejoined\nafter ms", "minority_rejoined_ms", Show::Plain),
        ],
        legend: "refused: from when one node was cut off from the others until it refused a write; rejoined: from when \
                 the link was mended until it took one again. Clients were on the side that went on, and longest commit is theirs",
    },
];

impl Table {
    pub(super) fn is_of(&self, benchmark: &str) -> bool {
        self.benchmarks.contains(&benchmark)
    }

    /// A table for each of its benchmarks that was measured, with the legend below the last.
    pub(super) fn render(&self, subjects: &[Subject], options: &RenderOptions) -> Vec<String> {
        let shown: Vec<&Subject> = subjects
            .iter()
            .filter(|subject| self.is_of(&subject.case.benchmark))
            .filter(|subject| !self.lines(subject).is_empty())
            .collect();
        let ratios = self.columns.iter().any(|column| column.of == Of::Against);
        let ratios =
            ratios.then(|| Ratios::new(&shown, RATIO, |line| ("throughput", line.to_owned())));
        let of = |benchmark: &&str| {
            let its: Vec<(usize, &Subject)> = shown
                .iter()
                .copied()
                .enumerate()
                .filter(|(_, subject)| subject.case.benchmark == *benchmark)
                .collect();
            (!its.is_empty()).then(|| self.grid(benchmark, &its, ratios.as_ref()))
        };
        let grids = self.benchmarks.iter().filter_map(of);
        let mut texts: Vec<String> = grids
            .map(|grid| match options.format {
                Format::Markdown => grid.markdown(),
                _ => grid.text(options.width, options.styled),
            })
            .collect();
        if let Some(last) = texts.last_mut() {
            last.push('\n');
            let told = ratios.map(|ratios| ratios.legend(&shown)).unwrap_or_default();
            let told = match told.is_empty() {
                true => String::new(),
                false => format!("; x none: {}", told.join("; ")),
            };
            last.push_str(&lines(&[format!("{}{told}", self.legend)], options));
        }
        texts
    }

    fn grid(
        &self,
        benchmark: &str,
        subjects: &[(usize, &Subject)],
        ratios: Option<&Ratios>,
    ) -> Grid {
        let mut columns = vec![(format!("{SUITE}/{benchmark}"), Align::Left)];
        columns.push((self.of.to_owned(), Align::Left));
        let headings = self.columns.iter().map(|column| column.heading.to_owned());
        columns.extend(headings.map(|heading| (heading, Align::Right)));
        let mut grid = Grid { columns, rows: Vec::new() };
        for (of, subject) in subjects {
            grid.gap();
            for (place, line) in self.lines(subject).into_iter().enumerate() {
                let label = if place == 0 { subject.label.clone() } else { String::new() };
                let mut row: Vec<Text> = vec![label.into(), line.to_owned().into()];
                if subject.is_spoiled(self.told_by, line) {
                    row.push(Status::Failed.name().to_owned().into());
                    row.extend(self.columns.iter().skip(1).map(|_| "-".to_owned().into()));
                } else {
                    let ratio = ratios.and_then(|ratios| ratios.get(*of, line));
                    let cells = self.columns.iter().map(|column| column.cell(subject, line, ratio));
                    row.extend(cells.map(Text::from));
                }
                grid.rows.push(row);
            }
        }
        grid
    }

    /// What there is a line of: what has the metric that tells in any repetition, or failed, no replica first.
    fn lines<'s>(&self, subject: &'s Subject) -> Vec<&'s str> {
        let all: BTreeSet<&str> = subject.transactions();
        let mut lines: Vec<&str> = all
            .into_iter()
            .filter(|name| !name.contains("/replica-"))
            .filter(|name| {
                subject.median(self.told_by, name).is_some()
                    || subject.is_spoiled(self.told_by, name)
            })
            .collect();
        lines.sort_by_key(|line| *line != "none");
        lines
    }
}

impl Column {
    /// `ratio` is that of the line to what was measured without a replica.
    fn cell(&self, subject: &Subject, line: &str, ratio: Option<&Against>) -> String {
        let load = match self.of {
            Of::Load(word) => format!("{line} {word}"),
            Of::Line | Of::Replicas | Of::Against => line.to_owned(),
        };
        let value = match self.of {
            Of::Against => return ratio.map_or_else(|| "-".to_owned(), Against::text),
            Of::Replicas => {
                let prefix = format!("{line}/replica-");
                let all = subject.transactions();
                let its = all.iter().filter(|name| name.starts_with(&prefix));
                let values = its.filter_map(|name| subject.median(self.metric, name));
                values.max_by(f64::total_cmp)
            }
            Of::Line if matches!(self.show, Show::WorstCount | Show::WorstMillis) => {
                subject.greatest(self.metric, &load)
            }
            Of::Line | Of::Load(_) => subject.median(self.metric, &load),
        };
        let Some(value) = value else { return "-".to_owned() };
        match self.show {
            Show::Rate => {
                let spread = subject.spread(self.metric, &load).map(number::spread);
                let spread = spread.unwrap_or_default();
                format!("{} {spread}", number::sensible(value)).trim_end().to_owned()
            }
            Show::Times => number::ratio(value),
            Show::Micros => number::sensible(value / 1_000.0),
            Show::Plain | Show::WorstMillis => number::sensible(value),
            Show::Count | Show::WorstCount => number::value(value, "1"),
            Show::Megabytes => number::sensible(value / 1e6),
            Show::ShareOf(whole) => match subject.median(whole, line) {
                Some(whole) if whole > 0.0 => number::sensible(100.0 * value / whole),
                _ => "-".to_owned(),
            },
        }
    }
}
