//! The arguments of `dbdyno run` that choose how servers replicate, and what happens to them.

use std::time::Duration;

use clap::Args;
use dbdyno_core::Link;
use dbdyno_suites::replication::ReplicationOptions;

use super::parse::{parse_link, parse_stall};

/// Which topologies are measured, over which links, and what happens to them.
#[derive(Args, Clone, Debug, Default)]
pub struct ReplicationArgs {
    /// Ways of replicating, of benchmarks that replicate (replication): `async`, `remote-apply`, `semi-sync` …;
    /// docs/replication-and-backup.md has those of each engine [default: all that the target's engine has].
    #[arg(long = "topology", value_name = "NAME,…", value_delimiter = ',')]
    pub topologies: Vec<String>,

    /// Networks between the nodes, of replication/network, each measured beside the loopback interface as it is: what is
    /// added to each round trip (`40ms`, at most 1s), the bytes per second that each connection gets through each way
    /// (`1MB/s`, 10kB/s to 1GB/s), or both (`40ms+1MB/s`) [default: 10ms,1MB/s].
    #[arg(long, value_name = "LINK,…", value_delimiter = ',', value_parser = parse_link)]
    pub network: Vec<Link>,

    /// How long replication/network cuts the nodes off from each other, 100ms to 5m; a node of `galera` is cut off for
    /// longer where it takes longer until it refuses a write, which is 5s and more [default: 2s].
    #[arg(long, value_name = "DURATION", value_parser = parse_stall)]
    pub cut: Option<Duration>,

    /// How long replication/catch-up stops a replica, 100ms to 5m [default: 3s].
    #[arg(long, value_name = "DURATION", value_parser = parse_stall)]
    pub away: Option<Duration>,
}

impl ReplicationArgs {
    /// What they choose.
    pub fn options(&self) -> ReplicationOptions {
        let default = ReplicationOptions::default();
        let (topologies, links) =
            (without_repeats(&self.topologies), without_repeats(&self.network));
        ReplicationOptions {
            topologies: (!topologies.is_empty()).then_some(topologies),
            links: if links.is_empty() { default.links } else { links },
            cut: self.cut.unwrap_or(default.cut),
            away: self.away.unwrap_or(default.away),
            ..default
        }
    }
}

fn without_repeats<T: PartialEq + Clone>(listed: &[T]) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for one in listed {
        if !kept.contains(one) {
            kept.push(one.clone());
        }
    }
    kept
}
