//! What the index suite found out, a line for each index on each target.

use dbdyno_core::Case;

use crate::compare::{Cell, CellValue, Comparison, Group};
use crate::footnote::Footnotes;
use crate::grid::{Align, Grid, Text};
use crate::number;

/// The suite that is shown so.
const SUITE: &str = "index";

/// The metric whose detail is the verdict.
const VERDICT: &str = "index_effective";

/// The numbers beside the verdict, in the order in which a narrow terminal keeps them: heading, metric, how
/// it is written, what it says.
const COLUMNS: [(&str, &str, Form, &str); 7] = [
    ("reads", "read_speedup", Form::Ratio, "how many times as fast reads are with the index"),
    ("writes", "write_slowdown", Form::Ratio, "how many times as long a written row takes with it"),
    (
        "pays from",
        "break_even_reads_per_write",
        Form::Plain,
        "reads per written row from which on it saves time",
    ),
    ("size", "index_size_bytes", Form::Bytes, ""),
    ("build", "index_build_ms", Form::Milliseconds, ""),
    (
        "q-error",
        "q_error_with_index",
        Form::Plain,
        "by what factor the planner misjudged a number of rows",
    ),
    ("before", "q_error_without_index", Form::Plain, "the same without the index"),
];

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Ratio,
    Plain,
    Bytes,
    Milliseconds,
}

/// Whether records are shown so.
pub(crate) fn is_about_indexes(case: &Case) -> bool {
    case.suite == SUITE
}

impl Comparison {
    /// Whether it is shown so: it is of this suite alone, and of all that was measured.
    pub(crate) fn is_index_view(&self) -> bool {
        let prefix = format!("{SUITE}/");
        self.shows_default
            && !self.groups.is_empty()
            && self.groups.iter().all(|group| group.benchmark.starts_with(&prefix))
    }

    /// The widest table that fits, and the headings that it has no room for.
    pub(crate) fn index_grid(
        &self,
        width: usize,
        footnotes: &Footnotes,
    ) -> (Grid, Vec<&'static str>) {
        let mut shown = COLUMNS.len();
        loop {
            let grid = self.index_lines(shown, footnotes);
            if grid.width() <= width || shown <= 2 {
                return (grid, COLUMNS[shown..].iter().map(|(heading, ..)| *heading).collect());
            }
            shown -= 1;
        }
    }

    /// How to read its columns.
    pub(crate) fn index_legend(&self, left_out: &[&str]) -> Vec<String> {
        let shown = COLUMNS.iter().filter(|(heading, ..)| !left_out.contains(heading));
        let said = shown.filter(|(.., says)| !says.is_empty());
        let mut lines =
            vec![said.map(|(heading, .., says)| format!("{heading}: {says}")).collect::<Vec<_>>()];
        if !left_out.is_empty() {
            lines.push(vec![format!("a wider terminal also shows: {}", left_out.join(", "))]);
        }
        lines.into_iter().map(|line| line.join("; ")).collect()
    }

    fn index_lines(&self, shown: usize, footnotes: &Footnotes) -> Grid {
        let left = |name: &str| (name.to_owned(), Align::Left);
        let mut columns = vec![left(SUITE)];
        columns.extend(self.dimensions.iter().map(|of| left(of.name())));
        columns.extend([left(self.by.name()), left("verdict")]);
        let numbers = &COLUMNS[..shown];
        columns.extend(numbers.iter().map(|(heading, ..)| ((*heading).to_owned(), Align::Right)));
        let mut grid = Grid { columns, rows: Vec::new() };
        for group in &self.groups {
            if self.columns.len() > 1 {
                grid.gap();
            }
            let mut named = false;
            for (at, column) in self.columns.iter().enumerate() {
                let Some(verdict) = verdict(group, at, footnotes) else { continue };
                let pattern = group.benchmark.trim_start_matches(SUITE).trim_start_matches('/');
                let labels =
                    std::iter::once(pattern).chain(group.levels.iter().map(String::as_str));
                let label = |label: &str| if named { String::new() } else { label.to_owned() };
                let mut row: Vec<Text> = labels.map(|text| label(text).into()).collect();
                row.extend([column.name.clone().into(), verdict]);
                row.extend(numbers.iter().map(|(_, metric, form, _)| {
                    value(group, at, metric)
                        .map(|value| form.write(value))
                        .unwrap_or_default()
                        .into()
                }));
                grid.rows.push(row);
                named = true;
            }
        }
        grid
    }
}

