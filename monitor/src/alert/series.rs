//! One series of values, as a rule sees it.

use std::collections::VecDeque;
use std::time::Duration;

use dbdyno_core::metrics::MetricKind;

use super::points::Point;
use super::rule::{Condition, Rule};

/// How long a series may tell nothing and still be taken for unbroken, where samples are taken so often: three of them
/// may be missing, and a busy machine may be late.
pub(super) fn gap(interval: Duration) -> Duration {
    const SHORTEST: Duration = Duration::from_secs(5);
    (interval * 3).max(SHORTEST)
}

/// What a value means to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The rule holds.
    Beyond,
    /// It does not, but one that has fired is not over yet.
    Between,
    /// It does not.
    Over,
}

/// What becomes of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It fires.
    Fired,
    /// It is over.
    Resolved,
    /// It cannot be judged, for its baseline does not have the case.
    NotJudged,
}

impl Change {
    /// The word in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Resolved => "resolved",
            Self::NotJudged => "not_judged",
        }
    }
}

/// What is remembered of a series.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    /// Values of the time that a rate is taken over.
    window: VecDeque<(Duration, f64)>,
    /// Since when the rule holds.
    since: Option<Duration>,
    /// When it was last looked at.
    looked: Option<Duration>,
    fired: bool,
}

impl Series {
    /// The value that the rule is about; `None` while it cannot be told.
    pub(super) fn value(&mut self, rule: &Rule, point: &Point) -> Option<f64> {
        match &rule.condition {
            Condition::Beyond { rate: Some(over), .. } => {
                let only_grows = rule.metric.info.kind == MetricKind::Counter;
                self.rate(point.at, point.raw?, *over, only_grows)
            }
            _ => point.value,
        }
    }

    /// How much the value grew in a second, taken over the time given, or as little more as there are values for.
    fn rate(&mut self, at: Duration, value: f64, over: Duration, only_grows: bool) -> Option<f64> {
        let began_anew = self.window.back().is_some_and(|(_, last)| only_grows && value < *last);
        if began_anew {
            self.window.clear();
        }
        self.window.push_back((at, value));
        let far_enough = |(then, _): &(Duration, f64)| at.saturating_sub(*then) >= over;
        while self.window.get(1).is_some_and(far_enough) {
            self.window.pop_front();
        }
        let (then, before) = *self.window.front().filter(|first| far_enough(first))?;
        let elapsed = at.saturating_sub(then).as_secs_f64();
        (elapsed > 0.0).then(|| (value - before) / elapsed)
    }

    /// Whether it has fired and is not over.
    pub(super) fn has_fired(&self) -> bool {
        self.fired
    }

    /// Nothing new is known at a moment, which leaves all as it is and is no gap.
    pub(super) fn stands(&mut self, at: Duration) {
        self.looked = self.looked.and(Some(at));
    }

    /// There is nothing to judge: what has fired is neither over nor confirmed by it, and for what has not the time begins
    /// anew.
    pub(super) fn pauses(&mut self) {
        self.since = None;
        self.window.clear();
    }

    /// What a verdict at a moment changes, for a rule that must hold for so long without a gap of that length.
    pub(super) fn step(
        &mut self,
        at: Duration,
        verdict: Verdict,
        (lasting, gap): (Duration, Duration),
    ) -> Option<Change> {
        let broken = self.looked.is_some_and(|looked| at.saturating_sub(looked) > gap);
        self.looked = Some(at);
        match verdict {
            Verdict::Beyond => {
                if broken && !self.fired {
                    self.since = None;
                }
                let since = *self.since.get_or_insert(at);
                let fires = !self.fired && at.saturating_sub(since) >= lasting;
                self.fired |= fires;
                fires.then_some(Change::Fired)
            }
            Verdict::Between if self.fired => None,
            Verdict::Between | Verdict::Over => {
                self.since = None;
                std::mem::take(&mut self.fired).then_some(Change::Resolved)
            }
        }
    }
}
