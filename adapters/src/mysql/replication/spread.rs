//! A cluster as one target, with its clients spread over the nodes.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dbdyno_core::{
    BulkLoad, Capabilities, DbError, Dialect, Driver, Durability, Explain, HeldDurability,
    Isolation, LevelSupport, Pools, Promise, Result, ServerInfo, Session, SessionOptions,
};

use super::super::driver::MysqlDriver;
use super::galera::GaleraCluster;

/// Nodes that all take writes. A session is opened on one after another.
pub(super) struct Spread {
    label: String,
    cluster: GaleraCluster,
    opened: AtomicUsize,
}

impl Spread {
    pub(super) fn new(label: &str, cluster: GaleraCluster) -> Self {
        Self { label: label.to_owned(), cluster, opened: AtomicUsize::new(0) }
    }

    fn first(&self) -> &MysqlDriver {
        self.cluster.nodes()[0]
    }
}

#[async_trait]
impl Driver for Spread {
    fn engine(&self) -> &str {
        self.first().engine()
    }

    fn name(&self) -> &str {
        self.first().name()
    }

    fn target(&self) -> &str {
        &self.label
    }

    fn capabilities(&self) -> Capabilities {
        self.first().capabilities()
    }

    fn dialect(&self) -> &dyn Dialect {
        self.first().dialect()
    }

    fn isolation(&self, level: Isolation) -> LevelSupport {
        self.first().isolation(level)
    }

    fn promise(&self, level: Isolation) -> Promise {
        self.first().promise(level)
    }

    fn default_isolation(&self) -> Isolation {
        self.first().default_isolation()
    }

    async fn server_info(&self) -> Result<ServerInfo> {
        self.first().server_info().await
    }

    async fn set_durability(&self, level: Durability) -> Result<()> {
        for node in self.cluster.nodes() {
            node.set_durability(level).await?;
        }
        Ok(())
    }

    async fn durability(&self) -> Result<HeldDurability> {
        self.first().durability().await
    }

    /// Clients, which say how isolated they are, are spread over the nodes, and see what their node has applied.
    /// Whoever sets up or checks sees what any node has committed: it waits for that (`wsrep_sync_wait`).
    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
        let nodes = self.cluster.nodes();
        if options.isolation.is_none() {
            let mut session = nodes[0].connect(options).await?;
            session.run_sql("SET SESSION wsrep_sync_wait = 7").await?;
            return Ok(session);
        }
        let place = self.opened.fetch_add(1, Ordering::Relaxed) % nodes.len();
        nodes[place].connect(options).await
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        self.first().bulk_load()
    }

    fn explain(&self) -> Option<&dyn Explain> {
        Driver::explain(self.first())
    }

    fn pools(&self) -> Option<&dyn Pools> {
        self.first().pools()
    }
}
