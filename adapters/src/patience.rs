//! Waiting for what a server does by itself.

use std::time::{Duration, Instant};

/// How often is looked whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A time within which something must happen.
pub(crate) struct Patience {
    deadline: Instant,
}

impl Patience {
    /// From now on.
    pub(crate) fn of(limit: Duration) -> Self {
        Self { deadline: Instant::now() + limit }
    }

    /// Whether the time is over; waits a moment where it is not.
    pub(crate) async fn is_over(&self) -> bool {
        if Instant::now() >= self.deadline {
            return true;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        false
    }
}
