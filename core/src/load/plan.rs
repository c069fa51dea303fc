//! What the load engine is asked to do.

use std::time::Duration;

/// How a workload is put on a target.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Clients at work at once, at least 1.
    pub clients: u32,
    /// How long the load runs before it is measured.
    pub warmup: Duration,
    /// How long it is measured.
    pub length: Length,
    /// When transactions start.
    pub arrival: Arrival,
    /// What is done about errors that the engine's manual says to retry.
    pub retry: RetryPolicy,
    /// The seed of everything random.
    pub seed: u64,
    /// The repetition, counted from 1: each draws its own inputs, the same on every engine.
    pub repetition: u32,
    /// How long a client that lost its connection tries to get it back before the case is given
    /// up.
    pub reconnect_limit: Duration,
    /// How long transactions under way at the end may take before they are abandoned.
    pub drain_limit: Duration,
}

/// How long a load is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// For a time.
    Duration(Duration),
    /// For a number of transactions, divided evenly among the clients.
    Transactions(u64),
}

/// When transactions start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrival {
    /// Closed loop: each client starts the next as soon as the last is done.
    Closed,
    /// Open loop: they start at set times, whatever became of those before.
    Open(OpenLoop),
}

/// An open loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenLoop {
    /// Transactions per second, all clients together; above 0.
    pub rate: f64,
    /// How arrivals are spaced.
    pub spacing: Spacing,
    /// Transactions that end later than this after their intended start count as late; those that
    /// could not even start by then are skipped and counted apart.
    pub latency_limit: Option<Duration>,
}

/// How the arrivals of an open loop are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// A Poisson process: independent users.
    Poisson,
    /// Equal gaps.
    Uniform,
}

/// What is done about serialization failures, deadlocks and lock timeouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a transaction is tried again before it counts as failed.
    pub max_retries: u32,
    /// The longest pause between tries. The first retry is immediate; from the second on a pause
    /// drawn from 0 to a bound that doubles up to this keeps clients from colliding again
    /// (exponential back-off with full jitter).
    pub max_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_retries: 100, max_pause: Duration::from_millis(10) }
    }
}
