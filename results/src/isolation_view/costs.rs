//! What each level costs.

use std::collections::BTreeMap;

use dbdyno_core::Status;

use super::{ANOMALIES, Level, THROUGHPUT};
use crate::grid::{Align, Grid, Text, wrap};
use crate::number;
use crate::record::Record;
use crate::render::{Format, RenderOptions};
use crate::statistics::{Round, median, ratio};

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
}

impl Load {
    fn median(&self, metric: &str) -> Option<f64> {
        let values: Vec<f64> = self.metrics.get(metric)?.values().copied().collect();
        median(&values)
    }

    /// Every row of one name, as counts by engine code have several.
    fn sum(&self, metric: &str) -> f64 {
        self.metrics.get(metric).map_or(0.0, |rounds| rounds.values().sum())
    }
}

impl Costs {
    pub(super) fn new(records: &[Record], levels: &[Level]) -> Self {
        let mut costs = Self { levels: levels.to_vec(), benchmarks: Vec::new(), loads: Vec::new() };
        for record in records.iter().filter(|record| record.case.benchmark != ANOMALIES) {
            if record.transaction.is_empty() {
                costs.add(record);
            }
        }
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
            let (benchmark, metrics) = (benchmark.clone(), BTreeMap::new());
            self.loads.push(Load { benchmark, level, status: None, metrics, found: String::new() });
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

    /// How many times as much gets done as at the weakest level of the target.
    fn relative(&self, load: &Load) -> Option<f64> {
        let base = self.weakest(&load.benchmark, &load.level.target)?;
        let of = |load: &Load| load.metrics.get(THROUGHPUT).cloned();
        ratio(&of(load)?, &of(base)?).map(|ratio| ratio.value)
    }

    /// A line for each level: what it allows, and its throughput against the weakest level.
    pub(super) fn render_levels(
        &self,
        allowed: &[(Level, Vec<&'static str>)],
        options: &RenderOptions,
    ) -> Option<String> {
        if self.benchmarks.is_empty() {
            return None;
        }
        let legend = "throughput of each workload against the weakest level of the target (1.00x)";
        let layouts = [Allowed::Named, Allowed::Counted, Allowed::LeftOut];
        let mut grids =
            layouts.map(|layout| self.levels_grid(allowed, layout, options)).into_iter();
        let full = grids.next()?;
        Some(match options.format {
            Format::Markdown => format!("{}\n{legend}", full.markdown()),
            _ => {
                let fits = |grid: &Grid| grid.width() <= options.width;
                let grid = std::iter::once(full).chain(grids).find(fits);
                let grid = grid.unwrap_or_else(|| self.narrow_grid());
                let text = grid.text(options.width, options.styled);
                format!("{text}\n{}", wrap(legend, options.width))
            }
        })
    }

    fn levels_grid(
        &self,
        allowed: &[(Level, Vec<&'static str>)],
        layout: Allowed,
        options: &RenderOptions,
    ) -> Grid {
        let mut grid = grid_of(&["target", "level"]);
        let shows_allowed = layout != Allowed::LeftOut && !allowed.is_empty();
        if shows_allowed {
            grid.columns.push(("allows".into(), Align::Left));
        }
        grid.columns.extend(self.benchmarks.iter().map(|name| (name.clone(), Align::Right)));
        let mut last = "";
        for level in &self.levels {
            let is_new = last != level.target;
            if is_new && options.format == Format::Table {
                grid.gap();
            }
            last = &level.target;
            let target = if is_new { level.target.clone() } else { String::new() };
            let mut row: Vec<Text> = vec![target.into(), level.isolation.name().to_owned().into()];
            if shows_allowed {
                let known = allowed.iter().find(|(known, _)| known == level);
                row.push(
                    known.map(|(_, symbols)| layout.words(symbols)).unwrap_or_default().into(),
                );
            }
            row.extend(self.cells(level));
            grid.rows.push(row);
        }
        grid
    }

    /// Targets in lines of their own, headings in two lines.
    fn narrow_grid(&self) -> Grid {
        let mut grid = grid_of(&["level"]);
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
            let mut row: Vec<Text> = vec![format!("  {}", level.isolation).into()];
            let without_x = |cell: Text| cell.text.trim_end_matches('x').to_owned().into();
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
            None => self.relative(load).map(number::ratio).unwrap_or_default(),
        }
    }

    /// A line for each workload at each level: how much, how fast, what was tried again, what went wrong.
    pub(super) fn render_numbers(&self, options: &RenderOptions) -> Option<String> {
        if self.benchmarks.is_empty() {
            return None;
        }
        let legend = format!(
            "retries per 100 transactions; broken: lost updates of hot-row, wrong sums of report, \
             shifts without anybody of on-call, anomalies in histories, as counted; {}",
            self.repetitions()
        );
        let notes = self.notes();
        let mut columns = NUMBERS.to_vec();
        if options.format == Format::Markdown {
            let notes: String = notes.iter().map(|note| format!("\n\n{note}")).collect();
            let grid = self.numbers_grid(&columns, options);
            return Some(format!("{}\n{legend}{notes}", grid.markdown()));
        }
        let mut grid = self.numbers_grid(&columns, options);
        for dispensable in [Number::Errors, Number::Median] {
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
            1 => "1 repetition".to_owned(),
            many => format!("medians of {many} repetitions"),
        }
    }
}

/// An empty grid, so far of these columns.
fn grid_of(labels: &[&str]) -> Grid {
    let columns = labels.iter().map(|label| ((*label).to_owned(), Align::Left)).collect();
    Grid { columns, rows: Vec::new() }
}

/// How a line says what its level allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    Named,
    Counted,
    LeftOut,
}

impl Allowed {
    fn words(self, symbols: &[&str]) -> String {
        match self {
            _ if symbols.is_empty() => "none".to_owned(),
            Self::Named => symbols.join(" "),
            Self::Counted | Self::LeftOut => symbols.len().to_string(),
        }
    }
}

/// A number of a workload at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Throughput,
    Median,
    P99,
    Retries,
    Errors,
    Broken,
}

const NUMBERS: [Number; 6] = [
    Number::Throughput,
    Number::Median,
    Number::P99,
    Number::Retries,
    Number::Errors,
    Number::Broken,
];

impl Number {
    const fn heading(self) -> &'static str {
        match self {
            Self::Throughput => "tx/s",
            Self::Median => "p50 ms",
            Self::P99 => "p99 ms",
            Self::Retries => "retries",
            Self::Errors => "errors",
            Self::Broken => "broken",
        }
    }

    /// Empty where it was not measured.
    fn of(self, load: &Load) -> String {
        let ms = |metric: &str| load.median(metric).map(|us| number::sensible(us / 1_000.0));
        let counted = |metric: &&str| load.metrics.contains_key(*metric);
        let text = match self {
            Self::Throughput => match &load.status {
                Some((status, _)) => Some(status.name().to_owned()),
                None => load.median(THROUGHPUT).map(number::sensible),
            },
            Self::Median => ms("latency_p50_us"),
            Self::P99 => ms("latency_p99_us"),
            Self::Retries => retries(load),
            Self::Errors => counted(&"errors").then(|| number::value(load.sum("errors"), "1")),
            Self::Broken => BROKEN
                .iter()
                .any(counted)
                .then(|| number::value(BROKEN.iter().map(|metric| load.sum(metric)).sum(), "1")),
        };
        text.unwrap_or_default()
    }
}

/// Of a hundred transactions that ended, how often one was tried again.
fn retries(load: &Load) -> Option<String> {
    let transactions = load.sum("transactions");
    (transactions > 0.0).then(|| number::sensible(100.0 * load.sum("retries") / transactions))
}
