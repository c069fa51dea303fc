//! Alerts in `events.csv` and on the screen.

use std::sync::Arc;

use dbdyno_core::{Event, Recorder as _, Result};
use dbdyno_monitor::{AlertSink, Change, Notice};
use dbdyno_results::RunFolder;

/// Keeps alerts among the events of a run.
pub struct IntoEvents(pub Arc<RunFolder>);

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
        match &notice.case {
            Some(case) => self.0.event(case, &event),
            None => self.0.event_beside(&notice.target, &event),
        }
    }
}

/// Tells a person.
pub struct OnScreen(pub Box<dyn Fn(&str) + Send + Sync>);

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
