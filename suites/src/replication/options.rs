//! What may be chosen about replication.

use std::time::Duration;

use dbdyno_core::{ClusterLimits, Link};

/// How long the link is cut where nobody says.
pub const DEFAULT_CUT: Duration = Duration::from_secs(2);
/// How long a replica is stopped where nobody says.
pub const DEFAULT_AWAY: Duration = Duration::from_secs(3);

/// The link that every other one is compared with.
const LOOPBACK: &str = "loopback";
/// Units of a bandwidth, and their names.
const BANDWIDTHS: [(u64, &str); 3] =
    [(1_000_000_000, "GB/s"), (1_000_000, "MB/s"), (1_000, "kB/s")];

/// Which topologies are measured, over which links, what happens to them, and how long their servers may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationOptions {
    /// Their names; all that the driver has, or those that a benchmark is about, where `None`.
    pub topologies: Option<Vec<String>>,
    /// The links that are put between the nodes, beside the loopback interface as it is. None is cut.
    pub links: Vec<Link>,
    /// How long the link is cut.
    pub cut: Duration,
    /// How long a replica is stopped.
    pub away: Duration,
    /// How long the servers of a cluster may take.
    pub limits: ClusterLimits,
    /// How long replicas may take to show what was committed in a load.
    pub settle_limit: Duration,
}

impl Default for ReplicationOptions {
    fn default() -> Self {
        Self {
            topologies: None,
            links: vec![
                Link { round_trip: Duration::from_millis(10), ..Link::default() },
                Link { bandwidth: Some(1_000_000), ..Link::default() },
            ],
            cut: DEFAULT_CUT,
            away: DEFAULT_AWAY,
            limits: ClusterLimits::default(),
            settle_limit: Duration::from_secs(120),
        }
    }
}

impl ReplicationOptions {
    /// Whether a topology is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.topologies.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name))
    }

    /// How many topologies are measured of `by_default` that a benchmark takes where none is named.
    pub(super) fn how_many(&self, by_default: u32) -> u32 {
        let named = self.topologies.as_ref();
        named.map_or(by_default, |names| u32::try_from(names.len()).unwrap_or(u32::MAX))
    }

    /// The links that are measured, the loopback interface as it is first.
    pub(super) fn all_links(&self) -> Vec<Link> {
        [Link::default()].into_iter().chain(self.links.iter().copied()).collect()
    }
}

/// What a link is called in results, and on the command line: `10ms` is added to each round trip, `1MB/s` get through
/// each way, `10ms+1MB/s` are both.
pub fn link_name(link: &Link) -> String {
    let delay = (!link.round_trip.is_zero()).then(|| delay_name(link.round_trip));
    let parts: Vec<String> = delay.into_iter().chain(link.bandwidth.map(bandwidth_name)).collect();
    if parts.is_empty() { LOOPBACK.to_owned() } else { parts.join("+") }
}

fn delay_name(delay: Duration) -> String {
    match delay.as_micros() {
        seconds if seconds % 1_000_000 == 0 => format!("{}s", seconds / 1_000_000),
        millis if millis % 1_000 == 0 => format!("{}ms", millis / 1_000),
        micros => format!("{micros}us"),
    }
}

fn bandwidth_name(bandwidth: u64) -> String {
    match BANDWIDTHS.iter().find(|(unit, _)| bandwidth.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", bandwidth / unit),
        None => format!("{bandwidth}B/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_called_as_people_write_them() {
        let names: Vec<String> =
            ReplicationOptions::default().all_links().iter().map(link_name).collect();
        assert_eq!(names, ["loopback", "10ms", "1MB/s"]);
        for (micros, bandwidth, name) in [
            (1_500, None, "1500us"),
            (1_000_000, Some(2_500_000), "1s+2500kB/s"),
            (0, Some(1_000_000_000), "1GB/s"),
            (0, Some(1_048_576), "1048576B/s"),
        ] {
            let round_trip = Duration::from_micros(micros);
            assert_eq!(link_name(&Link { round_trip, bandwidth, cut: false }), name);
        }
    }
}
