//! A table for each benchmark: a line for each method.

use super::found::{Found, Verdict};
use super::{SUITE, lines};
use crate::grid::{Align, Grid, Text};
use crate::number;
use crate::render::{Format, RenderOptions};

const MEGABYTE: f64 = 1e6;

/// A table of a benchmark.
pub(super) struct Table {
    benchmark: &'static str,
    /// What it is about, where the benchmark has another.
    about: &'static str,
    columns: &'static [Column],
    legend: &'static str,
}

/// A column: its heading, and what is in it.
type Column = (&'static str, Shown);

#[derive(Clone, Copy)]
enum Shown {
    /// The median of a metric.
    Number(&'static str),
    /// The same of something that is counted.
    Count(&'static str),
    /// The same of a time, to the hundredth.
    Seconds(&'static str),
    /// Bytes, in megabytes.
    Megabytes(&'static str),
    /// How far throughput falls while the backup is made, against what it is before and after.
    Slowdown,
    /// How many times as high a metric is while the backup is made as before and after.
    Times(&'static str),
    /// The median of a metric of the load while the backup is made.
    During(&'static str),
    /// Transactions that failed while the backup is made.
    Failed,
    /// The strongest lock that the backup's sessions were seen to hold.
    Lock,
    Verdict,
}

pub(super) const TABLES: [Table; 3] = [
    Table {
        benchmark: "idle",
        about: "",
        columns: &[
            ("made\ns", Shown::Seconds("backup_s")),
            ("MB/s", Shown::Number("backup_mb_per_s")),
            ("size\nMB", Shown::Megabytes("backup_bytes")),
            ("data\n/size", Shown::Number("data_to_backup_ratio")),
            ("CPU\ns", Shown::Seconds("backup_cpu_s")),
            ("ready\ns", Shown::Seconds("restore_ready_s")),
            ("kept", Shown::Verdict),
        ],
        legend: "idle: MB/s: tables and indexes saved per second; data/size: tables and indexes by the size of the \
                 backup; CPU: of the tool, not of the server; ready: from the start of restoring to the first answer; \
                 kept: whether what was restored is what the method promises",
    },
    Table {
        benchmark: "tpcc",
        about: "",
        columns: &[
            ("made\ns", Shown::Seconds("backup_s")),
            ("MB/s", Shown::Number("backup_mb_per_s")),
            ("size\nMB", Shown::Megabytes("backup_bytes")),
            ("tx/s", Shown::Slowdown),
            ("p99", Shown::Times("latency_p99_us")),
            ("pause\nms", Shown::During("longest_pause_ms")),
            ("ready\ns", Shown::Seconds("restore_ready_s")),
            ("kept", Shown::Verdict),
        ],
        legend: "tpcc: tx/s and p99: of the clients while the backup is made, against before and after; pause: the \
                 longest that one of them waited for a transaction meanwhile; ready: from the start of restoring to \
                 the first answer; kept: whether what was restored is what the method promises",
    },
    Table {
        benchmark: "tpcc",
        about: " locks",
        columns: &[
            ("lock", Shown::Lock),
            ("held", Shown::Count("locks_held")),
            ("waiters", Shown::Count("lock_waiters")),
            ("writer\nms", Shown::Number("writers_blocked_ms")),
            ("failed", Shown::Failed),
            ("log\ntx/s", Shown::Number("log_throughput_ratio")),
        ],
        legend: "tpcc locks: lock, held: the strongest that the backup's sessions were seen to hold, and how many at \
                 once; waiters: the most sessions seen to wait for one; writer: the longest that somebody waited who \
                 writes one row after another; failed: transactions while the backup is made; log: throughput before \
                 the backup of a method that keeps a log, by that before the others' (- where all of a target keep one)",
    },
];

impl Table {
    /// `None` where nothing of the kind is known.
    pub(super) fn render(&self, cases: &[Found], options: &RenderOptions) -> Option<String> {
        let its = cases.iter().filter(|found| found.subject.case.benchmark == self.benchmark);
        let its: Vec<&Found> = its.filter(|found| !found.methods().is_empty()).collect();
        if its.is_empty() {
            return None;
        }
        let grid = self.grid(&its);
        let is_known = |row: &Vec<Text>| {
            row.iter().skip(1).any(|cell| !matches!(cell.text.as_str(), "" | "-"))
        };
        if !grid.rows.iter().any(is_known) {
            return None;
        }
        let table = match options.format {
            Format::Markdown => grid.markdown(),
            Format::Table | Format::Csv => grid.text(options.width, options.styled),
        };
        Some(format!("{table}\n{}", lines(&[self.legend.to_owned()], options)))
    }

    fn grid(&self, cases: &[&Found]) -> Grid {
        let title = format!("{SUITE}/{}{}", self.benchmark, self.about);
        let mut columns = vec![(title, Align::Left)];
        let headings = self.columns.iter().map(|(heading, _)| (*heading).to_owned());
        columns.extend(headings.map(|heading| (heading, Align::Right)));
        let mut grid = Grid { columns, rows: Vec::new() };
        for found in cases {
            let mut target = vec![Text::from(found.subject.label.clone())];
            target.resize(self.columns.len() + 1, Text::default());
            grid.rows.push(target);
            for method in found.methods() {
                let mut row = vec![Text::from(format!(" {method}"))];
                row.extend(self.columns.iter().map(|(_, shown)| shown.cell(found, method)));
                grid.rows.push(row);
            }
        }
        grid
    }
}

impl Shown {
    fn cell(self, found: &Found, method: &str) -> Text {
        let text = match self {
            Self::Number(metric) => found.median(metric, method).map(number::sensible),
            Self::Count(metric) => found.median(metric, method).map(count),
            Self::Failed => found.median("errors", &format!("{method}/during")).map(count),
            Self::Seconds(metric) => found.median(metric, method).map(seconds),
            Self::Megabytes(metric) => {
                found.median(metric, method).map(|bytes| number::sensible(bytes / MEGABYTE))
            }
            Self::Slowdown => around(found, "throughput", method)
                .map(|times| format!("{:+.0}%", (times - 1.0) * 100.0)),
            Self::Times(metric) => around(found, metric, method).map(number::ratio),
            Self::During(metric) => {
                found.median(metric, &format!("{method}/during")).map(number::sensible)
            }
            Self::Lock => {
                match (found.detail("locks_held", method), found.median("locks_held", method)) {
                    (Some(mode), _) => Some(mode.to_owned()),
                    (None, Some(_)) => Some("none seen".to_owned()),
                    (None, None) => None,
                }
            }
            Self::Verdict => return verdict(found.verdict(method)),
        };
        Text::from(text.unwrap_or_else(|| "-".to_owned()))
    }
}

/// A metric while a backup is made, by its mean before and after.
fn around(found: &Found, metric: &str, method: &str) -> Option<f64> {
    let of = |phase: &str| found.median(metric, &format!("{method}/{phase}"));
    let usual = f64::midpoint(of("before")?, of("after")?);
    (usual > 0.0).then_some(of("during")? / usual)
}

fn count(number: f64) -> String {
    format!("{number:.0}")
}

fn seconds(number: f64) -> String {
    if number < 9.995 { format!("{number:.2}") } else { number::sensible(number) }
}

fn verdict(verdict: Verdict) -> Text {
    let word = match verdict {
        Verdict::Verified => "yes",
        Verdict::ButForRows => "in part",
        Verdict::Broken => "NO",
        Verdict::NotMade => "none",
        Verdict::Unsupported => "n/a",
        Verdict::Unknown => "?",
    };
    Text { text: word.to_owned(), bold: verdict == Verdict::Broken }
}
