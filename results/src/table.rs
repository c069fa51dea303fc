//! A comparison as a table.

use std::ops::Range;

use dbdyno_core::Result;

use crate::compare::{Basis, Cell, CellValue, Column, Comparison, Evidence, Group, LEVEL, Line};
use crate::csv_lines::csv_line;
use crate::dimension::Dimension;
use crate::footnote::Footnotes;
use crate::grid::{Align, BOLD, Grid, Text, wrap};
use crate::markup::plain;
use crate::record::{ADDED_CASE_COLUMNS, CASE_COLUMNS, added_case_fields, case_fields, optional};
use crate::render::{Format, RenderOptions};
use crate::statistics::{repetitions, signed_rank};
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
        let layout = Layout { labels: Labels::Repeated, two_lines: false };
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

    /// How to read the cells; says only what occurs.
    fn legend(&self, style: Style) -> Option<String> {
        let values: Vec<_> = self.values().collect();
        let low = values.iter().map(|value| value.repetitions).min()?;
        let high = values.iter().map(|value| value.repetitions).max()?;
        let mut parts = vec![match (low, high) {
            (1, 1) => "1 repetition".to_owned(),
            _ if low == high => format!("medians of {high} repetitions"),
            _ => format!("medians of {low} to {high} repetitions"),
        }];
        if values.iter().any(|value| value.merged) {
            parts.push("percentiles are those of all repetitions taken together".to_owned());
        }
        if values.iter().any(|value| value.spread_percent.is_some()) {
            parts.push("± is half their range".to_owned());
        }
        if values.iter().any(|value| value.ratio.is_some()) {
            let always_first = self.groups.iter().flat_map(|group| &group.lines).all(|line| {
                matches!(line.cells.first(), Some(Cell::Value(_)))
                    || !line.cells.iter().any(|cell| matches!(cell, Cell::Value(_)))
            });
            let base = match self.columns.first() {
                Some(first) if always_first => first.name.as_str(),
                _ => "the first number of the line",
            };
            parts.push(format!("x is the ratio to {base}"));
        }
        if values.iter().any(|value| value.ratio.is_some_and(|ratio| !ratio.paired)) {
            parts.push(
                "~ stands where no round has both: the median of each repetition to each"
                    .to_owned(),
            );
        }
        parts.extend(self.doubts(style));
        if values.iter().any(|value| value.best) {
            parts.push(match style {
                Style::Plain => "* marks the best of a line".to_owned(),
                Style::Terminal | Style::Markdown => "the best of a line is bold".to_owned(),
            });
        }
        Some(parts.join("; "))
    }

    /// What the rounds can tell of the ratios.
    fn doubts(&self, style: Style) -> Option<String> {
        let bases: Vec<Basis> =
            self.values().filter_map(|value| Some(value.evidence.as_ref()?.basis)).collect();
        let most = bases
            .iter()
            .copied()
            .min_by(|one, other| one.smallest_p().total_cmp(&other.smallest_p()))?;
        let level = LEVEL / bases.len() as f64;
        if most.smallest_p() > level {
            let ratios = match bases.len() {
                1 => "a ratio".to_owned(),
                many => format!("any of {many} ratios"),
            };
            let needed = match most {
                Basis::Rounds(_) => signed_rank::fewest(level).to_string(),
                Basis::Repetitions(..) => {
                    repetitions::fewest(level).map(|each| format!("{each} of each"))?
                }
            };
            let most = most.in_words();
            return Some(format!("{most} cannot tell {ratios} from chance, {needed} can"));
        }
        let mut parts = Vec::new();
        if self.values().any(|value| value.is_doubtful) {
            let at_once = match bases.len() {
                1 => String::new(),
                many => format!(", with {many} at once"),
            };
            let all = match bases.iter().all(|basis| *basis == most) {
                true => format!("{} cannot tell a ratio", most.in_words()),
                false => "a ratio cannot be told".to_owned(),
            };
            parts.push(format!("? stands where {all} from chance{at_once}"));
        }
        if style == Style::Markdown && self.values().any(|value| interval(value).is_some()) {
            parts.push("the interval of 95% of a ratio is in parentheses".to_owned());
        }
        (!parts.is_empty()).then(|| parts.join("; "))
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
        let cells = self.groups.iter().flat_map(|group| &group.lines).flat_map(|line| &line.cells);
        cells.filter_map(|cell| match cell {
            Cell::Value(value) => Some(value),
            _ => None,
        })
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
                    row.push(parts.text(sizes, layout.two_lines, style));
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
const ADDED_CELL_COLUMNS: [&str; 5] =
    ["ratio_low", "ratio_high", "ratio_p", "effect_size", "difference"];

fn csv_fields(group: &Group, line: &Line, cell: &Cell) -> Option<[String; 12]> {
    let bit = |bit: bool| u8::from(bit).to_string();
    let (value, status, detail) = match cell {
        Cell::Missing => return None,
        Cell::Value(value) => (Some(value), "ok", &value.note),
        Cell::Status(status, detail) => (None, status.name(), detail),
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
        detail.clone(),
    ])
}

