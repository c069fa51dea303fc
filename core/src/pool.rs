//! Connection pools: what stands between the clients of an application and its sessions.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::driver::{Driver, SessionOptions};
use crate::error::{DbError, Result};
use crate::session::{Session, Statement};

/// The pools that sessions of a driver can come from.
#[async_trait]
pub trait Pools: Send + Sync {
    /// Which there are, in the order in which they are listed. One that is not installed is listed.
    fn kinds(&self) -> Vec<PoolKind>;

    /// Makes a pool of the kind called `kind`, on whatever event loop, and starts what belongs to it; no
    /// connection of the clients is opened yet. Connections, and the tasks that look after them, belong to
    /// the event loop that acquires: they live as long as that does, and are of no use on another one.
    ///
    /// `driver` is the driver that has this ability, whose sessions a pool that is no part of a client
    /// library holds.
    ///
    /// # Errors
    /// There is no such kind, its program is not installed or cannot stand in front of this target
    /// (unsupported, with what to do), or it does not start.
    async fn open(
        &self,
        driver: &Arc<dyn Driver>,
        kind: &str,
        plan: PoolPlan,
    ) -> Result<Arc<dyn Pool>>;
}

/// A kind of pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolKind {
    /// Its name, after the library or program: `deadpool`, `pgbouncer-transaction`.
    pub name: &'static str,
    /// What it is and how it is used here, in one sentence.
    pub summary: &'static str,
    /// When a client that gets no connection at once is made to wait.
    pub waits: PoolWait,
}

/// When a client waits for a connection that others have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolWait {
    /// While it acquires.
    Acquiring,
    /// Until its first request is answered: the pool is a program in front of the server, which gives a
    /// connection to whoever asks for something.
    FirstAnswer,
}

/// How a pool is made.
#[derive(Clone, Debug)]
pub struct PoolPlan {
    /// Connections to the server that it may have at once, at least 1.
    pub size: u32,
    /// How many clients will ask it for connections at once.
    pub clients: u32,
    /// How long a client waits for a connection before that is an error of the class
    /// [`PoolTimeout`](crate::ErrorClass::PoolTimeout); without an end where `None`. A pool that counts in
    /// whole seconds rounds up.
    pub acquire_timeout: Option<Duration>,
    /// How long a connection may be idle before the pool closes it; for ever where `None`.
    pub idle_timeout: Option<Duration>,
    /// How its sessions are opened.
    pub session: SessionOptions,
    /// What is prepared on each of them, once.
    pub statements: Arc<[Statement]>,
}

/// A pool of connections.
#[async_trait]
pub trait Pool: Send + Sync {
    /// Waits for a connection, which is opened where there may be another one. It is a session on which the
    /// plan's statements are prepared; [`Session::prepare`] replaces them for good, and is not for clients
    /// that share a pool. Dropping it gives the connection back, unless it broke or is amidst a transaction
    /// or an answer: then the pool is rid of it, or rolls back and resets it before it lends it again.
    ///
    /// # Errors
    /// None became free in time (of the class [`PoolTimeout`](crate::ErrorClass::PoolTimeout), in the
    /// pool's own words), one could not be opened, or the pool is closed.
    async fn acquire(&self) -> Result<Box<dyn Session>, DbError>;

    /// Its connections and who waits for them, as it says itself. May be asked on any event loop.
    ///
    /// # Errors
    /// It cannot be asked.
    async fn state(&self) -> Result<PoolState, DbError>;

    /// Closes the connections that are idle now, and the others as they come back; waiting for one, and
    /// [`acquire`](Self::acquire), ends with an error. Dropping the pool closes it, too.
    async fn close(&self);

    /// What a person has to know about how this one works, such as its version, in one sentence; empty where
    /// there is nothing.
    fn detail(&self) -> String {
        String::new()
    }
}

/// A pool at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolState {
    /// Connections to the server that are open.
    pub open: u32,
    /// Those of them that nobody has.
    pub idle: u32,
    /// Clients that wait for one; `None` where the pool does not tell.
    pub waiting: Option<u32>,
}
