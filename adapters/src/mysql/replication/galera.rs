//! A Galera cluster of three nodes on one machine
//! (<https://mariadb.com/kb/en/getting-started-with-mariadb-galera-cluster/>).

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::query::within;
use dbdyno_core::{
    Cluster, ClusterPlan, DbError, Driver, Error, LagReport, LagWatch, Link, Result, Settled,
    Settling,
};

use super::super::connection::Connection;
use super::super::driver::MysqlDriver;
use super::cluster::{ANSWER_LIMIT, ask, pairs, start_node};
use super::topologies::GALERA;
use crate::patience::Patience;
use crate::proxy::PeerLinks;
use crate::registry::ServerSettings;
use crate::target::Target;
use crate::throwaway::Port;
use crate::throwaway::machine::{new_password, random_hex};
use crate::throwaway::programs::{Packages, find, folders, install_line};

/// Where distributions put the library: Debian, RHEL, builds for other architectures.
const FOLDERS: [&str; 5] = [
    "/usr/lib/galera",
    "/usr/lib64/galera-4",
    "/usr/lib64/galera",
    "/usr/lib/galera-4",
    "/usr/local/lib/galera",
];
const PACKAGES: Packages = Packages { apt: "galera-4 rsync", dnf: "galera rsync", brew: "galera" };
const NODES: u8 = 1 + GALERA.replicas as u8;
/// How long the other nodes may take to agree that one is gone, or a node to join.
const AGREE_LIMIT: Duration = Duration::from_secs(60);

const LAST_COMMITTED: &str = "SHOW GLOBAL STATUS WHERE Variable_name = 'wsrep_last_committed'";

/// Three nodes.
pub(super) struct GaleraCluster {
    // The first node is the last to go.
    others: Vec<Arc<MysqlDriver>>,
    first: Arc<MysqlDriver>,
    purpose: Purpose,
    // After the nodes that reach each other by them.
    links: Option<PeerLinks>,
    // After the nodes that listen there.
    _ports: Vec<Ports>,
}

/// What the nodes are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// A topology among others: they keep a binary log, which Galera does not need, as the others do, that of what other
    /// nodes committed included. One that the others have put out, since it stood still or was cut off, shows what it
    /// has until it takes part again: whoever looks on at it is to see that.
    Topology,
    /// A target: they are what a server by itself is.
    Target,
}

