//! A server that follows the source's log to the moment that a base backup is of: it goes out from a base backup of its
//! own, which is made before anybody works, and recovers to the same place in the log.

use std::path::PathBuf;
use std::sync::Arc;

use dbdyno_core::backup::{Backup as _, BackupPlan, Restored, Twin, TwinServer, TwinSession};
use dbdyno_core::query::{row_sql, within};
use dbdyno_core::{DbError, Driver, Error, Result, Session};

use super::base::{self, BaseBackup, Form};
use super::restored::{self, Target};
use super::{Source, twin};
use crate::backup::{ANSWER_LIMIT, bytes_of};
use crate::postgres::driver::PostgresDriver;
use crate::postgres::endpoint::Endpoint;
use crate::throwaway::Place;

/// A slot that keeps the log at once, and is temporary. The server may still be at ending the session before, which has one
/// of another name.
const CREATE_SLOT: &str = "\
SELECT slot_name::text FROM \
pg_create_physical_replication_slot(('dbdyno_twin_' || pg_backend_pid())::name, true, true)";

/// One that is yet to be started.
struct Follower {
    base: BaseBackup,
    /// Where the source has its log.
    log: PathBuf,
    // Dropped with it: nobody needs the log any more.
    _keeping: TwinSession,
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
    let keeping = keep_log(driver.endpoint())?;
    let base = base::prepare(Source::of(driver, method, plan)?, Form::Plain)?;
    base.start()?.wait(plan.limit, &plan.stop)?;
    Ok(Twin::Server(Box::new(Follower { base, log, _keeping: keeping })))
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

/// Has the server keep its log from now on, by a replication slot that nobody reads from (manual, 27.2.6). It is there for
/// as long as the session is, however that ends: a server that was killed keeps nothing once it is up again.
pub(super) fn keep_log(endpoint: &Endpoint) -> Result<TwinSession> {
    let failed = |why: DbError| Error::new("have the server keep its log", why);
    let mut session = twin::session(endpoint, None).map_err(failed)?;
    let create = async |session: &mut dyn Session| {
        within(ANSWER_LIMIT, row_sql(session, CREATE_SLOT, |_| Ok(()))).await
    };
    session.ask(create).map_err(failed)?;
    Ok(session)
}
