//! A driver over another one whose clusters do not do what they should: replicas that receive nothing while
//! commits go on, and servers that take for ever.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{
    Acknowledged, BulkLoad, Capabilities, Claim, Cluster, ClusterPlan, DbError, Dialect, Driver,
    Durability, HeldDurability, Isolation, LagReport, LagWatch, LevelSupport, Link, Promise,
    Replication, Result, ServerInfo, Session, SessionOptions, Settled, Settling, Stop, Topology,
};
use tokio::time::timeout;

/// The topology that says truly that commits do not wait for the replica.
pub const HONEST: &str = "honest";
/// The one that says they do.
pub const SWORN: &str = "sworn";

/// The one without a replica.
pub const NONE: &str = "none";

/// What its clusters do not do.
#[derive(Clone, Debug)]
pub enum Failing {
    /// The replica receives nothing of what is committed once the data is there.
    Receives,
    /// The replica receives nothing any more once it was waited for.
    Settles,
    /// Whoever asks how far replicas are behind ends the session in which a row beats, once it has beaten.
    Beats,
    /// Rows vanish from the primary that has no replica.
    Keeps,
    /// They are never there; whoever waits asks for the end.
    Starts(Stop),
    /// No replica is ever promoted; whoever waits asks for the end.
    Promotes(Stop),
    /// The replica is told these statements once the data is there.
    Told(&'static [&'static str]),
    /// The topologies of these names refuse to have a replica promoted; `none` to be started.
    Works(&'static [&'static str]),
}

/// How long a row that beats may take to beat twice.
const BEAT_LIMIT: Duration = Duration::from_secs(10);

/// What a topology says that does not work.
pub const REFUSAL: &str = "it does not work today";

/// The driver. It replicates by the topologies `none` and `async` of the one that does the
/// work.
pub struct UnsafeDriver {
    /// The driver that does the work.
    pub driver: Arc<dyn Driver>,
    /// What its clusters do not do.
    pub failing: Failing,
}

/// Waits for ever, and asks for the end.
async fn wait_for_the_end(stop: &Stop) {
    stop.request();
    pending::<()>().await;
}

#[async_trait]
impl Driver for UnsafeDriver {
    fn engine(&self) -> &str {
        self.driver.engine()
    }

    fn name(&self) -> &str {
        self.driver.name()
    }

    fn target(&self) -> &str {
        self.driver.target()
    }

    fn capabilities(&self) -> Capabilities {
        self.driver.capabilities()
    }

    fn dialect(&self) -> &dyn Dialect {
        self.driver.dialect()
    }

    fn isolation(&self, level: Isolation) -> LevelSupport {
        self.driver.isolation(level)
    }

    fn promise(&self, level: Isolation) -> Promise {
        self.driver.promise(level)
    }

    fn default_isolation(&self) -> Isolation {
        self.driver.default_isolation()
    }

    async fn server_info(&self) -> Result<ServerInfo> {
        self.driver.server_info().await
    }

    async fn set_durability(&self, level: Durability) -> Result<()> {
        self.driver.set_durability(level).await
    }

    async fn durability(&self) -> Result<HeldDurability> {
        self.driver.durability().await
    }

    async fn claim(&self, namespace: &str) -> Result<Claim> {
        self.driver.claim(namespace).await
    }

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
        self.driver.connect(options).await
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        self.driver.bulk_load()
    }

    fn replication(&self) -> Option<&dyn Replication> {
        Some(self)
    }
}

#[async_trait]
impl Replication for UnsafeDriver {
    fn topologies(&self) -> Vec<Topology> {
        let all = self.driver.replication().map(Replication::topologies).unwrap_or_default();
        let found = all.into_iter().find(|topology| topology.name == "async");
        let honest = found.map(|topology| Topology { name: HONEST, ..topology });
        let sworn = honest.map(|topology| Topology {
            name: SWORN,
            acknowledged: Acknowledged::Flushed,
            ..topology
        });
        let none = honest.map(|topology| Topology { name: NONE, replicas: 0, ..topology });
        none.into_iter().chain(honest).chain(sworn).collect()
    }

    async fn start(&self, name: &str, plan: ClusterPlan) -> Result<Arc<dyn Cluster>> {
        if name == NONE {
            self.failing.refuse(name)?;
        }
        if let Failing::Starts(stop) = &self.failing {
            wait_for_the_end(stop).await;
        }
        let unsupported = || dbdyno_core::Error::unsupported("replicate", "the driver cannot");
        let replication = self.driver.replication().ok_or_else(unsupported)?;
        let real = if name == NONE { NONE } else { "async" };
        let cluster = replication.start(real, ClusterPlan { link: true, ..plan }).await?;
        let name = name.to_owned();
        Ok(Arc::new(UnsafeCluster { name, cluster, failing: self.failing.clone() }))
    }
}

