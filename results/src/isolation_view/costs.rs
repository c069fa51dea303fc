//! What each level costs.

use std::collections::BTreeMap;

use dbdyno_core::Status;

use super::matrix::Allowed;
use super::{Level, THROUGHPUT};
use crate::compare::against::{self, Against, Family};
use crate::grid::{Align, Grid, Text, wrap};
use crate::markup::plain;
use crate::metric::middle;
use crate::number;
use crate::record::Record;
use crate::render::{Format, RenderOptions};
use crate::statistics::{Round, median};

/// What workloads count where they broke.
const BROKEN: [&str; 4] = ["lost_updates", "skewed_reports", "unstaffed_shifts_seen", FOUND];
/// What was found in a history; its detail names the classes.
const FOUND: &str = "anomalies_found";

/// Workloads in columns or lines, levels in lines.
#[derive(Clone, Debug)]
pub(super) struct Costs {
    levels: Vec<Level>,
    /// The workloads in the order in which they were measured.
    benchmarks: Vec<String>,
    loads: Vec<Load>,
}

/// A workload at a level, over repetitions.
#[derive(Clone, Debug)]
struct Load {
    benchmark: String,
    level: Level,
    /// Why there is no number: the word and the sentence.
    status: Option<(Status, String)>,
    metrics: BTreeMap<String, BTreeMap<Round, f64>>,
    /// What was found in the history of the last repetition that showed anything.
    found: String,
    /// How many times as much gets done as at the weakest level of the target; those of a workload are looked at
    /// together.
    against: Against,
}

impl Load {
    fn median(&self, metric: &str) -> Option<f64> {
        let values: Vec<f64> = self.metrics.get(metric)?.values().copied().collect();
        middle(metric, &values)
    }

    /// Of all repetitions together.
    fn sum(&self, metric: &str) -> f64 {
        self.metrics.get(metric).map_or(0.0, |rounds| rounds.values().sum())
    }
}

impl Costs {
    pub(super) fn new(records: &[Record], levels: &[Level]) -> Self {
        let mut costs = Self { levels: levels.to_vec(), benchmarks: Vec::new(), loads: Vec::new() };
        for record in records.iter().filter(|record| record.transaction.is_empty()) {
            costs.add(record);
        }
        costs.relate();
        costs
    }

    fn add(&mut self, record: &Record) {
        let (benchmark, level) = (&record.case.benchmark, Level::of(record));
        if !self.benchmarks.contains(benchmark) {
            self.benchmarks.push(benchmark.clone());
        }
        let known =
            self.loads.iter().position(|load| load.benchmark == *benchmark && load.level == level);
        let place = known.unwrap_or_else(|| {
            self.loads.push(Load {
                benchmark: benchmark.clone(),
                level,
                status: None,
                metrics: BTreeMap::new(),
                found: String::new(),
                against: Against::default(),
            });
            self.loads.len() - 1
        });
        let load = &mut self.loads[place];
        if record.status != Status::Ok && record.metric == THROUGHPUT {
            load.status = Some((record.status, record.detail.to_string()));
        }
        if record.metric == FOUND && !record.detail.is_empty() && record.value > Some(0.0) {
            load.found = record.detail.to_string();
        }
        if let Some(value) = record.value {
            let round = (record.run_id.to_string(), record.case.repetition);
            *load
                .metrics
                .entry(record.metric.to_string())
                .or_default()
                .entry(round)
                .or_default() += value;
        }
    }

    fn load(&self, benchmark: &str, level: &Level) -> Option<&Load> {
        self.loads.iter().find(|load| load.benchmark == benchmark && load.level == *level)
    }

    /// The weakest level of a target at which a workload ran well.
    fn weakest(&self, benchmark: &str, target: &str) -> Option<&Load> {
        let its = self.levels.iter().filter(|level| level.target == target);
        its.filter_map(|level| self.load(benchmark, level))
            .find(|load| load.status.is_none() && load.metrics.contains_key(THROUGHPUT))
    }

