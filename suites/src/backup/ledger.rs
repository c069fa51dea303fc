//! A ledger of commits: numbers that are written one after another, each once the one before was acknowledged,
//! so that the numbers in a restored backup tell which moment it is of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{DbError, Driver, Error, ErrorClass, Result, Session, SessionOptions};

/// The table.
pub const TABLE: &str = "dbdyno_backup_ledger";
/// How long is waited between two numbers beside a load: often enough to tell moments apart, and next to
/// nothing for the server.
const PAUSE: Duration = Duration::from_millis(10);

/// A number and its commit.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The number, counted from 1 in each case.
    pub number: i64,
    /// Before its statement was sent.
    pub begun: Instant,
    /// When its commit was acknowledged; `None` where it failed or nobody knows.
    pub acknowledged: Option<Instant>,
    /// When it was acknowledged or refused, or nobody waited any more for the answer; `None` where it is under way.
    pub ended: Option<Instant>,
}

/// The numbers written so far.
#[derive(Debug, Default)]
pub struct Ledger {
    pub entries: Vec<Entry>,
}

/// The definition of the table.
fn table() -> Table {
    Table::new(TABLE, vec![Column::new("number", ColumnType::Int)]).primary_key(&["number"])
}

/// Makes the table anew, in the session's namespace.
///
/// # Errors
/// The engine refuses.
pub async fn create(driver: &dyn Driver, session: &mut dyn Session) -> Result<(), DbError> {
    drop(driver, session).await?;
    let (dialect, table) = (driver.dialect(), table());
    session.run_sql(&dialect.create_table(&table)).await?;
    for statement in dialect.create_indexes(&table) {
        session.run_sql(&statement).await?;
    }
    Ok(())
}

/// Drops the table where it is there.
///
/// # Errors
/// The engine refuses.
pub async fn drop(driver: &dyn Driver, session: &mut dyn Session) -> Result<(), DbError> {
    let sql = format!("DROP TABLE IF EXISTS {}", driver.dialect().quote(TABLE));
    session.run_sql(&sql).await.map(|_| ())
}

/// The numbers that are there, in order.
///
/// # Errors
/// The engine refuses: the table is not there.
pub async fn read(driver: &dyn Driver, session: &mut dyn Session) -> Result<Vec<i64>, DbError> {
    let quoted = driver.dialect().quote(TABLE);
    let mut numbers = Vec::new();
    let sql = format!("SELECT number FROM {quoted} ORDER BY number");
    session
        .query_sql(&sql, &mut |row| {
            numbers.push(row.int(0)?);
            Ok(())
        })
        .await?;
    Ok(numbers)
}

/// Comes once nobody waits any more for a write: so long after `over`. Gives how many seconds that was.
async fn given_up(over: &AtomicBool, patience: impl Fn() -> Duration) -> u64 {
    while !over.load(Ordering::Relaxed) {
        tokio::time::sleep(PAUSE).await;
    }
    let since = Instant::now();
    while since.elapsed() < patience() {
        tokio::time::sleep(PAUSE).await;
    }
    since.elapsed().as_secs()
}

impl Ledger {
    /// Writes the next number.
    ///
    /// # Errors
    /// The engine refuses, or the connection broke.
    pub async fn write(&mut self, session: &mut dyn Session, quoted: &str) -> Result<(), DbError> {
        let number = self.entries.last().map_or(1, |entry| entry.number + 1);
        let begun = Instant::now();
        // Whoever waits for the answer may give up, and the number be there all the same.
        self.entries.push(Entry { number, begun, acknowledged: None, ended: None });
        let sql = format!("INSERT INTO {quoted} (number) VALUES ({number})");
        let written = session.run_sql(&sql).await;
        if let Some(entry) = self.entries.last_mut() {
            entry.ended = Some(Instant::now());
            entry.acknowledged = entry.ended.filter(|_| written.is_ok());
        }
        written.map(|_| ())
    }

