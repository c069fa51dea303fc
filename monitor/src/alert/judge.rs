//! Which rules fire, and which are over: values against rules, moment by moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::Case;
use dbdyno_core::metrics::Source;

use super::points::{Point, Running};
use super::rule::{Condition, Op, Rule, Subject};
use super::series::{Change, Series, Verdict, gap};
use crate::overheard::comparable_name;

/// How late a load may tell of a second: up to one for the second itself, one until it is told, and one more for what
/// is told with the second that follows.
const LATE: Duration = Duration::from_secs(3);

/// A target, and what its engine can tell.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub target: String,
    /// Metrics of the engine, and what is worked out of them.
    pub metrics: Vec<&'static str>,
    /// Whether its server's processes are told of: not of one that is somebody else's.
    pub has_process: bool,
}

/// When it is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Since watching began.
    pub now: Duration,
    /// Whether samples were taken for it: at the very end, they are not.
    pub is_sampled: bool,
}

/// What became of a rule.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub rule: Arc<Rule>,
    pub change: Change,
    pub target: String,
    pub of: String,
    pub case: Option<Arc<Case>>,
    /// What was seen last; none where nothing was.
    pub value: Option<f64>,
    /// What it was held against.
    pub threshold: Option<f64>,
}

/// Holds values against rules.
#[derive(Debug)]
pub(super) struct Judge {
    watched: Vec<Watched>,
    rules: Vec<OfRule>,
}

/// A rule, with what there is to it of each target and each of several.
#[derive(Debug)]
struct OfRule {
    rule: Arc<Rule>,
    /// How long a series may tell nothing and still be unbroken. Nobody is silent who has nothing to tell: a load whose
    /// transactions take their time has no percentiles in between.
    gap: Duration,
    series: BTreeMap<Key, OfCase>,
    /// Cases that the baseline does not have, each told of once.
    unknown: BTreeSet<(String, String)>,
    /// Whether there ever was something to judge, or to tell that there is not.
    is_judged: bool,
}

/// A target, and which of several.
type Key = (String, String);

/// A series, and the case whose load it is of: that of another is another one.
#[derive(Debug, Default)]
struct OfCase {
    case: Option<Arc<Case>>,
    series: Series,
    /// When the load last told of the metric, where absence is what is looked for.
    told: Option<Duration>,
}

impl OfCase {
    /// Makes it that of a case; tells whether it was another's and has fired, with that one's case.
    fn belongs_to(&mut self, case: Option<&Arc<Case>>) -> Option<Option<Arc<Case>>> {
        if self.case.as_deref() == case.map(|case| &**case) {
            return None;
        }
        let before = std::mem::take(self);
        self.case = case.cloned();
        before.series.has_fired().then_some(before.case)
    }
}

impl Judge {
    /// Judges samples that are taken so often.
    pub(super) fn new(rules: Vec<Rule>, watched: Vec<Watched>, interval: Duration) -> Self {
        let of_rule = |rule: Rule| OfRule {
            gap: match rule.metric.subject {
                Subject::Load => Duration::MAX,
                Subject::Sampled(_) => gap(interval),
            },
            rule: Arc::new(rule),
            series: BTreeMap::new(),
            unknown: BTreeSet::new(),
            is_judged: false,
        };
        Self { watched, rules: rules.into_iter().map(of_rule).collect() }
    }

    /// Judges what is known since the moment before. `running` are the cases whose loads run.
    pub(super) fn judge(
        &mut self,
        moment: Moment,
        points: &[Point],
        running: &[Running],
    ) -> Vec<Finding> {
        let watched = &self.watched;
        let each = self.rules.iter_mut().flat_map(|of| {
            match (&of.rule.condition, &of.rule.metric.subject) {
                // Of what was not looked at nobody can say that it is absent.
                (Condition::Absent, Subject::Sampled(_)) if !moment.is_sampled => Vec::new(),
                (Condition::Absent, Subject::Sampled(_)) => {
                    of.absent_samples(moment.now, points, watched)
                }
                (Condition::Absent, Subject::Load) => {
                    of.absent_of_loads(moment.now, points, running)
                }
                (Condition::Beyond { .. }, _) => of.beyond(moment.now, points, running),
            }
        });
        each.collect()
    }
}

