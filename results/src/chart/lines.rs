//! Charts of curves: response times by percentile, throughput over time.

use std::sync::Arc;

use kuva::prelude::{Layout, LegendPosition, LinePlot, Plot, ReferenceLine, TickFormat};

use super::drawing::{CURVES, INK, theme};
use super::{slug, svg};
use crate::markup::printable;
use crate::number;

/// How the horizontal axis of a chart is spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By how rare it is: 90 %, 99 % and 99.9 % are as far from each other.
    Percentile,
}

/// Curves over something.
#[derive(Clone, Debug)]
pub struct LineChart {
    /// What was measured. Charts that stand in one document differ in it.
    pub title: String,
    /// What the axes are.
    pub axes: (String, String),
    /// How the horizontal one is spaced.
    pub scale: Scale,
    /// Whether ten times as much is as far everywhere along the vertical one.
    pub log_y: bool,
    /// The curves; those beyond [`MOST_CURVES`](super::MOST_CURVES) look like others.
    pub curves: Vec<LineCurve>,
    /// Places along the horizontal axis that are marked, with what happened there. Lines bear numbers in their order.
    pub marks: Vec<(f64, String)>,
    /// The unit of those places: `s`.
    pub marks_unit: &'static str,
}

/// A curve of a chart.
#[derive(Clone, Debug)]
pub struct LineCurve {
    /// What tells it from the others.
    pub name: String,
    /// Its points in the order in which they are joined: with [`Scale::Percentile`] shares below 1.
    pub points: Vec<(f64, f64)>,
}

/// The width of the numbers at a line, as a share of the chart's.
const LABEL: f64 = 0.06;

/// How high a chart with numbers at its lines is, by the height of its curves.
const HEADROOM: f64 = 1.12;

/// The lowest value that a logarithmic axis shows.
const LEAST: f64 = 1e-3;

impl LineChart {
    /// The name of a file for it, without an extension.
    pub fn file_stem(&self) -> String {
        slug(&self.title)
    }

    /// The chart as SVG, see [`Chart::svg`](super::Chart::svg).
    pub fn svg(&self) -> String {
        let plots = self.curves.iter().zip(CURVES.iter().cycle()).map(|(curve, (color, _))| {
            let points: Vec<(f64, f64)> =
                curve.points.iter().map(|(x, y)| (self.place(*x), self.height(*y))).collect();
            let line = LinePlot::new().with_data(points).with_color(*color).with_stroke_width(1.8);
            Plot::Line(line.with_legend(printable(&curve.name)))
        });
        let plots: Vec<Plot> = plots.collect();
        let layout = self.layout(&plots);
        svg::picture(&self.title, &self.description(), plots, layout)
    }

    fn place(&self, x: f64) -> f64 {
        match self.scale {
            Scale::Linear => x,
            Scale::Percentile => -(1.0 - x).max(f64::MIN_POSITIVE).log10(),
        }
    }

    fn height(&self, y: f64) -> f64 {
        if self.log_y { y.max(LEAST).log10() } else { y }
    }

    fn layout(&self, plots: &[Plot]) -> Layout {
        let mut layout = Layout::auto_from_plots(plots)
            .with_theme(theme())
            .with_x_label(self.axes.0.clone())
            .with_y_label(self.axes.1.clone())
            .with_legend_position(LegendPosition::OutsideBottomColumns)
            .with_legend_box(false);
        if self.scale == Scale::Percentile {
            layout = layout
                .with_x_axis_min(0.0)
                .with_x_tick_step(1.0)
                .with_x_tick_format(TickFormat::Custom(Arc::new(percentile)));
        }
        layout = if self.log_y {
            let power = |place: f64| number::sensible(10_f64.powf(place));
            let heights =
                || self.curves.iter().flat_map(|curve| &curve.points).map(|(_, y)| self.height(*y));
            layout
                .with_y_axis_min(heights().fold(f64::INFINITY, f64::min).min(9.0).floor())
                .with_y_axis_max(heights().fold(f64::NEG_INFINITY, f64::max).max(-2.0).ceil())
                .with_y_tick_step(1.0)
                .with_y_tick_format(TickFormat::Custom(Arc::new(power)))
        } else {
            layout
                .with_y_axis_min(0.0)
                .with_y_tick_format(TickFormat::Custom(Arc::new(number::sensible)))
        };
        self.with_marks(layout)
    }

    /// The marks from left to right: the first has the number 1.
    pub fn marks_in_order(&self) -> Vec<&(f64, String)> {
        let mut marks: Vec<&(f64, String)> = self.marks.iter().collect();
        marks.sort_by(|one, other| one.0.total_cmp(&other.0));
        marks
    }

    /// Lines with numbers; those of lines that are close to each other stand together at the first.
    fn with_marks(&self, layout: Layout) -> Layout {
        let marks = self.marks_in_order();
        let (Some(first), Some(last)) = (marks.first(), marks.last()) else { return layout };
        let places =
            self.curves.iter().flat_map(|curve| &curve.points).map(|(x, _)| self.place(*x));
        let (from, to) = places.fold((self.place(first.0), self.place(last.0)), |(from, to), x| {
            (from.min(x), to.max(x))
        });
        let room = (to - from) * LABEL;
        // A number stands to the right of its line, above the curves.
        let mut layout =
            layout.with_x_axis_min(from).with_x_axis_max(to.max(self.place(last.0) + room));
        if !self.log_y {
            let heights = self.curves.iter().flat_map(|curve| &curve.points).map(|(_, y)| *y);
            layout = layout.with_y_axis_max(heights.fold(1.0, f64::max) * HEADROOM);
        }
        let mut number = 0;
        while let Some((x, _)) = marks.get(number) {
            let begins = self.place(*x);
            let group = marks[number..].iter().take_while(|(x, _)| self.place(*x) < begins + room);
            let places: Vec<f64> = group.map(|(x, _)| self.place(*x)).collect();
            let label = match places.len() {
                0 | 1 => format!("{}", number + 1),
                several => format!("{}–{}", number + 1, number + several),
            };
            number += places.len().max(1);
            for (place, x) in places.into_iter().enumerate() {
                let line = ReferenceLine::vertical(x).with_color(INK);
                let line = if place == 0 { line.with_label(label.clone()) } else { line };
                layout = layout.with_reference_line(line);
            }
        }
        layout
    }

    /// What can be seen, in words.
    fn description(&self) -> String {
        let curves = self.curves.iter().filter_map(|curve| {
            let (first, last) = (curve.points.first()?, curve.points.last()?);
            Some(format!(
                "{}: from {} to {}.",
                curve.name,
                number::sensible(first.1),
                number::sensible(last.1)
            ))
        });
        let marks = self.marks_in_order().into_iter();
        let marks = marks.map(|(x, what)| format!("At {}: {what}.", number::sensible(*x)));
        let told: Vec<String> = curves.chain(marks).collect();
        format!("{} against {}. {}", self.axes.1, self.axes.0, told.join(" "))
    }
}

/// The percentile at a place: 2 is 99.
fn percentile(place: f64) -> String {
    let percent = 100.0 * (1.0 - 10_f64.powf(-place));
    format!("{}", (percent * 1e4).round() / 1e4)
}
