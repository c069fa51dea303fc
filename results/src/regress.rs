//! `dbdyno regress`: whether a run is worse than its baseline. `docs/regression.md` says how it judges.

mod conditions;
mod errors;
mod gaps;
mod gather;
mod history;
mod input;
mod judge;
pub(crate) mod metrics;
mod missing;
mod plans;
mod promises;
pub mod render;

use std::collections::BTreeMap;
use std::path::Path;

use dbdyno_core::{Better, Result};

use crate::metric::is_asked;
use crate::statistics::shift::Shift;

pub(crate) use conditions::is_noted;
pub use history::{HistoryOptions, regress_history};
pub use plans::PlanChange;
pub use render::{RegressFormat, render};

/// What is judged, and how strictly.
#[derive(Clone, Debug, PartialEq)]
pub struct RegressOptions {
    /// The metrics, by name or by the middle of a latency's name (`p99`); the default set, and what
    /// [`Thresholds::by_metric`] names, where empty.
    pub metrics: Vec<String>,
    /// How large a change counts.
    pub thresholds: Thresholds,
    /// The probability, in (0, 1), that anything at all is called changed where nothing is: 0.05 for a
    /// confidence of 95 %.
    pub level: f64,
    /// Whether runs on different machines are held against each other.
    pub across_machines: bool,
    /// Whether a changed plan alone is a regression.
    pub fail_on_plan_change: bool,
}

impl Default for RegressOptions {
    fn default() -> Self {
        Self {
            metrics: Vec::new(),
            thresholds: Thresholds::default(),
            level: 0.05,
            across_machines: false,
            fail_on_plan_change: false,
        }
    }
}

/// How large a change must be to count, as a share of the baseline in (0, 1): 0.05 for 5 %.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    /// For every metric that has none of its own.
    pub general: f64,
    /// For single metrics, by name or by the middle of a latency's name.
    pub by_metric: BTreeMap<String, f64>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { general: 0.05, by_metric: BTreeMap::new() }
    }
}

impl Thresholds {
    /// Sets that of one metric, by name or by the middle of a latency's name.
    pub fn set(&mut self, metric: &str, share: f64) {
        self.by_metric.retain(|known, _| !is_asked(metric, known) && !is_asked(known, metric));
        self.by_metric.insert(metric.to_owned(), share);
    }

    /// That of a metric.
    pub fn of(&self, metric: &str) -> f64 {
        let named = || self.by_metric.iter().find(|(asked, _)| is_asked(asked, metric));
        let own = self.by_metric.get(metric).or_else(|| named().map(|(_, share)| share));
        own.copied().unwrap_or(self.general)
    }
}

/// What became of the current run.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// See [`RegressOptions::level`].
    pub level: f64,
    /// The runs of the baseline.
    pub baselines: Vec<String>,
    /// The run that was held against them.
    pub current: String,
    /// What all cases share, as a caption says it.
    pub constants: Vec<String>,
    /// What was judged, case by case.
    pub findings: Vec<Finding>,
    /// How many of the findings the p were corrected for: those with as many repetitions as can show a difference at
    /// all. Of a history, how many series were searched.
    pub comparisons: usize,
    /// Query plans that changed.
    pub plans: Vec<PlanChange>,
    /// Cases that only the baseline has.
    pub only_before: Vec<String>,
    /// Cases that only the current run has.
    pub only_after: Vec<String>,
    /// What must be known before conclusions are drawn, a sentence each.
    pub notes: Vec<String>,
    /// See [`RegressOptions::fail_on_plan_change`].
    pub fail_on_plan_change: bool,
    /// What the numbers of both sides are one of each of.
    pub sample: SampleOf,
}

/// What a single number of a side is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleOf {
    /// A repetition: two sides are held against each other.
    Repetitions,
    /// A run, as the median of its repetitions: a history is searched for changes.
    Runs,
}

/// What is to be concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing regressed, and everything could be told.
    NoRegression,
    /// Something regressed.
    Regression,
    /// Nothing that could be told regressed, and something could not be told.
    CouldNotTell,
}

/// What was found out of one metric of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The benchmark with its suite.
    pub benchmark: String,
    /// What tells its case from others of the benchmark; empty where nothing does.
    pub case: String,
    /// The load of the case, where it is measured in several that are judged by themselves; empty for the
    /// case as a whole.
    pub load: String,
    /// The metric; [`STATUS`] where it is about the repetitions as a whole.
    pub metric: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, or what else there is to say; empty where the numbers say it all.
    pub why: String,
    /// The numbers; `None` where it is not about numbers.
    pub numbers: Option<Numbers>,
    /// Where in a history it changed; `None` where two sides were held against each other.
    pub since: Option<Since>,
}