impl Failing {
    /// Refuses what a topology is to do, where it is one that does not work.
    fn refuse(&self, name: &str) -> Result<()> {
        match self {
            Self::Works(names) if names.contains(&name) => {
                Err(dbdyno_core::Error::new(format!("use `{name}`"), REFUSAL))
            }
            _ => Ok(()),
        }
    }
}

struct UnsafeCluster {
    name: String,
    cluster: Arc<dyn Cluster>,
    failing: Failing,
}

impl UnsafeCluster {
    /// Runs a statement on the primary.
    async fn run(&self, sql: &str) -> Result<(), DbError> {
        let mut session = self.primary().connect(&SessionOptions::default()).await?;
        session.run_sql(sql).await.map(drop)
    }

    /// Waits until the row has beaten twice more: the first of these was acknowledged before the second was sent.
    async fn beats_twice(&self) -> Result<(), DbError> {
        let mut session = self.primary().connect(&SessionOptions::default()).await?;
        let sql = "SELECT beat FROM dbdyno_tpcb.dbdyno_heartbeat WHERE id = 1";
        let twice = async {
            let first = scalar_sql(&mut *session, sql).await?;
            while scalar_sql(&mut *session, sql).await? < first + 2 {}
            Ok(())
        };
        let late = |_| Err(DbError::unexpected(format!("no beat for {BEAT_LIMIT:?}")));
        timeout(BEAT_LIMIT, twice).await.unwrap_or_else(late)
    }
}

struct UnsafeSettling<'c> {
    cluster: &'c UnsafeCluster,
    settling: Box<dyn Settling + 'c>,
}

#[async_trait]
impl Settling for UnsafeSettling<'_> {
    async fn settle(&mut self, limit: Duration) -> Result<Settled> {
        let settled = self.settling.settle(limit).await?;
        match self.cluster.failing {
            Failing::Settles => {
                self.cluster.set_link(Link { cut: true, ..Link::default() })?;
            }
            Failing::Keeps if self.cluster.name == NONE => {
                let sql = "DELETE FROM dbdyno_tpcb.pgbench_history WHERE ctid IN \
                           (SELECT ctid FROM dbdyno_tpcb.pgbench_history LIMIT 1)";
                let failed = |why| dbdyno_core::Error::new("lose a row", why);
                self.cluster.run(sql).await.map_err(failed)?;
            }
            _ => {}
        }
        Ok(settled)
    }
}

struct UnsafeWatch<'c> {
    cluster: &'c UnsafeCluster,
    watch: Box<dyn LagWatch + 'c>,
    /// The session in which a row beats was ended.
    is_ended: bool,
}

#[async_trait]
impl LagWatch for UnsafeWatch<'_> {
    async fn reports(&mut self) -> Result<Vec<LagReport>, DbError> {
        if matches!(self.cluster.failing, Failing::Beats) && !self.is_ended {
            self.is_ended = true;
            self.cluster.beats_twice().await?;
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE query LIKE 'UPDATE dbdyno_heartbeat SET beat%'";
            self.cluster.run(sql).await?;
        }
        self.watch.reports().await
    }
}

#[async_trait]
impl Cluster for UnsafeCluster {
    fn primary(&self) -> Arc<dyn Driver> {
        self.cluster.primary()
    }

    fn replicas(&self) -> Vec<Arc<dyn Driver>> {
        self.cluster.replicas()
    }

    async fn engage(&self) -> Result<()> {
        self.cluster.engage().await?;
        match self.failing {
            Failing::Receives => self.cluster.set_link(Link { cut: true, ..Link::default() }),
            Failing::Told(statements) => {
                let failed = |why| dbdyno_core::Error::new("tell a replica", why);
                for replica in self.cluster.replicas() {
                    let session = replica.connect(&SessionOptions::default()).await;
                    let mut session = session.map_err(failed)?;
                    for sql in statements {
                        session.run_sql(sql).await.map_err(failed)?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn settling(&self) -> Result<Box<dyn Settling + '_>> {
        let settling = self.cluster.settling().await?;
        Ok(Box::new(UnsafeSettling { cluster: self, settling }))
    }

    async fn lag_watch(&self) -> Result<Box<dyn LagWatch + '_>, DbError> {
        let watch = self.cluster.lag_watch().await?;
        Ok(Box::new(UnsafeWatch { cluster: self, watch, is_ended: false }))
    }

    async fn promote(&self) -> Result<usize> {
        if let Failing::Promotes(stop) = &self.failing {
            wait_for_the_end(stop).await;
        }
        self.failing.refuse(&self.name)?;
        self.cluster.promote().await
    }

    fn set_link(&self, link: Link) -> Result<()> {
        self.cluster.set_link(link)
    }

    fn evidence(&self) -> String {
        self.cluster.evidence()
    }
}
