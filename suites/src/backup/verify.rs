//! Whether what was restored is what was promised.

use std::time::{Duration, Instant};

use dbdyno_core::ability::ENDED;
use dbdyno_core::backup::Restored;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Check, DbError, Error, Measurement, Result, Session};

use super::bench::Bench;
use super::content::{self, Contents, Until};
use super::found;
use super::ledger::{self, Ledger};
use super::rows::{Rows, Telling};
use crate::benchmark::{Benchmark as _, LoadBenchmark as _};
use crate::oltp::tpcc::Tpcc;

/// What must be there.
pub struct Expected {
    pub rows: Rows,
    /// Between which moments the one is that was promised.
    pub from: Instant,
    pub to: Instant,
}

/// Tables of TPC-C whose rows nobody adds to or takes away (1.3.1).
const FIXED: [&str; 5] = ["warehouse", "district", "customer", "stock", "item"];

/// What is said of a backup whose rows nobody tells.
const ROWS_UNKNOWN: &str =
    "; rows are held against these and the ledger alone, for nobody told which it must have";

/// How often a server that is coming up is asked.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What was found in a restored backup.
struct Found {
    fixed: Vec<i64>,
    /// How long it took until it answered; `None` where its server did not answer throughout.
    ready: Option<Duration>,
    conditions: Vec<Check>,
    ledger: Vec<i64>,
    content: Option<Contents>,
}

/// What was found out about a restored backup.
pub struct Verified {
    /// How long restoring took.
    pub rows: Vec<Measurement>,
    /// What holds.
    pub checks: Vec<Check>,
    /// Why nobody could tell which rows must be there.
    pub untold: Option<Error>,
}

/// What holds, or what is wrong.
type Held = std::result::Result<String, String>;

/// Whether the tables that do not grow have as many rows as in the source: conditions hold of empty ones, too.
fn as_many(found: &[i64], bench: &Bench<'_>) -> Result<Held> {
    let doing = "count the rows that nobody adds to";
    let wanted = bench.stand.look(doing, async |session| counts(session).await)?;
    Ok(
        match FIXED
            .iter()
            .zip(found.iter().zip(&wanted))
            .find(|(_, (found, wanted))| found != wanted)
        {
            None => Ok(format!("{} have as many rows as there were", FIXED.join(", "))),
            Some((table, (found, wanted))) => Err(format!("{table} has {found} rows of {wanted}")),
        },
    )
}

async fn counts(session: &mut dyn Session) -> Result<Vec<i64>, DbError> {
    let mut counts = Vec::new();
    for table in FIXED {
        counts.push(scalar_sql(session, &format!("SELECT COUNT(*) FROM {table}")).await?);
    }
    Ok(counts)
}

/// Reading what was restored.
pub struct Reading<'r> {
    pub bench: &'r Bench<'r>,
    pub name: &'r str,
    pub restored: &'r Restored,
    /// How long it may take.
    pub limit: Duration,
}

