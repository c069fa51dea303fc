//! SQLite has no replication. Its honest nearest thing: the change sets of its session extension
//! (<https://www.sqlite.org/sessionintro.html>), taken at each commit and applied to a second database.

mod apply;
mod cluster;
mod copy;
mod frame;
mod gate;
mod inbox;
mod outbox;
mod role;
mod session;

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::{
    Acknowledged, Cluster, ClusterPlan, Error, Replication, Result, Sent, Shape, Topology,
};

use super::driver::SqliteDriver;
use cluster::ChangeSetCluster;
pub(super) use cluster::name_of;
pub(super) use role::Role;

/// The option that says where change sets are sent.
pub(super) const OPTION: &str = "change_sets";

const TOPOLOGIES: [Topology; 2] = [
    Topology {
        name: "none",
        summary: "a database by itself: what the other is compared with",
        replicas: 0,
        acknowledged: Acknowledged::Primary,
        shape: Shape::Star,
        sent: Sent::ChangeSets,
    },
    Topology {
        name: "change-sets",
        summary: "the change set of each commit is sent to a second database, and no commit waits for it",
        replicas: 1,
        acknowledged: Acknowledged::Primary,
        shape: Shape::Star,
        sent: Sent::ChangeSets,
    },
];

#[async_trait]
impl Replication for SqliteDriver {
    fn topologies(&self) -> Vec<Topology> {
        TOPOLOGIES.to_vec()
    }

    async fn start(&self, name: &str, plan: ClusterPlan) -> Result<Arc<dyn Cluster>> {
        let doing = || format!("set up `{name}` on {}", self.label());
        let topology = TOPOLOGIES.iter().find(|topology| topology.name == name);
        let topology = topology
            .ok_or_else(|| Error::unsupported(doing(), "SQLite has no such topology here"))?;
        if plan.link {
            let why = "both databases are files of one machine: there is no network between them";
            return Err(Error::unsupported(doing(), why));
        }
        if self.journal_mode() == "off" {
            let why = "with journal_mode=off a change set that does not fit cannot be taken back";
            return Err(Error::unsupported(doing(), why));
        }
        Ok(Arc::new(ChangeSetCluster::start(self, topology, plan).await?))
    }
}
