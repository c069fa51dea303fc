//! Asking for a clean end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often whoever waits for the request looks whether it was made.
const PATIENCE: Duration = Duration::from_millis(20);

/// A request to stop, shared by everything that runs. Asking is final. It is a flag and no more,
/// for a signal handler may ask.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
}

impl Stop {
    /// Asks everything that holds a copy to end.
    pub fn request(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    pub fn is_requested(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns once the end is asked for; on any runtime that has a timer.
    pub async fn requested(&self) {
        while !self.is_requested() {
            tokio::time::sleep(PATIENCE).await;
        }
    }
}
