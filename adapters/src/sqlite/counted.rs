//! What sessions count of their own work, for whoever watches the database: SQLite counts for each connection alone,
//! and lets nobody else ask.
//!
//! A session that runs statements looks, after each, at a number that changes when somebody asks; only where it did does
//! it read SQLite's counters, which is as often as samples are taken. It reads no clock but while it waits for a lock.

#![expect(unsafe_code, reason = "SQLite is a C library")]

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dbdyno_core::DbError;
use rusqlite::{Connection, ffi};

use super::errors::translate;
use super::opened::check;

/// What all sessions of a driver counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// How often somebody asked.
    asked: AtomicU64,
    /// Whether there was a session.
    has_sessions: AtomicBool,
    hits: AtomicU64,
    misses: AtomicU64,
    cached_bytes: AtomicI64,
    waits: AtomicU64,
    waited_ns: AtomicU64,
}

/// What was counted so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counted {
    pub hits: u64,
    pub misses: u64,
    /// In the caches of the sessions that are open.
    pub cached_bytes: i64,
    /// Locks that were not free at once, and how long they were waited for.
    pub waits: u64,
    pub waited: Duration,
}

impl Counts {
    /// What was counted when somebody asked last; asks for what comes next time. `None` where there never was a session:
    /// what others do with the database is not known.
    pub(super) fn ask(&self) -> Option<Counted> {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counted = Counted {
            hits: of(&self.hits),
            misses: of(&self.misses),
            cached_bytes: self.cached_bytes.load(Ordering::Relaxed),
            waits: of(&self.waits),
            waited: Duration::from_nanos(of(&self.waited_ns)),
        };
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.has_sessions.load(Ordering::Relaxed).then_some(counted)
    }
}

/// A session's part in what is counted.
pub(super) struct Counting {
    counts: Arc<Counts>,
    /// When it last counted.
    asked: u64,
    /// What its cache held then.
    cached_bytes: i64,
    /// What its connection finds when it has to wait: it must outlive the connection.
    _waiting: Option<Box<Waiting>>,
}

impl Counting {
    /// Counts for a connection that is to be told of when it has to wait for a lock, unless somebody else is.
    ///
    /// # Errors
    /// SQLite refuses.
    pub(super) fn of(
        counts: &Arc<Counts>,
        connection: &Connection,
        waits: bool,
    ) -> Result<Self, DbError> {
        let waiting = if waits { Waiting::on(connection, counts)? } else { None };
        let asked = counts.asked.load(Ordering::Relaxed);
        counts.has_sessions.store(true, Ordering::Relaxed);
        Ok(Self { counts: Arc::clone(counts), asked, cached_bytes: 0, _waiting: waiting })
    }

    /// Whether somebody asked since it last counted.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.counts.asked.load(Ordering::Relaxed) != self.asked
    }

    /// Counts what the connection did since it last did.
    #[cold]
    pub(super) fn count(&mut self, connection: &Connection) {
        self.asked = self.counts.asked.load(Ordering::Relaxed);
        let hits = status(connection, ffi::SQLITE_DBSTATUS_CACHE_HIT, true);
        let misses = status(connection, ffi::SQLITE_DBSTATUS_CACHE_MISS, true);
        self.counts.hits.fetch_add(hits.unsigned_abs(), Ordering::Relaxed);
        self.counts.misses.fetch_add(misses.unsigned_abs(), Ordering::Relaxed);
        let cached_bytes = status(connection, ffi::SQLITE_DBSTATUS_CACHE_USED, false);
        self.holds(cached_bytes);
    }

    /// Counts for the last time: the connection is about to be closed.
    pub(super) fn finish(&mut self, connection: &Connection) {
        self.count(connection);
        self.holds(0);
    }

    fn holds(&mut self, cached_bytes: i64) {
        self.counts.cached_bytes.fetch_add(cached_bytes - self.cached_bytes, Ordering::Relaxed);
        self.cached_bytes = cached_bytes;
    }

    /// Whether it is told when its connection waits.
    #[cfg(test)]
    fn waits(&self) -> bool {
        self._waiting.is_some()
    }
}