    fn relate(&mut self) {
        let found: Vec<Option<Against>> =
            self.loads.iter().map(|load| self.against_weakest(load)).collect();
        for (load, against) in self.loads.iter_mut().zip(found) {
            load.against = against.unwrap_or_default();
        }
        for benchmark in &self.benchmarks {
            let its = self.loads.iter_mut().filter(|load| load.benchmark == *benchmark);
            against::correct_all(its.map(|load| &mut load.against));
        }
    }

    fn against_weakest(&self, load: &Load) -> Option<Against> {
        if load.status.is_some() {
            return None;
        }
        let base = self.weakest(&load.benchmark, &load.level.target)?;
        let of = |load: &Load| load.metrics.get(THROUGHPUT).cloned();
        let (values, bases) = (of(load)?, of(base)?);
        Some(match load.level == base.level {
            true => Against::itself(),
            false => Against::of(&values, &bases, base.level.isolation.name()),
        })
    }

    /// A line for each level: what it allows, and its throughput against the weakest level.
    pub(super) fn render_levels(
        &self,
        allowed: &[Allowed],
        options: &RenderOptions,
    ) -> Option<String> {
        if self.benchmarks.is_empty() {
            return None;
        }
        let families = self.benchmarks.iter().map(|benchmark| {
            let its = self.loads.iter().filter(|load| load.benchmark == *benchmark);
            let named = its.map(|load| {
                let Level { target, isolation } = &load.level;
                (format!("{benchmark} {target} {isolation}"), &load.against)
            });
            Family { name: benchmark, ratios: named.collect() }
        });
        let ratios = against::legend(&families.collect::<Vec<_>>());
        let ratios: String = ratios.iter().map(|told| format!("; {told}")).collect();
        let legend = "allows: the anomalies by their symbols, `not` all but those; then the throughput of \
                      each workload against the weakest level of the target that could be measured (1.00x)";
        if options.format == Format::Markdown {
            let layout = Layout { says: Says::Names, two_lines: false };
            let grid = self.levels_grid(allowed, layout, options);
            return Some(format!("{}\n{legend}{}", grid.markdown(), plain(&ratios)));
        }
        let layouts = [Says::Names, Says::Count]
            .into_iter()
            .flat_map(|says| [false, true].map(|two_lines| Layout { says, two_lines }));
        let mut grids = layouts.map(|layout| self.levels_grid(allowed, layout, options));
        let fitting = grids.find(|grid| grid.width() <= options.width);
        let grid = fitting.unwrap_or_else(|| {
            let whole = self.narrow_grid(allowed, |level| level.to_owned());
            match whole.width() <= options.width {
                true => whole,
                false => self.narrow_grid(allowed, |level| level.replace('-', "-\n")),
            }
        });
        let text = grid.text(options.width, options.styled);
        Some(format!("{text}\n{}", wrap(&format!("{legend}{ratios}"), options.width)))
    }

    fn levels_grid(&self, allowed: &[Allowed], layout: Layout, options: &RenderOptions) -> Grid {
        let mut grid = grid_of(&["target", "level"]);
        if !allowed.is_empty() {
            grid.columns.push(("allows".into(), Align::Left));
        }
        let heading = |name: &String| match layout.two_lines {
            true => name.replace('-', "\n"),
            false => name.clone(),
        };
        grid.columns.extend(self.benchmarks.iter().map(|name| (heading(name), Align::Right)));
        let mut last = "";
        for level in &self.levels {
            let is_new = last != level.target;
            if is_new && options.format == Format::Table {
                grid.gap();
            }
            last = &level.target;
            let target = if is_new { level.target.clone() } else { String::new() };
            let mut row: Vec<Text> = vec![target.into(), level.isolation.name().to_owned().into()];
            if !allowed.is_empty() {
                row.push(layout.says.of(level, allowed).into());
            }
            row.extend(self.cells(level));
            grid.rows.push(row);
        }
        grid
    }

