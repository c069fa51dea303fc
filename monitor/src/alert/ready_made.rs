//! Rules that are there by name.

use std::time::Duration;

use super::rule::{Op, Severity};

/// A rule that is there by its name.
#[derive(Debug)]
pub struct ReadyMade {
    /// Its name.
    pub name: &'static str,
    /// Its metric, as rules name them.
    pub metric: &'static str,
    /// When it fires.
    pub fires: Fires,
    /// For how long it must hold.
    pub lasting: Duration,
    /// How bad it is.
    pub severity: Severity,
    /// What it tells, in a few words.
    pub summary: &'static str,
}

/// When a ready-made rule fires.
#[derive(Clone, Copy, Debug)]
pub enum Fires {
    /// Beyond a threshold.
    Beyond {
        /// On which side.
        op: Op,
        /// The threshold, in the metric's unit.
        threshold: f64,
        /// At which value it is over.
        clear: f64,
    },
    /// Where nothing is told.
    Absent,
}

/// All that there are.
pub const READY_MADE: &[ReadyMade] = &[
    ReadyMade {
        name: "p99",
        metric: "load.p99",
        fires: Fires::Beyond { op: Op::Above, threshold: 1.0, clear: 0.5 },
        lasting: Duration::from_secs(3),
        severity: Severity::Warn,
        summary: "one transaction in a hundred takes longer than a second",
    },
    ReadyMade {
        name: "stall",
        metric: "load.oldest",
        fires: Fires::Beyond { op: Op::Above, threshold: 5.0, clear: 1.0 },
        lasting: Duration::ZERO,
        severity: Severity::Warn,
        summary: "a transaction has been under way for more than five seconds",
    },
    ReadyMade {
        name: "error-rate",
        metric: "load.errors",
        fires: Fires::Beyond { op: Op::Above, threshold: 0.01, clear: 0.005 },
        lasting: Duration::from_secs(2),
        severity: Severity::Fail,
        summary: "more than 1% of the transactions fail",
    },
    ReadyMade {
        name: "replication-lag",
        metric: "engine.replication_behind_s",
        fires: Fires::Beyond { op: Op::Above, threshold: 10.0, clear: 5.0 },
        lasting: Duration::from_secs(5),
        severity: Severity::Warn,
        summary: "a replica is more than ten seconds behind",
    },
    ReadyMade {
        name: "replication-stopped",
        metric: "engine.replication_stopped",
        fires: Fires::Beyond { op: Op::Above, threshold: 0.0, clear: 0.0 },
        lasting: Duration::from_secs(5),
        severity: Severity::Warn,
        summary: "a replica is not there any more, or does not replicate",
    },
    ReadyMade {
        name: "silent",
        metric: "engine.connections",
        fires: Fires::Absent,
        lasting: Duration::from_secs(5),
        severity: Severity::Warn,
        summary: "a server does not answer",
    },
    ReadyMade {
        name: "cache-hit-rate",
        metric: "engine.cache_hit_ratio",
        fires: Fires::Beyond { op: Op::Below, threshold: 0.9, clear: 0.95 },
        lasting: Duration::from_secs(10),
        severity: Severity::Warn,
        summary: "less than 90% of the pages asked for are in the engine's cache",
    },
    ReadyMade {
        name: "deadlocks",
        metric: "engine.deadlocks",
        fires: Fires::Beyond { op: Op::Above, threshold: 0.0, clear: 0.0 },
        lasting: Duration::ZERO,
        severity: Severity::Warn,
        summary: "transactions wait for each other in a circle",
    },
    ReadyMade {
        name: "connections",
        metric: "engine.connections_ratio",
        fires: Fires::Beyond { op: Op::Above, threshold: 0.9, clear: 0.8 },
        lasting: Duration::from_secs(2),
        severity: Severity::Warn,
        summary: "more than 90% of the sessions there may be are open",
    },
    ReadyMade {
        name: "disk",
        metric: "machine.file_system_used_ratio",
        fires: Fires::Beyond { op: Op::Above, threshold: 0.95, clear: 0.9 },
        lasting: Duration::from_secs(5),
        severity: Severity::Warn,
        summary: "a file system of this machine is more than 95% full",
    },
];
