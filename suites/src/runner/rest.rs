//! Pauses that a person asks for, between loads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dbdyno_core::{Better, Case, Event, Measurement, Result};

use super::stand::Tools;

/// How long a case was paused, for its next load to say so, or for the case where it has no load but those beside
/// something else.
#[derive(Debug, Default)]
pub(super) struct Rest {
    paused_ms: AtomicU64,
}

impl Rest {
    /// Waits for as long as a person has the run paused.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub(super) fn take(&self, case: &Case, tools: Tools<'_>) -> Result<()> {
        let (pause, stop) = (&tools.options.pause, tools.stop);
        if !pause.is_asked() || stop.is_requested() {
            return Ok(());
        }
        tools.recorder.event(case, &Event::now("paused", "before the next load"))?;
        let began = Instant::now();
        pause.wait(stop);
        let lasted = began.elapsed();
        self.paused_ms.fetch_add(lasted.as_millis() as u64, Ordering::Relaxed);
        let detail = format!("after {:.1} s", lasted.as_secs_f64());
        tools.recorder.event(case, &Event::now("continued", detail))
    }

    /// The mark of what the run was paused before, since the last time it was asked for: `this load` or `this case`.
    pub(super) fn mark(&self, what: &str) -> Option<Measurement> {
        let paused_s = self.paused_ms.swap(0, Ordering::Relaxed) as f64 / 1e3;
        let mut row = Measurement::new("paused_s", paused_s, "s", Better::Neither);
        row.detail = format!("the run was paused for {paused_s:.1} s before {what}");
        (paused_s > 0.0).then_some(row)
    }
}
