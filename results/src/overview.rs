//! A comparison of a single column: there is nothing to put beside it, so a case is a line and its
//! metrics stand in columns.

use crate::compare::{Cell, Comparison, Group, Line};
use crate::footnote::Footnotes;
use crate::grid::{Align, Grid, Text};
use crate::{metric, number};

impl Comparison {
    /// Whether it is shown so.
    pub(crate) fn is_overview(&self) -> bool {
        self.columns.len() == 1
    }

    /// The table.
    pub(crate) fn overview(&self, footnotes: &Footnotes) -> Grid {
        let metrics = self.metrics();
        let mut grid = Grid { columns: self.overview_labels(), rows: Vec::new() };
        grid.columns.extend(metrics.iter().map(|shown| (shown.heading.clone(), Align::Right)));
        for group in &self.groups {
            let mut row = self.case_labels(group);
            let mut word_said = false;
            for shown in &metrics {
                let line = group.lines.iter().find(|line| line.metric == shown.metric);
                let text = match line.and_then(|line| Some((line, line.cells.first()?))) {
                    Some((_, Cell::Status(..))) if word_said => String::new(),
                    Some((_, cell @ Cell::Status(status, _))) => {
                        word_said = true;
                        format!("{} {}", status.name(), footnotes.mark(cell)).trim_end().to_owned()
                    }
                    Some((line, cell)) => shown.cell(line, cell, footnotes),
                    None => String::new(),
                };
                row.push(text.into());
            }
            grid.rows.push(row);
        }
        grid
    }

    fn overview_labels(&self) -> Vec<(String, Align)> {
        let mut names = vec!["benchmark".to_owned()];
        names.extend(self.dimensions.iter().map(|of| of.name().replace("engine_", "")));
        if self.groups.iter().any(|group| !group.transaction.is_empty()) {
            names.push("transaction".to_owned());
        }
        names.into_iter().map(|name| (name, Align::Left)).collect()
    }

    fn case_labels(&self, group: &Group) -> Vec<Text> {
        let mut labels = vec![group.benchmark.clone()];
        labels.extend(group.levels.iter().cloned());
        if self.groups.iter().any(|group| !group.transaction.is_empty()) {
            let all = group.transaction.is_empty();
            labels.push(if all { "all".to_owned() } else { group.transaction.clone() });
        }
        labels.into_iter().map(Text::from).collect()
    }

    /// The metrics in the order in which they first occur, each in one unit for all cases: that
    /// which shows the smallest number without leading zeros.
    fn metrics(&self) -> Vec<ShownMetric> {
        let mut shown: Vec<ShownMetric> = Vec::new();
        for line in self.groups.iter().flat_map(|group| &group.lines) {
            let Some(Cell::Value(value)) = line.cells.first() else {
                if !shown.iter().any(|known| known.metric == line.metric) {
                    shown.push(ShownMetric::new(line, f64::INFINITY));
                }
                continue;
            };
            let size = value.median.abs();
            match shown.iter_mut().find(|known| known.metric == line.metric) {
                Some(known) if size > 0.0 && size < known.smallest => {
                    *known = ShownMetric::new(line, size);
                }
                Some(_) => {}
                None => shown.push(ShownMetric::new(line, size)),
            }
        }
        shown
    }
}

/// A metric as the heading of a column.
struct ShownMetric {
    metric: String,
    heading: String,
    divisor: f64,
    smallest: f64,
}

impl ShownMetric {
    fn new(line: &Line, smallest: f64) -> Self {
        let size = if smallest.is_finite() { smallest } else { 0.0 };
        let (heading, divisor) = metric::display(&line.metric, &line.unit, size);
        Self { metric: line.metric.clone(), heading, divisor, smallest }
    }

    fn cell(&self, line: &Line, cell: &Cell, footnotes: &Footnotes) -> String {
        let Cell::Value(value) = cell else { return String::new() };
        let parts = [
            number::value(value.median / self.divisor, &line.unit) + value.client_mark(),
            value.spread_percent.map(number::spread).unwrap_or_default(),
            footnotes.mark(cell),
        ];
        parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::{Case, Status};

    use crate::compare::{By, CompareOptions, compare};
    use crate::fixture::{case, record, repetitions, without_number};
    use crate::render::RenderOptions;

    #[test]
    fn one_column_puts_metrics_side_by_side() {
        let mut records = repetitions(&case("point-select", "sqlite"), 590_000.0, &[1.0, 1.1]);
        records.extend(repetitions(&case("tpcc", "sqlite"), 400.0, &[1.0, 0.9]));
        for clients in [1, 8] {
            let case = Case { clients, ..case("reads", "sqlite") };
            records.extend(repetitions(&case, 250_000.0, &[1.0]));
        }
        let lacking = without_number(Status::Unsupported, "there is no server to replicate");
        records.push(record("r1", &case("replication", "sqlite"), &lacking));
        assert_eq!(By::default_for(&records), By::Engine);
        let comparison = compare(&records, &CompareOptions::new(By::Engine)).unwrap();
        let text = comparison.render(&RenderOptions { width: 100, ..RenderOptions::default() });
        insta::assert_snapshot!(text.unwrap());
    }
}