    /// Targets in lines of their own, headings in two lines, numbers without a sign, levels as `named` writes them.
    fn narrow_grid(&self, allowed: &[Allowed], named: fn(&str) -> String) -> Grid {
        let mut grid = grid_of(&["level"]);
        if !allowed.is_empty() {
            grid.columns.push(("al-\nlows".into(), Align::Left));
        }
        let headings = self.benchmarks.iter().map(|name| (name.replace('-', "\n"), Align::Right));
        grid.columns.extend(headings);
        let mut last = "";
        for level in &self.levels {
            if last != level.target {
                grid.gap();
                let mut heading = vec![Text::default(); grid.columns.len()];
                heading[0] = level.target.clone().into();
                grid.rows.push(heading);
            }
            last = &level.target;
            let mut row: Vec<Text> = vec![named(level.isolation.name()).into()];
            if !allowed.is_empty() {
                row.push(Says::Count.of(level, allowed).into());
            }
            let without_x = |cell: Text| cell.text.replace('x', "").into();
            row.extend(self.cells(level).map(without_x));
            grid.rows.push(row);
        }
        grid
    }

    fn cells(&self, level: &Level) -> impl Iterator<Item = Text> {
        let cell = |name: &String| self.load(name, level).map(|load| self.cell(load));
        self.benchmarks.iter().map(move |name| cell(name).unwrap_or_default().into())
    }

    fn cell(&self, load: &Load) -> String {
        match &load.status {
            Some((status, _)) => status.name().to_owned(),
            None => load.against.text(),
        }
    }

    /// A line for each workload at each level: how much, how fast, what was tried again, what went wrong.
    pub(super) fn render_numbers(&self, options: &RenderOptions) -> Option<String> {
        if self.benchmarks.is_empty() {
            return None;
        }
        let legend = format!(
            "retries per 100 transactions; aborted: attempts of 100 that did not commit; broken: lost \
             updates of hot-row, wrong sums of report, shifts without anybody of on-call, anomalies in \
             histories, as counted; {}",
            self.repetitions()
        );
        let notes = self.notes();
        let mut columns = NUMBERS.to_vec();
        if options.format == Format::Markdown {
            let notes: String = notes.iter().map(|note| format!("\n\n{}", plain(note))).collect();
            let grid = self.numbers_grid(&columns, options);
            return Some(format!("{}\n{legend}{notes}", grid.markdown()));
        }
        let mut grid = self.numbers_grid(&columns, options);
        for dispensable in [Number::Median, Number::Retries] {
            if grid.width() > options.width {
                columns.retain(|column| *column != dispensable);
                grid = self.numbers_grid(&columns, options);
            }
        }
        let lines = std::iter::once(legend).chain(notes);
        let below: String = lines.map(|line| wrap(&line, options.width)).collect();
        Some(format!("{}\n{below}", grid.text(options.width, options.styled)))
    }

    fn numbers_grid(&self, columns: &[Number], options: &RenderOptions) -> Grid {
        let mut grid = grid_of(&["workload", "target", "level"]);
        let headings = columns.iter().map(|column| (column.heading().to_owned(), Align::Right));
        grid.columns.extend(headings);
        for benchmark in &self.benchmarks {
            if options.format == Format::Table {
                grid.gap();
            }
            let mut last = "";
            for level in &self.levels {
                let Some(load) = self.load(benchmark, level) else { continue };
                let first = if last.is_empty() { benchmark.clone() } else { String::new() };
                let target =
                    if last == level.target { String::new() } else { level.target.clone() };
                last = &level.target;
                let mut row: Vec<Text> =
                    vec![first.into(), target.into(), level.isolation.name().to_owned().into()];
                row.extend(columns.iter().map(|column| column.of(load).into()));
                grid.rows.push(row);
            }
        }
        grid
    }

    /// Why a workload has no numbers at a level, and what its history shows.
    fn notes(&self) -> Vec<String> {
        let note = |load: &Load| {
            let Level { target, isolation } = &load.level;
            let says = match &load.status {
                Some((status, why)) => format!("{}: {why}", status.name()),
                None if load.found.is_empty() => return None,
                None => load.found.clone(),
            };
            Some(format!("{} {target} {isolation}: {says}", load.benchmark))
        };
        let sorted = self.benchmarks.iter().flat_map(|benchmark| {
            self.levels.iter().filter_map(|level| self.load(benchmark, level)).filter_map(note)
        });
        sorted.collect()
    }

