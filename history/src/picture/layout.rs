//! Where boxes and arrows go: boxes on a circle, arrows bent to its outside.

use super::{Row, heading, rows};
use crate::verdict::Cycle;

/// Width of a character of the monospaced text.
const CHARACTER: f64 = 7.3;
/// Height of a row.
pub const ROW: f64 = 18.0;
/// Space around text.
pub const PADDING: f64 = 8.0;
/// Space between boxes, for arrows and what is written at them.
const GAP: f64 = 90.0;
/// How far an arrow bends out, as a part of its length.
const BEND: f64 = 0.16;

/// A transaction's box; `x` and `y` are its centre.
#[derive(Debug)]
pub struct Placed {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub lines: Vec<String>,
}

/// An arrow: a quadratic curve, and where its label goes.
#[derive(Debug)]
pub struct Arrow {
    pub start: (f64, f64),
    pub bend: (f64, f64),
    pub end: (f64, f64),
    pub label: (f64, f64),
}

/// The boxes of a circle, clockwise from the left.
pub fn boxes(cycle: &Cycle) -> Vec<Placed> {
    let count = cycle.transactions.len();
    let mut boxes: Vec<Placed> = (0..count).map(|place| sized(cycle, place)).collect();
    let most = |size: fn(&Placed) -> f64| boxes.iter().map(size).fold(0.0, f64::max);
    let (width, height) = (most(|it| it.width), most(|it| it.height));
    // Neighbours on an ellipse of these half axes are a box and a gap apart, in one direction at least.
    let angle = std::f64::consts::TAU / count as f64;
    let chord = (angle / 2.0).sin() * std::f64::consts::SQRT_2;
    let (across, down) = match count {
        2 => ((width + GAP) / 2.0, 0.0),
        _ => ((width + GAP) / chord, (height + GAP) / chord),
    };
    for (place, it) in boxes.iter_mut().enumerate() {
        let at = std::f64::consts::PI + place as f64 * angle;
        it.x = across * at.cos();
        it.y = down * at.sin();
    }
    boxes
}

fn sized(cycle: &Cycle, place: usize) -> Placed {
    let mut lines = vec![heading(cycle, place)];
    lines.extend(rows(cycle, place).into_iter().map(|Row { text, .. }| text));
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    Placed {
        x: 0.0,
        y: 0.0,
        width: longest as f64 * CHARACTER + 2.0 * PADDING,
        height: lines.len() as f64 * ROW + 2.0 * PADDING,
        lines,
    }
}

/// The arrow from one box to another.
pub fn arrow(from: &Placed, to: &Placed) -> Arrow {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length = dx.hypot(dy).max(1.0);
    // To the left of the way, which on a circle that is gone round clockwise is the outside.
    let out = BEND * length + 24.0;
    let bend =
        ((from.x + to.x) / 2.0 + dy / length * out, (from.y + to.y) / 2.0 - dx / length * out);
    let (start, end) = (edge(from, bend), edge(to, bend));
    let label = ((start.0 + 2.0 * bend.0 + end.0) / 4.0, (start.1 + 2.0 * bend.1 + end.1) / 4.0);
    Arrow { start, bend, end, label }
}

/// Where the line from a box's centre to a point leaves the box.
fn edge(it: &Placed, towards: (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (towards.0 - it.x, towards.1 - it.y);
    let across = if dx == 0.0 { f64::INFINITY } else { it.width / 2.0 / dx.abs() };
    let down = if dy == 0.0 { f64::INFINITY } else { it.height / 2.0 / dy.abs() };
    let part = across.min(down).min(1.0);
    (it.x + dx * part, it.y + dy * part)
}
