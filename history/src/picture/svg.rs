//! The drawing.

use std::fmt::Write as _;

use super::layout::{Arrow, PADDING, Placed, ROW, arrow, boxes};
use super::{colour, label};
use crate::verdict::{Cycle, Step};

/// Space around everything, with room for the title and what arrows bend out.
const MARGIN: f64 = 70.0;
/// Width of a character of the title, at most.
const TITLE_CHARACTER: f64 = 10.0;
/// Width of a character of a label.
const LABEL_CHARACTER: f64 = 7.6;

/// A circle as an SVG image (<https://www.w3.org/TR/SVG11/>). Its title and description say what it
/// shows, for those who do not see it.
pub fn svg(cycle: &Cycle, title: &str) -> String {
    let boxes = boxes(cycle);
    let arrows: Vec<Arrow> = (0..boxes.len())
        .map(|place| arrow(&boxes[place], &boxes[(place + 1) % boxes.len()]))
        .collect();
    let (left, top, width, height) = frame(&boxes, &arrows);
    // A title that is wider has the drawing in its middle.
    let of_title = (title.chars().count() as f64).mul_add(TITLE_CHARACTER, 32.0).max(width);
    let (left, width) = (left - (of_title - width) / 2.0, of_title);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"title description\" \
         viewBox=\"{left:.0} {top:.0} {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-size=\"12\">\n<title id=\"title\">{}</title>\n<desc id=\"description\">{}</desc>\n",
        escaped(title),
        escaped(&description(cycle))
    );
    markers(&mut out, cycle);
    let _ = write!(
        out,
        "<rect x=\"{left:.0}\" y=\"{top:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" font-family=\"sans-serif\" font-size=\"15\" font-weight=\"bold\">{}</text>\n",
        left + 16.0,
        top + 28.0,
        escaped(title)
    );
    for it in &boxes {
        draw_box(&mut out, it);
    }
    for (place, (it, step)) in arrows.iter().zip(&cycle.steps).enumerate() {
        draw_arrow(&mut out, it, step, place);
    }
    out.push_str("</svg>\n");
    out
}

/// The left and upper edge, the width and the height of all.
fn frame(boxes: &[Placed], arrows: &[Arrow]) -> (f64, f64, f64, f64) {
    let corners = boxes.iter().flat_map(|it| {
        let (across, down) = (it.width / 2.0, it.height / 2.0);
        [(it.x - across, it.y - down), (it.x + across, it.y + down)]
    });
    let points: Vec<(f64, f64)> = corners.chain(arrows.iter().map(|it| it.label)).collect();
    let least = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    let (left, top) = (least(|it| it.0) - MARGIN, least(|it| it.1) - MARGIN);
    (left, top, most(|it| it.0) + MARGIN - left, most(|it| it.1) + MARGIN - top)
}

fn description(cycle: &Cycle) -> String {
    let count = cycle.steps.len();
    let steps = cycle.steps.iter().enumerate().map(|(place, step)| {
        format!(
            "T{} comes before T{}, because {}.",
            place + 1,
            (place + 1) % count + 1,
            step.because
        )
    });
    steps.collect::<Vec<_>>().join(" ")
}

/// A head for the arrows of each step, in its colour.
fn markers(out: &mut String, cycle: &Cycle) {
    out.push_str("<defs>\n");
    for (place, step) in cycle.steps.iter().enumerate() {
        let _ = writeln!(
            out,
            "<marker id=\"head{place}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" \
             markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"{}\"/></marker>",
            colour(step)
        );
    }
    out.push_str("</defs>\n");
}

fn draw_box(out: &mut String, it: &Placed) {
    let (left, top) = (it.x - it.width / 2.0, it.y - it.height / 2.0);
    let _ = writeln!(
        out,
        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"5\" fill=\"#f7f7f7\" stroke=\"#333333\"/>",
        it.width, it.height
    );
    for (row, line) in it.lines.iter().enumerate() {
        let weight = if row == 0 { " font-weight=\"bold\"" } else { "" };
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-family=\"monospace\"{weight}>{}</text>",
            left + PADDING,
            top + PADDING + ROW * (row as f64 + 0.72),
            escaped(line)
        );
    }
}

fn draw_arrow(out: &mut String, it: &Arrow, step: &Step, place: usize) {
    let colour = colour(step);
    let text = label(step);
    let width = text.chars().count() as f64 * LABEL_CHARACTER + 8.0;
    let (x, y) = it.label;
    let _ = write!(
        out,
        "<path d=\"M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" marker-end=\"url(#head{place})\"/>\n\
         <rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"18\" fill=\"#ffffff\"/>\n\
         <text x=\"{x:.1}\" y=\"{:.1}\" font-family=\"monospace\" text-anchor=\"middle\" fill=\"{colour}\">{}</text>\n",
        it.start.0,
        it.start.1,
        it.bend.0,
        it.bend.1,
        it.end.0,
        it.end.1,
        x - width / 2.0,
        y - 9.0,
        y + 4.0,
        escaped(&text)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
