//! A verdict as people read it.

use std::fmt::Write as _;

use crate::class::ClassSet;
use crate::model::Model;
use crate::verdict::{CheckOptions, Verdict};

/// The report of a history: what is in it, which anomalies were found, an example of each, and what
/// the history can still be. Classes of `proscribed` are marked.
pub fn verdict_text(verdict: &Verdict, proscribed: ClassSet, options: &CheckOptions) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, "{}\n{}\n", verdict.history, counts(verdict));
    if verdict.found.is_empty() {
        text.push_str("no anomaly\n");
    }
    for found in &verdict.found {
        let mark = if proscribed.has(found.class) { "proscribed" } else { "permitted" };
        let _ = writeln!(
            text,
            "{} ({mark}), {}: {}",
            found.class,
            times(found.count),
            found.class.words()
        );
    }
    for found in &verdict.found {
        if let Some(example) = found.examples.first() {
            let _ = write!(text, "\n{}, for example:\n{}", found.class, example.explanation);
        }
    }
    if !verdict.found.is_empty() {
        text.push('\n');
    }
    if !verdict.search_ended_early.is_empty() {
        let classes: Vec<&str> =
            verdict.search_ended_early.iter().map(|class| class.name()).collect();
        let _ = writeln!(
            text,
            "the search for {} took too long and was given up: there may be some",
            classes.join(", ")
        );
    }
    let models: Vec<&str> =
        verdict.possible_models(options).iter().map(|model: &Model| model.name()).collect();
    let _ = match &models[..] {
        [] => writeln!(text, "the history is of no consistency model"),
        models => {
            writeln!(text, "strongest models that this leaves possible: {}", models.join(", "))
        }
    };
    text
}

fn counts(verdict: &Verdict) -> String {
    let Verdict { committed, aborted, unknown, operations, never_read, .. } = verdict;
    let all = committed + aborted + unknown;
    format!(
        "{}, {all} transactions ({committed} committed, {aborted} aborted, {unknown} unknown) of {operations} operations; {never_read} committed writes were never read",
        verdict.kind.name()
    )
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}