impl Judge {
    /// The rules that somebody asked for and that never found anything to judge.
    pub(super) fn never_judged(&self) -> Vec<Arc<Rule>> {
        let idle = self.rules.iter().filter(|of| of.rule.is_asked_for && !of.is_judged);
        idle.map(|of| Arc::clone(&of.rule)).collect()
    }

    /// A target is no more: what had fired of it is over.
    pub(super) fn left(&mut self, target: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for OfRule { rule, series, .. } in &mut self.rules {
            series.retain(|(its, of), known| {
                let has_left = its == target;
                if has_left && known.series.has_fired() {
                    findings.push(is_no_more(rule, (its, of), known.case.clone()));
                }
                !has_left
            });
        }
        findings
    }
}

impl OfRule {
    fn is_about(&self, point: &Point) -> bool {
        let rule = &self.rule;
        point.subject == rule.metric.subject
            && point.metric == rule.metric.info.name
            && rule.target.as_ref().is_none_or(|target| *target == point.target)
            && rule.of.as_ref().is_none_or(|of| *of == point.of)
    }

    /// Values beyond a threshold.
    fn beyond(&mut self, now: Duration, points: &[Point], running: &[Running]) -> Vec<Finding> {
        let mut findings = self.gone(now, points, running);
        for point in points {
            if !self.is_about(point) {
                continue;
            }
            let Some(bounds) = self.bounds(point, &mut findings) else {
                self.is_judged = true;
                continue;
            };
            let of = self.series.entry((point.target.clone(), point.of.clone())).or_default();
            if let Some(case) = of.belongs_to(point.case.as_ref()) {
                findings.push(is_no_more(&self.rule, (&point.target, &point.of), case));
            }
            if point.is_absent {
                of.series.pauses();
                continue;
            }
            let Some(value) = of.series.value(&self.rule, point) else {
                of.series.stands(point.at);
                continue;
            };
            self.is_judged = true;
            let verdict = bounds.of(value);
            if let Some(change) = of.series.step(point.at, verdict, (self.rule.lasting, self.gap)) {
                findings.push(Finding {
                    rule: Arc::clone(&self.rule),
                    change,
                    target: point.target.clone(),
                    of: point.of.clone(),
                    case: point.case.clone(),
                    value: Some(value),
                    threshold: Some(bounds.fire),
                });
            }
        }
        findings
    }

    /// The thresholds for a point; `None` where the baseline does not have its case.
    fn bounds(&mut self, point: &Point, findings: &mut Vec<Finding>) -> Option<Bounds> {
        let Condition::Beyond { op, threshold, clear, baseline, .. } = &self.rule.condition else {
            return None;
        };
        let unit = match (baseline, &point.case) {
            (Some(baseline), Some(case)) => {
                let key = (point.target.clone(), comparable_name(case));
                let Some(value) = baseline.get(&key) else {
                    if self.unknown.insert(key) {
                        findings.push(Finding {
                            rule: Arc::clone(&self.rule),
                            change: Change::NotJudged,
                            target: point.target.clone(),
                            of: point.of.clone(),
                            case: point.case.clone(),
                            value: None,
                            threshold: None,
                        });
                    }
                    return None;
                };
                *value
            }
            _ => 1.0,
        };
        Some(Bounds { op: *op, fire: threshold * unit, clear: clear.unwrap_or(*threshold) * unit })
    }

    /// Those that are no more, such as a wait that nobody waits any longer: they are over. One whose target, or
    /// whose machine, told nothing at all at this moment is left as it is.
    fn gone(&mut self, now: Duration, points: &[Point], running: &[Running]) -> Vec<Finding> {
        let subject = self.rule.metric.subject;
        let told: BTreeSet<&str> = points
            .iter()
            .filter(|point| point.subject == subject)
            .map(|point| point.target.as_str())
            .collect();
        let here: Vec<&Point> = points.iter().filter(|point| self.is_about(point)).collect();
        let (rule, gap) = (Arc::clone(&self.rule), self.gap);
        let mut findings = Vec::new();
        self.series.retain(|(target, of), known| {
            let is_here = here.iter().any(|point| {
                point.target == *target && point.of == *of && point.case == known.case
            });
            let runs = || running.iter().any(|load| Some(&load.case) == known.case.as_ref());
            let is_gone = match subject {
                Subject::Load => !is_here && !runs(),
                Subject::Sampled(_) => !is_here && told.contains(target.as_str()),
            };
            if is_gone && known.series.step(now, Verdict::Over, (rule.lasting, gap)).is_some() {
                findings.push(is_no_more(&rule, (target, of), known.case.clone()));
            }
            !is_gone
        });
        findings
    }

