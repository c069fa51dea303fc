//! The locks of a backup's sessions (manual, 54.12 `pg_locks`, 13.3 for what they keep others from).

use dbdyno_core::backup::{Lock, LockWatch, LocksSeen};
use dbdyno_core::query::{row_sql, within};
use dbdyno_core::{DbError, Error, Result, SessionOptions};
use tokio::runtime::{Builder, Runtime};

use super::super::endpoint::Endpoint;
use super::super::session::PostgresSession;
use crate::backup::ANSWER_LIMIT;

/// The name by which sessions of a backup's tools are told from others.
pub(super) const APPLICATION: &str = "dbdyno-backup";

/// Modes of locks, the weakest first: as `pg_locks` writes them, and as the manual's table of conflicts does.
const MODES: [(&str, &str); 8] = [
    ("AccessShareLock", "ACCESS SHARE"),
    ("RowShareLock", "ROW SHARE"),
    ("RowExclusiveLock", "ROW EXCLUSIVE"),
    ("ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE"),
    ("ShareLock", "SHARE"),
    ("ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE"),
    ("ExclusiveLock", "EXCLUSIVE"),
    ("AccessExclusiveLock", "ACCESS EXCLUSIVE"),
];

/// The modes of all locks that the backup's sessions hold, once each, how many locks that is, and how many sessions wait
/// for one of these. Each session has a lock on its own virtual transaction, which nobody else asks for but who makes
/// an index, and on the system tables that it reads, as every session has (numbers below 16384: manual, 74.2.2).
const LOOK: &str = "\
WITH tool AS (SELECT pid FROM pg_stat_activity WHERE application_name = 'dbdyno-backup'), \
held AS (SELECT l.mode FROM pg_locks l JOIN tool USING (pid) \
         WHERE l.granted AND l.locktype NOT IN ('virtualxid', 'transactionid') \
         AND COALESCE(l.relation >= 16384, true)) \
SELECT COALESCE((SELECT string_agg(DISTINCT mode, ',') FROM held), ''), \
       (SELECT count(*) FROM held), \
       (SELECT count(DISTINCT w.pid) FROM pg_locks w WHERE NOT w.granted \
        AND pg_blocking_pids(w.pid) && (SELECT array_agg(pid) FROM tool))";

/// A session that looks at the locks of others.
pub(super) struct Watch {
    session: PostgresSession,
    // Dropped last: the session runs on it.
    runtime: Runtime,
}

impl Watch {
    /// Opens the session.
    ///
    /// # Errors
    /// The server takes none.
    pub(super) fn begin(endpoint: &Endpoint) -> Result<Self> {
        let doing = "watch the locks of a backup";
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|why| Error::new(doing, why))?;
        let opened = runtime.block_on(within(ANSWER_LIMIT, async {
            PostgresSession::new(endpoint.connect().await?, "", &SessionOptions::default()).await
        }));
        let session = opened.map_err(|why: DbError| Error::new(doing, why))?;
        Ok(Self { session, runtime })
    }
}

impl LockWatch for Watch {
    fn look(&mut self) -> Result<LocksSeen, DbError> {
        let look = row_sql(&mut self.session, LOOK, |row| {
            let strongest = row.text(0)?.split(',').filter_map(lock).max();
            let count = |index| Ok(u32::try_from(row.int(index)?).unwrap_or(u32::MAX));
            Ok(LocksSeen { held: Some(count(1)?), strongest, waiting: Some(count(2)?) })
        });
        self.runtime.block_on(within(ANSWER_LIMIT, look))
    }
}

fn lock(mode: &str) -> Option<Lock> {
    let rank = MODES.iter().position(|(name, _)| *name == mode)?;
    MODES.get(rank).map(|(_, words)| Lock { rank, mode: (*words).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_lock_is_the_one_that_conflicts_with_most() {
        let strongest = ["RowShareLock", "AccessExclusiveLock", "ExclusiveLock", "SIReadLock"];
        let strongest = strongest.into_iter().filter_map(lock).max();
        assert_eq!(strongest.map(|lock| lock.mode).as_deref(), Some("ACCESS EXCLUSIVE"));
        assert!(LOOK.contains(APPLICATION));
    }
}
