//! Charts of throughput against load: as SVG, for a document or a browser, and as text, for a terminal.

mod drawing;
mod lines;
mod svg;
mod text;

pub use lines::{LineChart, LineCurve, Scale};
pub(crate) use svg::renamed;

use crate::number;
use crate::scalability::{Load, about_peak};
use crate::statistics::median;
use crate::statistics::usl::{Fit, Observation};

/// The most curves that a chart tells apart.
pub const MOST_CURVES: usize = 6;

/// Throughput against load.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What was measured, such as `oltp/tpcb`. Charts that stand in one document differ in it.
    pub title: String,
    /// What there is more of towards the right.
    pub load: Load,
    /// The curves; those beyond [`MOST_CURVES`] look like others.
    pub curves: Vec<ChartCurve>,
}

/// A curve of a chart.
#[derive(Clone, Debug)]
pub struct ChartCurve {
    /// What tells it from the others; may be empty where there is one.
    pub name: String,
    /// The points, one for each repetition.
    pub points: Vec<Observation>,
    /// The law that was fitted to them.
    pub fit: Option<Fit>,
}

impl Chart {
    /// The name of a file for it, without an extension: `oltp-tpcb`.
    pub fn file_stem(&self) -> String {
        slug(&self.title)
    }

    /// The chart as SVG that stands in a file of its own or in HTML, light or dark as the reader's system is.
    /// Text is in the reader's font; who cannot see it hears its title and what its curves say.
    pub fn svg(&self) -> String {
        svg::svg(self)
    }

    /// The chart in characters, for a terminal of `width` columns, without colours; `None` where it has
    /// several curves, which those would not tell apart, or fewer than three loads.
    pub fn text(&self, width: usize) -> Option<String> {
        text::text(self, width)
    }

    /// What can be seen, in words.
    fn description(&self) -> String {
        let curves = self.curves.iter().filter(|curve| !curve.points.is_empty());
        let told: Vec<String> = curves.map(|curve| curve.description(self.load)).collect();
        let curves = told.join(" ");
        format!("Transactions per second against {}. {curves}", self.load.noun())
    }

    fn loads(&self) -> impl Iterator<Item = f64> {
        self.curves.iter().flat_map(|curve| &curve.points).map(|point| point.load)
    }
}

impl ChartCurve {
    fn description(&self, load: Load) -> String {
        let mut loads: Vec<f64> = self.points.iter().map(|point| point.load).collect();
        loads.sort_by(f64::total_cmp);
        loads.dedup();
        let at = |wanted: f64| {
            let its = self.points.iter().filter(|point| point.load == wanted);
            let throughputs: Vec<f64> = its.map(|point| point.throughput).collect();
            let middle = median(&throughputs).unwrap_or_default();
            format!("{} at {}", number::sensible(middle), load.count(wanted))
        };
        let points = loads.into_iter().map(at).collect::<Vec<_>>().join(", ");
        let name = if self.name.is_empty() { "Measured" } else { &self.name };
        let fit = self.fit.as_ref().map(|fit| format!("; {}", about_peak(fit, load)));
        format!("{name}: {points}{}.", fit.unwrap_or_default())
    }
}

/// The curves of a chart, or of several where they are more than so many, each with its title; none where there is no
/// curve.
pub(crate) fn in_parts<T>(title: &str, curves: Vec<T>, most: usize) -> Vec<(String, Vec<T>)> {
    let mut parts: Vec<(String, Vec<T>)> = Vec::new();
    for (place, curve) in curves.into_iter().enumerate() {
        if place % most == 0 {
            let numbered = format!("{title} ({})", place / most + 1);
            let title = if place == 0 { title.to_owned() } else { numbered };
            parts.push((title, Vec::new()));
        }
        if let Some((_, part)) = parts.last_mut() {
            part.push(curve);
        }
    }
    parts
}

/// Small letters, digits and dashes.
fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests;
