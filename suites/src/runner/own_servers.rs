//! Servers that a benchmark starts for itself, and who watches them meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dbdyno_core::{Driver, LoadWatch};

/// The names of those that there are.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnServers(Arc<Mutex<Vec<String>>>);

impl OwnServers {
    pub(super) fn names(&self) -> Vec<String> {
        self.lock().clone()
    }

    pub(super) fn watch(
        &self,
        servers: Vec<Arc<dyn Driver>>,
        watch: Option<&Arc<dyn LoadWatch>>,
    ) -> WatchedServers {
        let watch = watch.cloned();
        if let Some(watch) = &watch {
            servers.iter().for_each(|server| watch.joins(server));
            self.lock().extend(servers.iter().map(|server| server.target().to_owned()));
        }
        WatchedServers { servers, watch, own: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Servers of a benchmark's own that are watched as targets are, until it goes: before they do.
pub struct WatchedServers {
    servers: Vec<Arc<dyn Driver>>,
    watch: Option<Arc<dyn LoadWatch>>,
    own: OwnServers,
}

impl Drop for WatchedServers {
    fn drop(&mut self) {
        let Some(watch) = &self.watch else { return };
        for server in &self.servers {
            watch.leaves(server);
            self.own.lock().retain(|name| name != server.target());
        }
    }
}
