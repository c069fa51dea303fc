//! What a load tells, on its way to the recorder and to the screen.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dbdyno_core::load::{LoadObserver, LoadReport, UnderWay};
use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, ErrorClass, Event, Result};

use super::stand::Tools;

/// What stands in place of a transaction type where arrivals never became one.
const UNSTARTED: &str = "unstarted";

/// Passes on only what went wrong with transactions, connections aside.
pub(super) struct Errors<'a> {
    pub(super) case: &'a Case,
    pub(super) tools: Tools<'a>,
}

impl LoadObserver for Errors<'_> {
    fn second(&self, _: SystemTime, _: &[Second]) -> Result<()> {
        Ok(())
    }

    fn event(&self, event: &Event) -> Result<()> {
        let of_transactions = matches!(event.kind, "error" | "retry")
            && event.class != ErrorClass::Disconnected.name();
        match of_transactions {
            true => self.tools.recorder.event(self.case, event),
            false => Ok(()),
        }
    }
}

/// Passes what the load engine tells to the recorder and to the screen, under the stage's name.
pub(super) struct Relay<'a> {
    pub(super) case: &'a Case,
    pub(super) stage: &'a str,
    pub(super) tools: Tools<'a>,
    /// Whether nothing else is done beside the load.
    pub(super) is_alone: bool,
}

impl Relay<'_> {
    /// Keeps how long arrivals had waited that the load, which is over, never started.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub(super) fn unstarted(&self, report: &LoadReport, warmup: Duration) -> Result<()> {
        if report.unstarted_ns.is_empty() {
            return Ok(());
        }
        let waited = Second {
            second: (warmup + report.window).as_secs(),
            warmup: false,
            transaction: staged(self.stage, UNSTARTED).into(),
            completed: 0,
            errors: 0,
            retries: 0,
            response_ns: report.unstarted_ns.clone(),
        };
        self.tools.recorder.unstarted(self.case, report.began_at, &waited)
    }
}

impl LoadObserver for Relay<'_> {
    fn alone(&self, is: bool) {
        if self.is_alone {
            self.tools.recorder.load_alone(self.case, is);
        }
    }

    fn began(&self, under_way: &Arc<UnderWay>) {
        let name = |transaction: &&'static str| staged(self.stage, transaction);
        let transactions: Vec<String> = under_way.transactions().iter().map(name).collect();
        self.tools.recorder.load_began(self.case, &transactions, under_way);
    }

    fn second(&self, began: SystemTime, seconds: &[Second]) -> Result<()> {
        self.tools.observer.second(seconds);
        if self.stage.is_empty() {
            return self.tools.recorder.second(self.case, began, seconds);
        }
        let mut named = seconds.to_vec();
        for second in &mut named {
            second.transaction = staged(self.stage, &second.transaction).into();
        }
        self.tools.recorder.second(self.case, began, &named)
    }

    fn event(&self, event: &Event) -> Result<()> {
        self.tools.observer.event(event);
        let transaction = staged(self.stage, &event.transaction);
        self.tools.recorder.event(self.case, &Event { transaction, ..event.clone() })
    }
}

/// A transaction type as rows name it: `stage`, `transaction`, or both with a slash between.
pub(super) fn staged(stage: &str, transaction: &str) -> String {
    let parts = [stage, transaction].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("/")
}
