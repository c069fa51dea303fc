//! What all forms of a judgement say alike.

use std::collections::BTreeMap;

use crate::metric;
use crate::number::{self, percent};
use crate::regress::{Finding, Judgement, Numbers, SampleOf, Verdict};

/// How many findings there are of each verdict, regressions first.
pub(in crate::regress) fn summary(judgement: &Judgement) -> String {
    let plural = |count: usize, noun: &str| match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        many => format!("{many} {noun}s"),
    };
    let regressions = judgement.count(Verdict::Regression);
    // Of what could not be told, nor of plans that count as regressions, nobody may read that there is none.
    let is_told = judgement.findings.iter().any(|one| one.verdict != Verdict::CouldNotTell)
        && !judgement.plans.iter().any(|plan| plan.is_regression);
    let mut parts = Vec::new();
    if regressions > 0 || is_told {
        parts.push(plural(regressions, "regression"));
    }
    for (verdict, words) in [
        (Verdict::Improvement, None),
        (Verdict::NotWorse, Some("not worse")),
        (Verdict::NoChange, Some("unchanged")),
        (Verdict::CouldNotTell, Some("could not be told")),
    ] {
        match (judgement.count(verdict), words) {
            (0, _) => {}
            (count, None) => parts.push(plural(count, verdict.name())),
            (count, Some(words)) => parts.push(format!("{count} {words}")),
        }
    }
    if !judgement.plans.is_empty() {
        parts.push(plural(judgement.plans.len(), "changed plan"));
    }
    parts.join(", ")
}

/// Which runs were held against each other.
pub(super) fn runs(judgement: &Judgement) -> String {
    let runs = &judgement.baselines;
    match (judgement.sample, runs.as_slice()) {
        (SampleOf::Runs, [first, .., _]) => {
            format!("{} and the {} runs before it, from {first} on", judgement.current, runs.len())
        }
        _ => format!("{} against the baseline {}", judgement.current, runs.join(", ")),
    }
}

/// The confidence in percent: `95%`.
pub(super) fn confidence(judgement: &Judgement) -> String {
    percent(1.0 - judgement.level)
}

/// The parts of a line of numbers.
pub(super) struct Line {
    /// The metric, with the unit that the numbers are in.
    pub(super) label: String,
    pub(super) before: String,
    pub(super) after: String,
    /// By how much it changed: `-15.6%`.
    pub(super) change: String,
    /// The interval of the change: `-18.2% to -12.1%`; empty where there is none.
    pub(super) interval: String,
    /// The corrected p; empty where so few repetitions cannot give a small one.
    pub(super) p: String,
}

impl Line {
    pub(super) fn of(finding: &Finding, numbers: &Numbers) -> Self {
        let largest = numbers.before.0.abs().max(numbers.after.0.abs());
        let (label, divisor) = metric::display(&finding.metric, &numbers.unit, largest);
        let value = |value: f64| number::value(value / divisor, &numbers.unit);
        let interval = numbers.shift.and_then(|shift| shift.interval);
        Self {
            label,
            before: value(numbers.before.0),
            after: value(numbers.after.0),
            change: numbers.shift.map(|shift| change(shift.ratio)).unwrap_or_default(),
            interval: interval
                .map(|(low, high)| format!("{} to {}", change(low), change(high)))
                .unwrap_or_default(),
            p: interval.map(|_| p(numbers.adjusted_p)).unwrap_or_default(),
        }
    }
}

/// A ratio as the change that it is: `+3.2%`, `-15.6%`, `+900%`.
fn change(ratio: f64) -> String {
    let percent = (ratio - 1.0) * 100.0;
    let digits = match percent.abs() {
        small if small < 99.95 => format!("{percent:+.1}"),
        _ => format!("{}{}", if percent < 0.0 { "" } else { "+" }, number::sensible(percent)),
    };
    format!("{}%", if digits == "-0.0" { "+0.0" } else { &digits })
}

