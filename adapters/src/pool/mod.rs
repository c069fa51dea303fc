//! Pools of sessions that are an engine's own: the same client library with a pool and without, so that
//! what differs is the pool.

mod deadpool;
mod leased;

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::{Driver, Error, Pool, PoolKind, PoolPlan, Pools, Result};

pub(crate) use deadpool::DEADPOOL;
pub(crate) use leased::{Keeper, Leased};

/// The pools of drivers that have no others.
pub(crate) struct OwnPools;

#[async_trait]
impl Pools for OwnPools {
    fn kinds(&self) -> Vec<PoolKind> {
        vec![DEADPOOL]
    }

    async fn open(
        &self,
        driver: &Arc<dyn Driver>,
        kind: &str,
        plan: PoolPlan,
    ) -> Result<Arc<dyn Pool>> {
        match kind == DEADPOOL.name {
            true => deadpool::open(driver, plan),
            false => Err(unknown(&self.kinds(), kind)),
        }
    }
}

/// There is no such kind of pool.
pub(crate) fn unknown(kinds: &[PoolKind], kind: &str) -> Error {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    Error::unsupported(
        format!("make a pool of the kind `{kind}`"),
        format!("the driver has {}", names.join(", ")),
    )
}
