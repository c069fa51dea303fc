//! A comparison as a table.

mod legend;

use std::ops::Range;

use dbdyno_core::Result;

use crate::compare::{Cell, CellValue, Column, Comparison, Evidence, Group, Line, against};
use crate::csv_lines::csv_line;
use crate::dimension::Dimension;
use crate::footnote::Footnotes;
use crate::grid::{Align, BOLD, Grid, Text, wrap};
use crate::markup::plain;
use crate::record::{ADDED_CASE_COLUMNS, CASE_COLUMNS, added_case_fields, case_fields, optional};
use crate::render::{Format, RenderOptions};
use crate::{metric, number};

impl Comparison {
    /// The comparison as text. Nothing in it depends on the machine or the time.
    ///
    /// # Errors
    /// A text cannot be put into CSV.
    pub fn render(&self, options: &RenderOptions) -> Result<String> {
        match options.format {
            Format::Table => Ok(self.table(options)),
            Format::Markdown => Ok(self.markdown()),
            Format::Csv => self.csv(),
        }
    }

    fn table(&self, options: &RenderOptions) -> String {
        let mut out = String::new();
        for line in self.captions() {
            out += &wrap(&line, options.width);
        }
        let style = if options.styled { Style::Terminal } else { Style::Plain };
        let footnotes = Footnotes::of(self);
        if self.is_index_view() {
            let (grid, left_out) = self.index_grid(options.width, &footnotes);
            out = out + "\n" + &grid.text(options.width, options.styled) + "\n";
            for line in self.index_notes(style, &left_out, &footnotes) {
                out += &wrap(&line, options.width);
            }
            return out;
        }
        let overview = self.is_overview().then(|| self.overview(&footnotes));
        let grids = match overview.filter(|grid| grid.width() <= options.width) {
            Some(grid) => vec![grid],
            None => self.fitting(options.width, style, &footnotes),
        };
        for grid in grids {
            out.push('\n');
            out += &grid.text(options.width, options.styled);
        }
        out.push('\n');
        for line in self.legend(style).into_iter().chain(footnotes.lines()) {
            out += &wrap(&line, options.width);
        }
        out
    }

    fn markdown(&self) -> String {
        let footnotes = Footnotes::of(self);
        let paragraph = |line: String| plain(&line) + "\n\n";
        let before: String = self.captions().into_iter().map(paragraph).collect();
        let below = |line: &String| format!("\n{}\n", plain(line));
        if self.is_index_view() {
            let (grid, left_out) = self.index_grid(usize::MAX, &footnotes);
            let notes = self.index_notes(Style::Markdown, &left_out, &footnotes);
            return before + &grid.markdown() + &notes.iter().map(below).collect::<String>();
        }
        let layout = Layout { labels: Labels::Repeated, lines: Lines::One };
        let grid = self.grid(0..self.columns.len(), layout, Style::Markdown, &footnotes);
        let after: Vec<String> =
            self.legend(Style::Markdown).into_iter().chain(footnotes.lines()).collect();
        let after: String = after.iter().map(below).collect();
        before + &grid.markdown() + &after
    }

    /// A row for each cell that has anything to tell.
    fn csv(&self) -> Result<String> {
        // The seed and the repetition are not a cell's: it is made of several.
        let case_columns = &CASE_COLUMNS[..CASE_COLUMNS.len() - 2];
        let header = case_columns.iter().chain(&CELL_COLUMNS).chain(&ADDED_CASE_COLUMNS);
        let header = header.chain(&ADDED_CELL_COLUMNS);
        let mut lines = csv_line(header)?;
        for group in &self.groups {
            for line in &group.lines {
                for (cell, case) in line.cells.iter().zip(&group.cases) {
                    if let (Some(case), Some(fields)) = (case, csv_fields(group, line, cell)) {
                        let added =
                            added_case_fields(case).into_iter().chain(added_csv_fields(cell));
                        let case = case_fields(case).into_iter().take(case_columns.len());
                        lines.extend(csv_line(case.chain(fields).chain(added))?);
                    }
                }
            }
        }
        Ok(String::from_utf8_lossy(&lines).into_owned())
    }

