//! Which connections wait for a lock. SQLite has no list of them: a connection that finds a lock taken
//! asks a handler whether to try again (<https://www.sqlite.org/c3ref/busy_handler.html>), and the handler
//! of a watched connection counts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dbdyno_core::{DbError, LockWaits, Session};
use rusqlite::Connection;

use super::driver::SqliteDriver;
use super::errors::translate;

/// How long a watched connection sleeps before it tries again.
const PAUSE: Duration = Duration::from_millis(1);
/// Tries after which a connection surely tried once after it was asked about: one may be under way.
const SURE: u64 = 2;
/// How long a connection is given for them: one that waits is long done by then.
const PATIENCE: Duration = Duration::from_millis(500);

/// A connection that is watched.
struct Watched {
    id: i64,
    /// How long it tries.
    timeout: Duration,
    /// When it began to try for the lock that it waits for.
    since: Mutex<Instant>,
    /// How often it found a lock taken.
    tries: AtomicU64,
    cancelled: AtomicBool,
}

static NEXT: AtomicI64 = AtomicI64::new(1);
static ALL: Mutex<BTreeMap<i64, Arc<Watched>>> = Mutex::new(BTreeMap::new());

thread_local! {
    /// The handler is a function without state of its own: it finds its connection by the thread.
    static MINE: RefCell<Option<Mine>> = const { RefCell::new(None) };
}

/// The watched connection of a thread; no longer known to others once the thread ends or opens another.
struct Mine(Arc<Watched>);

impl Drop for Mine {
    fn drop(&mut self) {
        all().remove(&self.0.id);
    }
}

fn all() -> MutexGuard<'static, BTreeMap<i64, Arc<Watched>>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches the connection, which stays on this thread. It waits for locks as long as its busy timeout
/// says.
pub fn watch(connection: &Connection) -> Result<(), DbError> {
    let timeout: i64 =
        connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).map_err(translate)?;
    let watched = Arc::new(Watched {
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        timeout: Duration::from_millis(u64::try_from(timeout).unwrap_or(0)),
        since: Mutex::new(Instant::now()),
        tries: AtomicU64::new(0),
        cancelled: AtomicBool::new(false),
    });
    all().insert(watched.id, Arc::clone(&watched));
    MINE.with(|mine| mine.replace(Some(Mine(watched))));
    connection.busy_handler(Some(try_again)).map_err(translate)
}

/// The handler: `earlier` is how often it was called for the same lock before.
fn try_again(earlier: i32) -> bool {
    MINE.with(|mine| {
        let mine = mine.borrow();
        let Some(Mine(watched)) = mine.as_ref() else { return false };
        let mut since = watched.since.lock().unwrap_or_else(PoisonError::into_inner);
        if earlier == 0 {
            *since = Instant::now();
        }
        if watched.cancelled.load(Ordering::Relaxed) || since.elapsed() >= watched.timeout {
            return false;
        }
        watched.tries.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(PAUSE);
        true
    })
}

#[async_trait]
impl LockWaits for SqliteDriver {
    async fn identify(&self, _: &mut dyn Session) -> Result<i64, DbError> {
        MINE.with(|mine| mine.borrow().as_ref().map(|Mine(watched)| watched.id)).ok_or_else(|| {
            DbError::unexpected("the connection was not opened to be watched, or by another thread")
        })
    }

    async fn is_waiting(&self, _: &mut dyn Session, id: i64) -> Result<bool, DbError> {
        let Some(watched) = all().get(&id).cloned() else { return Ok(false) };
        let tries = || watched.tries.load(Ordering::Relaxed);
        let (before, deadline) = (tries(), Instant::now() + PATIENCE);
        let mut last = (before, Instant::now());
        while tries() < before + SURE {
            let now = Instant::now();
            if tries() != last.0 {
                last = (tries(), now);
            }
            // Far longer than between two tries: it is not trying.
            if now.duration_since(last.1) > 20 * PAUSE || now >= deadline {
                return Ok(false);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(true)
    }

    async fn cancel(&self, _: &mut dyn Session, id: i64) -> Result<(), DbError> {
        if let Some(watched) = all().get(&id) {
            watched.cancelled.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
