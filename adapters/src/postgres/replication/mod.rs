//! PostgreSQL's replication on throwaway servers: streaming of its log, and logical replication.

mod ask;
mod cluster;
mod lag;
mod logical;
mod settling;
mod standby;
mod topologies;

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::{Cluster, ClusterPlan, Error, Replication, Result, Topology};

use cluster::PostgresCluster;
use topologies::MODES;

use crate::proxy::refuse_round_trip;
use crate::registry::ServerSettings;
use crate::target::Target;

/// Makes clusters of servers that are like a target's own.
pub(super) struct PostgresReplication {
    target: Target,
    settings: ServerSettings,
}

impl PostgresReplication {
    pub(super) fn new(target: &Target, settings: &ServerSettings) -> Self {
        Self { target: target.clone(), settings: settings.clone() }
    }
}

#[async_trait]
impl Replication for PostgresReplication {
    fn topologies(&self) -> Vec<Topology> {
        MODES.iter().map(|mode| mode.topology).collect()
    }

    async fn start(&self, name: &str, plan: ClusterPlan) -> Result<Arc<dyn Cluster>> {
        let mode = MODES.iter().find(|mode| mode.topology.name == name).ok_or_else(|| {
            let why = format!("PostgreSQL has no topology `{name}` here");
            Error::unsupported("set up replication", why)
        })?;
        refuse_round_trip(&self.target)?;
        let cluster = PostgresCluster::start(&self.target, &self.settings, mode, plan).await?;
        Ok(Arc::new(cluster))
    }
}
