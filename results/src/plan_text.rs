//! Plans as text for people: a plan as a tree, and what differs between the plans of two runs.

use std::fmt::Write as _;

use dbdyno_core::{Plan, PlanNode};

use crate::number::{count, sensible};
use crate::plan_diff::{LineChange, PlanComparison, PlanGroup, PlanPair};
use crate::stored_plan::StoredPlan;

/// The headings of the numbers of a step, each as wide as its column.
const HEADINGS: [(&str, usize); 4] = [("expected", 12), ("seen", 12), ("loops", 9), ("q-error", 9)];
/// What stands beside the rows of a step that was stopped.
const MORE: &str = "+";
/// What is said below a tree with such a step.
const EARLY: &str = "+ stopped before its last row: there may have been more";
/// How far a step stands from the one above it.
const INDENT: &str = "  ";

/// The plans of one thing: each that differs in outline, as a tree of at most `width` characters a
/// line, or in the engine's own words.
pub fn group_text(group: &PlanGroup<'_>, width: usize, raw: bool) -> String {
    let mut out = wrapped(&group.subject, width, "");
    let repetitions = group.repetitions();
    for (stored, of) in &group.variants {
        let version = format!("{} {}", stored.engine, stored.engine_version);
        let which = match (repetitions, *of) {
            (1, _) => String::new(),
            (all, same) if all == same => format!(", the same in all {all} repetitions"),
            (all, same) => format!(
                ", repetition {}: the plan of {same} of {all} repetitions",
                stored.repetition
            ),
        };
        out.push_str(&wrapped(&format!("{version}{which}"), width, INDENT));
        if raw {
            out.push_str(stored.plan.raw.trim_end());
            out.push_str("\n\n");
        } else {
            let _ = writeln!(out, "{INDENT}{}\n", cut(&stored.plan.statement, width - 2));
            out.push_str(&tree(&stored.plan, width));
            out.push('\n');
        }
    }
    out
}

/// A plan as a tree: each step on a line with its numbers, what rows must meet on the next.
pub fn tree(plan: &Plan, width: usize) -> String {
    let has_numbers =
        plan.nodes().any(|node| node.estimated_rows.or(node.actual_rows).or(node.loops).is_some());
    let numbers = if has_numbers { HEADINGS.iter().map(|(_, width)| width).sum() } else { 0 };
    let mut out = String::new();
    if has_numbers {
        let headings = HEADINGS.map(|(heading, _)| heading.to_owned());
        line(&mut out, "", width - numbers, &headings);
    }
    for root in &plan.roots {
        step(&mut out, root, 1, width, numbers);
    }
    if plan.nodes().any(|node| node.ended_early) {
        let _ = writeln!(out, "{INDENT}{EARLY}");
    }
    if let Some(error) = plan.q_error() {
        let _ = writeln!(out, "{INDENT}largest q-error {}", factor(error));
    }
    out
}

fn step(out: &mut String, node: &PlanNode, depth: usize, width: usize, numbers: usize) {
    let indent = INDENT.repeat(depth.min(width / 4));
    let early = if node.ended_early { MORE } else { "" };
    let [expected, seen, loops, _] = HEADINGS.map(|(_, width)| width);
    let rows = |number: Option<f64>, beside, width| {
        number.map(|number| cell(number, beside, width)).unwrap_or_default()
    };
    let cells = [
        rows(node.estimated_rows, "", expected),
        rows(node.actual_rows, early, seen),
        rows(node.loops, "", loops),
        node.q_error().map(factor).unwrap_or_default(),
    ];
    let mut lines = wrap(&format!("{indent}{}", node.label()), width, &format!("{indent}{INDENT}"));
    let last = lines.pop().unwrap_or_default();
    for full in lines {
        let _ = writeln!(out, "{full}");
    }
    let left = width - numbers;
    if numbers > 0 && last.chars().count() > left {
        let _ = writeln!(out, "{last}");
        line(out, "", left, &cells);
    } else {
        line(out, &last, left, if numbers > 0 { &cells } else { &[] });
    }
    if let Some(condition) = &node.condition {
        let deeper = format!("{indent}{INDENT}{INDENT}");
        let room = width.saturating_sub(deeper.chars().count());
        let _ = writeln!(out, "{deeper}{}", cut(condition, room));
    }
    for child in &node.children {
        step(out, child, depth + 1, width, numbers);
    }
}