/// The verdict, or what became of the case; `None` where there is no such case.
fn verdict(group: &Group, column: usize, footnotes: &Footnotes) -> Option<Text> {
    let mut cells = group.lines.iter().filter_map(|line| line.cells.get(column));
    if let Some(value) = value(group, column, VERDICT) {
        return Some(Text { text: value.detail.clone(), bold: value.median == 1.0 });
    }
    let text = match cells.find(|cell| **cell != Cell::Missing)? {
        cell @ Cell::Status(status, _) => format!("{} {}", status.name(), footnotes.mark(cell)),
        _ => "not all of it was measured".to_owned(),
    };
    Some(text.trim_end().to_owned().into())
}

fn value<'g>(group: &'g Group, column: usize, metric: &str) -> Option<&'g CellValue> {
    let line = group.lines.iter().find(|line| line.metric == metric)?;
    match line.cells.get(column)? {
        Cell::Value(value) => Some(value),
        Cell::Missing | Cell::Status(..) => None,
    }
}

impl Form {
    fn write(self, value: &CellValue) -> String {
        let number = match self {
            Self::Ratio => number::ratio(value.median),
            Self::Plain => number::sensible(value.median),
            Self::Bytes => number::bytes(value.median),
            Self::Milliseconds if value.median >= 10_000.0 => {
                format!("{} s", number::sensible(value.median / 1e3))
            }
            Self::Milliseconds => format!("{} ms", number::sensible(value.median)),
        };
        match value.spread_percent.filter(|_| self == Self::Ratio) {
            Some(spread) => format!("{number} {}", number::spread(spread)),
            None => number,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use dbdyno_core::{Better, Case, Measurement, Status};

    use crate::compare::{By, CompareOptions, compare};
    use crate::fixture::{case, record, without_number};
    use crate::record::Record;
    use crate::render::{Format, RenderOptions};

    fn measured(case: &Case, verdict: &str, numbers: [f64; 6]) -> Vec<Record> {
        let names = [
            "read_speedup",
            "write_slowdown",
            "break_even_reads_per_write",
            "index_size_bytes",
            "index_build_ms",
            "q_error_with_index",
        ];
        let effective = f64::from(u8::from(verdict == "effective"));
        let said = Measurement::new("index_effective", effective, "1", Better::Higher);
        let mut rows = vec![Measurement { detail: verdict.to_owned(), ..said }];
        rows.extend(
            names
                .iter()
                .zip(numbers)
                .map(|(name, n)| Measurement::new(*name, n, "1", Better::Lower)),
        );
        rows.iter().map(|row| record("r1", case, row)).collect()
    }

    fn records() -> Vec<Record> {
        let of = |pattern: &str, engine: &str| Case {
            suite: "index".to_owned(),
            ..case(pattern, engine)
        };
        let mut records = Vec::new();
        let good = [412.7, 1.31, 0.002, 2_252_800.0, 84.2, 1.4];
        records.extend(measured(&of("equality", "sqlite"), "effective", good));
        records.extend(measured(&of("equality", "postgres"), "effective", good));
        let bad = [0.99, 1.9, 55.0, 700_000.0, 31_000.0, 1.0];
        records.extend(measured(&of("flag", "sqlite"), "not worth its writes", bad));
        records.extend(measured(&of("flag", "postgres"), "not used by the planner", bad));
        let lacking = without_number(Status::Unsupported, "no index on a part of the rows");
        records.push(record("r1", &of("partial", "sqlite"), &lacking));
        records.extend(measured(&of("partial", "postgres"), "effective", good));
        records
    }

    #[test]
    fn a_line_for_each_index_on_each_target() {
        let comparison = compare(&records(), &CompareOptions::new(By::Engine)).unwrap();
        let wide = RenderOptions { width: 120, ..RenderOptions::default() };
        insta::assert_snapshot!("index_wide", comparison.render(&wide).unwrap());
        insta::assert_snapshot!("index_80", comparison.render(&RenderOptions::default()).unwrap());
        let markdown = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
        insta::assert_snapshot!("index_markdown", comparison.render(&markdown).unwrap());
    }

    #[test]
    fn a_metric_that_is_asked_for_is_shown_as_any_other() {
        let mut options = CompareOptions::new(By::Engine);
        options.metrics = vec!["read_speedup".to_owned()];
        let text = compare(&records(), &options).unwrap().render(&RenderOptions::default());
        assert!(text.unwrap().contains("index/equality"));
    }
}
