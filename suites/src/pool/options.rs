//! What the user may choose about pools.

use std::time::Duration;

/// The sizes of a sweep where nobody names any.
const SIZES: [u32; 5] = [1, 2, 4, 8, 16];
/// How long clients wait for a connection where nobody says.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Which pools are measured, and how they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolOptions {
    /// Their kinds, by name, `direct` for connections without a pool among them; all that the driver has
    /// where `None`.
    pub kinds: Option<Vec<String>>,
    /// Their sizes, each at least 1; 1, 2, 4, 8 and 16, up to the number of clients, where `None`.
    pub sizes: Option<Vec<u32>>,
    /// How long a client waits for a connection; the benchmark's own time, mostly 5 s, where `None`.
    pub acquire_timeout: Option<Duration>,
}

impl PoolOptions {
    /// The sizes of pools that so many clients share: a larger one than there are clients is no other.
    pub fn sizes(&self, clients: u32) -> Vec<u32> {
        match &self.sizes {
            Some(listed) => listed.clone(),
            None => SIZES.into_iter().filter(|size| *size <= clients).collect(),
        }
    }

    /// The size of a pool where only one is measured: the largest that the user names, or this one.
    pub fn size(&self, default: u32) -> u32 {
        self.sizes.iter().flatten().copied().max().unwrap_or(default.max(1))
    }

    /// How long a client waits for a connection.
    pub fn acquire_timeout(&self) -> Duration {
        self.acquire_timeout_or(ACQUIRE_TIMEOUT)
    }

    /// The same with another default.
    pub fn acquire_timeout_or(&self, default: Duration) -> Duration {
        self.acquire_timeout.unwrap_or(default)
    }

    /// Whether connections of a kind are wanted.
    pub fn wants(&self, kind: &str) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|wanted| wanted == kind))
    }
}
