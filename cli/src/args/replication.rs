//! The argument of `dbdyno run` that chooses how servers replicate.

use clap::Args;
use dbdyno_suites::replication::ReplicationOptions;

/// Which topologies are measured.
#[derive(Args, Clone, Debug, Default)]
pub struct ReplicationArgs {
    /// Ways of replicating, of benchmarks that replicate (replication): `async`, `remote-apply`, `semi-sync` …;
    /// docs/replication-and-backup.md has those of each engine [default: all that the target's engine has].
    #[arg(long = "topology", value_name = "NAME,…", value_delimiter = ',')]
    pub topologies: Vec<String>,
}

impl ReplicationArgs {
    /// What it chooses.
    pub fn options(&self) -> ReplicationOptions {
        let mut topologies: Vec<String> = Vec::new();
        for name in &self.topologies {
            if !topologies.contains(name) {
                topologies.push(name.clone());
            }
        }
        ReplicationOptions {
            topologies: (!topologies.is_empty()).then_some(topologies),
            ..ReplicationOptions::default()
        }
    }

    /// Whether it was not given.
    pub fn is_empty(&self) -> bool {
        self.topologies.is_empty()
    }
}