impl Finding {
    /// What tells what it is about from others of the benchmark: the case and the load.
    pub fn subject(&self) -> String {
        let parts = [self.case.as_str(), self.load.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

/// Where a history changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// The first run after the change.
    pub run: String,
    /// What that run measured; empty where it is not known.
    pub commit: String,
    /// The earliest and the latest run that may as well have been the first.
    pub between: (String, String),
    /// Whether a slow drift fits what was measured better than a step.
    pub is_drift: bool,
}

/// The name of what is found out of repetitions as a whole: that they failed, for example.
pub const STATUS: &str = "status";

/// A verdict, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is worse, by as much as counts.
    Regression,
    /// Nobody can tell from these repetitions.
    CouldNotTell,
    /// It is better, by as much as counts.
    Improvement,
    /// It is not worse by as much as counts; whether it is better cannot be told.
    NotWorse,
    /// It has not changed by as much as counts.
    NoChange,
}

impl Verdict {
    /// Every verdict, in the order in which they are shown.
    pub const ALL: [Self; 5] =
        [Self::Regression, Self::CouldNotTell, Self::Improvement, Self::NotWorse, Self::NoChange];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::CouldNotTell => "could not tell",
            Self::Improvement => "improvement",
            Self::NotWorse => "not worse",
            Self::NoChange => "no change",
        }
    }
}

/// The numbers of one metric on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// The unit.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// How large a change counts, as a share of the baseline.
    pub min_effect: f64,
    /// The median over repetitions of the baseline, and how many there are.
    pub before: (f64, usize),
    /// The same of the current run.
    pub after: (f64, usize),
    /// By what factor the current numbers are larger; `None` where one of them is not above 0.
    pub shift: Option<Shift>,
    /// The probability of ranks that differ as much by chance alone.
    pub p: f64,
    /// The same, corrected for all comparisons; to be held against the level.
    pub adjusted_p: f64,
}

impl Judgement {
    /// What is to be concluded.
    pub fn outcome(&self) -> Outcome {
        let any = |verdict| self.findings.iter().any(|finding| finding.verdict == verdict);
        if any(Verdict::Regression) || self.plans.iter().any(|plan| plan.is_regression) {
            Outcome::Regression
        } else if any(Verdict::CouldNotTell) || self.findings.is_empty() {
            Outcome::CouldNotTell
        } else {
            Outcome::NoRegression
        }
    }

    /// How many findings there are of each verdict, in words, regressions first.
    pub fn summary(&self) -> String {
        render::summary(self)
    }

    /// How many findings have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

/// Holds a run against its baseline: run folders or their `results.csv`. The repetitions of several
/// baselines are taken together.
///
/// # Errors
/// A run cannot be read or ends before its time, a row is there twice, a run is on both sides, the
/// machines differ, a metric is unknown or has no better direction, or there is no case in common.
pub fn regress<P: AsRef<Path>>(
    baselines: &[P],
    current: &Path,
    options: &RegressOptions,
) -> Result<Judgement> {
    let baselines: Vec<&Path> = baselines.iter().map(AsRef::as_ref).collect();
    let sides = input::read(&baselines, current)?;
    let mut notes = sides.notes();
    notes.extend(conditions::check(&sides, options.across_machines)?);
    let gathered = gather::gather(&sides)?;
    notes.extend(gathered.versions());
    let metrics = metrics::judged(&sides, options, &mut notes)?;
    let (mut found, mut pairs) = (Vec::new(), Vec::new());
    for matched in &gathered.cases {
        let against = promises::Before::all(matched);
        if promises::look_at(matched, &against, options, &mut pairs, &mut found, &mut notes) {
            let before = pairs.len() + found.len();
            for metric in (1..).zip(metrics.iter().map(String::as_str)) {
                gather::compare(matched, metric, options, &mut pairs, &mut found, &mut notes);
            }
            if pairs.len() + found.len() == before {
                found.push(promises::alone(matched));
            }
        }
    }
    found.extend(missing::look_at(&sides, &gathered, &|_| true, &mut notes));
    let judge::Judged { found: of_numbers, comparisons } = judge::judge(pairs, options.level);
    found.extend(of_numbers);
    if found.is_empty() {
        found.push(nothing_judged());
    }
    found.sort_by(|(place, rank, one), (other_place, other_rank, other)| {
        (place, &one.load, rank).cmp(&(other_place, &other.load, other_rank))
    });
    let mut plans = plans::changes(&sides, options, &mut notes)?;
    plans::blame(&mut plans, &gathered, &found);
    let findings = found.into_iter().map(|(_, _, finding)| finding).collect();
    Ok(Judgement {
        level: options.level,
        baselines: sides.baseline_names(),
        current: sides.current_name(),
        constants: gathered.constants,
        findings,
        comparisons,
        plans,
        only_before: gathered.only_before,
        only_after: gathered.only_after,
        notes,
        fail_on_plan_change: options.fail_on_plan_change,
        sample: SampleOf::Repetitions,
    })
}

/// A finding with the place of its case and its rank within that.
type Placed = (usize, usize, Finding);

/// Where there are cases on both sides, and nothing in any of them that can be judged.
fn nothing_judged() -> Placed {
    open("all cases", "nothing of them could be judged: they have no numbers that count")
}

/// What could not be told of something that is no case of both sides.
fn open(title: &str, why: &str) -> Placed {
    let finding = Finding {
        benchmark: title.to_owned(),
        case: String::new(),
        load: String::new(),
        metric: STATUS.to_owned(),
        verdict: Verdict::CouldNotTell,
        why: why.to_owned(),
        numbers: None,
        since: None,
    };
    (usize::MAX, 0, finding)
}

#[cfg(test)]
mod tests;