    /// What is the same everywhere, what each column is, and what to beware of.
    fn captions(&self) -> Vec<String> {
        let mut captions = Vec::new();
        let only = self.columns.iter().take_while(|_| self.is_overview());
        let constants: Vec<_> = only
            .map(|column| self.by.caption(&column.name))
            .chain(self.constants.iter().map(|(dimension, text)| dimension.caption(text)))
            .collect();
        if !constants.is_empty() {
            captions.push(constants.join(", "));
        }
        let columns: Vec<_> = self.columns.iter().filter_map(identity).collect();
        if !columns.is_empty() {
            captions.push(columns.join("; "));
        }
        captions.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        captions
    }

    /// What stands below a table of indexes.
    fn index_notes(&self, style: Style, left_out: &[&str], footnotes: &Footnotes) -> Vec<String> {
        let repetitions =
            self.legend(style).and_then(|line| Some(line.split_once("; ")?.0.to_owned()));
        let mut lines: Vec<String> = repetitions.into_iter().collect();
        lines.extend(self.index_legend(left_out));
        lines.extend(footnotes.lines());
        lines
    }

    fn values(&self) -> impl Iterator<Item = &CellValue> {
        self.groups.iter().flat_map(Group::values)
    }

    /// The table in the roomiest layout that fits, spread over several where none does.
    fn fitting(&self, width: usize, style: Style, footnotes: &Footnotes) -> Vec<Grid> {
        let all = 0..self.columns.len();
        let most = usize::min(width / NARROWEST, all.end.saturating_sub(1));
        for layout in LAYOUTS.into_iter().filter(|_| all.end <= width / NARROWEST) {
            let grid = self.grid(all.clone(), layout, style, footnotes);
            if grid.width() <= width {
                return vec![grid];
            }
        }
        let tightest = LAYOUTS[LAYOUTS.len() - 1];
        let mut grids = Vec::new();
        for size in (1..=most.max(1)).rev() {
            let block = |start| start..usize::min(start + size, all.end);
            let blocks = all.clone().step_by(size).map(block);
            grids = blocks.map(|block| self.grid(block, tightest, style, footnotes)).collect();
            if grids.iter().all(|grid| grid.width() <= width) {
                break;
            }
        }
        grids
    }

    fn grid(
        &self,
        columns: Range<usize>,
        layout: Layout,
        style: Style,
        footnotes: &Footnotes,
    ) -> Grid {
        let mut grid = Grid { columns: self.label_headings(layout), rows: Vec::new() };
        let sizes: Vec<_> =
            columns.clone().map(|at| Sizes::of(self, at, style, footnotes)).collect();
        let headings = self.columns.get(columns.clone()).unwrap_or_default().iter();
        grid.columns.extend(headings.map(|column| (heading(column), Align::Right)));
        let spacious = self.groups.iter().any(|group| group.lines.len() > 1);
        for group in &self.groups {
            if spacious {
                grid.gap();
            }
            for (at, line) in group.lines.iter().enumerate() {
                let mut row = self.labels(group, at, layout);
                row.push(shown_metric(line).0.into());
                for (column, sizes) in columns.clone().zip(&sizes) {
                    let said = at > 0 && same_status(group, column, at);
                    let parts = match line.cells.get(column).filter(|_| !said) {
                        Some(cell) => Parts::of(cell, line, style, footnotes),
                        None => Parts::default(),
                    };
                    row.push(parts.text(sizes, layout.lines, style));
                }
                grid.rows.push(row);
            }
        }
        grid
    }

    fn has_transactions(&self) -> bool {
        self.groups.iter().any(|group| !group.transaction.is_empty())
    }

