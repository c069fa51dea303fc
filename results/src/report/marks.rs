//! What the numbered lines of a chart mean, as a list below it.

use super::Block;
use crate::chart::LineChart;
use crate::markup::plain;
use crate::number;

/// A longer list is folded away.
const SEEN: usize = 8;

/// What happened at each line, by its number; `None` where there is none.
pub(super) fn explained(chart: &LineChart) -> Option<Block> {
    let marks = chart.marks_in_order();
    let line = |(number, (at, what)): (usize, &(f64, String))| {
        let (at, unit) = (number::sensible(*at), chart.marks_unit);
        format!("{number}. {at} {unit}: {}\n", plain(what))
    };
    let text: String = (1..).zip(marks.iter().copied()).map(line).collect();
    let summary = format!("What happened at lines 1 to {} of: {}", marks.len(), chart.title);
    list(marks.len(), text, summary)
}

/// What happened before the loads of a chart began, or after they were over, by seconds after their beginning.
pub(super) fn beside(events: &[(f64, String)]) -> Option<Block> {
    let mut events: Vec<&(f64, String)> = events.iter().collect();
    events.sort_by(|one, other| one.0.total_cmp(&other.0));
    let line = |(at, what): &&(f64, String)| match *at < 0.0 {
        true => format!("- {} s before the load: {}\n", number::sensible(-at), plain(what)),
        false => format!("- {} s, after the load: {}\n", number::sensible(*at), plain(what)),
    };
    let text: String = events.iter().map(line).collect();
    list(events.len(), text, "What happened before and after the loads".to_owned())
}

fn list(count: usize, text: String, summary: String) -> Option<Block> {
    match count {
        0 => None,
        1..=SEEN => Some(Block::Text(text)),
        _ => Some(Block::Folded { summary, text }),
    }
}
