//! `dbdyno compare`: the values of one dimension side by side.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use dbdyno_core::{Better, Case, Error, Result, Status};

use crate::dimension::{Dimension, Level, Plan};
use crate::group::{Shown, group};
use crate::histograms::Histograms;
use crate::index_view;
use crate::metric;
use crate::record::Record;
use crate::repetition::{distinct_cases, rows_of_cases};
use crate::statistics::Ratio;

pub(crate) mod against;
mod evidence;
pub(crate) mod merged;
mod pooled;

pub use evidence::{Basis, Evidence, LEVEL};
pub use pooled::pooled;

/// What makes the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A column per engine.
    Engine,
    /// A column per isolation level, weakest first.
    Isolation,
    /// A column per driver.
    Driver,
    /// A column per number of clients.
    Clients,
    /// A column per target.
    Target,
    /// A column per durability, strongest first.
    Durability,
    /// A column per form of statements, portable first.
    Statements,
    /// A column without pipelining and one with.
    Pipeline,
    /// A column per choice of keys, the fewest first.
    Keys,
    /// A column for what a load finds in memory: warm, cold.
    Cache,
    /// A column per number of streams of queries.
    Streams,
    /// A column per run.
    Run,
}

impl By {
    /// Every choice.
    pub const ALL: [Self; 12] = [
        Self::Engine,
        Self::Isolation,
        Self::Driver,
        Self::Clients,
        Self::Target,
        Self::Durability,
        Self::Statements,
        Self::Pipeline,
        Self::Keys,
        Self::Cache,
        Self::Streams,
        Self::Run,
    ];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        self.dimension().name()
    }

    /// The dimension whose values are the columns.
    pub const fn dimension(self) -> Dimension {
        match self {
            Self::Engine => Dimension::Engine,
            Self::Isolation => Dimension::Isolation,
            Self::Driver => Dimension::Driver,
            Self::Clients => Dimension::Clients,
            Self::Target => Dimension::Target,
            Self::Durability => Dimension::Durability,
            Self::Statements => Dimension::Statements,
            Self::Pipeline => Dimension::Pipeline,
            Self::Keys => Dimension::Keys,
            Self::Cache => Dimension::Cache,
            Self::Streams => Dimension::Streams,
            Self::Run => Dimension::Run,
        }
    }

    /// The column of a case that was measured in a run.
    pub(crate) fn level(self, case: &Case, run_id: &str) -> Level {
        match self {
            Self::Run => Level::named(run_id),
            _ => self.dimension().level(case),
        }
    }

    /// What to compare when nobody said: the first of engines, isolation, targets, drivers,
    /// statements, pipelining, caches and clients that has more than one value (clients: in every
    /// benchmark, for a sweep among others is a curve of its own); engines where none has.
    pub fn default_for(records: &[Record]) -> Self {
        let choices = [
            Self::Engine,
            Self::Isolation,
            Self::Target,
            Self::Driver,
            Self::Statements,
            Self::Pipeline,
            Self::Cache,
            Self::Clients,
        ];
        let cases = distinct_cases(records);
        let varies = |by: &Self| {
            let levels = |cases: &mut dyn Iterator<Item = &Case>| -> usize {
                let levels: BTreeSet<_> = cases.map(|case| by.dimension().level(case)).collect();
                levels.len()
            };
            if *by != Self::Clients {
                return levels(&mut cases.iter().copied()) > 1;
            }
            let name = |case: &Case| (case.suite.clone(), case.benchmark.clone());
            let benchmarks: BTreeSet<_> = cases.iter().map(|case| name(case)).collect();
            let of = |benchmark: &(String, String)| {
                levels(&mut cases.iter().copied().filter(|case| name(case) == *benchmark))
            };
            !benchmarks.is_empty() && benchmarks.iter().all(|name| of(name) > 1)
        };
        choices.into_iter().find(varies).unwrap_or(Self::Engine)
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut choices = Self::ALL.into_iter();
        choices.find(|by| by.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is not something to compare by: give one of {names}")
        })
    }
}