    /// Writes numbers through a session of its own until `over`. A number that is refused for a lock is not
    /// written again: the next one is. A backup may keep a write waiting for as long as it takes; the last one is given
    /// `patience` after that.
    ///
    /// # Errors
    /// No session can be opened, something else than a lock stands in the way, or the last write is not answered.
    pub fn keep(
        &mut self,
        driver: &Arc<dyn Driver>,
        options: &SessionOptions,
        over: &AtomicBool,
        patience: impl Fn() -> Duration,
    ) -> Result<()> {
        let doing = || format!("write the ledger on {}", driver.target());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|why| Error::new(doing(), why))?;
        let written = runtime.block_on(async {
            tokio::select! {
                written = self.write_until(driver.as_ref(), options, over) => written,
                seconds = given_up(over, patience) => {
                    let why = format!("the server did not answer within {seconds} s");
                    Err(DbError::new(ErrorClass::StatementTimeout, None, why))
                }
            }
        });
        self.give_up(Instant::now());
        written.map_err(|why: DbError| Error::new(doing(), why))
    }

    /// Whoever waited for the last write has waited until `now`, where that was not answered.
    fn give_up(&mut self, now: Instant) {
        if let Some(last) = self.entries.last_mut() {
            last.ended.get_or_insert(now);
        }
    }

    async fn write_until(
        &mut self,
        driver: &dyn Driver,
        options: &SessionOptions,
        over: &AtomicBool,
    ) -> Result<(), DbError> {
        let quoted = driver.dialect().quote(TABLE);
        let mut session = driver.connect(options).await?;
        while !over.load(Ordering::Relaxed) {
            match self.write(&mut *session, &quoted).await {
                Err(why) if !why.class.is_retryable() => return Err(why),
                Ok(()) | Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Whether what is in a backup can be the ledger at one moment from `from` to `to`: all that was
    /// acknowledged before `from`, nothing that was begun after `to`, and nothing that was begun after a
    /// number was acknowledged that is missing. Gives how many there are.
    ///
    /// # Errors
    /// What is wrong.
    pub fn judge(&self, found: &[i64], from: Instant, to: Instant) -> Result<usize, String> {
        if let Some(stranger) = found.iter().find(|number| self.entry(**number).is_none()) {
            return Err(format!("{stranger} was never written"));
        }
        let is_in = |entry: &&Entry| found.binary_search(&entry.number).is_ok();
        let missing = |entry: &&Entry| !is_in(entry) && entry.acknowledged.is_some();
        let lost = self.entries.iter().filter(missing);
        if let Some(lost) = lost.clone().find(|entry| entry.acknowledged < Some(from)) {
            return Err(format!("{} was committed before, and is missing", lost.number));
        }
        if let Some(late) = self.entries.iter().filter(is_in).find(|entry| entry.begun > to) {
            return Err(format!("{} was begun afterwards, and is there", late.number));
        }
        let last = self.entries.iter().rfind(is_in);
        if let (Some(lost), Some(last)) = (lost.clone().next(), last)
            && lost.acknowledged < Some(last.begun)
        {
            let (lost, last) = (lost.number, last.number);
            return Err(format!(
                "{lost} was committed before {last} was begun, which is there, and is missing"
            ));
        }
        Ok(found.len())
    }

    /// The longest that somebody who writes a row every few milliseconds had to wait for one to be committed, of the
    /// writes that were under way between two moments. One that was refused waits until the next one is
    /// acknowledged, or until the last was refused or given up. `None` where none was under way.
    pub fn longest_wait(&self, from: Instant, to: Instant) -> Option<Duration> {
        let last = self.entries.last()?;
        let last = last.ended.unwrap_or(last.begun);
        let mut until = None;
        let mut longest = None;
        for entry in self.entries.iter().rev() {
            until = entry.acknowledged.or(until);
            let own = entry.ended.unwrap_or(entry.begun);
            let ended = until.unwrap_or(last).max(own);
            if entry.begun < to && ended >= from {
                longest = longest.max(Some(ended - entry.begun));
            }
        }
        longest
    }

    /// Whether anything was acknowledged that was begun after a moment.
    pub fn has_later(&self, moment: Instant) -> bool {
        let later = |entry: &Entry| entry.begun > moment && entry.acknowledged.is_some();
        self.entries.iter().any(later)
    }

    fn entry(&self, number: i64) -> Option<&Entry> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.entries.get(place).filter(|entry| entry.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ledger of a number each second: begun at n, acknowledged at n + 0.5.
    fn ledger(began: Instant, refused: &[i64]) -> Ledger {
        let entry = |number: i64| {
            let begun = began + Duration::from_secs(number.unsigned_abs());
            let acknowledged = Some(begun + Duration::from_millis(500));
            Entry {
                number,
                begun,
                acknowledged: acknowledged.filter(|_| !refused.contains(&number)),
                ended: Some(begun + Duration::from_millis(500)),
            }
        };
        Ledger { entries: (1..=9).map(entry).collect() }
    }

    #[test]
    fn a_write_that_is_refused_waits_for_the_next_that_is_not() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let ledger = ledger(began, &[5, 6, 9]);
        let longest = |from, to| ledger.longest_wait(at(from), at(to));
        assert_eq!(longest(1_100, 4_900), Some(Duration::from_millis(500)));
        // 5 was begun at 5 s, and the next that was acknowledged is 7, at 7.5 s.
        assert_eq!(longest(5_100, 5_200), Some(Duration::from_millis(2_500)));
        assert_eq!(longest(9_100, 9_900), Some(Duration::from_millis(500)));
        assert_eq!(longest(0, 900), None);
        assert!(ledger.has_later(at(7_900)) && !ledger.has_later(at(8_000)));
    }

    #[test]
    fn a_write_that_is_given_up_has_waited_until_then() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let mut ledger = ledger(began, &[8]);
        let begun = at(10_000);
        ledger.entries.push(Entry { number: 10, begun, acknowledged: None, ended: None });
        ledger.give_up(at(40_000));
        let longest = |from, to| ledger.longest_wait(at(from), at(to));
        assert_eq!(longest(10_100, 12_000), Some(Duration::from_secs(30)));
        // It changes nothing of those that were answered.
        assert_eq!(longest(8_100, 8_900), Some(Duration::from_millis(1_500)));
        ledger.give_up(at(50_000));
        assert_eq!(ledger.longest_wait(at(0), at(20_000)), Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_backup_is_the_ledger_at_one_moment() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let judge = |found: &[i64], from, to| ledger(began, &[5]).judge(found, at(from), at(to));
        // 1 to 3 were acknowledged at 3.5 s, 4 at 4.5 s, 6 was begun at 6 s; 5 was refused.
        assert_eq!(judge(&[1, 2, 3], 3_700, 5_500), Ok(3));
        assert_eq!(judge(&[1, 2, 3, 4], 3_700, 5_500), Ok(4));
        assert_eq!(judge(&[1, 2, 3, 4, 6], 3_700, 6_200), Ok(5));
        // A refusal that took effect all the same is no fault of the backup.
        assert_eq!(judge(&[1, 2, 3, 4, 5], 3_700, 5_500), Ok(5));
        for (found, wrong) in [
            (&[1, 2][..], "3 was committed before, and is missing"),
            (&[1, 2, 3, 4, 6], "6 was begun afterwards, and is there"),
            (&[1, 2, 3, 12], "12 was never written"),
        ] {
            assert_eq!(judge(found, 3_700, 5_500), Err(wrong.to_owned()), "{found:?}");
        }
        let torn = judge(&[1, 2, 3, 6], 3_700, 6_200);
        assert!(torn.is_err_and(|why| why.starts_with("4 was committed before 6 was begun")));
    }
}