/// A counter of a connection (<https://www.sqlite.org/c3ref/c_dbstatus_options.html>); 0 where it has none.
fn status(connection: &Connection, counter: c_int, begins_anew: bool) -> i64 {
    let (mut now, mut most) = (0, 0);
    // SAFETY: the connection is open, and both places can be written.
    let code = unsafe {
        let handle = connection.handle();
        ffi::sqlite3_db_status(handle, counter, &raw mut now, &raw mut most, begins_anew.into())
    };
    if code == ffi::SQLITE_OK { now.into() } else { 0 }
}

/// How long SQLite's own handler sleeps before each try, in milliseconds, and before all others that follow
/// (sqliteDefaultBusyCallback in main.c): nothing is to be slower or quicker for being counted.
const SLEEPS_MS: [u32; 12] = [1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100];

/// What the handler of a connection that waits has.
struct Waiting {
    counts: Arc<Counts>,
    limit_ms: u32,
}

impl Waiting {
    /// Has a connection wait as long as its busy timeout says, and count; none where it does not wait at all.
    fn on(connection: &Connection, counts: &Arc<Counts>) -> Result<Option<Box<Self>>, DbError> {
        let sql = "PRAGMA busy_timeout";
        let limit_ms: i64 = connection.query_row(sql, [], |row| row.get(0)).map_err(translate)?;
        let limit_ms = u32::try_from(limit_ms).unwrap_or(0);
        if limit_ms == 0 {
            return Ok(None);
        }
        let waiting = Box::new(Self { counts: Arc::clone(counts), limit_ms });
        let place = (&raw const *waiting).cast_mut().cast::<c_void>();
        // SAFETY: the connection is open, and whoever keeps it keeps what the handler is given for longer.
        check(unsafe { ffi::sqlite3_busy_handler(connection.handle(), Some(wait), place) })?;
        Ok(Some(waiting))
    }

    /// Sleeps before another try; false where the time is over. `earlier` is how often it did for the same lock.
    fn sleep(&self, earlier: u32) -> bool {
        let Some(pause) = pause(earlier, self.limit_ms) else { return false };
        let began = Instant::now();
        std::thread::sleep(pause);
        let slept_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.counts.waits.fetch_add(u64::from(earlier == 0), Ordering::Relaxed);
        self.counts.waited_ns.fetch_add(slept_ns, Ordering::Relaxed);
        true
    }
}

/// How long SQLite would sleep; none where it would give up.
fn pause(earlier: u32, limit_ms: u32) -> Option<Duration> {
    let place = (earlier as usize).min(SLEEPS_MS.len() - 1);
    let longest = SLEEPS_MS[SLEEPS_MS.len() - 1];
    let more = earlier.saturating_sub(place as u32).saturating_mul(longest);
    let before = SLEEPS_MS[..place].iter().sum::<u32>().saturating_add(more);
    let pause = SLEEPS_MS[place].min(limit_ms.saturating_sub(before));
    (pause > 0).then(|| Duration::from_millis(pause.into()))
}

