//! From what stands in `dbdyno.toml` to rules.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use dbdyno_core::{Error, Result};
use dbdyno_monitor::{
    Condition, Fires, Metric, Op, RATIO, READY_MADE, ReadyMade, Rule, Severity, Subject,
};
use toml::Spanned;

use super::baseline;
use super::text::{Quantity, RuleText};
use crate::args::{parse_duration, parse_duration_or_zero, parse_size};
use crate::config::Config;
use crate::names::{one_of, unknown};

/// For how long a metric must be absent where a rule does not say: a sample comes late at times.
const ABSENT_FOR: Duration = Duration::from_secs(3);

/// The rules of the file.
///
/// # Errors
/// One is wrong; the error says in which line and what is expected.
pub(super) fn of_file(
    config: &Config,
    metrics: &[Metric],
    targets: &[String],
) -> Result<Vec<Rule>> {
    let targets: BTreeSet<&str> =
        targets.iter().chain(config.targets.keys()).map(String::as_str).collect();
    let mut rules: Vec<Rule> = Vec::new();
    for text in &config.alerts {
        let reader = Reader { config, text: text.get_ref(), whole: text.span(), metrics };
        let rule = reader.rule(&targets)?;
        if rules.iter().any(|known| known.name == rule.name) {
            let why = format!("there is another rule named `{}`", rule.name);
            return Err(reader.wrong(&text.span(), why, "give each a `name` of its own"));
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// A ready-made rule as it is, asked for by its name or among all of them.
///
/// # Errors
/// No engine has its metric.
pub(super) fn of_ready_made(
    ready_made: &ReadyMade,
    metrics: &[Metric],
    is_asked_for: bool,
) -> Result<Rule> {
    let wrong = |why| Error::new(format!("use the alert rule `{}`", ready_made.name), why);
    Ok(Rule {
        name: ready_made.name.to_owned(),
        metric: find(ready_made.metric, metrics).map_err(wrong)?,
        target: None,
        of: None,
        condition: match ready_made.fires {
            Fires::Beyond { op, threshold, clear } => {
                Condition::Beyond { op, threshold, clear: Some(clear), rate: None, baseline: None }
            }
            Fires::Absent => Condition::Absent,
        },
        lasting: ready_made.lasting,
        severity: ready_made.severity,
        is_asked_for,
    })
}

/// A metric by its whole name.
fn find(name: &str, metrics: &[Metric]) -> Result<Metric, String> {
    let found = metrics.iter().find(|metric| metric.to_string() == name);
    found.copied().ok_or_else(|| {
        let subject = Subject::ALL
            .iter()
            .find(|subject| name.split_once('.').is_some_and(|(given, _)| given == subject.name()));
        let of_subject =
            |metric: &&Metric| subject.is_none_or(|subject| metric.subject == *subject);
        let names: Vec<String> =
            metrics.iter().filter(of_subject).map(ToString::to_string).collect();
        unknown("metric", name, &names.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

/// Reads one rule.
struct Reader<'a> {
    config: &'a Config,
    text: &'a RuleText,
    whole: Range<usize>,
    metrics: &'a [Metric],
}

impl Reader<'_> {
    fn rule(&self, targets: &BTreeSet<&str>) -> Result<Rule> {
        let text = self.text;
        let base = self.base()?;
        let metric = match (&text.metric, &base) {
            (Some(given), None) => {
                let all = "see docs/monitoring.md for what there is";
                self.at(given, |name| find(name, self.metrics), all)?
            }
            (None, Some(base)) => base.metric,
            (Some(given), Some(_)) => {
                let why = "a ready-made rule has its metric".to_owned();
                return Err(self.wrong(&given.span(), why, "leave `metric` or `use` out"));
            }
            (None, None) => {
                let why = "it has no `metric`".to_owned();
                let next =
                    "name one, such as `metric = \"load.p99\"`, or a ready-made rule by `use`";
                return Err(self.wrong(&self.whole, why, next));
            }
        };
        let target = self.target(&metric, targets)?;
        let condition = self.condition(&metric, base.as_ref().map(|base| &base.condition))?;
        let own = match (&condition, &base) {
            (Condition::Absent, Some(base)) if base.condition == Condition::Absent => base.lasting,
            (Condition::Absent, _) => ABSENT_FOR,
            (_, Some(base)) => base.lasting,
            (_, None) => Duration::ZERO,
        };
        let lasting = self.or(text.r#for.as_ref(), own, parse_duration_or_zero)?;
        let severity = base.as_ref().map_or(Severity::Warn, |base| base.severity);
        let severity = self.or(text.severity.as_ref(), severity, |text| {
            one_of("severity", text, &Severity::ALL, Severity::name)
        })?;
        let name = match (&text.name, base) {
            (Some(name), _) if name.get_ref().trim().is_empty() => {
                let why = "its `name` is empty".to_owned();
                return Err(self.wrong(&name.span(), why, "give it one"));
            }
            (Some(name), _) => name.get_ref().clone(),
            (None, Some(base)) => base.name,
            (None, None) => {
                let why = "it has no `name`".to_owned();
                return Err(self.wrong(&self.whole, why, "give it one, such as `name = \"slow\"`"));
            }
        };
        let of = text.of.as_ref().map(|of| of.get_ref().clone());
        Ok(Rule { name, metric, target, of, condition, lasting, severity, is_asked_for: true })
    }

    /// The ready-made rule that it changes.
    fn base(&self) -> Result<Option<Rule>> {
        let Some(given) = &self.text.r#use else { return Ok(None) };
        let names: Vec<&str> = READY_MADE.iter().map(|ready_made| ready_made.name).collect();
        let ready_made = self.at(
            given,
            |name| {
                let found = READY_MADE.iter().find(|ready_made| ready_made.name == name);
                found.ok_or_else(|| unknown("ready-made alert rule", name, &names))
            },
            "docs/monitoring.md lists them",
        )?;
        of_ready_made(ready_made, self.metrics, true).map(Some)
    }

    fn target(&self, metric: &Metric, targets: &BTreeSet<&str>) -> Result<Option<String>> {
        let Some(given) = &self.text.target else { return Ok(None) };
        if !metric.subject.is_of_target() {
            let why = format!("{metric} is no target's");
            return Err(self.wrong(&given.span(), why, "leave `target` out"));
        }
        let name = given.get_ref().as_str();
        if !targets.contains(name) {
            let all: Vec<&str> = targets.iter().copied().collect();
            let why = unknown("target", name, &all);
            return Err(self.wrong(&given.span(), why, "name it as `--target` or the file does"));
        }
        Ok(Some(name.to_owned()))
    }

    fn condition(&self, metric: &Metric, base: Option<&Condition>) -> Result<Condition> {
        let text = self.text;
        if let (Some(across), None) = (&text.across_machines, &text.baseline) {
            let why = "`across_machines` is about a `baseline`, and there is none".to_owned();
            return Err(self.wrong(&across.span(), why, "leave it out"));
        }
        let is_beyond = text.op.is_some() || text.threshold.is_some() || text.clear.is_some();
        let is_beyond = is_beyond || text.rate.is_some() || text.baseline.is_some();
        if base == Some(&Condition::Absent) && text.absent.is_none() && !is_beyond {
            return Ok(Condition::Absent);
        }
        if let Some(absent) = text.absent.as_ref().filter(|absent| *absent.get_ref()) {
            let beside = [
                ("op", text.op.is_some()),
                ("threshold", text.threshold.is_some()),
                ("clear", text.clear.is_some()),
                ("rate", text.rate.is_some()),
                ("baseline", text.baseline.is_some()),
            ];
            return match beside.iter().find(|(_, is_there)| *is_there) {
                None => Ok(Condition::Absent),
                Some((field, _)) => {
                    let why = format!("what is absent has no `{field}`");
                    Err(self.wrong(&absent.span(), why, "make two rules of it"))
                }
            };
        }
        let (known_op, known_threshold, known_clear) = match base {
            Some(Condition::Beyond { op, threshold, clear, .. }) => {
                (Some(*op), Some(*threshold), *clear)
            }
            _ => (None, None, None),
        };
        let read_op = |text: &str| one_of("sign", text, &Op::ALL, Op::name);
        let op = match &text.op {
            Some(given) => self.at(given, read_op, "for example `op = \">\"`")?,
            None => known_op.ok_or_else(|| {
                let why = "it has neither `op` with `threshold` nor `absent = true`".to_owned();
                self.wrong(
                    &self.whole,
                    why,
                    "say for example `op = \">\"` and `threshold = \"20ms\"`",
                )
            })?,
        };
        let baseline = text.baseline.as_ref();
        let unit = if baseline.is_some() { RATIO } else { metric.info.unit };
        let quantity = |given: &Spanned<Quantity>| {
            quantity(given.get_ref(), unit).map_err(|why| {
                self.wrong(&given.span(), why, "docs/monitoring.md has examples for each unit")
            })
        };
        let threshold = match &text.threshold {
            Some(given) => quantity(given)?,
            None => known_threshold.filter(|_| baseline.is_none()).ok_or_else(|| {
                let why = "it has no `threshold`".to_owned();
                self.wrong(&self.whole, why, "say one, such as `threshold = \"20ms\"`")
            })?,
        };
        let clear = match &text.clear {
            Some(given) => {
                let clear = quantity(given)?;
                // Where it is over, the rule itself must not hold.
                let is_wrong = if op.is_upwards() { clear > threshold } else { clear < threshold };
                if is_wrong {
                    let side = if op.is_upwards() { "below" } else { "above" };
                    let why = format!("`clear` must be {side} `threshold`");
                    let next = "it says where an alert that has fired is over";
                    return Err(self.wrong(&given.span(), why, next));
                }
                Some(clear)
            }
            // That of a ready-made rule belongs to its own threshold.
            None => known_clear.filter(|_| text.threshold.is_none() && text.op.is_none()),
        };
        let next = "say over how long it is taken, such as `rate = \"10s\"`";
        let rate =
            text.rate.as_ref().map(|given| self.at(given, parse_duration, next)).transpose()?;
        let baseline = baseline.map(|given| self.baseline(given, metric, rate)).transpose()?;
        Ok(Condition::Beyond { op, threshold, clear, rate, baseline })
    }

    fn baseline(
        &self,
        given: &Spanned<std::path::PathBuf>,
        metric: &Metric,
        rate: Option<Duration>,
    ) -> Result<dbdyno_monitor::Baseline> {
        if metric.subject != Subject::Load {
            let why = format!("a run folder has no {metric} for each case");
            let next = "a baseline is for metrics of loads, such as `load.p99`";
            return Err(self.wrong(&given.span(), why, next));
        }
        if rate.is_some() {
            let why = "a baseline has no rate of change".to_owned();
            return Err(self.wrong(&given.span(), why, "leave `rate` or `baseline` out"));
        }
        let path: &Path = given.get_ref();
        let across = self.text.across_machines.as_ref().is_some_and(|across| *across.get_ref());
        baseline::of_run(path, metric, across).map_err(|error| {
            let next = "name a whole run of this machine: its folder or its results.csv";
            self.wrong(&given.span(), error.to_string(), next)
        })
    }

    fn or<T>(
        &self,
        given: Option<&Spanned<String>>,
        otherwise: T,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T> {
        given.map_or(Ok(otherwise), |given| self.at(given, read, "mend it there"))
    }

    fn at<T>(
        &self,
        given: &Spanned<String>,
        read: impl Fn(&str) -> Result<T, String>,
        next: &str,
    ) -> Result<T> {
        read(given.get_ref()).map_err(|why| self.wrong(&given.span(), why, next))
    }

    fn wrong(&self, place: &Range<usize>, why: String, next: &str) -> Error {
        let file = self.config.place(place.start);
        Error::new("use an alert rule", format!("{file}: {why}")).next(next.to_owned())
    }
}

/// A number in the unit of a metric.
fn quantity(given: &Quantity, unit: &str) -> Result<f64, String> {
    let value = match given {
        Quantity::Whole(number) => *number as f64,
        Quantity::Fraction(number) => *number,
        Quantity::Text(text) => in_unit(text, unit)?,
    };
    if value.is_finite() { Ok(value) } else { Err("it is not a number".to_owned()) }
}

fn in_unit(text: &str, unit: &str) -> Result<f64, String> {
    let seconds = || parse_duration_or_zero(text).map(|duration| duration.as_secs_f64());
    match unit {
        RATIO => {
            let percent =
                text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
            let wrong = || format!("`{text}` is not a share such as `5%` or 0.05");
            percent.map(|percent| percent / 100.0).ok_or_else(wrong)
        }
        "s" => seconds(),
        "ms" => seconds().map(|seconds| seconds * 1e3),
        "bytes" => parse_size(text).map(|bytes| bytes as f64),
        _ => text.parse().map_err(|_| format!("`{text}` is not a number")),
    }
}

#[cfg(test)]
mod tests;