    fn label_headings(&self, layout: Layout) -> Vec<(String, Align)> {
        let mut names = vec!["benchmark".to_owned()];
        if layout.labels != Labels::Stacked {
            names.extend(self.dimensions.iter().map(|of| of.name().replace("engine_", "")));
            names.extend(self.has_transactions().then(|| "transaction".to_owned()));
        }
        names.push("metric".to_owned());
        names.into_iter().map(|name| (name, Align::Left)).collect()
    }

    /// What stands left of the metric in line number `at` of a group.
    fn labels(&self, group: &Group, at: usize, layout: Layout) -> Vec<Text> {
        let transaction = match group.transaction.as_str() {
            "" => "all",
            name => name,
        };
        let transaction = self.has_transactions().then(|| transaction.to_owned());
        let mut labels = vec![group.benchmark.clone()];
        if layout.labels == Labels::Stacked {
            let levels = self.dimensions.iter().zip(&group.levels);
            labels.extend(levels.map(|(dimension, text)| match dimension {
                Dimension::Clients | Dimension::Scale => dimension.caption(text),
                _ => text.clone(),
            }));
            labels.extend(transaction);
            // What is left over goes beside the last line.
            let last = at + 1 == group.lines.len();
            let end = if last { labels.len() } else { usize::min(at + 1, labels.len()) };
            return vec![labels.get(at..end).unwrap_or_default().join("\n").into()];
        }
        labels.extend(group.levels.iter().cloned());
        labels.extend(transaction);
        let shown = at == 0 || layout.labels == Labels::Repeated;
        labels.into_iter().map(|label| if shown { label } else { String::new() }.into()).collect()
    }
}

/// The columns of a comparison's CSV after those of the case.
const CELL_COLUMNS: [&str; 12] = [
    "transaction",
    "metric",
    "value",
    "unit",
    "better",
    "spread_percent",
    "ratio",
    "ratio_paired",
    "best",
    "repetitions",
    "status",
    "detail",
];

/// Columns of a comparison's CSV that were added later and come last.
const ADDED_CELL_COLUMNS: [&str; 7] = [
    "ratio_low",
    "ratio_high",
    "ratio_p",
    "effect_size",
    "difference",
    "client_bottlenecks",
    "merged",
];

fn csv_fields(group: &Group, line: &Line, cell: &Cell) -> Option<[String; 12]> {
    let bit = |bit: bool| u8::from(bit).to_string();
    let (value, status, detail) = match cell {
        Cell::Missing => return None,
        Cell::Value(value) => (Some(value), "ok", value.notes()),
        Cell::Status(status, detail) => (None, status.name(), detail.clone()),
    };
    let ratio = value.and_then(|value| value.ratio);
    Some([
        group.transaction.clone(),
        line.metric.clone(),
        optional(value.map(|value| value.median)),
        line.unit.clone(),
        line.better.name().to_owned(),
        optional(value.and_then(|value| value.spread_percent)),
        optional(ratio.map(|ratio| ratio.value)),
        ratio.map(|ratio| bit(ratio.paired)).unwrap_or_default(),
        bit(value.is_some_and(|value| value.best)),
        value.map_or(0, |value| value.repetitions).to_string(),
        status.to_owned(),
        detail,
    ])
}

/// What the rounds say of the ratio, in how many repetitions the client was the bottleneck, and whether the number is that
/// of all repetitions taken together.
fn added_csv_fields(cell: &Cell) -> [String; 7] {
    let value = match cell {
        Cell::Value(value) => Some(value),
        Cell::Missing | Cell::Status(..) => None,
    };
    let evidence = value.and_then(|value| value.evidence.as_ref());
    let interval = evidence.and_then(|evidence| evidence.interval);
    [
        optional(interval.map(|(low, _)| low)),
        optional(interval.map(|(_, high)| high)),
        optional(evidence.map(|evidence| evidence.adjusted_p)),
        optional(evidence.and_then(|evidence| evidence.effect)),
        evidence.map(Evidence::in_words).unwrap_or_default(),
        value.map(|value| value.client_bottlenecks.to_string()).unwrap_or_default(),
        value.map(|value| u8::from(value.merged).to_string()).unwrap_or_default(),
    ]
}

