//! Replication: a primary, replicas that repeat what it commits, and the link between them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::driver::Driver;
use crate::durability::Durability;
use crate::error::{DbError, Error, Result};

/// The ways of replicating that an engine has, each of which can be set up on throwaway servers.
#[async_trait]
pub trait Replication: Send + Sync {
    /// Which there are, in the order in which they are listed. One that is not installed is listed.
    fn topologies(&self) -> Vec<Topology>;

    /// Starts the servers of the topology called `name`, each a throwaway one, and joins them. Rows may be
    /// loaded on the primary then, and are replicated; commits are not yet acknowledged as the topology
    /// says, see [`Cluster::engage`].
    ///
    /// # Errors
    /// There is no such topology, a program of it is not installed (unsupported, with the line that installs
    /// it), a server does not start, or a replica does not connect in time. Nothing is left behind.
    async fn start(&self, name: &str, plan: ClusterPlan) -> Result<Arc<dyn Cluster>>;
}

/// A way of replicating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Its name: `async`, `remote-apply`, `semi-sync`.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// How many replicas it has; none where it is what others are compared with.
    pub replicas: u32,
    /// Where a commit is when its client is told of it.
    pub acknowledged: Acknowledged,
    /// How what is committed gets to the replicas.
    pub shape: Shape,
    /// What of it is sent.
    pub sent: Sent,
}

/// What of a commit is sent to replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The log of the primary, as it is.
    Log,
    /// The rows that changed, to a server that has a log of its own.
    Rows,
    /// What all nodes hold against what they did themselves, before it is a commit.
    WriteSets,
    /// What an application took note of.
    ChangeSets,
}

/// Where a commit is once it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acknowledged {
    /// On the primary alone: it may be lost with it.
    Primary,
    /// A replica has received it and handed it to its operating system.
    Received,
    /// A replica has made it as durable as the primary has.
    Flushed,
    /// Readers of at least one replica see it.
    Applied,
    /// All nodes have it, and have agreed that it conflicts with nothing; they may not have applied it yet.
    Certified,
}

impl Acknowledged {
    /// Whether a commit that was acknowledged outlives the primary, as long as the replicas live.
    pub const fn outlives_primary(self) -> bool {
        !matches!(self, Self::Primary)
    }
}

/// How what is committed gets to the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Each replica has it from the primary.
    Star,
    /// The second replica has it from the first one, and so on.
    Chain,
    /// Every node takes writes and has those of the others.
    Peers,
}

/// How a cluster is made.
#[derive(Clone, Copy, Debug)]
pub struct ClusterPlan {
    /// What commits survive on each node.
    pub durability: Durability,
    /// Whether the nodes reach each other over a link whose conditions can be changed, see
    /// [`Cluster::set_link`]. It costs what a proxy on the loopback interface costs.
    pub link: bool,
    /// How long its servers may take.
    pub limits: ClusterLimits,
}

impl ClusterPlan {
    /// Nodes that reach each other at once, and take no longer than they should.
    pub fn of(durability: Durability) -> Self {
        Self { durability, link: false, limits: ClusterLimits::default() }
    }
}

/// How long the servers of a cluster may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterLimits {
    /// A program that copies a primary that has no rows yet, or the definitions of its tables.
    pub copy: Duration,
    /// A replica to connect, or the servers to say that commits wait for it.
    pub connect: Duration,
    /// A replica to apply what it has received before it takes writes.
    pub promote: Duration,
}

impl Default for ClusterLimits {
    fn default() -> Self {
        Self {
            copy: Duration::from_secs(120),
            connect: Duration::from_secs(20),
            promote: Duration::from_secs(180),
        }
    }
}

