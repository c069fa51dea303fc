//! PgBouncer in front of a throwaway server (<https://www.pgbouncer.org>), a process of its own for each pool.

mod config;
mod console;
mod pool;
mod program;

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::{Driver, Error, Pool, PoolKind, PoolPlan, PoolWait, Pools, Result};

use super::driver::PostgresDriver;
use crate::pool::{DEADPOOL, OwnPools, unknown};
use crate::registry::Companion;
use config::Mode;

/// PgBouncer in the registry.
pub(super) const COMPANION: Companion = Companion {
    name: "pgbouncer",
    purpose: "pools in front of postgres",
    install_hint: program::install_hint,
    find: program::found,
};

/// A client has a server connection for as long as its own lasts, so that it opens one for each transaction.
const SESSION: PoolKind = PoolKind {
    name: "pgbouncer-session",
    summary: "PgBouncer in session mode; a client connects to it for each transaction",
    waits: PoolWait::Acquiring,
};
/// A client has a server connection during each transaction, and keeps its own.
const TRANSACTION: PoolKind = PoolKind {
    name: "pgbouncer-transaction",
    summary: "PgBouncer in transaction mode; a client keeps its connection to it",
    waits: PoolWait::FirstAnswer,
};

#[async_trait]
impl Pools for PostgresDriver {
    fn kinds(&self) -> Vec<PoolKind> {
        vec![DEADPOOL, SESSION, TRANSACTION]
    }

    async fn open(
        &self,
        driver: &Arc<dyn Driver>,
        kind: &str,
        plan: PoolPlan,
    ) -> Result<Arc<dyn Pool>> {
        let mode = match kind {
            _ if kind == DEADPOOL.name => return OwnPools.open(driver, kind, plan).await,
            _ if kind == SESSION.name => Mode::Session,
            _ if kind == TRANSACTION.name => Mode::Transaction,
            _ => return Err(unknown(&self.kinds(), kind)),
        };
        let Some(place) = self.throwaway() else {
            let doing = format!("start PgBouncer in front of `{}`", self.target());
            let why = "it would need the server's password in a file, and dbdyno writes none";
            return Err(Error::unsupported(doing, why).next(
                "measure a throwaway server (`--target postgres`), or start PgBouncer yourself and name \
                 it in the URL, in session mode or, from 1.21 on, with max_prepared_statements",
            ));
        };
        pool::open(place, mode, plan).await
    }
}