/// What identifies a column's servers, as a caption says it.
fn identity(column: &Column) -> Option<String> {
    let details: Vec<_> = column
        .details
        .iter()
        .filter(|(dimension, text)| !dimension.is_condition() && *text != column.name)
        .map(|(dimension, text)| dimension.caption(text))
        .collect();
    (!details.is_empty()).then(|| format!("{}: {}", column.name, details.join(", ")))
}

/// A column's heading: its name, and below it the conditions that it alone has.
fn heading(column: &Column) -> String {
    let conditions = column.details.iter().filter(|(dimension, _)| dimension.is_condition());
    let mut lines = vec![column.name.clone()];
    lines.extend(conditions.map(|(_, text)| text.clone()));
    lines.join("\n")
}

/// Whether the cell only repeats what the first line of its group says of the whole case.
fn same_status(group: &Group, column: usize, at: usize) -> bool {
    let cell = |line: usize| group.lines.get(line).and_then(|line| line.cells.get(column));
    matches!(cell(at), Some(Cell::Status(..))) && cell(at) == cell(0)
}

/// The heading of a line and what its numbers are divided by.
fn shown_metric(line: &Line) -> (String, f64) {
    let sizes = line.cells.iter().map(|cell| match cell {
        Cell::Value(value) => value.median.abs(),
        _ => 0.0,
    });
    metric::display(&line.metric, &line.unit, sizes.fold(0.0, f64::max))
}

/// How the best is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Terminal,
    Markdown,
}

/// Where a case's conditions stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Labels {
    /// A column for each, in the first line of a group.
    Once,
    /// A column for each, in every line.
    Repeated,
    /// Below one another in one column.
    Stacked,
}

#[derive(Clone, Copy, Debug)]
struct Layout {
    labels: Labels,
    lines: Lines,
}

/// How many lines a cell takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    /// All parts stand beside one another.
    One,
    /// What the rounds say of a ratio stands below it.
    Two,
    /// Spread and ratio stand below the number, and what the rounds say below these.
    Three,
    /// The interval and the effect size stand in lines of their own, too.
    Four,
}

/// No column is narrower, the blanks beside it included: a line has no room for more.
const NARROWEST: usize = 3;

/// From the roomiest to the tightest.
const LAYOUTS: [Layout; 8] = [
    Layout { labels: Labels::Once, lines: Lines::One },
    Layout { labels: Labels::Stacked, lines: Lines::One },
    Layout { labels: Labels::Once, lines: Lines::Two },
    Layout { labels: Labels::Stacked, lines: Lines::Two },
    Layout { labels: Labels::Once, lines: Lines::Three },
    Layout { labels: Labels::Stacked, lines: Lines::Three },
    Layout { labels: Labels::Once, lines: Lines::Four },
    Layout { labels: Labels::Stacked, lines: Lines::Four },
];

/// The parts of a cell.
#[derive(Clone, Debug, Default)]
struct Parts {
    best: bool,
    value: String,
    spread: String,
    ratio: String,
    /// The interval of the ratio, and the effect size.
    evidence: String,
    word: String,
    note: String,
}

impl Parts {
    fn of(cell: &Cell, line: &Line, style: Style, footnotes: &Footnotes) -> Self {
        let note = footnotes.mark(cell);
        match cell {
            Cell::Missing => Self::default(),
            Cell::Status(status, _) => {
                Self { word: status.name().to_owned(), note, ..Self::default() }
            }
            Cell::Value(value) => {
                let text = number::value(value.median / shown_metric(line).1, &line.unit);
                let mark = value.client_mark();
                Self {
                    best: value.best,
                    value: match style {
                        Style::Plain if value.best => format!("*{text}{mark}"),
                        Style::Markdown if value.best => format!("{BOLD}{text}{BOLD}{mark}"),
                        _ => text + mark,
                    },
                    spread: value.spread_percent.map(number::spread).unwrap_or_default(),
                    ratio: ratio(value),
                    evidence: evidence(value, style).unwrap_or_default(),
                    word: String::new(),
                    note,
                }
            }
        }
    }

