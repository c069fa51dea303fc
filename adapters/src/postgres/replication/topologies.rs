//! The topologies that there are, and the settings that make them.

use dbdyno_core::{Acknowledged, Sent, Shape, Topology};

/// A topology and how PostgreSQL is told of it.
pub(super) struct Mode {
    pub(super) topology: Topology,
    pub(super) kind: Kind,
    /// `synchronous_commit` (manual, section 20.5.1); the level of durability decides where `None`, and no
    /// replica is waited for.
    pub(super) synchronous_commit: Option<&'static str>,
}

/// What is sent to replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The log as it is (manual, section 27.2.5).
    Streaming,
    /// The rows that it changes (manual, chapter 31).
    Logical,
}

/// The topologies, in the order in which they are listed.
pub(super) const MODES: [Mode; 9] = [
    streaming(
        "none",
        "a primary without a replica: what the others are compared with",
        (0, Shape::Star, Acknowledged::Primary),
        None,
    ),
    streaming(
        "async",
        "one streaming replica that no commit waits for",
        (1, Shape::Star, Acknowledged::Primary),
        None,
    ),
    streaming(
        "remote-write",
        "a commit waits until the replica has written it, not synced (synchronous_commit=remote_write)",
        (1, Shape::Star, Acknowledged::Received),
        Some("remote_write"),
    ),
    streaming(
        "on",
        "a commit waits until the replica has synced it (synchronous_commit=on)",
        (1, Shape::Star, Acknowledged::Flushed),
        Some("on"),
    ),
    streaming(
        "remote-apply",
        "a commit waits until readers of the replica see it (synchronous_commit=remote_apply)",
        (1, Shape::Star, Acknowledged::Applied),
        Some("remote_apply"),
    ),
    streaming(
        "any-1-on",
        "a commit waits until one of two replicas has synced it (ANY 1)",
        (2, Shape::Star, Acknowledged::Flushed),
        Some("on"),
    ),
    streaming(
        "any-1-remote-apply",
        "a commit waits until readers of one of two replicas see it (ANY 1)",
        (2, Shape::Star, Acknowledged::Applied),
        Some("remote_apply"),
    ),
    streaming(
        "cascading",
        "one streaming replica, and a second that has the log from the first; no commit waits",
        (2, Shape::Chain, Acknowledged::Primary),
        None,
    ),
    Mode {
        topology: Topology {
            name: "logical",
            summary: "a subscriber that is sent changed rows; no commit waits for it",
            replicas: 1,
            acknowledged: Acknowledged::Primary,
            shape: Shape::Star,
            sent: Sent::Rows,
        },
        kind: Kind::Logical,
        synchronous_commit: None,
    },
];

const fn streaming(
    name: &'static str,
    summary: &'static str,
    (replicas, shape, acknowledged): (u32, Shape, Acknowledged),
    synchronous_commit: Option<&'static str>,
) -> Mode {
    let topology = Topology { name, summary, replicas, acknowledged, shape, sent: Sent::Log };
    Mode { topology, kind: Kind::Streaming, synchronous_commit }
}

impl Mode {
    /// What each server is started with. Enough of the log is kept that a replica that was away for a while
    /// finds it.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let level = if self.kind == Kind::Logical { "logical" } else { "replica" };
        [
            ("wal_level", level),
            ("max_wal_senders", "10"),
            ("wal_keep_size", "4GB"),
            ("max_slot_wal_keep_size", "4GB"),
            ("hot_standby", "on"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// `synchronous_standby_names` (manual, section 20.6.2); empty where no replica is waited for.
    pub(super) fn standby_names(&self) -> String {
        if self.synchronous_commit.is_none() {
            return String::new();
        }
        let names: Vec<String> = (0..self.topology.replicas as usize).map(name_of).collect();
        format!("ANY 1 ({})", names.join(", "))
    }
}

/// What the primary knows a replica by, counted from 0.
pub(super) fn name_of(replica: usize) -> String {
    format!("replica_{}", replica + 1)
}
