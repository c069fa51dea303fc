//! MariaDB's replication on throwaway servers: by global transaction identifiers, and Galera.

mod cluster;
mod galera;
mod topologies;

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::{Cluster, ClusterPlan, Error, Replication, Result, Topology};

use cluster::GtidCluster;
use galera::GaleraCluster;
use topologies::{GALERA, MODES};

use crate::registry::ServerSettings;
use crate::target::Target;

/// Makes clusters of servers that are like a target's own.
pub(super) struct MariadbReplication {
    target: Target,
    settings: ServerSettings,
}

impl MariadbReplication {
    pub(super) fn new(target: &Target, settings: &ServerSettings) -> Self {
        Self { target: target.clone(), settings: settings.clone() }
    }
}

#[async_trait]
impl Replication for MariadbReplication {
    fn topologies(&self) -> Vec<Topology> {
        MODES.iter().map(|mode| mode.topology).chain([GALERA]).collect()
    }

    async fn start(&self, name: &str, plan: ClusterPlan) -> Result<Arc<dyn Cluster>> {
        let (target, settings) = (&self.target, &self.settings);
        if name == GALERA.name {
            return Ok(Arc::new(GaleraCluster::start(target, settings, plan).await?));
        }
        let mode = MODES.iter().find(|mode| mode.topology.name == name).ok_or_else(|| {
            let why = format!("MariaDB has no topology `{name}` here");
            Error::unsupported("set up replication", why)
        })?;
        Ok(Arc::new(GtidCluster::start(target, settings, mode, plan).await?))
    }
}