    fn repetitions(&self) -> String {
        let of = |load: &Load| load.metrics.get(THROUGHPUT).map_or(0, BTreeMap::len);
        match self.loads.iter().map(of).max().unwrap_or(0) {
            0 => "nothing was measured".to_owned(),
            1 => "1 repetition, which tells large differences alone: give --repetitions".to_owned(),
            many => format!("medians of {many} repetitions"),
        }
    }
}

/// An empty grid, so far of these columns.
fn grid_of(labels: &[&str]) -> Grid {
    let columns = labels.iter().map(|label| ((*label).to_owned(), Align::Left)).collect();
    Grid { columns, rows: Vec::new() }
}

/// How the table of levels is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    says: Says,
    /// Whether headings take two lines.
    two_lines: bool,
}

/// How a line says what its level allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// By the symbols of what it allows, or of what it does not, whichever are fewer.
    Names,
    /// By their number.
    Count,
}

impl Says {
    fn of(self, level: &Level, allowed: &[Allowed]) -> String {
        let Some(known) = allowed.iter().find(|allowed| allowed.level == *level) else {
            return String::new();
        };
        let Allowed { possible, prevented, unknown, .. } = known;
        let mut words = match self {
            _ if possible.is_empty() => "none".to_owned(),
            Self::Names if possible.len() > prevented.len() && *unknown == 0 => {
                format!("not {}", brief(prevented))
            }
            Self::Names => brief(possible),
            Self::Count => possible.len().to_string(),
        };
        if *unknown > 0 {
            words.push_str(&format!(" ({unknown} ?)"));
        }
        words
    }
}

/// Symbols, those of G1 drawn together where all are there.
fn brief(symbols: &[&str]) -> String {
    symbols.join(" ").replace("G1a G1b G1c", "G1a-c")
}

/// A number of a workload at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Throughput,
    Median,
    P99,
    Retries,
    Aborted,
    Broken,
}

const NUMBERS: [Number; 6] = [
    Number::Throughput,
    Number::Median,
    Number::P99,
    Number::Retries,
    Number::Aborted,
    Number::Broken,
];

impl Number {
    const fn heading(self) -> &'static str {
        match self {
            Self::Throughput => "tx/s",
            Self::Median => "p50 ms",
            Self::P99 => "p99 ms",
            Self::Retries => "retries",
            Self::Aborted => "aborted",
            Self::Broken => "broken",
        }
    }

    /// Empty where it was not measured.
    fn of(self, load: &Load) -> String {
        let ms = |metric: &str| load.median(metric).map(|us| number::sensible(us / 1_000.0));
        let text = match self {
            Self::Throughput => match &load.status {
                Some((status, _)) => Some(status.name().to_owned()),
                None => load.median(THROUGHPUT).map(number::sensible),
            },
            Self::Median => ms("latency_p50_us"),
            Self::P99 => ms("latency_p99_us"),
            Self::Retries => retries(load),
            Self::Aborted => aborted(load),
            Self::Broken => broken(load),
        };
        text.unwrap_or_default()
    }
}

/// Of a hundred attempts, how many were not committed: tried again, or failed for good.
fn aborted(load: &Load) -> Option<String> {
    let lost = load.sum("retries") + load.sum("errors");
    let attempts = load.sum("transactions") + lost;
    (attempts > 0.0).then(|| format!("{}%", number::sensible(100.0 * lost / attempts)))
}

/// How often it broke, in the median repetition.
fn broken(load: &Load) -> Option<String> {
    let mut rounds: BTreeMap<&Round, f64> = BTreeMap::new();
    for (round, value) in BROKEN.iter().filter_map(|metric| load.metrics.get(*metric)).flatten() {
        *rounds.entry(round).or_default() += value;
    }
    let counts: Vec<f64> = rounds.into_values().collect();
    median(&counts).map(|count| number::value(count, "1"))
}

/// Of a hundred transactions that ended, how often one was tried again.
fn retries(load: &Load) -> Option<String> {
    let transactions = load.sum("transactions");
    (transactions > 0.0).then(|| number::sensible(100.0 * load.sum("retries") / transactions))
}
