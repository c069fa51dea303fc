//! Alerts in `events.csv` and on the screen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dbdyno_core::{Event, Recorder as _, Result};
use dbdyno_monitor::{AlertSink, Change, Notice};
use dbdyno_results::RunFolder;

/// Keeps alerts among the events of a run.
pub struct IntoEvents {
    folder: Arc<RunFolder>,
    /// Where it is said, once, that they cannot be kept: others are still told of them.
    tell: Box<Tell>,
    is_told: AtomicBool,
}

/// Tells a person a line.
pub type Tell = dyn Fn(&str) + Send + Sync;

impl IntoEvents {
    /// Keeps them in this folder.
    pub fn new(folder: &Arc<RunFolder>, tell: Box<Tell>) -> Self {
        Self { folder: Arc::clone(folder), tell, is_told: AtomicBool::new(false) }
    }
}

impl AlertSink for IntoEvents {
    fn tell(&self, notice: &Notice) -> Result<()> {
        let kind = match notice.change {
            Change::Fired => "alert_fired",
            Change::Resolved => "alert_resolved",
            Change::NotJudged => "alert_not_judged",
        };
        let event = Event {
            at: notice.at,
            class: notice.rule.severity.name(),
            code: notice.rule.name.clone(),
            ..Event::now(kind, notice.to_string())
        };
        let kept = match &notice.case {
            Some(case) => self.folder.event(case, &event),
            None => self.folder.event_beside(&notice.target, &event),
        };
        if let Err(why) = &kept
            && !self.is_told.swap(true, Ordering::Relaxed)
        {
            (self.tell)(&format!("  ! alerts are not kept: {why}"));
        }
        kept
    }
}

/// Tells a person.
pub struct OnScreen(pub Box<Tell>);

impl AlertSink for OnScreen {
    fn tell(&self, notice: &Notice) -> Result<()> {
        let what = match notice.change {
            Change::Fired => format!("ALERT ({})", notice.rule.severity.name()),
            Change::Resolved => "alert over".to_owned(),
            Change::NotJudged => "alert".to_owned(),
        };
        (self.0)(&format!("  ! {what}: {notice}"));
        Ok(())
    }
}
