//! MariaDB's replication on throwaway servers: by global transaction identifiers, and Galera.

mod cluster;
mod galera;
mod lag;
mod settling;
mod spread;
mod topologies;

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::{Cluster, ClusterPlan, Driver, Durability, Error, Replication, Result, Topology};

use cluster::GtidCluster;
use galera::{GaleraCluster, Purpose};
use spread::Spread;
use topologies::{GALERA, MODES};

use super::programs::Product;
use crate::proxy::refuse_round_trip;
use crate::registry::ServerSettings;
use crate::target::Target;

/// Opens a Galera cluster as one target.
///
/// # Errors
/// It is none of MariaDB's, a client library is named, or the cluster does not start.
pub(super) async fn open_cluster(
    product: Product,
    target: &Target,
    settings: &ServerSettings,
) -> Result<Arc<dyn Driver>> {
    let doing = format!("use the target `{}`", target.label);
    if product != Product::Mariadb {
        return Err(Error::new(doing, "Galera is part of MariaDB").next("use `mariadb?cluster=3`"));
    }
    if target.option("driver").is_some() {
        let why = "a cluster is reached by dbdyno's own driver";
        return Err(Error::new(doing, why).next("leave out `driver` or `cluster`"));
    }
    refuse_round_trip(target)?;
    let plan = ClusterPlan::of(Durability::Full);
    let cluster = GaleraCluster::start(target, settings, plan, Purpose::Target).await?;
    Ok(Arc::new(Spread::new(&target.label, cluster)))
}

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
        refuse_round_trip(target)?;
        if name == GALERA.name {
            let purpose = Purpose::Topology;
            return Ok(Arc::new(GaleraCluster::start(target, settings, plan, purpose).await?));
        }
        let mode = MODES.iter().find(|mode| mode.topology.name == name).ok_or_else(|| {
            let why = format!("MariaDB has no topology `{name}` here");
            Error::unsupported("set up replication", why)
        })?;
        Ok(Arc::new(GtidCluster::start(target, settings, mode, plan).await?))
    }
}
