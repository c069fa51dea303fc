//! A chart in characters.

use kuva::backend::terminal::TerminalBackend;
use kuva::prelude::MarkerShape;
use kuva::render::render::render_multiple;

use super::drawing::{layout, plots};
use super::{Chart, ChartCurve};

/// The lines of a chart.
const LINES: u32 = 16;

/// The columns of the widest and the narrowest chart.
const COLUMNS: (usize, usize) = (100, 40);

pub(super) fn text(chart: &Chart, width: usize) -> Option<String> {
    let [curve] = chart.curves.as_slice() else { return None };
    let mut loads: Vec<f64> = chart.loads().collect();
    loads.sort_by(f64::total_cmp);
    loads.dedup();
    let columns = width.min(COLUMNS.0);
    if loads.len() < 3 || columns < COLUMNS.1 {
        return None;
    }
    // What it is called stands above it, and a name of its only curve would be a line of its own.
    let unnamed = ChartCurve { name: String::new(), ..curve.clone() };
    let chart = Chart { curves: vec![unnamed], ..chart.clone() };
    let plots = plots(&chart, Some(MarkerShape::Square));
    let layout = layout(&chart, &plots).with_term_rows(LINES).with_show_grid(false);
    let scene = render_multiple(plots, layout);
    let drawn = TerminalBackend::new(columns, LINES as usize).render_scene(&scene);
    let lines = strip_ansi_escapes::strip_str(drawn);
    Some(lines.lines().map(|line| format!("{}\n", line.trim_end())).collect())
}
