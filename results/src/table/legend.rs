//! What stands below a comparison: how to read its cells, and what the repetitions can tell.

use super::{Style, interval};
use crate::bottleneck;
use crate::compare::{Cell, Comparison, Group, against};

/// How many benchmarks are named that say the same.
const NAMED: usize = 4;

impl Comparison {
    /// How to read the cells; says only what occurs.
    pub(super) fn legend(&self, style: Style) -> Option<String> {
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
        if values.iter().any(|value| interval(value).is_some()) {
            parts.push(
                "its interval of 95% follows it; r is how far rounds agree, from -1, all are less, to 1, all are more"
                    .to_owned(),
            );
        }
        if values.iter().any(|value| value.ratio.is_none() && !value.ratio_note.is_empty()) {
            parts.push(against::NONE_LEGEND.to_owned());
        }
        if values.iter().any(|value| value.ratio.is_some_and(|ratio| !ratio.paired)) {
            parts.push(against::UNPAIRED_LEGEND.to_owned());
        }
        parts.extend(self.doubts());
        if values.iter().any(|value| value.client_bottlenecks > 0) {
            parts.push(bottleneck::LEGEND.to_owned());
        }
        if values.iter().any(|value| value.best) {
            parts.push(match style {
                Style::Plain => "* marks the best of a line".to_owned(),
                Style::Terminal | Style::Markdown => "the best of a line is bold".to_owned(),
            });
        }
        Some(parts.join("; "))
    }

    /// What the rounds can tell of the ratios, those of a benchmark looked at together.
    fn doubts(&self) -> Vec<String> {
        let benchmarks = self.groups.chunk_by(|one, other| one.benchmark == other.benchmark);
        let families = benchmarks.filter_map(|groups| {
            let values = || groups.iter().flat_map(Group::values);
            let bases = values().filter_map(|value| Some(value.evidence.as_ref()?.basis));
            let any_is_doubtful = values().any(|value| value.is_doubtful);
            Some((groups.first()?.benchmark.as_str(), bases.collect(), any_is_doubtful))
        });
        against::told_of(families, NAMED)
    }
}
