//! The topologies that there are, and the settings that make them.

use dbdyno_core::{Acknowledged, Sent, Shape, Topology};

/// A topology and how MariaDB is told of it.
pub(super) struct Mode {
    pub(super) topology: Topology,
    /// Whether a commit waits until a replica has it
    /// (<https://mariadb.com/kb/en/semisynchronous-replication/>).
    pub(super) is_semi_sync: bool,
    /// `slave_parallel_threads`: 0 applies in the thread that reads.
    pub(super) appliers: u32,
    /// `binlog_format`.
    pub(super) format: &'static str,
}

/// The topologies, in the order in which they are listed.
pub(super) const MODES: [Mode; 6] = [
    mode("none", "a primary without a replica: what the others are compared with", 0, ROW),
    mode("async", "one replica that applies by one thread and that no commit waits for", 1, ROW),
    mode(
        "async-parallel-4",
        "the same, applied by four threads (slave_parallel_threads=4, optimistic)",
        1,
        How { appliers: 4, ..ROW },
    ),
    mode(
        "async-mixed",
        "the same as async, with statements in the binary log where that is safe (binlog_format=MIXED)",
        1,
        How { format: "MIXED", ..ROW },
    ),
    mode(
        "semi-sync",
        "a commit waits until the replica has received it, before others see it (AFTER_SYNC)",
        1,
        How { is_semi_sync: true, ..ROW },
    ),
    mode(
        "semi-sync-2",
        "the same with two replicas, the first of which to have it is enough",
        2,
        How { is_semi_sync: true, ..ROW },
    ),
];

/// Three nodes of Galera (<https://mariadb.com/kb/en/what-is-mariadb-galera-cluster/>).
pub(super) const GALERA: Topology = Topology {
    name: "galera",
    summary: "three nodes that all take writes and certify each transaction together; clients are on the first",
    replicas: 2,
    acknowledged: Acknowledged::Certified,
    shape: Shape::Peers,
    sent: Sent::WriteSets,
};

#[derive(Clone, Copy)]
struct How {
    is_semi_sync: bool,
    appliers: u32,
    format: &'static str,
}

const ROW: How = How { is_semi_sync: false, appliers: 0, format: "ROW" };

const fn mode(name: &'static str, summary: &'static str, replicas: u32, how: How) -> Mode {
    let How { is_semi_sync, appliers, format } = how;
    let acknowledged = if is_semi_sync { Acknowledged::Received } else { Acknowledged::Primary };
    let (shape, sent) = (Shape::Star, Sent::Log);
    let topology = Topology { name, summary, replicas, acknowledged, shape, sent };
    Mode { topology, is_semi_sync, appliers, format }
}

impl Mode {
    /// What each server is started with, but for its number.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let mut settings = vec![
            ("log_bin", "binlog".to_owned()),
            ("binlog_format", self.format.to_owned()),
            ("log_slave_updates", "ON".to_owned()),
            ("relay_log", "relay".to_owned()),
            // A replica that crashes asks the primary again for what it had not applied.
            ("relay_log_recovery", "ON".to_owned()),
            // The default of 60 s would have a replica notice late that the link is mended.
            ("slave_net_timeout", "10".to_owned()),
            ("slave_parallel_threads", self.appliers.to_string()),
            ("slave_parallel_mode", "optimistic".to_owned()),
        ];
        if self.is_semi_sync {
            settings.extend([
                ("rpl_semi_sync_master_wait_point", "AFTER_SYNC".to_owned()),
                // Never acknowledged without a replica, however long that takes: the manual's default of 10 s
                // would quietly make it asynchronous.
                ("rpl_semi_sync_master_timeout", "4294967295".to_owned()),
                ("rpl_semi_sync_slave_enabled", "ON".to_owned()),
            ]);
        }
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
