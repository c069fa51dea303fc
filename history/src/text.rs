//! A verdict as people read it.

use std::fmt::Write as _;

use crate::class::{AnomalyClass, ClassSet};
use crate::model::Model;
use crate::verdict::{CheckOptions, Verdict};

/// The report of a history: what is in it, which anomalies were found, an example of each, and what
/// the history can still be. Classes of `proscribed` are marked.
pub fn verdict_text(verdict: &Verdict, proscribed: ClassSet, options: &CheckOptions) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, "{}\n{}\n", verdict.history, counts(verdict));
    if verdict.found.is_empty() {
        let so_far =
            if verdict.search_ended_early.is_empty() { "" } else { " among what was searched" };
        let _ = writeln!(text, "no anomaly{so_far}");
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
    text.push_str(&given_up(verdict, proscribed, options));
    let models: Vec<&str> =
        verdict.possible_models(options).iter().map(|model: &Model| model.name()).collect();
    let weakest = Model::ReadUncommitted.proscribed();
    let _ = match &models[..] {
        [] if verdict.violations(weakest).is_empty() => {
            writeln!(text, "could not tell of which consistency model the history can be")
        }
        [] => writeln!(text, "the history is of no consistency model"),
        models => {
            writeln!(text, "strongest models that this leaves possible: {}", models.join(", "))
        }
    };
    text
}

/// The classes of which it could not be told whether there are any.
fn given_up(verdict: &Verdict, proscribed: ClassSet, options: &CheckOptions) -> String {
    if verdict.search_ended_early.is_empty() {
        return String::new();
    }
    let mark = |class: &AnomalyClass| {
        let mark = if proscribed.has(*class) { "proscribed" } else { "permitted" };
        format!("{class} ({mark})")
    };
    let classes: Vec<String> = verdict.search_ended_early.iter().map(mark).collect();
    format!(
        "could not tell whether there is any {}: the search was given up after {} steps\n",
        classes.join(", "),
        options.search_steps
    )
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
