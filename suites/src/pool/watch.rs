//! Looking at a pool from outside while clients use it: how many wait, and how many connections there are.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Driver, Error, Pool, PoolState, PoolWait, Result, Session, SessionOptions};
use tokio::runtime::{Builder, Runtime};

use super::leasing::Log;
use crate::side_file::append;

/// How often is looked.
pub const EVERY: Duration = Duration::from_millis(20);
/// Of so many looks one asks the server how many sessions it has, too.
const SERVER_EVERY: u32 = 5;
/// How long sessions that were closed are given to leave the server.
pub const LEAVING: Duration = Duration::from_secs(5);
/// How long a look may take: a pool or server that is away is looked at again.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The first line of the file that looks are kept in.
const COLUMNS: &str = "stage,at_ms,queue_depth,connections_open,connections_idle,server_sessions\n";

/// A pool in use, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: Instant,
    /// Clients that asked for a connection and have none yet.
    pub waiting: u32,
    /// What the pool says of itself; `None` where there is none, or it did not answer.
    pub pool: Option<PoolState>,
    /// Sessions that the server has beside those that it had before; `None` where it was not asked.
    pub sessions: Option<u32>,
}

/// What is looked at.
pub struct Subject<'a> {
    /// The driver of the server.
    pub driver: &'a dyn Driver,
    /// The pool, and when its clients wait.
    pub pool: Option<(Arc<dyn Pool>, PoolWait)>,
    /// What its clients note.
    pub log: &'a Log,
    /// Sessions that the server had before; it is not asked where `None`.
    pub sessions_before: Option<u32>,
}

impl Subject<'_> {
    /// Does `work` and looks on.
    ///
    /// # Errors
    /// There is no thread or event loop to look on from.
    pub fn watch_during<T>(&self, work: impl FnOnce() -> T) -> Result<(T, Vec<Look>)> {
        let failed = |why: std::io::Error| Error::new("look on while the pool is used", why);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let (ready, is_ready) = mpsc::channel();
            let watching = thread::Builder::new()
                .name("pool-watch".to_owned())
                .spawn_scoped(scope, || self.watch(&runtime, &over, ready))
                .map_err(failed)?;
            let ends = Ending(&over);
            // An error is the end of the thread, which is told below.
            let _ = is_ready.recv();
            let done = work();
            drop(ends);
            let looks = watching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok((done, looks))
        })
    }

    fn watch(&self, runtime: &Runtime, over: &AtomicBool, ready: Sender<()>) -> Vec<Look> {
        runtime.block_on(async {
            let mut session = self.session().await;
            self.settle(&mut session).await;
            drop(ready);
            let mut looks = Vec::new();
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            let mut turn = 0;
            while !over.load(Ordering::Relaxed) {
                ticks.tick().await;
                let at = Instant::now();
                let pool = self.pool_state().await;
                let sessions = match turn % SERVER_EVERY {
                    0 => self.sessions(&mut session).await,
                    _ => None,
                };
                turn += 1;
                looks.push(Look { at, waiting: self.waiting(pool), pool, sessions });
            }
            looks
        })
    }

    async fn pool_state(&self) -> Option<PoolState> {
        let (pool, _) = self.pool.as_ref()?;
        tokio::time::timeout(PATIENCE, pool.state()).await.ok()?.ok()
    }

    /// Clients in the queue: by their own account where they wait while they acquire, for that is the same
    /// for every pool; by the pool's where a client cannot tell its wait from the work.
    fn waiting(&self, pool: Option<PoolState>) -> u32 {
        let by_pool = match &self.pool {
            Some((_, PoolWait::FirstAnswer)) => pool.and_then(|pool| pool.waiting),
            Some((_, PoolWait::Acquiring)) | None => None,
        };
        by_pool.unwrap_or_else(|| self.log.waiting())
    }

    async fn session(&self) -> Option<Box<dyn Session>> {
        self.sessions_before?;
        let options = SessionOptions::default();
        tokio::time::timeout(PATIENCE, self.driver.connect(&options)).await.ok()?.ok()
    }

    /// Waits until the server has no session more than before but those that the pool has: one that was asked
    /// something and is closed may still be there, and is nobody's connection.
    async fn settle(&self, session: &mut Option<Box<dyn Session>>) {
        let deadline = Instant::now() + LEAVING;
        while Instant::now() < deadline {
            let open = self.pool_state().await.map_or(0, |pool| pool.open);
            match self.sessions(session).await {
                Some(sessions) if sessions > open => tokio::time::sleep(EVERY).await,
                _ => return,
            }
        }
    }

    async fn sessions(&self, session: &mut Option<Box<dyn Session>>) -> Option<u32> {
        let before = self.sessions_before?;
        let sql = self.driver.dialect().count_sessions()?;
        let asking = session.as_mut()?;
        match tokio::time::timeout(PATIENCE, scalar_sql(&mut **asking, sql)).await {
            Ok(Ok(count)) => Some(u32::try_from(count).unwrap_or(0).saturating_sub(before)),
            // It is amidst an answer, or broken.
            Ok(Err(_)) | Err(_) => {
                *session = None;
                None
            }
        }
    }
}

/// Ends watching when it goes, also in a panic.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Adds what was seen in a stage to the file `path`, which has its first line where it is new.
///
/// # Errors
/// The disk is full or the folder is gone.
pub fn keep(path: &Path, stage: &str, began: Instant, looks: &[Look]) -> Result<()> {
    let mut text = String::new();
    for look in looks.iter().filter(|look| look.at >= began) {
        let number = |number: Option<u32>| number.map(|n| n.to_string()).unwrap_or_default();
        text.push_str(&format!(
            "{stage},{},{},{},{},{}\n",
            (look.at - began).as_millis(),
            look.waiting,
            number(look.pool.map(|pool| pool.open)),
            number(look.pool.map(|pool| pool.idle)),
            number(look.sessions),
        ));
    }
    append(path, COLUMNS, &text)
}