fn p(p: f64) -> String {
    match p {
        small if small < 0.001 => "p<0.001".to_owned(),
        large if large > 0.999 => "p=1".to_owned(),
        p => format!("p={p:.3}"),
    }
}

/// How to read the numbers; `None` where there are none.
pub(super) fn legend(judgement: &Judgement) -> Option<String> {
    let numbers: Vec<&Numbers> =
        judgement.findings.iter().filter_map(|finding| finding.numbers.as_ref()).collect();
    let sizes = |side: fn(&Numbers) -> usize| {
        let all = || numbers.iter().map(|numbers| side(numbers));
        let (low, high) = (all().min()?, all().max()?);
        Some(if low == high { low.to_string() } else { format!("{low} to {high}") })
    };
    let (before, after) = (sizes(|numbers| numbers.before.1)?, sizes(|numbers| numbers.after.1)?);
    let noun = match (judgement.sample, after.as_str()) {
        (SampleOf::Repetitions, "1") => "repetition",
        (SampleOf::Repetitions, _) => "repetitions",
        (SampleOf::Runs, "1") => "run",
        (SampleOf::Runs, _) => "runs",
    };
    let mut parts = vec![format!("medians of {before} against {after} {noun}")];
    if numbers.iter().any(|numbers| numbers.shift.is_some_and(|shift| shift.interval.is_some())) {
        let confidence = confidence(judgement);
        parts.push(format!("the change and its {confidence} interval are those of all ratios"));
        parts.push(match judgement.comparisons {
            _ if judgement.sample == SampleOf::Runs => {
                "p is that of a change anywhere near, by permutations".to_owned()
            }
            0 | 1 => "p is that of Mann and Whitney".to_owned(),
            many => format!("p is that of Mann and Whitney, corrected for {many} comparisons"),
        });
    }
    parts.push(thresholds(judgement));
    Some(parts.join("; "))
}

/// From which size on a change counts.
fn thresholds(judgement: &Judgement) -> String {
    let mut by_size: BTreeMap<u64, (f64, Vec<&str>)> = BTreeMap::new();
    for finding in &judgement.findings {
        if let Some(numbers) = &finding.numbers {
            // The bits of positive doubles sort as the doubles do.
            let entry = by_size.entry(numbers.min_effect.to_bits());
            let (_, metrics) = entry.or_insert((numbers.min_effect, Vec::new()));
            if !metrics.contains(&&*finding.metric) {
                metrics.push(&finding.metric);
            }
        }
    }
    let several = by_size.len() > 1;
    let sizes = by_size.values().map(|(size, metrics)| match several {
        true => format!("{} ({})", percent(*size), metrics.join(", ")),
        false => percent(*size),
    });
    format!("a change counts from {}", sizes.collect::<Vec<_>>().join(", "))
}

/// What stands below all findings.
pub(super) fn remarks(judgement: &Judgement) -> Vec<String> {
    let mut remarks = Vec::new();
    for (cases, side) in
        [(&judgement.only_before, "the baseline"), (&judgement.only_after, "the current run")]
    {
        if !cases.is_empty() {
            remarks.push(format!("only in {side}: {}", cases.join("; ")));
        }
    }
    remarks.extend(judgement.notes.iter().map(|note| format!("note: {note}")));
    remarks
}

/// What a changed plan means.
pub(super) fn plan_verdict(plan: &crate::regress::PlanChange) -> String {
    let mut parts = Vec::new();
    if !plan.likely_cause_of.is_empty() {
        parts.push(format!(
            "the likely cause of the regression of {}",
            plan.likely_cause_of.join(", ")
        ));
    }
    if plan.is_regression {
        parts.push("a regression of its own (--fail-on-plan-change)".to_owned());
    }
    if parts.is_empty() { "no regression goes with it".to_owned() } else { parts.join("; ") }
}