    fn text(&self, sizes: &Sizes, lines: Lines, style: Style) -> Text {
        let joined = |parts: &[&str], by: &str| {
            let parts: Vec<_> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
            parts.join(by)
        };
        let Self { value, spread, ratio, evidence, word, note, .. } = self;
        let text = match lines {
            _ if !word.is_empty() => joined(&[word, note], " "),
            _ if style == Style::Markdown => joined(&[value, spread, ratio, evidence, note], " "),
            Lines::One => sizes.aligned(self, evidence),
            Lines::Two => joined(&[&sizes.aligned(self, ""), evidence], "\n"),
            Lines::Three | Lines::Four => {
                let below = joined(&[spread, ratio], " ");
                let evidence = match lines {
                    Lines::Four => evidence.replace(" r ", "\nr "),
                    _ => evidence.clone(),
                };
                joined(&[&joined(&[value, note], " "), &below, &evidence], "\n")
            }
        };
        Text { text, bold: self.best }
    }
}

fn ratio(value: &CellValue) -> String {
    against::text(value.ratio, &value.ratio_note, value.is_doubtful)
}

/// The interval of a ratio and its effect size; `None` where so few repetitions tell neither.
fn evidence(value: &CellValue, style: Style) -> Option<String> {
    let (low, high) = interval(value)?;
    let (low, high) = (number::ratio(low), number::ratio(high));
    // Where all ratios are 1 there is none.
    let effect = value.evidence.as_ref()?.effect.map(|effect| format!("{effect:.2}"));
    Some(match style {
        Style::Markdown => {
            let effect = effect.map(|effect| format!(", r {effect}")).unwrap_or_default();
            format!("({low} to {high}){effect}")
        }
        Style::Plain | Style::Terminal => {
            let effect = effect.map(|effect| format!(" r {effect:>5}")).unwrap_or_default();
            format!("{}–{high}{effect}", low.trim_end_matches('x'))
        }
    })
}

fn interval(value: &CellValue) -> Option<(f64, f64)> {
    value.evidence.as_ref()?.interval
}

/// The widths of the parts of a column's cells, so that the same parts stand below one another.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    spread: usize,
    ratio: usize,
    evidence: usize,
    note: usize,
}

impl Sizes {
    fn of(comparison: &Comparison, column: usize, style: Style, footnotes: &Footnotes) -> Self {
        let mut sizes = Self::default();
        for line in comparison.groups.iter().flat_map(|group| &group.lines) {
            let Some(cell @ Cell::Value(_)) = line.cells.get(column) else { continue };
            let parts = Parts::of(cell, line, style, footnotes);
            let wider = |size: &mut usize, text: &str| *size = (*size).max(text.chars().count());
            wider(&mut sizes.spread, &parts.spread);
            wider(&mut sizes.ratio, &parts.ratio);
            wider(&mut sizes.evidence, &parts.evidence);
            wider(&mut sizes.note, &parts.note);
        }
        sizes
    }

    /// The parts in one line, to be aligned on the right; `evidence` is left out where it is empty.
    fn aligned(&self, parts: &Parts, evidence: &str) -> String {
        let mut out = parts.value.clone();
        let wanted = [
            (parts.spread.as_str(), self.spread),
            (&parts.ratio, self.ratio),
            (evidence, if evidence.is_empty() { 0 } else { self.evidence }),
            (&parts.note, self.note),
        ];
        for (part, size) in wanted.into_iter().filter(|(_, size)| *size > 0) {
            out += &format!(" {part:>size$}");
        }
        if out.trim().is_empty() { String::new() } else { out }
    }
}

#[cfg(test)]
mod tests;