/// What is compared, and how.
#[derive(Clone, Debug)]
pub struct CompareOptions {
    /// What makes the columns.
    pub by: By,
    /// The metrics, by name or by the middle of a latency's name (`p99`); the default set where
    /// empty.
    pub metrics: Vec<String>,
    /// Show the transaction types too, below the case as a whole.
    pub transactions: bool,
    /// Columns that come first, in this order; the first column is what ratios are taken to.
    /// Others follow, sorted where their values have an order of their own, and otherwise as they
    /// first occur. [`Loaded::order`](crate::Loaded::order) gives the order of the targets.
    pub order: Vec<String>,
    /// Where they are given, percentiles are read off the response times of all repetitions taken together, in
    /// place of the middle repetition's.
    pub histograms: Option<Arc<Histograms>>,
}

impl CompareOptions {
    /// The default set of metrics of whole cases.
    pub const fn new(by: By) -> Self {
        Self { by, metrics: Vec::new(), transactions: false, order: Vec::new(), histograms: None }
    }
}

/// Cases side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Whether it shows what a suite shows when nobody asks for metrics.
    pub(crate) shows_default: bool,
    /// What makes the columns.
    pub by: Dimension,
    /// The columns; ratios are to the first.
    pub columns: Vec<Column>,
    /// The dimensions with one value in all cases, and that value, unless it goes without saying.
    pub constants: Vec<(Dimension, String)>,
    /// The dimensions whose values tell rows apart.
    pub dimensions: Vec<Dimension>,
    /// The rows, a group for each case.
    pub groups: Vec<Group>,
    /// What must be known before conclusions are drawn, a sentence each.
    pub warnings: Vec<String>,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its value of the dimension.
    pub name: String,
    /// What all its cases share and other columns' do not.
    pub details: Vec<(Dimension, String)>,
}

/// The lines of one case, or of one of its transaction types.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The benchmark with its suite.
    pub benchmark: String,
    /// The values of [`Comparison::dimensions`].
    pub levels: Vec<String>,
    /// The transaction type; empty for the case as a whole.
    pub transaction: String,
    /// The case of each column, as its first repetition has it; `None` where there is none.
    pub cases: Vec<Option<Case>>,
    /// A line for each metric.
    pub lines: Vec<Line>,
}

impl Group {
    /// Its numbers.
    pub(crate) fn values(&self) -> impl Iterator<Item = &CellValue> {
        self.lines.iter().flat_map(|line| &line.cells).filter_map(|cell| match cell {
            Cell::Value(value) => Some(value),
            Cell::Missing | Cell::Status(..) => None,
        })
    }

    fn values_mut(&mut self) -> impl Iterator<Item = &mut CellValue> {
        self.lines.iter_mut().flat_map(|line| &mut line.cells).filter_map(|cell| match cell {
            Cell::Value(value) => Some(value),
            Cell::Missing | Cell::Status(..) => None,
        })
    }
}

/// One metric of one case in all columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The metric's name.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// A cell for each column.
    pub cells: Vec<Cell>,
}

/// One metric of one case in one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// It was not measured.
    Missing,
    /// It was.
    Value(CellValue),
    /// It did not go well: how, and a sentence about it.
    Status(Status, String),
}

/// A number over repetitions.
#[derive(Clone, Debug, PartialEq)]
pub struct CellValue {
    /// The median over repetitions; where `merged`, the percentile of all of them taken together.
    pub median: f64,
    /// Whether it was read off the histograms of all repetitions.
    pub merged: bool,
    /// Half the range over repetitions, in percent of the median; only of more than one.
    pub spread_percent: Option<f64>,
    /// How many repetitions gave a number.
    pub repetitions: usize,
    /// The ratio to the first column; `None` in that column, and where a number that it is taken to is 0.
    pub ratio: Option<Ratio>,
    /// What the rounds, or where none is shared the repetitions, say of the ratio; `None` where there is none.
    pub evidence: Option<Evidence>,
    /// Why there is no ratio, or of how few of the rounds it is; empty where there is nothing to say.
    pub ratio_note: String,
    /// Whether the ratio is one that cannot be told from chance, beside others that may be.
    pub is_doubtful: bool,
    /// Whether no column of the line is better, and some are worse.
    pub best: bool,
    /// What most repetitions say of it, such as a verdict; empty where they say nothing.
    pub detail: String,
    /// Why other repetitions did not count; empty where all did.
    pub note: String,
    /// In how many repetitions the client, not the server, was the bottleneck.
    pub client_bottlenecks: usize,
}

