//! Pictures of circles: Graphviz text, and SVG drawn without Graphviz.

mod dot;
mod layout;
mod svg;

pub use dot::dot;
pub use svg::svg;

use crate::verdict::{Cycle, Step};

/// Operations of a transaction that are shown; of longer ones those that matter.
const MOST_ROWS: usize = 8;
/// Characters of an operation that are shown.
const MOST_CHARACTERS: usize = 44;

/// A row of a transaction's box.
struct Row {
    /// The place of the operation; none for a note that some are left out.
    operation: Option<usize>,
    text: String,
}

/// The rows of the transaction at `place` of a circle.
fn rows(cycle: &Cycle, place: usize) -> Vec<Row> {
    let operations = &cycle.transactions[place].operations;
    let before = (place + cycle.steps.len() - 1) % cycle.steps.len();
    let matters =
        |at: usize| cycle.steps[place].from == Some(at) || cycle.steps[before].to == Some(at);
    let is_long = operations.len() > MOST_ROWS;
    let mut rows: Vec<Row> = operations
        .iter()
        .enumerate()
        .filter(|(at, _)| !is_long || matters(*at))
        .map(|(at, text)| Row { operation: Some(at), text: shortened(text) })
        .collect();
    let left_out = operations.len() - rows.len();
    if left_out > 0 {
        rows.push(Row { operation: None, text: format!("and {left_out} more") });
    }
    rows
}

/// The beginning and the end of a long text: of a list the end tells what was last.
fn shortened(text: &str) -> String {
    let count = text.chars().count();
    if count <= MOST_CHARACTERS {
        return text.to_owned();
    }
    let half = (MOST_CHARACTERS - 3) / 2;
    let start: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(count - half).collect();
    format!("{start} … {end}")
}

fn heading(cycle: &Cycle, place: usize) -> String {
    format!("T{} (index {})", place + 1, cycle.transactions[place].index)
}

/// What is written at an edge.
fn label(step: &Step) -> String {
    match &step.key {
        Some(key) => format!("{} {key}", step.dependency),
        None => step.dependency.to_owned(),
    }
}

/// The colour of a dependency, dark enough on white for anybody to read (WCAG 2.1, 1.4.3); it is also
/// said in words.
fn colour(step: &Step) -> &'static str {
    match step.dependency {
        "ww" => "#b3261e",
        "wr" => "#1b5e20",
        "rw" => "#0d47a1",
        "process" => "#6a1b9a",
        _ => "#5d4037",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Shown;

    fn cycle(
        operations: &[&[&str]],
        steps: &[(&'static str, Option<usize>, Option<usize>)],
    ) -> Cycle {
        let shown = |(operations, index): (&&[&str], u32)| Shown {
            index,
            text: String::new(),
            operations: operations.iter().map(|text| (*text).to_owned()).collect(),
        };
        let step = |(dependency, from, to): &(&'static str, Option<usize>, Option<usize>)| Step {
            dependency,
            key: from.map(|_| "\"a<b\"".to_owned()),
            from: *from,
            to: *to,
            because: "T2 <saw> it".to_owned(),
        };
        Cycle {
            transactions: operations.iter().zip(10..).map(shown).collect(),
            steps: steps.iter().map(step).collect(),
        }
    }

    fn skew() -> Cycle {
        cycle(
            &[&["[:r \"a<b\" []]", "[:append y 1]"], &["[:r y []]", "[:append \"a<b\" 1]"]],
            &[("rw", Some(0), Some(1)), ("rw", Some(0), Some(1))],
        )
    }

    #[test]
    fn graphviz_text_links_operations() {
        insta::assert_snapshot!(dot(&skew(), "G2-item"));
    }

    #[test]
    fn svg_says_in_words_what_it_draws() {
        insta::assert_snapshot!(svg(&skew(), "G2-item"));
    }

    #[test]
    fn long_transactions_show_what_matters() {
        let long: Vec<String> = (0..20).map(|at| format!("[:append k {at}]")).collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        let cycle = cycle(
            &[&long, &["[:r k nil]"]],
            &[("wr", Some(17), Some(0)), ("rw", Some(0), Some(3))],
        );
        let texts: Vec<String> = rows(&cycle, 0).into_iter().map(|row| row.text).collect();
        assert_eq!(texts, ["[:append k 3]", "[:append k 17]", "and 18 more"]);
    }

    #[test]
    fn boxes_do_not_cover_each_other() {
        for count in 2..40 {
            let operations: Vec<&[&str]> = vec![&["[:r x [1 2 3]]", "[:append y 1]"]; count];
            let steps = vec![("ww", Some(0), Some(1)); count];
            let boxes = layout::boxes(&cycle(&operations, &steps));
            for (at, one) in boxes.iter().enumerate() {
                for other in &boxes[..at] {
                    let apart = (one.x - other.x).abs() >= one.width
                        || (one.y - other.y).abs() >= one.height;
                    assert!(apart, "{count} boxes: {one:?} covers {other:?}");
                }
            }
        }
    }
}
