//! Whether what was restored is what was promised.

use std::collections::BTreeMap;
use std::time::Instant;

use dbdyno_core::backup::Restored;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Check, DbError, Error, Measurement, Result, Session};

use super::bench::Bench;
use super::content::{self, Content};
use super::found;
use super::ledger::{self, Ledger};
use crate::benchmark::{Benchmark as _, LoadBenchmark as _};
use crate::oltp::tpcc::Tpcc;

/// What must be there.
pub struct Expected {
    /// The rows, where nobody changed them meanwhile.
    pub content: Option<BTreeMap<String, Content>>,
    /// Between which moments the one is that was promised.
    pub from: Instant,
    pub to: Instant,
}

/// Tables of TPC-C whose rows nobody adds to or takes away (1.3.1).
const FIXED: [&str; 5] = ["warehouse", "district", "customer", "stock", "item"];

/// What was found in a restored backup.
struct Found {
    fixed: Vec<i64>,
    ready: std::time::Duration,
    conditions: Vec<Check>,
    ledger: Vec<i64>,
    content: Option<BTreeMap<String, Content>>,
}

/// Looks at a restored backup; gives how long restoring took, and what holds.
///
/// # Errors
/// The end was asked for, or the source cannot be asked any more.
pub fn verify(
    bench: &Bench<'_>,
    name: &str,
    restored: &Restored,
    expected: &Expected,
    ledger: &Ledger,
) -> Result<(Vec<Measurement>, Vec<Check>)> {
    let check = |what: &str, held: Held| {
        let is_held = held.is_ok();
        Check::new(format!("{what}_{name}"), is_held, held.unwrap_or_else(|why| why))
    };
    let found = bench.stand.block_on(async {
        tokio::select! {
            found = look(bench, restored, expected) => Some(found),
            () = bench.stand.stop().requested() => None,
        }
    });
    let found = match found {
        None => return Err(Error::new(format!("verify {name}"), "the end was asked for")),
        Some(Ok(found)) => found,
        Some(Err(why)) => {
            let why = format!("it was restored, and cannot be read: {why}");
            return Ok((Vec::new(), vec![check("restored", Err(why))]));
        }
    };
    let rows = found::of_restore(restored.placed, found.ready);
    let broken: Vec<&Check> = found.conditions.iter().filter(|check| !check.held).collect();
    let conditions = match broken.first() {
        None => Ok(format!("all {} conditions of TPC-C 3.3.2 hold", found.conditions.len())),
        Some(first) => Err(format!("{} conditions do not hold: {}", broken.len(), first.detail)),
    };
    let fixed = as_many(&found.fixed, bench)?;
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
    if let (Some(wanted), Some(content)) = (&expected.content, &found.content) {
        let same = match content::difference(wanted, content) {
            None => Ok(format!("{} tables have the same rows", wanted.len())),
            Some(why) => Err(why),
        };
        checks.push(check("rows", same));
    }
    Ok((rows, checks))
}

/// What holds, or what is wrong.
type Held = std::result::Result<String, String>;

/// Whether the tables that do not grow have as many rows as in the source: conditions hold of empty ones, too.
fn as_many(found: &[i64], bench: &Bench<'_>) -> Result<Held> {
    let doing = "count the rows that nobody adds to";
    let wanted = bench.stand.ask(doing, async |session| counts(session).await)?;
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

async fn look(
    bench: &Bench<'_>,
    restored: &Restored,
    expected: &Expected,
) -> Result<Found, DbError> {
    let driver = restored.driver.as_ref();
    let mut session = driver.connect(&bench.stand.session_options()).await?;
    scalar_sql(&mut *session, "SELECT COUNT(*) FROM district").await?;
    let ready = restored.began.elapsed();
    let fixed = counts(&mut *session).await?;
    let state = Tpcc.state(&mut *session, bench.stand.case().scale).await?;
    let numbers = ledger::read(driver, &mut *session).await?;
    let content = match &expected.content {
        Some(_) => {
            let tables = Tpcc.dataset().tables();
            Some(content::read(&tables, driver, &mut *session).await?)
        }
        None => None,
    };
    Ok(Found { fixed, ready, conditions: state.checks, ledger: numbers, content })
}