impl Purpose {
    fn settings(self) -> Vec<(String, String)> {
        let settings: &[(&str, &str)] = match self {
            Self::Topology => {
                &[("log_bin", "binlog"), ("log_slave_updates", "ON"), ("wsrep_dirty_reads", "ON")]
            }
            Self::Target => &[],
        };
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

/// The ports of a node beside the one for clients.
struct Ports {
    /// Where it listens for the others, and comes to them from.
    address: Ipv4Addr,
    group: u16,
    state: Port,
    increments: Port,
    /// That of the group where no link has it.
    _own: Option<Port>,
}

impl Ports {
    /// Those of a node, behind its link where there is one.
    fn choose(links: Option<&PeerLinks>, node: usize) -> Result<Self> {
        let port =
            || Port::choose().map_err(|why| Error::new("find a port for a node of Galera", why));
        let (address, group, own) = match links {
            Some(links) => {
                let (address, group) = links.place(node);
                (address, group, None)
            }
            None => {
                let own = port()?;
                (Ipv4Addr::LOCALHOST, own.number(), Some(own))
            }
        };
        Ok(Self { address, group, state: port()?, increments: port()?, _own: own })
    }
}

/// The library that servers replicate by.
///
/// # Errors
/// It, or what copies the data to a node that joins, is not installed (unsupported).
fn provider() -> Result<PathBuf> {
    let library = FOLDERS.iter().map(|folder| PathBuf::from(folder).join("libgalera_smm.so"));
    let library = library.into_iter().find(|library| library.is_file());
    let copies = find(&["rsync"], &folders(None, &["/usr/bin"]));
    match (library, copies) {
        (Some(library), Some(_)) => Ok(library),
        _ => Err(Error::unsupported(
            "start a Galera cluster",
            "libgalera_smm.so or rsync was not found in the usual folders",
        )
        .next(format!("Install it: {}", install_line(&PACKAGES)))),
    }
}

impl GaleraCluster {
    pub(super) async fn start(
        target: &Target,
        settings: &ServerSettings,
        plan: ClusterPlan,
        purpose: Purpose,
    ) -> Result<Self> {
        let links = plan.link.then(|| PeerLinks::between(NODES)).transpose()?;
        let (provider, password) = (provider()?, new_password()?);
        // Whoever would join has to know it; 32 characters are all that it may have.
        let name = random_hex(12).map_err(|why| Error::new("name a Galera cluster", why))?;
        let (mut members, mut kept) = (Vec::new(), Vec::new());
        let mut nodes: Vec<Arc<MysqlDriver>> = Vec::new();
        for number in 0..=GALERA.replicas {
            let ports = Ports::choose(links.as_ref(), nodes.len())?;
            // The first finds nobody, and begins the cluster.
            let address = format!("gcomm://{}", members.join(","));
            members.push(format!("127.0.0.1:{}", ports.group));
            let mut own = settings_of(&provider.display().to_string(), &name, &address, &ports);
            own.extend(purpose.settings());
            let label = format!("{} ({}, node {})", target.label, GALERA.name, number + 1);
            let node = Arc::new(start_node(target, settings, label, own, &password).await?);
            wait_until_synced(std::slice::from_ref(&node), number + 1).await?;
            node.set_durability(plan.durability).await?;
            nodes.push(node);
            kept.push(ports);
        }
        let first = nodes.remove(0);
        Ok(Self { others: nodes, first, purpose, links, _ports: kept })
    }
}

impl GaleraCluster {
    /// All nodes, the first one first.
    pub(super) fn nodes(&self) -> Vec<&MysqlDriver> {
        std::iter::once(&self.first).chain(&self.others).map(|node| &**node).collect()
    }

    /// A connection to each.
    async fn connections(&self) -> Result<Vec<Connection>, DbError> {
        let mut connections = Vec::new();
        for node in self.nodes() {
            let opened = node.connector().connect(None, None);
            connections.push(within(ANSWER_LIMIT, opened).await?);
        }
        Ok(connections)
    }
}

/// What a node is started with.
fn settings_of(provider: &str, name: &str, address: &str, ports: &Ports) -> Vec<(String, String)> {
    let Ports { address: own, group, .. } = ports;
    let (state, increments) = (ports.state.number(), ports.increments.number());
    let options = format!(
        "gmcast.listen_addr=tcp://{own}:{group};base_port={group};\
         ist.recv_addr=127.0.0.1:{increments};gcache.size=256M"
    );
    [
        ("wsrep_on", "ON".to_owned()),
        ("wsrep_provider", provider.to_owned()),
        ("wsrep_provider_options", options),
        ("wsrep_cluster_name", format!("dbdyno-{name}")),
        ("wsrep_cluster_address", address.to_owned()),
        ("wsrep_node_address", format!("127.0.0.1:{group}")),
        ("wsrep_sst_method", "rsync".to_owned()),
        ("wsrep_sst_receive_address", format!("127.0.0.1:{state}")),
        ("binlog_format", "ROW".to_owned()),
        ("innodb_autoinc_lock_mode", "2".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Waits until nodes take part in a cluster of so many.
async fn wait_until_synced(nodes: &[Arc<MysqlDriver>], members: u32) -> Result<()> {
    let patience = Patience::of(AGREE_LIMIT);
    for node in nodes {
        let doing = format!("have {} take part in the cluster", node.target());
        let sql = "SHOW GLOBAL STATUS WHERE Variable_name IN \
                   ('wsrep_ready', 'wsrep_cluster_size', 'wsrep_local_state_comment')";
        loop {
            let said = ask(node, sql).await.map(pairs);
            let says = |name: &str| said.as_ref().ok()?.get(name).map(String::as_str);
            if says("wsrep_ready") == Some("ON")
                && says("wsrep_cluster_size") == Some(&members.to_string())
                && says("wsrep_local_state_comment") == Some("Synced")
            {
                break;
            }
            // A node that joins may close the sessions of its clients.
            let runs = || node.server_process().is_some();
            let is_refused = said.as_ref().is_err_and(|why| !why.is_disconnected() || !runs());
            if is_refused || patience.is_over().await {
                let log = node.process().map(|process| process.place().log_tail(0));
                let why =
                    said.map_or_else(|why| why.to_string(), |said| format!("it says {said:?}"));
                let why = format!("{why}\n{}", log.unwrap_or_default());
                return Err(
                    Error::new(doing, why).next("Look for the cause in its own words above")
                );
            }
        }
    }
    Ok(())
}

/// The number of the last transaction that a node has committed.
async fn last_committed(node: &mut Connection) -> Result<u64, DbError> {
    number_of(within(ANSWER_LIMIT, node.texts(LAST_COMMITTED)).await?)
}

fn number_of(rows: Vec<Vec<String>>) -> Result<u64, DbError> {
    let said = pairs(rows);
    let number = said.values().next().and_then(|number| number.parse().ok());
    number.ok_or_else(|| DbError::unexpected(format!("no number of a transaction in {said:?}")))
}

/// Connections by which the nodes are waited for, the first node's first.
struct GaleraSettling {
    nodes: Vec<Connection>,
    /// Completes "cannot …".
    doing: String,
}

impl GaleraSettling {
    async fn have_committed(&mut self, limit: Duration) -> Result<bool, DbError> {
        let patience = Patience::of(limit);
        let Some((first, others)) = self.nodes.split_first_mut() else { return Ok(true) };
        let wanted = last_committed(first).await?;
        for node in others {
            while last_committed(node).await? < wanted {
                if patience.is_over().await {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

#[async_trait]
impl Settling for GaleraSettling {
    async fn settle(&mut self, limit: Duration) -> Result<Settled> {
        let committed = self.have_committed(limit).await;
        let committed = committed.map_err(|why| Error::new(&self.doing, why))?;
        Ok(if committed { Settled::Shown } else { Settled::behind(limit, "") })
    }
}

/// Sessions by which the nodes are asked, the first node's first.
struct GaleraLag {
    nodes: Vec<Connection>,
    /// What each said last.
    committed: Vec<Option<u64>>,
}

impl GaleraLag {
    /// Asks all but a node that stands still, by its place among all, whose last answer counts.
    async fn ask(&mut self, standing: Option<usize>) -> Result<Vec<LagReport>, DbError> {
        for (place, node) in self.nodes.iter_mut().enumerate() {
            if standing != Some(place) {
                self.committed[place] = None;
                self.committed[place] = Some(last_committed(node).await?);
            }
        }
        let (first, others) = self.committed.split_first().unwrap_or((&None, &[]));
        let report = |committed: &Option<u64>| {
            let both = first.zip(*committed);
            let transactions = both.map(|(written, committed)| written.saturating_sub(committed));
            LagReport { transactions, ..LagReport::default() }
        };
        Ok(others.iter().map(report).collect())
    }
}

#[async_trait]
impl LagWatch for GaleraLag {
    /// Galera counts transactions, and tells no time
    /// (<https://mariadb.com/kb/en/galera-cluster-status-variables/>).
    async fn reports(&mut self) -> Result<Vec<LagReport>, DbError> {
        self.ask(None).await
    }

    async fn reports_beside(&mut self, standing: usize) -> Result<Vec<LagReport>, DbError> {
        self.ask(Some(standing + 1)).await
    }
}

#[async_trait]
impl Cluster for GaleraCluster {
    fn primary(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.first) as Arc<dyn Driver>
    }

    fn replicas(&self) -> Vec<Arc<dyn Driver>> {
        self.others.iter().map(|node| Arc::clone(node) as Arc<dyn Driver>).collect()
    }

    async fn engage(&self) -> Result<()> {
        wait_until_synced(&self.others, GALERA.replicas + 1).await?;
        self.settle(AGREE_LIMIT).await
    }

    async fn settling(&self) -> Result<Box<dyn Settling + '_>> {
        let doing = format!("wait for the nodes of {}", self.first.target());
        let nodes = self.connections().await.map_err(|why| Error::new(&doing, why))?;
        Ok(Box::new(GaleraSettling { nodes, doing }))
    }

    async fn lag_watch(&self) -> Result<Box<dyn LagWatch + '_>, DbError> {
        let nodes = self.connections().await?;
        let committed = vec![None; nodes.len()];
        Ok(Box::new(GaleraLag { nodes, committed }))
    }

    /// All nodes take writes; the others have to agree that the first is gone.
    async fn promote(&self) -> Result<usize> {
        wait_until_synced(&self.others, GALERA.replicas).await?;
        Ok(0)
    }

    fn set_link(&self, link: Link) -> Result<()> {
        let without = || {
            let why = "the cluster was made without links that can be changed";
            Error::unsupported(format!("change the links of {}", self.first.target()), why)
        };
        self.links.as_ref().ok_or_else(without)?.set(link);
        Ok(())
    }

    fn evidence(&self) -> String {
        let own = self.purpose.settings();
        let own = own.iter().map(|(name, value)| format!(" {name}={value}")).collect::<String>();
        format!(
            "wsrep_sst_method=rsync binlog_format=ROW innodb_autoinc_lock_mode=2 wsrep_sync_wait=0{own}"
        )
    }
}
