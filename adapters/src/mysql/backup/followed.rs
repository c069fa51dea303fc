//! A server that follows the source's binary log to the moment that a backup is of: it goes out from a copy that was made
//! before anybody worked, and runs what the log has from there to the position that the backup says.

use std::sync::{Arc, Mutex, PoisonError};

use dbdyno_core::backup::{Backup as _, BackupPlan, Restored, Twin, TwinServer};
use dbdyno_core::{Driver, Durability, Error, Result};

use super::Source;
use super::logs::{Logs, Position};
use super::physical::{self, Physical};
use super::restored::{self, Client};
use crate::mysql::driver::MysqlDriver;
use crate::mysql::private::BinaryLog;
use crate::throwaway::runtime::run_to_end;

/// What there is for that of a backup; nothing where nobody wants it, or it cannot be.
#[derive(Default)]
pub(super) struct Followed {
    base: Mutex<Option<Result<Box<Base>>>>,
    // The server is started again when this goes, which no load may meet.
    log: Option<BinaryLog>,
}

/// What a server goes out from.
struct Base {
    copy: Physical,
    logs: Logs,
}

impl Followed {
    /// Has the server write a binary log, for which it is started again, and makes the copy. Why there is none is told by
    /// [`twin`](Self::twin); the log is written all the same, for it costs a load more than most backups do, and loads
    /// are to differ in the backup alone.
    ///
    /// # Errors
    /// The server does not come up again.
    pub(super) fn prepare(driver: &MysqlDriver, method: &str, plan: &BackupPlan) -> Result<Self> {
        let found = Source::of(driver, method, plan).and_then(|source| {
            let logs = Logs::prepare(&source)?;
            Ok(Box::new(Base { copy: physical::prepare(driver, source, false)?, logs }))
        });
        let Some(log) = driver.write_binary_log()? else { return Ok(Self::default()) };
        let base = found.and_then(|base| {
            base.copy.start()?.wait(plan.limit, &plan.stop)?;
            Ok(base)
        });
        Ok(Self { base: Mutex::new(Some(base)), log: Some(log) })
    }

    /// Whether the server writes a log for it.
    pub(super) fn is_there(&self) -> bool {
        self.log.is_some()
    }

    /// Who has the rows of the moment that `position` tells.
    ///
    /// # Errors
    /// The copy could not be made.
    pub(super) fn twin(
        &self,
        position: impl Fn() -> Result<Position> + Send + 'static,
    ) -> Result<Option<Twin>> {
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner).take();
        let follower = |base| Twin::Server(Box::new(Follower { base, position }));
        base.transpose().map(|base| base.map(follower))
    }
}

/// A server that is yet to be started.
struct Follower<P> {
    base: Box<Base>,
    position: P,
}

impl<P: Fn() -> Result<Position> + Send> TwinServer for Follower<P> {
    fn recover(self: Box<Self>, _: &Restored) -> Result<Arc<dyn Driver>> {
        let Base { copy, logs } = &*self.base;
        let (from, to) = (Position::of_copy(copy.folder())?, (self.position)()?);
        logs.keep(&copy.source, &from)?;
        let (driver, _) = restored::start_server(&copy.source, copy.put())?;
        // It goes when it was asked for its rows: nothing that it does has to last.
        let doing = "have a server follow the binary log";
        let set = run_to_end(|| driver.set_durability(Durability::None));
        set.map_err(|why| Error::new(doing, why))??;
        let client = Client::of(&copy.source, &driver)?;
        logs.replay(&copy.source, &client, (&from, &to))?;
        Ok(driver)
    }
}
