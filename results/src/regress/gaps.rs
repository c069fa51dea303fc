//! Numbers that repetitions do not have, or of which no more is known than that they were waited for.

use std::collections::BTreeSet;

use super::gather::Matched;
use crate::repetition::{Repetition, Sample};
use crate::statistics::mann_whitney::RankTest;

/// Metrics that end at a limit, each with the one that is 1 where the limit ended it, and 0 elsewhere. What is
/// at its limit is no number to rank: longer is not told from much longer.
const LIMITED: [(&str, &str); 2] =
    [("catch_up_ms", "not_caught_up"), ("catch_up_bytes_per_s", "not_caught_up")];

/// With what probability it is said that the current run lacks a number more often where chance alone did it.
const CHANCE: f64 = 0.05;

/// Repetitions that went well and lack the number of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lacking {
    /// As often as in the baseline, as far as anybody can tell.
    Alike(String),
    /// The current run does where the baseline never did, or more often than chance explains: what is missing
    /// could be what regressed.
    More(String),
}

/// What is to be said where some repetitions of either side lack a number.
pub(super) fn lacking(matched: &Matched<'_>, load: &str, metric: &str) -> Option<Lacking> {
    let sample = |repetition: &Repetition<'_>| repetition.sample(load, metric);
    // A run that has it nowhere was measured before there was such a number.
    let with_it: BTreeSet<&str> = (matched.before.iter())
        .filter(|repetition| matches!(sample(repetition), Sample::Value(_)))
        .map(Repetition::run_id)
        .collect();
    let lacks = |side: &[&Repetition<'_>]| -> Vec<f64> {
        let good = side.iter().filter(|repetition| repetition.is_good());
        good.map(|one| if sample(one) == Sample::Missing { 1.0 } else { 0.0 }).collect()
    };
    let before: Vec<_> =
        matched.before.iter().filter(|one| with_it.contains(one.run_id())).collect();
    let (before, after) = (lacks(&before), lacks(&matched.after.iter().collect::<Vec<_>>()));
    let count = |side: &[f64]| side.iter().filter(|lacks| **lacks > 0.0).count();
    let (old, new) = (count(&before), count(&after));
    if old + new == 0 {
        return None;
    }
    let of_current = format!("{new} of {} repetitions of the current run lack it", after.len());
    if old == 0 {
        return Some(Lacking::More(of_current));
    }
    let of_baseline = format!("{old} of {} of the baseline", before.len());
    let is_larger = new * before.len() > old * after.len();
    if is_larger && RankTest::default().p_value(&before, &after) <= CHANCE {
        return Some(Lacking::More(format!("{of_current}, and {of_baseline}")));
    }
    Some(Lacking::Alike(format!(
        "{of_current}, and {of_baseline}: it is judged by those that have it"
    )))
}

/// Why a number cannot be judged that ended at its limit in some repetitions; `None` where it did in none.
pub(super) fn at_limit(
    before: &[&Repetition<'_>],
    after: &[&Repetition<'_>],
    load: &str,
    metric: &str,
) -> Option<String> {
    let (_, told_by) = LIMITED.iter().find(|(limited, _)| *limited == metric)?;
    let is_at_it = |one: &&&Repetition<'_>| one.value(load, told_by).is_some_and(|at| at > 0.0);
    let count = |side: &[&Repetition<'_>]| {
        let good: Vec<_> = side.iter().filter(|one| one.is_good()).collect();
        (good.iter().copied().filter(is_at_it).count(), good.len())
    };
    let ((old, of_old), (new, of_new)) = (count(before), count(after));
    (old + new > 0).then(|| {
        format!(
            "it ended at its limit in {old} of {of_old} repetitions of the baseline and {new} of \
             {of_new} of the current run ({told_by}): what it would have come to is not known"
        )
    })
}
