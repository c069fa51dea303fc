//! A judgement as JSON. `docs/regression.md` is the contract of its keys.

use dbdyno_core::{Error, Result};
use serde::Serialize;

use crate::plan_diff::LineChange;
use crate::regress::{Finding, Judgement, Numbers, Outcome, PlanChange, Verdict};

/// The version of the form. It is raised when a key is removed, renamed or given another meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'j> {
    version: u32,
    outcome: &'static str,
    confidence: f64,
    baselines: &'j [String],
    current: &'j str,
    constants: &'j [String],
    counts: Counts,
    comparisons: usize,
    findings: Vec<Found<'j>>,
    plans: Vec<ChangedPlan<'j>>,
    only_in_baseline: &'j [String],
    only_in_current: &'j [String],
    notes: &'j [String],
}

#[derive(Serialize)]
struct Counts {
    regression: usize,
    improvement: usize,
    not_worse: usize,
    no_change: usize,
    could_not_tell: usize,
    changed_plans: usize,
}

#[derive(Serialize)]
struct Found<'j> {
    benchmark: &'j str,
    case: &'j str,
    load: &'j str,
    metric: &'j str,
    verdict: String,
    why: &'j str,
    #[serde(flatten)]
    numbers: Option<Figures<'j>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Changed<'j>>,
}

#[derive(Serialize)]
struct Changed<'j> {
    run: &'j str,
    commit: &'j str,
    earliest: &'j str,
    latest: &'j str,
    is_drift: bool,
}

#[derive(Serialize)]
struct Figures<'j> {
    unit: &'j str,
    better: &'static str,
    min_effect: f64,
    baseline: Side,
    current: Side,
    ratio: Option<f64>,
    ratio_low: Option<f64>,
    ratio_high: Option<f64>,
    p: f64,
    adjusted_p: f64,
}

#[derive(Serialize)]
struct Side {
    median: f64,
    repetitions: usize,
}

#[derive(Serialize)]
struct ChangedPlan<'j> {
    subject: &'j str,
    benchmark: &'j str,
    name: &'j str,
    gone: Vec<&'j str>,
    new: Vec<&'j str>,
    likely_cause_of: &'j [String],
    is_regression: bool,
}

/// The judgement with numbers as they are, not rounded.
pub(super) fn json(judgement: &Judgement) -> Result<String> {
    let document = Document {
        version: VERSION,
        outcome: match judgement.outcome() {
            Outcome::NoRegression => "no_regression",
            Outcome::Regression => "regression",
            Outcome::CouldNotTell => "could_not_tell",
        },
        confidence: 1.0 - judgement.level,
        baselines: &judgement.baselines,
        current: &judgement.current,
        constants: &judgement.constants,
        counts: Counts {
            regression: judgement.count(Verdict::Regression),
            improvement: judgement.count(Verdict::Improvement),
            not_worse: judgement.count(Verdict::NotWorse),
            no_change: judgement.count(Verdict::NoChange),
            could_not_tell: judgement.count(Verdict::CouldNotTell),
            changed_plans: judgement.plans.len(),
        },
        comparisons: judgement.comparisons,
        findings: judgement.findings.iter().map(found).collect(),
        plans: judgement.plans.iter().map(changed_plan).collect(),
        only_in_baseline: &judgement.only_before,
        only_in_current: &judgement.only_after,
        notes: &judgement.notes,
    };
    let text = serde_json::to_string_pretty(&document)
        .map_err(|why| Error::new("write the judgement as JSON", why))?;
    Ok(text + "\n")
}

fn found(finding: &Finding) -> Found<'_> {
    Found {
        benchmark: &finding.benchmark,
        case: &finding.case,
        load: &finding.load,
        metric: &finding.metric,
        verdict: finding.verdict.name().replace(' ', "_"),
        why: &finding.why,
        numbers: finding.numbers.as_ref().map(figures),
        since: finding.since.as_ref().map(|since| Changed {
            run: &since.run,
            commit: &since.commit,
            earliest: &since.between.0,
            latest: &since.between.1,
            is_drift: since.is_drift,
        }),
    }
}

fn figures(numbers: &Numbers) -> Figures<'_> {
    let side = |(median, repetitions): (f64, usize)| Side { median, repetitions };
    let interval = numbers.shift.and_then(|shift| shift.interval);
    Figures {
        unit: &numbers.unit,
        better: numbers.better.name(),
        min_effect: numbers.min_effect,
        baseline: side(numbers.before),
        current: side(numbers.after),
        ratio: numbers.shift.map(|shift| shift.ratio),
        ratio_low: interval.map(|(low, _)| low),
        ratio_high: interval.map(|(_, high)| high),
        p: numbers.p,
        adjusted_p: numbers.adjusted_p,
    }
}

fn changed_plan(plan: &PlanChange) -> ChangedPlan<'_> {
    let lines = |wanted: LineChange| {
        let lines = plan.lines.iter().filter(move |(change, _)| *change == wanted);
        lines.map(|(_, line)| line.as_str()).collect()
    };
    ChangedPlan {
        subject: &plan.subject,
        benchmark: &plan.benchmark,
        name: &plan.name,
        gone: lines(LineChange::Gone),
        new: lines(LineChange::New),
        likely_cause_of: &plan.likely_cause_of,
        is_regression: plan.is_regression,
    }
}