/// Servers that replicate. Dropping it stops them and removes all that they have.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// The server that takes writes; the first node where all do. A throwaway server, which can be killed by
    /// its [`ServerControl`](crate::ServerControl).
    fn primary(&self) -> Arc<dyn Driver>;

    /// The others, likewise.
    fn replicas(&self) -> Vec<Arc<dyn Driver>>;

    /// From now on commits are acknowledged as the topology says. What was committed before is on all
    /// replicas when it returns.
    ///
    /// # Errors
    /// A replica does not connect or catch up in time, or a server refuses.
    async fn engage(&self) -> Result<()>;

    /// Opens the sessions by which whoever waits for the replicas asks: what is waited for is not how long it takes to
    /// connect. They live as long as the event loop in which this was called.
    ///
    /// # Errors
    /// A server takes no session in time.
    async fn settling(&self) -> Result<Box<dyn Settling + '_>>;

    /// Waits, in sessions of its own, until all replicas show what the primary has committed by now.
    ///
    /// # Errors
    /// They do not within `limit`, or a server cannot be asked.
    async fn settle(&self, limit: Duration) -> Result<()> {
        match self.settling().await?.settle(limit).await? {
            Settled::Shown => Ok(()),
            Settled::Behind(why) => {
                let doing = format!("wait for the replicas of {}", self.primary().target());
                Err(Error::new(doing, why))
            }
        }
    }

    /// Opens the sessions by which the servers are asked what they say themselves: asking again and again
    /// opens no more of them. They live as long as the event loop in which this was called.
    ///
    /// # Errors
    /// A server takes no session in time.
    async fn lag_watch(&self) -> Result<Box<dyn LagWatch + '_>, DbError>;

    /// What they say, asked once in sessions of its own.
    ///
    /// # Errors
    /// A server cannot be asked.
    async fn reports(&self) -> Result<Vec<LagReport>, DbError> {
        self.lag_watch().await?.reports().await
    }

    /// Makes the replica that has most of the primary's commits one that takes writes, for the primary is
    /// gone; gives its place among the replicas. What is still on the way to it is waited for, and all that
    /// it has received is applied first.
    ///
    /// # Errors
    /// None can be promoted.
    async fn promote(&self) -> Result<usize>;

    /// Changes the links between the nodes, at once. Where all are peers, a cut is between the last of them and the
    /// others: these are more, and go on.
    ///
    /// # Errors
    /// The cluster was made without any.
    fn set_link(&self, link: Link) -> Result<()>;

    /// The settings that make it what it is, `name=value` with blanks between.
    fn evidence(&self) -> String;
}

/// Sessions by which replicas are waited for.
#[async_trait]
pub trait Settling: Send {
    /// Waits until all replicas show what the primary has committed by now, for no longer than `limit`.
    ///
    /// # Errors
    /// A server cannot be asked. The sessions are of no more use.
    async fn settle(&mut self, limit: Duration) -> Result<Settled>;
}

/// What came of waiting for replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// All show what was waited for.
    Shown,
    /// One does not in time: since when they were waited for, and what the servers say of that.
    Behind(String),
}

impl Settled {
    /// They do not show it after `limit`; what the servers say of that, or nothing.
    pub fn behind(limit: Duration, said: &str) -> Self {
        let why = format!("they do not show it after {} s {said}", limit.as_secs_f64());
        Self::Behind(why.trim_end().to_owned())
    }
}

/// Sessions by which servers are asked how far replicas are behind.
#[async_trait]
pub trait LagWatch: Send {
    /// What they say of each replica, in the replicas' order. A replica of which nothing is known is one
    /// without figures.
    ///
    /// # Errors
    /// A server does not answer in time. The sessions are of no more use.
    async fn reports(&mut self) -> Result<Vec<LagReport>, DbError>;

    /// The same while the replica at a place has stood still since they were asked last. It is not asked: where only
    /// it can say how far it is, what it said then is held against how far the primary is now.
    ///
    /// # Errors
    /// Another server does not answer in time. The sessions are of no more use.
    async fn reports_beside(&mut self, standing: usize) -> Result<Vec<LagReport>, DbError> {
        // Servers that are told by their primary, or in the same process, are never asked themselves.
        let _ = standing;
        self.reports().await
    }
}

/// What the servers say of how far a replica is behind. Each figure has the engine's own meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LagReport {
    /// Seconds until the replica had written what the primary had.
    pub write_s: Option<f64>,
    /// Seconds until the replica had made it durable.
    pub flush_s: Option<f64>,
    /// Seconds that the replica shows less than the primary: the figure that people watch.
    pub replay_s: Option<f64>,
    /// Bytes of the primary's log that the replica has not applied.
    pub bytes: Option<u64>,
    /// Transactions of the primary that the replica has not applied.
    pub transactions: Option<u64>,
}

/// The conditions of a link between nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// What it adds to each round trip.
    pub round_trip: Duration,
    /// Bytes per second that get through each way of a connection; without a limit where `None`.
    pub bandwidth: Option<u64>,
    /// Whether nothing gets through. What is sent meanwhile arrives when the link is mended.
    pub cut: bool,
}