/// What SQLite calls.
unsafe extern "C" fn wait(place: *mut c_void, earlier: c_int) -> c_int {
    // SAFETY: it is what the handler was set with, which outlives the connection that calls.
    let waiting = unsafe { &*place.cast::<Waiting>() };
    waiting.sleep(earlier.unsigned_abs()).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::sync::atomic::AtomicUsize;

    use super::super::opened::Opened;
    use super::super::session::SqliteSession;
    use super::*;

    #[test]
    fn pauses_are_those_of_sqlite_and_end_with_the_limit() {
        let of = |earlier, limit| pause(earlier, limit).map(|pause| pause.as_millis());
        assert_eq!(
            [0, 1, 11, 12, 40].map(|earlier| of(earlier, 5_000)),
            [1, 2, 100, 100, 100].map(Some)
        );
        // After 228 ms in eleven sleeps and 4700 in 47 more, 72 are left.
        assert_eq!([58, 59].map(|earlier| of(earlier, 5_000)), [Some(72), None]);
        assert_eq!([0, 1, 2, 3].map(|earlier| of(earlier, 4)), [Some(1), Some(2), Some(1), None]);
    }

    #[test]
    fn sessions_count_when_they_are_asked_and_when_they_end() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Connection::open(folder.path().join("counted.db")).unwrap();
        let connection = open();
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
                    INSERT INTO t SELECT hex(zeroblob(50)) FROM n";
        connection.execute_batch(&format!("CREATE TABLE t (x); {rows}")).unwrap();
        drop(connection);
        let (counts, connection) = (Arc::new(Counts::default()), open());
        assert_eq!(counts.ask(), None);
        let mut counting = Counting::of(&counts, &connection, true).unwrap();
        assert!(counting.waits() && !counting.is_due());
        let read =
            || connection.query_row("SELECT count(x) FROM t", [], |row| row.get::<_, i64>(0));
        read().unwrap();
        let nothing = counts.ask().unwrap();
        assert_eq!((nothing.hits, nothing.misses, nothing.cached_bytes), (0, 0, 0));
        assert!(counting.is_due());
        counting.count(&connection);
        assert!(!counting.is_due());
        let first = counts.ask().unwrap();
        assert!(first.misses >= 25 && first.cached_bytes >= 100_000, "{first:?}");
        read().unwrap();
        counting.count(&connection);
        let second = counts.ask().unwrap();
        assert_eq!(second.misses, first.misses);
        assert!(second.hits >= first.hits + 25, "{second:?}");
        counting.finish(&connection);
        assert_eq!(counts.ask().unwrap().cached_bytes, 0);
        // What it waits with stays until it is closed.
        drop(connection);
    }

    #[test]
    fn a_lock_that_is_held_is_waited_for_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Connection::open(folder.path().join("locked.db")).unwrap();
        let (holder, waiter) = (open(), open());
        holder.execute_batch("CREATE TABLE t (x); BEGIN IMMEDIATE").unwrap();
        waiter.execute_batch("PRAGMA busy_timeout = 20").unwrap();
        let counts = Arc::new(Counts::default());
        let counting = Counting::of(&counts, &waiter, true).unwrap();
        assert!(waiter.execute_batch("BEGIN IMMEDIATE").is_err());
        let counted = counts.ask().unwrap();
        assert_eq!(counted.waits, 1);
        // Sleeps are never shorter than they were asked to be.
        assert!(counted.waited >= Duration::from_millis(20), "{counted:?}");
        holder.execute_batch("COMMIT").unwrap();
        waiter.execute_batch("BEGIN IMMEDIATE; COMMIT").unwrap();
        assert_eq!(counts.ask().unwrap().waits, 1);
        drop(waiter);
        drop(counting);
    }

    /// How many have the counts when a connection is closed.
    type AtTheEnd = (Weak<Counts>, AtomicUsize);

    unsafe extern "C" fn nothing(
        _: *mut ffi::sqlite3_context,
        _: c_int,
        _: *mut *mut ffi::sqlite3_value,
    ) {
    }

    /// What SQLite calls when it closes a connection that has a function of its own.
    unsafe extern "C" fn closed(place: *mut c_void) {
        // SAFETY: it is what the function was made with, which outlives the connection.
        let (counts, at_the_end) = unsafe { &*place.cast::<AtTheEnd>() };
        at_the_end.store(counts.strong_count(), Ordering::Relaxed);
    }

    #[test]
    fn a_session_closes_its_connection_before_what_that_waits_with_is_gone() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA busy_timeout = 20").unwrap();
        let counts = Arc::new(Counts::default());
        let at_the_end: AtTheEnd = (Arc::downgrade(&counts), AtomicUsize::new(0));
        let place = (&raw const at_the_end).cast_mut().cast::<c_void>();
        let (name, text) = (c"closing".as_ptr(), ffi::SQLITE_UTF8);
        // SAFETY: the connection is open, and what the function is given outlives it.
        let code = unsafe {
            let handle = connection.handle();
            ffi::sqlite3_create_function_v2(
                handle,
                name,
                0,
                text,
                place,
                Some(nothing),
                None,
                None,
                Some(closed),
            )
        };
        check(code).unwrap();
        let counting = Counting::of(&counts, &connection, true).unwrap();
        drop(SqliteSession::new(Opened::plain(connection), "BEGIN", None, counting, None));
        // The test has them, what counts, and what the connection waits with.
        assert_eq!(at_the_end.1.load(Ordering::Relaxed), 3);
    }
}
