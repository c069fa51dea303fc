//! The arguments of `dbdyno run` that choose connection pools.

use std::time::Duration;

use clap::Args;
use dbdyno_suites::pool::PoolOptions;

use super::parse::parse_duration;

/// The largest pool.
pub const MOST_CONNECTIONS: u32 = 10_000;

/// Which pools are measured.
#[derive(Args, Clone, Debug, Default)]
pub struct PoolArgs {
    /// Kinds of connection pools, of benchmarks that measure such (pool): `deadpool`; `pgbouncer-session` and
    /// `pgbouncer-transaction` by postgres's own driver; that of a client library by the driver, and under the name, of
    /// that library; and `direct`, connections without a pool [default: all that the target's driver has].
    #[arg(long = "pool", value_name = "KIND,…", value_delimiter = ',')]
    pub kinds: Vec<String>,

    /// Sizes of connection pools [default: 1,2,4,8,16, up to the number of clients; where one is enough, half as
    /// many as clients].
    #[arg(long = "pool-size", value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CONNECTIONS)))]
    pub sizes: Vec<u32>,

    /// How long a client of a connection pool waits for a connection [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub acquire_timeout: Option<Duration>,
}

impl PoolArgs {
    /// What they choose.
    pub fn options(&self) -> PoolOptions {
        PoolOptions {
            kinds: (!self.kinds.is_empty()).then(|| without_repeats(&self.kinds)),
            sizes: (!self.sizes.is_empty()).then(|| without_repeats(&self.sizes)),
            acquire_timeout: self.acquire_timeout,
        }
    }

    /// The first of them that was given.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--pool", !self.kinds.is_empty()),
            ("--pool-size", !self.sizes.is_empty()),
            ("--acquire-timeout", self.acquire_timeout.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}

fn without_repeats<T: PartialEq + Clone>(listed: &[T]) -> Vec<T> {
    let mut kept = Vec::new();
    for one in listed {
        if !kept.contains(one) {
            kept.push(one.clone());
        }
    }
    kept
}
