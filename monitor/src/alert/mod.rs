//! Alerts: rules over what is sampled and what loads do, judged once a second beside whatever runs.

mod derived;
mod judge;
mod points;
mod ready_made;
mod rule;
mod series;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use dbdyno_core::load::UnderWay;
use dbdyno_core::measurement::Second;
use dbdyno_core::metrics::Sample;
use dbdyno_core::{Case, Driver, Error, Result, Stop};

use crate::monitor::Sink;
use crate::overheard::LoadListener;
use derived::Derived;
use judge::{Finding, Judge, Moment, Watched};
use points::{Loads, Point};

pub use ready_made::{Fires, READY_MADE, ReadyMade};
pub use rule::{
    Baseline, Condition, LOAD_METRICS, Metric, Op, RATIO, Rule, Severity, Subject, metrics,
};
pub use series::Change;

/// What became of a rule, for those who are told.
#[derive(Clone, Debug)]
pub struct Notice {
    /// When.
    pub at: SystemTime,
    /// What became of it.
    pub change: Change,
    /// The rule.
    pub rule: Arc<Rule>,
    /// The target, empty where the metric is no target's.
    pub target: String,
    /// Which of several, empty where there is one.
    pub of: String,
    /// The case whose load ran on the target, where one did.
    pub case: Option<Arc<Case>>,
    /// The last value, in the metric's unit; none where there was none.
    pub value: Option<f64>,
    /// What it was held against.
    pub threshold: Option<f64>,
}

impl fmt::Display for Notice {
    /// A sentence.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = &self.rule;
        write!(out, "{}: {}", rule.name, rule.metric)?;
        if !self.of.is_empty() {
            write!(out, " ({})", self.of)?;
        }
        if !self.target.is_empty() {
            write!(out, " of {}", self.target)?;
        }
        match (self.change, &rule.condition) {
            (Change::NotJudged, _) if self.case.is_some() => {
                return write!(out, " is not judged: the baseline has no such case");
            }
            (Change::NotJudged, _) => {
                return write!(out, " was never judged: nothing that was measured tells it");
            }
            (Change::Fired, Condition::Absent) => write!(out, " was not told")?,
            (Change::Resolved, Condition::Absent) => {
                let how = if self.value.is_some() { "is told again" } else { "is no more" };
                return write!(out, " {how}");
            }
            (_, Condition::Beyond { op, baseline, .. }) => {
                match self.value {
                    Some(value) => write!(out, " is {}", rule.in_words(value))?,
                    None => return write!(out, " is no more"),
                }
                if let Some(threshold) = self.threshold {
                    let than = if baseline.is_some() { "; of the baseline, " } else { ", " };
                    let not = if self.change == Change::Resolved { "no longer " } else { "" };
                    write!(out, "{than}{not}{} {}", op.name(), rule.in_words(threshold))?;
                }
            }
        }
        if self.change == Change::Fired && !rule.lasting.is_zero() {
            write!(out, " for {:?}", rule.lasting)?;
        }
        Ok(())
    }
}

/// Who is told.
pub trait AlertSink: Send + Sync {
    /// A rule fired, or is over. It is called on the thread that samples, which waits meanwhile.
    ///
    /// # Errors
    /// It could not be kept.
    fn tell(&self, notice: &Notice) -> Result<()>;
}

/// Judges rules: by the samples it is given, and what it overhears of loads.
pub struct Alerts {
    began: Instant,
    state: Mutex<State>,
    sinks: Vec<Arc<dyn AlertSink>>,
    /// Which severity ends what runs, and how.
    abort: Option<(Severity, Stop)>,
    /// Why something could not be told, the first of all reasons.
    lost: Mutex<Option<Error>>,
    failed: AtomicBool,
    aborted: AtomicBool,
}

struct State {
    judge: Judge,
    loads: Loads,
    derived: Derived,
    /// Servers that suites have started.
    guests: BTreeSet<String>,
    /// What loads told since rules were last judged.
    waiting: Vec<Point>,
}

