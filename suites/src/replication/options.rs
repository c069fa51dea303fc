//! What may be chosen about replication.

use std::time::Duration;

use dbdyno_core::ClusterLimits;

/// Which topologies are measured, and how long their servers may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationOptions {
    /// Their names; all that the driver has, or those that a benchmark is about, where `None`.
    pub topologies: Option<Vec<String>>,
    /// How long the servers of a cluster may take.
    pub limits: ClusterLimits,
    /// How long replicas may take to show what was committed in a load.
    pub settle_limit: Duration,
}

impl Default for ReplicationOptions {
    fn default() -> Self {
        Self {
            topologies: None,
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
}
