//! Graphviz text: records whose rows are operations.

use std::fmt::Write as _;

use super::{colour, heading, label, rows};
use crate::verdict::Cycle;

/// A circle in the language of Graphviz (<https://graphviz.org/doc/info/lang.html>), with `title` above
/// it.
pub fn dot(cycle: &Cycle, title: &str) -> String {
    let mut text = String::from("digraph cycle {\n");
    // Writing to a string cannot fail.
    let _ =
        writeln!(text, "  graph [label={}, labelloc=t, fontname=\"sans-serif\"];", quoted(title));
    text.push_str(
        "  node [shape=record, fontname=\"monospace\"];\n  edge [fontname=\"sans-serif\"];\n",
    );
    for place in 0..cycle.transactions.len() {
        let mut fields = record_field(&heading(cycle, place));
        for row in rows(cycle, place) {
            fields.push('|');
            if let Some(operation) = row.operation {
                let _ = write!(fields, "<o{operation}> ");
            }
            fields += &record_field(&row.text);
        }
        let _ = writeln!(text, "  T{} [label=\"{{{fields}}}\"];", place + 1);
    }
    for (place, step) in cycle.steps.iter().enumerate() {
        let next = (place + 1) % cycle.steps.len();
        let port = |at: Option<usize>| at.map_or(String::new(), |at| format!(":o{at}"));
        let _ = writeln!(
            text,
            "  T{}{} -> T{}{} [label={}, color=\"{colour}\", fontcolor=\"{colour}\", tooltip={}];",
            place + 1,
            port(step.from),
            next + 1,
            port(step.to),
            quoted(&label(step)),
            quoted(&step.because),
            colour = colour(step),
        );
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Text of a record's field, in which braces, bars and angle brackets mean something.
fn record_field(text: &str) -> String {
    let mut field = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '{' | '}' | '|' | '<' | '>' | '"' | '\\') {
            field.push('\\');
        }
        field.push(character);
    }
    field
}
