//! Several nodes as one target: clients go to the present primary, or are spread over all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dbdyno_core::{
    BulkLoad, Capabilities, DbError, Dialect, Driver, Durability, HeldDurability, Isolation,
    LevelSupport, Promise, Result, ServerInfo, Session, SessionOptions,
};
use tokio::sync::watch;

/// A driver of nodes that have the same data.
pub struct Nodes {
    nodes: Vec<Arc<dyn Driver>>,
    way: Way,
}

/// Which node a session is opened on.
enum Way {
    /// The one at this place, unless those who ask for one are held.
    One(AtomicUsize, watch::Sender<bool>),
    /// One after another; this many were opened.
    Turns(AtomicUsize),
}

impl Nodes {
    /// Sessions are opened on the first of some nodes, until another one is said. There is at least one.
    pub fn first(nodes: Vec<Arc<dyn Driver>>) -> Arc<Self> {
        Arc::new(Self { nodes, way: Way::One(AtomicUsize::new(0), watch::Sender::new(false)) })
    }

    /// Sessions are opened on one node after another. There is at least one.
    pub fn spread(nodes: Vec<Arc<dyn Driver>>) -> Arc<Self> {
        Arc::new(Self { nodes, way: Way::Turns(AtomicUsize::new(0)) })
    }

    /// From now on sessions are opened on the node at a place.
    pub fn redirect(&self, place: usize) {
        if let Way::One(present, _) = &self.way {
            present.store(place, Ordering::SeqCst);
        }
    }

    /// Has those who ask for a session wait for as long as what this gives is kept, as a proxy before the nodes can:
    /// they need not try again and again, with pauses that are their own.
    pub fn hold(&self) -> Held<'_> {
        self.set_held(true);
        Held(self)
    }

    fn set_held(&self, held: bool) {
        if let Way::One(_, is_held) = &self.way {
            is_held.send_replace(held);
        }
    }

    fn present(&self) -> &dyn Driver {
        let place = match &self.way {
            Way::One(present, _) => present.load(Ordering::SeqCst),
            Way::Turns(_) => 0,
        };
        &*self.nodes[place % self.nodes.len()]
    }
}

/// Lets those go on who ask for a session when it goes.
pub struct Held<'n>(&'n Nodes);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.set_held(false);
    }
}

#[async_trait]
impl Driver for Nodes {
    fn engine(&self) -> &str {
        self.present().engine()
    }

    fn name(&self) -> &str {
        self.present().name()
    }

    fn target(&self) -> &str {
        self.present().target()
    }

    fn capabilities(&self) -> Capabilities {
        self.present().capabilities()
    }

    fn dialect(&self) -> &dyn Dialect {
        self.present().dialect()
    }

    fn isolation(&self, level: Isolation) -> LevelSupport {
        self.present().isolation(level)
    }

    fn promise(&self, level: Isolation) -> Promise {
        self.present().promise(level)
    }

    fn default_isolation(&self) -> Isolation {
        self.present().default_isolation()
    }

    async fn server_info(&self) -> Result<ServerInfo> {
        self.present().server_info().await
    }

    async fn set_durability(&self, level: Durability) -> Result<()> {
        self.present().set_durability(level).await
    }

    async fn durability(&self) -> Result<HeldDurability> {
        self.present().durability().await
    }

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
        match &self.way {
            Way::One(_, is_held) => {
                // Its sender is here.
                let _ = is_held.subscribe().wait_for(|held| !held).await;
                self.present().connect(options).await
            }
            Way::Turns(opened) => {
                let place = opened.fetch_add(1, Ordering::Relaxed) % self.nodes.len();
                self.nodes[place].connect(options).await
            }
        }
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        self.present().bulk_load()
    }
}