impl CellValue {
    /// All that is to be known of it: its repetitions, and its ratio.
    pub(crate) fn notes(&self) -> String {
        let notes = [self.note.as_str(), &self.ratio_note];
        notes.into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// Sets cases against one another.
///
/// Repetitions of a case, of all runs together, become their median, of percentiles one that was measured; ratios
/// are taken round by round, and then their median. Where there are histograms, percentiles and their ratios are those of
/// all repetitions taken together. A case whose promises were broken has no numbers.
///
/// # Errors
/// There is nothing to compare, a metric was not measured or not always in the same unit, or no two columns share
/// a case.
pub fn compare(records: &[Record], options: &CompareOptions) -> Result<Comparison> {
    if records.is_empty() {
        let why = "there is not a single result in these runs";
        return Err(Error::new("compare runs", why)
            .next("look into events.csv and the output of the run, or run again"));
    }
    let by = options.by.dimension();
    let metrics = asked_metrics(records, options)?;
    let placed = placed_cases(records, options.by);
    let plan = Plan::new(&placed, by);
    let levels = column_levels(&placed, options);
    let columns: Vec<_> = levels.iter().map(|level| column(level, &placed, &plan)).collect();
    let groups = group(records, &plan, &levels, &Shown { metrics, options })?;
    check_common(&groups, &columns, &plan, by)?;
    let mut groups = groups;
    // They are sorted by it.
    let benchmarks = groups.chunk_by_mut(|one, other| one.benchmark == other.benchmark);
    let can_tell: Vec<bool> = benchmarks.map(correct).collect();
    if can_tell.contains(&true) {
        groups.iter_mut().for_each(mark);
    }
    Ok(Comparison {
        shows_default: options.metrics.is_empty() && !options.transactions,
        by,
        warnings: warnings(&columns, &placed),
        columns,
        constants: plan.constants,
        dimensions: plan.rows,
        groups,
    })
}

/// Corrects the p of all ratios of a benchmark for each other; whether so many repetitions can tell any of them.
fn correct(groups: &mut [Group]) -> bool {
    let values = groups.iter_mut().flat_map(Group::values_mut);
    let of_ratio = values.filter(|value| value.ratio.is_some());
    let mut found: Vec<&mut Evidence> =
        of_ratio.filter_map(|value| value.evidence.as_mut()).collect();
    !found.is_empty() && against::correct(&mut found)
}

/// Marks the ratios that are not told from chance; none where no ratio of the table could be, which is said of all of them.
fn mark(group: &mut Group) {
    for value in group.values_mut().filter(|value| value.ratio.is_some()) {
        value.is_doubtful = !value.evidence.as_ref().is_some_and(Evidence::is_shown);
    }
}

/// The same as [`compare`], in as many tables as it takes to show each suite in its own way where nobody
/// asked for metrics.
///
/// # Errors
/// As [`compare`].
pub fn compare_all(records: &[Record], options: &CompareOptions) -> Result<Vec<Comparison>> {
    if !options.metrics.is_empty() || options.transactions {
        return Ok(vec![compare(records, options)?]);
    }
    let cases = distinct_cases(records);
    let about_indexes = cases.iter().filter(|case| index_view::is_about_indexes(case)).count();
    if about_indexes == 0 || about_indexes == cases.len() {
        return Ok(vec![compare(records, options)?]);
    }
    let (indexes, others): (Vec<_>, Vec<_>) =
        records.iter().cloned().partition(|row| index_view::is_about_indexes(&row.case));
    let parts = [others, indexes].into_iter().filter(|part| !part.is_empty());
    let compared: Result<Vec<_>> = parts.map(|part| compare(&part, options)).collect();
    match compared? {
        none if none.is_empty() => Ok(vec![compare(records, options)?]),
        comparisons => Ok(comparisons),
    }
}

/// The metrics asked for, by their full names; empty for the default.
fn asked_metrics(records: &[Record], options: &CompareOptions) -> Result<Vec<String>> {
    let measured: BTreeSet<_> = records
        .iter()
        .filter(|row| row.value.is_some() && (options.transactions || row.transaction.is_empty()))
        .map(|row| &*row.metric)
        .collect();
    let measured: Vec<_> = measured.into_iter().map(str::to_owned).collect();
    options.metrics.iter().map(|asked| metric::find(asked, &measured)).collect()
}

/// The cases of records, each beside its column.
fn placed_cases(records: &[Record], by: By) -> Vec<(&Case, Level)> {
    let rows = rows_of_cases(records).into_iter();
    rows.map(|row| (&*row.case, by.level(&row.case, &row.run_id))).collect()
}

/// The values that make the columns, in order.
fn column_levels(cases: &[(&Case, Level)], options: &CompareOptions) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    for (_, level) in cases {
        if !levels.contains(level) {
            levels.push(level.clone());
        }
    }
    let place = |level: &Level| options.order.iter().position(|name| *name == level.text);
    // The sort is stable: what has no order of its own stays as it first occurred.
    levels.sort_by_key(|level| (place(level).unwrap_or(usize::MAX), level.rank()));
    levels
}

fn column(level: &Level, cases: &[(&Case, Level)], plan: &Plan) -> Column {
    let case = cases.iter().find(|(_, column)| column == level).map(|(case, _)| *case);
    let detail = |dimension: &Dimension| Some((*dimension, dimension.level(case?).text));
    let details = plan.of_columns.iter().filter_map(detail).collect();
    Column { name: level.text.clone(), details }
}

/// What stands before the numbers when columns differ in more than what was asked for.
fn warnings(columns: &[Column], cases: &[(&Case, Level)]) -> Vec<String> {
    let mut warnings = Vec::new();
    let differs = |dimension: Dimension| {
        let values: Vec<_> = columns
            .iter()
            .flat_map(|column| column.details.iter().map(move |detail| (column, detail)))
            .filter(|(_, (of, _))| *of == dimension)
            .map(|(column, (_, text))| format!("{} {text}", column.name))
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    if let Some(values) = differs(Dimension::Durability) {
        warnings.push(format!(
            "the columns differ in durability ({values}): what their commits survive is not the \
             same, so neither is the work they do"
        ));
    }
    if let Some(values) = differs(Dimension::Isolation) {
        warnings.push(format!("the columns differ in isolation ({values})"));
    }
    if let Some(values) = differs(Dimension::Statements) {
        warnings.push(format!(
            "the columns differ in statements ({values}): the same transactions, said differently"
        ));
    }
    if let Some(values) = differs(Dimension::Pipeline) {
        warnings.push(format!(
            "the columns differ in pipelining ({values}), so in round trips per transaction"
        ));
    }
    if let Some(values) = differs(Dimension::Keys) {
        warnings.push(format!("the columns differ in keys and indexes ({values})"));
    }
    if let Some(values) = differs(Dimension::Cache) {
        warnings.push(format!("the columns differ in what was in memory ({values})"));
    }
    let seeds: BTreeSet<_> = cases.iter().map(|(case, _)| case.seed).collect();
    if seeds.len() > 1 {
        let seeds: Vec<_> = seeds.iter().map(u64::to_string).collect();
        warnings.push(format!("the seeds differ ({}), so the inputs do", seeds.join(", ")));
    }
    warnings
}

/// Two columns at least must have a case in common, or there is nothing to compare.
fn check_common(groups: &[Group], columns: &[Column], plan: &Plan, by: Dimension) -> Result<()> {
    let filled = |group: &Group, column: usize| {
        group.lines.iter().any(|line| !matches!(line.cells.get(column), Some(Cell::Missing) | None))
    };
    let shared = |group: &Group| (0..columns.len()).filter(|at| filled(group, *at)).count() > 1;
    if columns.len() < 2 || groups.iter().any(shared) {
        return Ok(());
    }
    let have: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cases = groups.iter().filter(|group| filled(group, at)).map(|group| {
                let mut words = vec![group.benchmark.clone()];
                words
                    .extend(plan.rows.iter().zip(&group.levels).map(|(of, text)| of.caption(text)));
                words.join(" ")
            });
            let cases: BTreeSet<_> = cases.collect();
            let shown: Vec<_> = cases.iter().take(3).map(String::as_str).collect();
            let more = if cases.len() > shown.len() { ", …" } else { "" };
            let shown =
                if shown.is_empty() { "none as a whole".to_owned() } else { shown.join(", ") };
            format!("{} has {shown}{more}", column.name)
        })
        .collect();
    let why = format!("no two columns have a case in common: {}", have.join("; "));
    Err(Error::new(format!("compare by {}", by.name()), why).next(
        "compare runs of the same benchmarks under the same conditions, or give another --by",
    ))
}

#[cfg(test)]
mod tests;
