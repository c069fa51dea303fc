//! The rows that a backup must have.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::backup::{Restored, TwinServer, TwinSession};
use dbdyno_core::{DbError, Driver, Error, Result, Stop};

use super::bench::Bench;
use super::content::{self, Contents, Until};
use crate::benchmark::Benchmark as _;
use crate::oltp::tpcc::Tpcc;

/// Which rows a backup must have.
pub enum Rows {
    /// Nobody can tell.
    Unknown,
    /// These.
    Known(Contents),
    /// Those of a server that is yet to be brought to the moment that the backup is of.
    Of(Box<dyn TwinServer>),
}

impl Rows {
    /// Whether somebody can tell.
    pub fn are_told(&self) -> bool {
        !matches!(self, Self::Unknown)
    }
}

/// Adding up the rows that a backup of a method must have.
pub struct Telling<'t> {
    pub bench: &'t Bench<'t>,
    pub name: &'t str,
    /// How long it may take.
    pub limit: Duration,
}

impl Telling<'_> {
    fn doing(&self) -> String {
        format!("add up the rows that {} must have saved", self.name)
    }

    /// Those that a session sees, which is asked while the load goes on that is `over` once it has ended.
    ///
    /// # Errors
    /// The session does not tell, or not in time; the load has ended, or the end was asked for.
    pub fn by_session(&self, mut twin: TwinSession, over: &Stop) -> Result<Rows> {
        let stand = self.bench.stand;
        stand.working_on(&self.doing());
        let driver = stand.shared_driver();
        let until = Until::new(self.limit, stand.stop()).or_end_of_load(over);
        let tables = Tpcc.dataset().tables();
        let told =
            twin.ask(async |session| content::read(&tables, &*driver, session, &until).await);
        told.map(Rows::Known).map_err(|why| Error::new(self.doing(), why))
    }

    /// Those of a server that is brought to the moment that a restored backup is of.
    ///
    /// # Errors
    /// It does not get there or does not tell, or not in time; the end was asked for.
    pub fn by_server(&self, twin: Box<dyn TwinServer>, restored: &Restored) -> Result<Contents> {
        let stand = self.bench.stand;
        stand.working_on(&format!("bring a server to the moment of the backup of {}", self.name));
        let failed = |why: &dyn std::fmt::Display| Error::new(self.doing(), why.to_string());
        let driver: Arc<dyn Driver> = twin.recover(restored).map_err(|why| failed(&why))?;
        stand.working_on(&self.doing());
        let until = Until::new(self.limit, stand.stop());
        let tables = Tpcc.dataset().tables();
        let told: std::result::Result<Contents, DbError> = stand.block_on(async {
            let mut session = driver.connect(&stand.session_options()).await?;
            content::read(&tables, &*driver, &mut *session, &until).await
        });
        told.map_err(|why| failed(&why))
    }
}