impl Reading<'_> {
    /// Looks at a restored backup; gives how long restoring took, and what holds.
    ///
    /// # Errors
    /// It cannot be read, which is a [broken](Error::broken) promise unless something else is in the way; the end was
    /// asked for, or the source cannot be asked any more.
    pub fn verify(&self, expected: Expected, ledger: &Ledger) -> Result<Verified> {
        let check = |what: &str, held: Held| {
            let is_held = held.is_ok();
            Check::new(what, is_held, held.unwrap_or_else(|why| why)).of(self.name)
        };
        let found = self.found(expected.rows.are_told())?;
        let (wanted, untold) = match self.wanted(expected.rows) {
            Ok(wanted) => (wanted, None),
            Err(error) => (None, Some(error)),
        };
        let rows = found::of_restore(self.restored.placed, found.ready);
        let broken: Vec<&Check> = found.conditions.iter().filter(|check| !check.held).collect();
        let conditions = match broken.first() {
            None => {
                let all = format!("all {} conditions of TPC-C 3.3.2 hold", found.conditions.len());
                let known = if wanted.is_some() { "" } else { ROWS_UNKNOWN };
                Ok(format!("{all}{known}"))
            }
            Some(first) => {
                Err(format!("{} conditions do not hold: {}", broken.len(), first.detail))
            }
        };
        let fixed = as_many(&found.fixed, self.bench)?;
        let numbers = ledger
            .judge(&found.ledger, expected.from, expected.to)
            .map(|count| format!("{count} of {} numbers are there", ledger.entries.len()))
            .map_err(|why| format!("of the ledger {why}"));
        let mut checks = vec![
            check("restored", Ok(String::new())),
            check("conditions", conditions),
            check("tables", fixed),
            check("ledger", numbers),
        ];
        if let (Some(wanted), Some(content)) = (&wanted, &found.content) {
            let same = match content::difference(wanted, content) {
                None => Ok(format!("{} tables have the same rows", wanted.len())),
                Some(why) => Err(why),
            };
            checks.push(check("rows", same));
        }
        let wrong = checks.iter().find(|check| !check.held).map(|check| check.detail.as_str());
        match (found.ready, wrong) {
            // A server that syncs nothing may have lost rows then.
            (None, Some(wrong)) => {
                let why = format!("its server was lost once, and afterwards {wrong}");
                Err(Error::new(self.doing(), why).next("restore it again"))
            }
            _ => Ok(Verified { rows, checks, untold }),
        }
    }

    /// The rows that must be there. A server that has them is brought up only now: how long the restored one took to
    /// answer is known.
    fn wanted(&self, rows: Rows) -> Result<Option<Contents>> {
        let telling = Telling { bench: self.bench, name: self.name, limit: self.limit };
        match rows {
            Rows::Unknown => Ok(None),
            Rows::Known(content) => Ok(Some(content)),
            Rows::Of(twin) => telling.by_server(twin, self.restored).map(Some),
        }
    }

    fn doing(&self) -> String {
        format!("read what was restored from {}", self.name)
    }

    /// A server that is lost is started again: one that somebody killed comes up on what was restored and tells it, and
    /// one that fails on what was restored fails again.
    fn found(&self, with_rows: bool) -> Result<Found> {
        match self.look(with_rows)? {
            Ok(found) => return Ok(found),
            Err(why) if !why.is_disconnected() => return Err(self.judged(&why.to_string())),
            Err(why) => tracing::info!("{} is lost: {why}", self.restored.driver.target()),
        }
        self.bring_up()?;
        match self.look(with_rows)? {
            Ok(found) => Ok(Found { ready: None, ..found }),
            Err(why) => Err(self.judged(&format!("after its server was lost once: {why}"))),
        }
    }

    /// Has the server take sessions again. One that was just killed may not have ended yet when it is asked for.
    fn bring_up(&self) -> Result<()> {
        let (driver, stand) = (self.restored.driver.as_ref(), self.bench.stand);
        let deadline = Instant::now() + stand.options().reconnect_limit;
        loop {
            if let Some(control) = driver.server_control() {
                control.ensure_running().map_err(|error| match error.why().starts_with(ENDED) {
                    true => self.judged(error.why()),
                    false => error,
                })?;
            }
            match stand.block_on(driver.connect(&stand.session_options())) {
                Ok(_) => return Ok(()),
                Err(why) if !why.is_disconnected() || Instant::now() >= deadline => {
                    return Err(self.judged(&format!("after its server was lost: {why}")));
                }
                Err(_) => stand.go_on()?,
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn judged(&self, why: &str) -> Error {
        match (self.restored.is_outside)(why) {
            true => Error::new(self.doing(), why),
            false => Error::broken(self.doing(), why),
        }
    }

    /// Looks at it, for no longer than it may take.
    fn look(&self, with_rows: bool) -> Result<std::result::Result<Found, DbError>> {
        let stand = self.bench.stand;
        let until = Until::new(self.limit, stand.stop());
        stand.block_on(async {
            let looked = tokio::select! {
                looked = self.read(with_rows, &until) => Some(looked),
                () = until.is_over() => None,
            };
            match (looked, until.over()) {
                (Some(Ok(found)), _) => Ok(Ok(found)),
                (Some(Err(why)), None) => Ok(Err(why)),
                (_, why) => Err(Error::new(self.doing(), why.unwrap_or_default())),
            }
        })
    }

    async fn read(&self, with_rows: bool, until: &Until<'_>) -> Result<Found, DbError> {
        let (driver, stand) = (self.restored.driver.as_ref(), self.bench.stand);
        let mut session = driver.connect(&stand.session_options()).await?;
        scalar_sql(&mut *session, "SELECT COUNT(*) FROM district").await?;
        let ready = Some(self.restored.began.elapsed());
        let fixed = counts(&mut *session).await?;
        let state = Tpcc.state(&mut *session, stand.case().scale).await?;
        let numbers = ledger::read(driver, &mut *session).await?;
        let tables = Tpcc.dataset().tables();
        let content = match with_rows {
            true => Some(content::read(&tables, driver, &mut *session, until).await?),
            false => None,
        };
        Ok(Found { fixed, ready, conditions: state.checks, ledger: numbers, content })
    }
}