    /// Samples that are not there, of each target that could tell.
    fn absent_samples(
        &mut self,
        now: Duration,
        points: &[Point],
        watched: &[Watched],
    ) -> Vec<Finding> {
        let metric = self.rule.metric;
        let could = |watched: &&Watched| match metric.subject {
            Subject::Sampled(Source::Engine) => watched.metrics.contains(&metric.info.name),
            _ => watched.has_process,
        };
        let expected: Vec<&str> = match metric.subject.is_of_target() {
            true => watched.iter().filter(could).map(|each| each.target.as_str()).collect(),
            false => vec![""],
        };
        let mut findings = Vec::new();
        for target in expected {
            let is_told =
                |point: &&Point| !point.is_absent && self.is_about(point) && point.target == target;
            let told = points.iter().find(is_told);
            let verdict = if told.is_some() { Verdict::Over } else { Verdict::Beyond };
            let seen = (verdict, told.and_then(|point| point.raw));
            findings.extend(self.absence((now, self.rule.lasting), target, None, seen));
        }
        findings
    }

    /// What loads that are measured do not tell. They tell once a second, and late.
    fn absent_of_loads(
        &mut self,
        now: Duration,
        points: &[Point],
        running: &[Running],
    ) -> Vec<Finding> {
        let rule = Arc::clone(&self.rule);
        let mut findings = Vec::new();
        self.series.retain(|(target, of), known| {
            let runs = running.iter().any(|load| Some(&load.case) == known.case.as_ref());
            if !runs && known.series.has_fired() {
                findings.push(is_no_more(&rule, (target, of), known.case.clone()));
            }
            runs
        });
        for load in running {
            let Some(measured) = load.measured else { continue };
            let target = &load.case.target;
            let told = points
                .iter()
                .rev()
                .find(|point| self.is_about(point) && point.case.as_ref() == Some(&load.case));
            let of = self.rule.of.clone().unwrap_or_default();
            let known = self.series.entry((target.clone(), of)).or_default();
            // Another's is gone with that one's load.
            known.belongs_to(Some(&load.case));
            known.told = told.map(|point| point.at).or(known.told);
            let since = known.told.unwrap_or(now.saturating_sub(measured));
            let is_late = now.saturating_sub(since) >= LATE;
            let verdict = if is_late { Verdict::Beyond } else { Verdict::Over };
            // Part of the time is over once it counts as late.
            let lasting = self.rule.lasting.saturating_sub(LATE);
            let seen = (verdict, told.and_then(|point| point.raw));
            findings.extend(self.absence((now, lasting), target, Some(&load.case), seen));
        }
        findings
    }

    fn absence(
        &mut self,
        (now, lasting): (Duration, Duration),
        target: &str,
        case: Option<&Arc<Case>>,
        (verdict, value): (Verdict, Option<f64>),
    ) -> Option<Finding> {
        if self.rule.target.as_ref().is_some_and(|wanted| wanted != target) {
            return None;
        }
        self.is_judged = true;
        let of = self.rule.of.clone().unwrap_or_default();
        let known = self.series.entry((target.to_owned(), of.clone())).or_default();
        let change = known.series.step(now, verdict, (lasting, self.gap))?;
        Some(Finding {
            rule: Arc::clone(&self.rule),
            change,
            target: target.to_owned(),
            of,
            case: case.cloned(),
            value,
            threshold: None,
        })
    }
}

/// What had fired is over, for there is nothing left that it is about.
fn is_no_more(rule: &Arc<Rule>, (target, of): (&str, &str), case: Option<Arc<Case>>) -> Finding {
    Finding {
        rule: Arc::clone(rule),
        change: Change::Resolved,
        target: target.to_owned(),
        of: of.to_owned(),
        case,
        value: None,
        threshold: None,
    }
}

/// What a value is held against.
struct Bounds {
    op: Op,
    fire: f64,
    clear: f64,
}

impl Bounds {
    fn of(&self, value: f64) -> Verdict {
        if self.op.holds(value, self.fire) {
            Verdict::Beyond
        } else if self.op.holds(value, self.clear) {
            Verdict::Between
        } else {
            Verdict::Over
        }
    }
}

#[cfg(test)]
mod tests;
