//! What the user may choose about replication.

/// Which topologies are measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicationOptions {
    /// Their names; all that the driver has, or those that a benchmark is about, where `None`.
    pub topologies: Option<Vec<String>>,
}

impl ReplicationOptions {
    /// Whether a topology is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.topologies.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name))
    }
}
