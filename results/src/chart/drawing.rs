//! What both forms of a chart show: points, curves, peaks, axes.

use std::sync::Arc;

use kuva::prelude::{
    Layout, LegendPosition, LinePlot, MarkerShape, Plot, ReferenceLine, ScatterPlot, ShadedRegion,
    Theme, TickFormat,
};

use super::{Chart, ChartCurve};
use crate::markup::printable;
use crate::number;
use crate::scalability::about_peak;
use crate::statistics::usl::Fit;

/// The colours of a chart on white. Each has one role, by which the style of a picture finds it.
pub(super) const INK: &str = "#1f2328";
pub(super) const GRID: &str = "#d8dee4";
pub(super) const PAPER: &str = "#ffffff";

/// Colours that are told apart without seeing red or green (Okabe and Ito, "Color Universal Design", 2008),
/// and shapes for those who see none.
pub(super) const CURVES: [(&str, MarkerShape); super::MOST_CURVES] = [
    ("#0072b2", MarkerShape::Circle),
    ("#d55e00", MarkerShape::Square),
    ("#009e73", MarkerShape::Triangle),
    ("#cc79a7", MarkerShape::Diamond),
    ("#56b4e9", MarkerShape::TriangleDown),
    ("#e69f00", MarkerShape::Plus),
];

/// The most characters in a line below the title.
const SUBTITLE: usize = 100;

/// How many points of a curve are joined.
const STEPS: u32 = 96;

/// What stays free at the left and the right, in doublings of the load.
const MARGIN: f64 = 0.2;

/// How far beyond what was measured a peak may be to be shown, as a ratio of loads.
const BEYOND: f64 = 2.0;

/// The curves and points; the first of a fit is drawn through, the rest dashed, for nobody measured there.
/// `marker` is the shape of all points, in the place of one for each curve.
pub(super) fn plots(chart: &Chart, marker: Option<MarkerShape>) -> Vec<Plot> {
    let curves = chart.curves.iter().zip(CURVES.iter().cycle());
    let plots = curves
        .flat_map(|(curve, (color, its_own))| plots_of(curve, color, marker.unwrap_or(*its_own)));
    plots.collect()
}

fn plots_of(curve: &ChartCurve, color: &str, marker: MarkerShape) -> Vec<Plot> {
    let mut plots = Vec::new();
    if let Some(fit) = &curve.fit {
        let (first, last) = fit.loads;
        let solid = LinePlot::new().with_data(line(fit, first, last));
        plots.push(Plot::Line(solid.with_color(color).with_stroke_width(1.5)));
        if shown_end(fit) > last {
            let dashed = LinePlot::new().with_data(line(fit, last, shown_end(fit))).with_dashed();
            plots.push(Plot::Line(dashed.with_color(color).with_stroke_width(1.5)));
        }
    }
    let points = curve.points.iter().map(|point| (point.load.log2(), point.throughput));
    let mut scatter = ScatterPlot::new().with_data(points.collect::<Vec<_>>()).with_color(color);
    scatter = scatter.with_marker(marker).with_size(3.5);
    if !curve.name.is_empty() {
        scatter = scatter.with_legend(printable(&curve.name));
    }
    plots.push(Plot::Scatter(scatter));
    plots
}

fn line(fit: &Fit, from: f64, to: f64) -> Vec<(f64, f64)> {
    let (from, to) = (from.log2(), to.log2());
    let step = |step: u32| {
        let place = from + (to - from) * f64::from(step) / f64::from(STEPS);
        (place, fit.throughput_at(place.exp2()))
    };
    (0..=STEPS).map(step).collect()
}

/// Up to where a curve is drawn.
fn shown_end(fit: &Fit) -> f64 {
    let (_, last) = fit.loads;
    let shows = fit.shows_peak() && !fit.is_misfit() && fit.peak.value <= last * BEYOND;
    if shows { fit.peak.value.max(last) } else { last }
}

/// Axes and colours, with a doubling of the load everywhere as wide.
pub(super) fn layout(chart: &Chart, plots: &[Plot]) -> Layout {
    let fits = chart.curves.iter().filter_map(|curve| curve.fit.as_ref());
    let least = chart.loads().fold(f64::INFINITY, f64::min);
    let most = chart.loads().chain(fits.map(shown_end)).fold(1.0, f64::max);
    let load = |place: f64| number::count(place.exp2().round() as u64);
    Layout::auto_from_plots(plots)
        .with_theme(theme())
        .with_x_label(chart.load.noun())
        .with_x_axis_min(least.min(most).log2() - MARGIN)
        .with_x_axis_max(most.log2() + MARGIN)
        .with_x_tick_step(1.0)
        .with_x_tick_format(TickFormat::Custom(Arc::new(load)))
        .with_y_axis_min(0.0)
        .with_y_tick_format(TickFormat::Custom(Arc::new(|tick| number::value(tick, "1"))))
        .with_legend_position(LegendPosition::OutsideBottomColumns)
        .with_legend_box(false)
}

/// Marks the peak of a chart's only curve, and where else it may be.
pub(super) fn with_peak(chart: &Chart, layout: Layout) -> Layout {
    let [ChartCurve { fit: Some(fit), .. }] = chart.curves.as_slice() else { return layout };
    let layout = layout.with_subtitle(about_peak(fit, chart.load)).with_subtitle_wrap(SUBTITLE);
    if !fit.shows_peak() || fit.is_misfit() || fit.peak.value > shown_end(fit) {
        return layout;
    }
    let (color, _) = CURVES[0];
    let line = ReferenceLine::vertical(fit.peak.value.log2()).with_color(INK);
    let (first, _) = fit.loads;
    let (low, high) = (fit.peak.low.max(first), fit.peak.high.min(shown_end(fit)));
    let (low, high) = (low.log2(), high.log2());
    let region = ShadedRegion::vertical(low, high).with_color(color).with_opacity(0.12);
    layout.with_reference_line(line).with_shaded_region(region)
}

pub(super) fn theme() -> Theme {
    Theme {
        background: PAPER.into(),
        axis_color: INK.into(),
        grid_color: GRID.into(),
        tick_color: INK.into(),
        text_color: INK.into(),
        legend_bg: PAPER.into(),
        legend_border: "none".into(),
        ..Theme::light()
    }
}
