//! Which rules fire, and which are over: values against rules, moment by moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::Case;
use dbdyno_core::metrics::Source;

use super::points::Point;
use super::rule::{Condition, Op, Rule, Subject};
use super::series::{Change, Series, Verdict};
use crate::overheard::case_name;

/// A target, and what its engine can tell.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub target: String,
    pub metrics: Vec<&'static str>,
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
    series: BTreeMap<Key, Series>,
    /// Cases that the baseline does not have, each told of once.
    unknown: BTreeSet<(String, String)>,
}

/// A target, and which of several.
type Key = (String, String);

impl Judge {
    pub(super) fn new(rules: Vec<Rule>, watched: Vec<Watched>) -> Self {
        let of_rule = |rule| OfRule {
            rule: Arc::new(rule),
            series: BTreeMap::new(),
            unknown: BTreeSet::new(),
        };
        Self { watched, rules: rules.into_iter().map(of_rule).collect() }
    }

    /// Judges what is known since the moment before. `running` are the cases whose loads run.
    pub(super) fn judge(
        &mut self,
        now: Duration,
        points: &[Point],
        running: &[Arc<Case>],
    ) -> Vec<Finding> {
        let watched = &self.watched;
        let each = self.rules.iter_mut().flat_map(|of| match of.rule.condition {
            Condition::Absent => of.absent(now, points, running, watched),
            Condition::Beyond { .. } => of.beyond(now, points, running),
        });
        each.collect()
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
    fn beyond(&mut self, now: Duration, points: &[Point], running: &[Arc<Case>]) -> Vec<Finding> {
        let mut findings = self.gone(now, points, running);
        for point in points {
            if !self.is_about(point) {
                continue;
            }
            let Some(bounds) = self.bounds(point, &mut findings) else { continue };
            let series = self.series.entry((point.target.clone(), point.of.clone())).or_default();
            let Some(value) = series.value(&self.rule, point) else { continue };
            let verdict = bounds.of(value);
            if let Some(change) = series.step(point.at, verdict, self.rule.lasting) {
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
                let key = (point.target.clone(), case_name(case));
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
    fn gone(&mut self, now: Duration, points: &[Point], running: &[Arc<Case>]) -> Vec<Finding> {
        let subject = self.rule.metric.subject;
        let told: BTreeSet<&str> = points
            .iter()
            .filter(|point| point.subject == subject)
            .map(|point| point.target.as_str())
            .collect();
        let here: BTreeSet<Key> = points
            .iter()
            .filter(|point| self.is_about(point))
            .map(|point| (point.target.clone(), point.of.clone()))
            .collect();
        let runs = |target: &str| running.iter().any(|case| case.target == target);
        let rule = Arc::clone(&self.rule);
        let mut findings = Vec::new();
        self.series.retain(|key, series| {
            let is_gone = match subject {
                Subject::Load => !runs(&key.0) && !here.contains(key),
                Subject::Sampled(_) => told.contains(key.0.as_str()) && !here.contains(key),
            };
            if is_gone && series.step(now, Verdict::Over, rule.lasting).is_some() {
                findings.push(Finding {
                    rule: Arc::clone(&rule),
                    change: Change::Resolved,
                    target: key.0.clone(),
                    of: key.1.clone(),
                    case: None,
                    value: None,
                    threshold: None,
                });
            }
            !is_gone
        });
        findings
    }

    /// Values that are not there: of each target that could tell, or of each load that runs.
    fn absent(
        &mut self,
        now: Duration,
        points: &[Point],
        running: &[Arc<Case>],
        watched: &[Watched],
    ) -> Vec<Finding> {
        let rule = Arc::clone(&self.rule);
        let expected: Vec<(String, Option<Arc<Case>>)> = match rule.metric.subject {
            Subject::Load => {
                running.iter().map(|case| (case.target.clone(), Some(Arc::clone(case)))).collect()
            }
            Subject::Sampled(Source::Engine | Source::Server) => {
                let could = |watched: &&Watched| {
                    rule.metric.subject != Subject::Sampled(Source::Engine)
                        || watched.metrics.contains(&rule.metric.info.name)
                };
                watched.iter().filter(could).map(|each| (each.target.clone(), None)).collect()
            }
            Subject::Sampled(Source::Client | Source::Machine) => vec![(String::new(), None)],
        };
        let of = rule.of.clone().unwrap_or_default();
        let is_expected = |target: &str| expected.iter().any(|(expected, _)| expected == target);
        self.series.retain(|(target, _), _| is_expected(target));
        let mut findings = Vec::new();
        for (target, case) in expected {
            if rule.target.as_ref().is_some_and(|wanted| *wanted != target) {
                continue;
            }
            let is_there =
                points.iter().any(|point| self.is_about(point) && point.target == target);
            let series = self.series.entry((target.clone(), of.clone())).or_default();
            let verdict = if is_there { Verdict::Over } else { Verdict::Beyond };
            if let Some(change) = series.step(now, verdict, rule.lasting) {
                let rule = Arc::clone(&rule);
                let of = of.clone();
                let finding =
                    Finding { rule, change, target, of, case, value: None, threshold: None };
                findings.push(finding);
            }
        }
        findings
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