impl Alerts {
    /// Watches these targets by these rules, by samples that are taken so often.
    pub fn new(
        rules: Vec<Rule>,
        (drivers, interval): (&[Arc<dyn Driver>], Duration),
        sinks: Vec<Arc<dyn AlertSink>>,
        abort: Option<(Severity, Stop)>,
    ) -> Self {
        let judge = Judge::new(rules, drivers.iter().map(watched).collect(), interval);
        let state = State {
            judge,
            loads: Loads::default(),
            derived: Derived::default(),
            guests: BTreeSet::new(),
            waiting: Vec::new(),
        };
        Self {
            began: Instant::now(),
            state: Mutex::new(state),
            sinks,
            abort,
            lost: Mutex::new(None),
            failed: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges what loads told since the last samples: their last second, too.
    ///
    /// # Errors
    /// This, or something before, could not be kept.
    pub fn finish(&self) -> Result<()> {
        let told = self.judge(Vec::new(), false);
        // One that ended what ran may have come before the others had anything to look at.
        let told = if self.has_aborted() { told } else { told.and(self.tell_of_idle()) };
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(told, Err)
    }

    /// Tells of rules that never found anything to judge: who asked for them would take their silence for good news.
    fn tell_of_idle(&self) -> Result<()> {
        let idle = self.state().judge.never_judged().into_iter().map(|rule| Notice {
            at: SystemTime::now(),
            change: Change::NotJudged,
            target: rule.target.clone().unwrap_or_default(),
            of: rule.of.clone().unwrap_or_default(),
            case: None,
            value: None,
            threshold: None,
            rule,
        });
        let notices: Vec<Notice> = idle.collect();
        self.tell(&notices)
    }

    /// Whether a rule of severity `fail` fired.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether a rule ended what ran.
    pub fn has_aborted(&self) -> bool {
        self.aborted.load(Ordering::Relaxed)
    }

    fn judge(&self, mut points: Vec<Point>, is_sampled: bool) -> Result<()> {
        let notices: Vec<Notice> = {
            let mut state = self.state();
            let State { judge, loads, waiting, guests, .. } = &mut *state;
            points.append(waiting);
            let moment = Moment { now: self.began.elapsed(), is_sampled };
            points.extend(loads.now(moment.now));
            let found = judge.judge(moment, &points, &loads.running());
            found.into_iter().map(|finding| notice(finding, loads, guests)).collect()
        };
        self.tell(&notices)
    }

    fn tell(&self, notices: &[Notice]) -> Result<()> {
        let mut told = Ok(());
        for notice in notices {
            if notice.change == Change::Fired {
                self.fired(notice.rule.severity);
            }
            for sink in &self.sinks {
                // One that cannot keep it does not keep the others from it.
                told = told.and(sink.tell(notice));
            }
        }
        told
    }

    fn fired(&self, severity: Severity) {
        if severity == Severity::Fail {
            self.failed.store(true, Ordering::Relaxed);
        }
        if let Some((least, stop)) = &self.abort
            && severity >= *least
        {
            self.aborted.store(true, Ordering::Relaxed);
            stop.request();
        }
    }
}

fn watched(driver: &Arc<dyn Driver>) -> Watched {
    let metrics = driver.metrics();
    let told = metrics.iter().flat_map(|metrics| metrics.catalogue());
    let mut names: Vec<&'static str> = told.map(|metric| metric.name).collect();
    names.extend(derived::worked_out_of(&names));
    Watched {
        target: driver.target().to_owned(),
        metrics: names,
        has_process: metrics.is_some_and(|metrics| metrics.process().is_some()),
    }
}

fn notice(finding: Finding, loads: &Loads, guests: &BTreeSet<String>) -> Notice {
    let Finding { rule, change, target, of, case, value, threshold } = finding;
    // A suite's own servers are there for the case that is measured.
    let whose = if guests.contains(&target) { "" } else { target.as_str() };
    let case = case.or_else(|| loads.case_of(whose));
    Notice { at: SystemTime::now(), change, rule, target, of, case, value, threshold }
}

impl Sink for Alerts {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        let at = self.began.elapsed();
        let mut points = points::of_samples(at, samples);
        self.state().derived.extend(at, &mut points);
        if let Err(error) = self.judge(points, true) {
            // The other sinks are to be told of what comes: a disk that is full is what a rule may be about.
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
        Ok(())
    }

    fn joined(&self, target: &str, _engine: &str) -> Result<()> {
        self.state().guests.insert(target.to_owned());
        Ok(())
    }

    fn left(&self, target: &str) -> Result<()> {
        let notices: Vec<Notice> = {
            let mut state = self.state();
            let State { judge, loads, derived, guests, .. } = &mut *state;
            derived.forget(target);
            let found = judge.left(target);
            let found = found.into_iter().map(|finding| notice(finding, loads, guests)).collect();
            guests.remove(target);
            found
        };
        if let Err(error) = self.tell(&notices) {
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
        Ok(())
    }
}

impl LoadListener for Alerts {
    fn began(&self, case: &Case, _transactions: &[String], under_way: &Arc<UnderWay>) {
        let mut state = self.state();
        state.loads.began(case, under_way);
        let State { derived, guests, .. } = &mut *state;
        derived.load_began(&case.target);
        guests.iter().for_each(|guest| derived.load_began(guest));
    }

    fn second(&self, case: &Case, seconds: &[Second]) {
        let at = self.began.elapsed();
        let mut state = self.state();
        let points = state.loads.second(at, case, seconds);
        state.waiting.extend(points);
    }

    fn over(&self, case: &Case) {
        self.state().loads.over(case);
    }
}