/// A line of text with numbers in columns behind it.
fn line(out: &mut String, text: &str, left: usize, cells: &[String]) {
    let mut line = format!("{text:<left$}");
    for (cell, (_, width)) in cells.iter().zip(HEADINGS) {
        let _ = write!(line, "{cell:>width$}");
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

/// A number of rows or runs, whole where it is, with what stands beside it; by its power of ten where
/// it leaves no blank in a column of `width` characters.
fn cell(number: f64, beside: &str, width: usize) -> String {
    let is_count = number.fract() == 0.0 && (0.0..1e15).contains(&number);
    let plain = if is_count { count(number as u64) } else { sensible(number) };
    let fits = plain.len() + beside.len() < width;
    if fits { plain + beside } else { format!("{number:.1e}{beside}") }
}

/// By what factor an estimate was off.
fn factor(error: f64) -> String {
    if error < 1e6 { sensible(error) } else { format!("{error:.1e}") }
}

/// The plans that two runs have in common: whether each is the same, and where it is not what
/// differs; then what only one of them has, and how many changed. At most `width` characters a line.
pub fn comparison_text(comparison: &PlanComparison<'_>, width: usize) -> String {
    let mut out = String::new();
    for pair in &comparison.pairs {
        out.push_str(&wrapped(&pair.subject, width, ""));
        out.push_str(&pair_text(pair, width));
    }
    for (subjects, run) in
        [(&comparison.only_before, "the first"), (&comparison.only_after, "the second")]
    {
        for subject in subjects {
            out.push_str(&wrapped(&format!("only in {run} run: {subject}"), width, INDENT));
        }
    }
    let (changed, all) = (comparison.changed(), comparison.pairs.len());
    let plans = if all == 1 { "plan" } else { "plans" };
    let _ = writeln!(out, "{changed} of {all} {plans} changed");
    out
}

fn pair_text(pair: &PlanPair<'_>, width: usize) -> String {
    let mut out = String::new();
    let verdict = if pair.is_changed() { "changed" } else { "same" };
    let told = [version_text(pair.before, pair.after), q_error_text(pair)];
    let said: Vec<String> =
        [verdict.to_owned()].into_iter().chain(told.into_iter().flatten()).collect();
    out.push_str(&wrapped(&said.join(", "), width, INDENT));
    if pair.is_changed() {
        for (change, line) in pair.lines() {
            let mark = match change {
                LineChange::Kept => ' ',
                LineChange::Gone => '-',
                LineChange::New => '+',
            };
            let indent = line.len() - line.trim_start().len();
            let deeper = format!("{mark} {}", " ".repeat((indent + 2).min(width / 2)));
            for part in wrap(&format!("{mark} {line}"), width - 4, &deeper) {
                let _ = writeln!(out, "    {}", part.trim_end());
            }
        }
    }
    out.push('\n');
    out
}

/// The versions of the server, where they differ.
fn version_text(before: &StoredPlan, after: &StoredPlan) -> Option<String> {
    let versions = (&before.engine_version, &after.engine_version);
    (versions.0 != versions.1)
        .then(|| format!("{} {} -> {}", before.engine, versions.0, versions.1))
}

/// The errors of the estimates, where they are known.
fn q_error_text(pair: &PlanPair<'_>) -> Option<String> {
    let error = |stored: &StoredPlan| stored.plan.q_error().map(factor);
    match (error(pair.before), error(pair.after)) {
        (None, None) => None,
        (before, after) => {
            let or_none = |error: Option<String>| error.unwrap_or_else(|| "unknown".to_owned());
            Some(format!("q-error {} -> {}", or_none(before), or_none(after)))
        }
    }
}

/// Lines of at most `width` characters, the later ones two blanks further in.
fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let lines = wrap(&format!("{indent}{text}"), width, &format!("{indent}{INDENT}"));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Breaks a text between words into lines of at most `width` characters, `indent` before all but the
/// first. A word that is longer than a line is cut.
fn wrap(text: &str, width: usize, indent: &str) -> Vec<String> {
    let blanks = text.chars().take_while(|character| *character == ' ').count();
    let (mut lines, mut line) = (Vec::new(), " ".repeat(blanks));
    let mut is_empty = true;
    for word in text[blanks..].split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        let room = width.saturating_sub(line.chars().count());
        line.push_str(&shortened(word, room));
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// A text on one line, its end left out where it does not fit.
fn cut(text: &str, width: usize) -> String {
    shortened(&text.split_whitespace().collect::<Vec<_>>().join(" "), width)
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
