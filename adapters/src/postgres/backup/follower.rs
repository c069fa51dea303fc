//! A server that follows the source's log to the moment that a base backup is of: it goes out from a base backup of its
//! own, which is made before anybody works, and recovers to the same place in the log.

use std::path::PathBuf;
use std::sync::Arc;

use dbdyno_core::backup::{Backup as _, BackupPlan, Restored, Twin, TwinServer};
use dbdyno_core::{DbError, Driver, Error, Result};

use super::base::{self, BaseBackup, Form};
use super::restored::{self, Target};
use super::{Source, ask};
use crate::backup::bytes_of;
use crate::postgres::driver::PostgresDriver;
use crate::postgres::endpoint::Endpoint;
use crate::throwaway::Place;

/// The replication slot for which the server keeps its log.
const SLOT: &str = "dbdyno_twin";

/// One that is yet to be started.
struct Follower {
    base: BaseBackup,
    /// Where the source has its log.
    log: PathBuf,
    // Dropped with it: nobody needs the log any more.
    _slot: Slot,
}

/// Has the server keep its log from now on, and makes the base backup. Nobody fetches the log while it is written, which a
/// load would feel: its files are read when that is over.
///
/// # Errors
/// The server is not dbdyno's, keeps nothing, or the backup fails.
pub(super) fn prepare(driver: &PostgresDriver, method: &str, plan: &BackupPlan) -> Result<Twin> {
    let place = driver
        .place()
        .ok_or_else(|| Error::new("follow the log of the server", "dbdyno did not start it"))?;
    let log = place.data().join("pg_wal");
    let slot = Slot::create(driver.shared_endpoint())?;
    let base = base::prepare(Source::of(driver, method, plan)?, Form::Plain)?;
    base.start()?.wait(plan.limit, &plan.stop)?;
    Ok(Twin::Server(Box::new(Follower { base, log, _slot: slot })))
}

impl TwinServer for Follower {
    fn recover(self: Box<Self>, restored: &Restored) -> Result<Arc<dyn Driver>> {
        let doing = "follow the log to the moment of a backup";
        let position = restored.position.clone().ok_or_else(|| {
            Error::new(doing, "the restored server does not tell what it has recovered")
        })?;
        // It stops before what comes next, which must be there.
        self.base.source.switch_log().map_err(|why| Error::new(doing, why))?;
        let recovery = self.base.recovery(bytes_of(&self.log));
        let (put, log) = (self.base.put(), self.log.clone());
        let bounds = self.base.source.bounds().clone();
        let fill = move |place: &Place| {
            put(place)?;
            restored::recover(place, &log, &Target::Position(&position), &bounds)
        };
        restored::start(&self.base.source.origin, recovery, fill).map(|server| server.driver)
    }
}

/// A replication slot that nobody reads from: the server keeps its log from the moment on that it was created (manual,
/// 27.2.6).
struct Slot(Arc<Endpoint>);

impl Slot {
    fn create(endpoint: Arc<Endpoint>) -> Result<Self> {
        let sql = format!(
            "SELECT slot_name::text FROM pg_create_physical_replication_slot('{SLOT}', true)"
        );
        let created = ask(&endpoint, &sql);
        created.map_err(|why| Error::new("have the server keep its log", why))?;
        Ok(Self(endpoint))
    }

    fn drop_it(&self) -> Result<(), DbError> {
        let sql = format!("SELECT pg_drop_replication_slot('{SLOT}')::text");
        ask(&self.0, &sql).map(|_| ())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Err(why) = self.drop_it() {
            tracing::warn!("the server still keeps its log: {why}");
        }
    }
}