/// What the rounds say of the ratio.
fn added_csv_fields(cell: &Cell) -> [String; 5] {
    let evidence = match cell {
        Cell::Value(value) => value.evidence.as_ref(),
        Cell::Missing | Cell::Status(..) => None,
    };
    let interval = evidence.and_then(|evidence| evidence.interval);
    [
        optional(interval.map(|(low, _)| low)),
        optional(interval.map(|(_, high)| high)),
        optional(evidence.map(|evidence| evidence.adjusted_p)),
        optional(evidence.and_then(|evidence| evidence.effect)),
        evidence.map(Evidence::in_words).unwrap_or_default(),
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
    /// Ratio and spread stand below the number, not beside it.
    two_lines: bool,
}

/// No column is narrower, the blanks beside it included: a line has no room for more.
const NARROWEST: usize = 3;

/// From the roomiest to the tightest.
const LAYOUTS: [Layout; 4] = [
    Layout { labels: Labels::Once, two_lines: false },
    Layout { labels: Labels::Stacked, two_lines: false },
    Layout { labels: Labels::Once, two_lines: true },
    Layout { labels: Labels::Stacked, two_lines: true },
];

/// The parts of a cell.
#[derive(Clone, Debug, Default)]
struct Parts {
    best: bool,
    value: String,
    spread: String,
    ratio: String,
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
                let about = |paired: bool| if paired { "" } else { "~" };
                Self {
                    best: value.best,
                    value: match style {
                        Style::Plain if value.best => format!("*{text}"),
                        Style::Markdown if value.best => format!("{BOLD}{text}{BOLD}"),
                        _ => text,
                    },
                    spread: value.spread_percent.map(number::spread).unwrap_or_default(),
                    ratio: value
                        .ratio
                        .map(|ratio| {
                            let number = number::ratio(ratio.value);
                            format!("{}{number}{}", about(ratio.paired), doubt(value, style))
                        })
                        .unwrap_or_default(),
                    word: String::new(),
                    note,
                }
            }
        }
    }

    fn text(&self, sizes: &Sizes, two_lines: bool, style: Style) -> Text {
        let joined = |parts: &[&str]| {
            let parts: Vec<_> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
            parts.join(" ")
        };
        let text = if !self.word.is_empty() {
            joined(&[&self.word, &self.note])
        } else if style == Style::Markdown {
            joined(&[&self.value, &self.spread, &self.ratio, &self.note])
        } else if two_lines {
            let below = joined(&[&self.spread, &self.ratio]);
            let above = joined(&[&self.value, &self.note]);
            if below.is_empty() { above } else { format!("{above}\n{below}") }
        } else {
            sizes.aligned(self)
        };
        Text { text, bold: self.best }
    }
}

/// What stands behind a ratio that cannot be told from chance; in Markdown, where there is room, the interval too.
fn doubt(value: &CellValue, style: Style) -> String {
    let mark = if value.is_doubtful { "?" } else { "" };
    match interval(value) {
        Some((low, high)) if style == Style::Markdown => {
            format!("{mark} ({} to {})", number::ratio(low), number::ratio(high))
        }
        _ => mark.to_owned(),
    }
}

fn interval(value: &CellValue) -> Option<(f64, f64)> {
    value.evidence.as_ref()?.interval
}

/// The widths of the parts of a column's cells, so that the same parts stand below one another.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    spread: usize,
    ratio: usize,
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
            wider(&mut sizes.note, &parts.note);
        }
        sizes
    }

    /// The parts in one line, to be aligned on the right.
    fn aligned(&self, parts: &Parts) -> String {
        let mut out = parts.value.clone();
        let wanted =
            [(&parts.spread, self.spread), (&parts.ratio, self.ratio), (&parts.note, self.note)];
        for (part, size) in wanted.into_iter().filter(|(_, size)| *size > 0) {
            out += &format!(" {part:>size$}");
        }
        if out.trim().is_empty() { String::new() } else { out }
    }
}

#[cfg(test)]
mod tests;
