//! A row that beats: committed on the primary at a fixed rate, and looked for on every replica.
//!
//! Each replica is asked as soon as the primary has acknowledged a beat, and again every millisecond or two
//! until it shows it, so that a replica that keeps up costs a query for each beat. All times are of one clock,
//! for all nodes are on one machine; the idea is that of pt-heartbeat (Percona Toolkit), which has to have the
//! clocks of two machines agree.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::load::leave_out_thread;
use dbdyno_core::{
    Cluster, DbError, Driver, Error, LagReport, Result, Session, SessionOptions, Statement, Value,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::bench::Running;

/// How often the row beats.
const EVERY: Duration = Duration::from_millis(25);
/// How long between two looks at a replica that does not show a beat yet.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// How often the servers are asked what they say themselves.
const REPORT_EVERY: Duration = Duration::from_millis(250);
/// How long the last beats may take to be seen.
const GRACE: Duration = Duration::from_secs(15);

/// Makes the row, which beats from 0.
///
/// # Errors
/// The engine refuses.
pub async fn create(session: &mut dyn Session) -> Result<(), DbError> {
    let sql =
        "CREATE TABLE dbdyno_heartbeat (id INTEGER NOT NULL PRIMARY KEY, beat BIGINT NOT NULL)";
    session.run_sql(sql).await?;
    session.run_sql("INSERT INTO dbdyno_heartbeat (id, beat) VALUES (1, 0)").await.map(drop)
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Beats {
    /// The beat that the row had before.
    pub first: u64,
    /// The beats in their order: when each was sent, and when it was acknowledged.
    pub sent: Vec<(Instant, Instant)>,
    /// What each replica showed, when it first showed it.
    pub shown: Vec<Vec<(Instant, u64)>>,
    /// What the servers said of each replica.
    pub reports: Vec<(Instant, Vec<LagReport>)>,
    /// Why there are no more.
    pub broke: Option<DbError>,
}

/// What the tasks that look on share.
struct Watch<'w> {
    cluster: &'w dyn Cluster,
    options: &'w SessionOptions,
    over: &'w AtomicBool,
    beats: Mutex<Beats>,
}

/// Does `work` while the row beats.
///
/// # Errors
/// There is no thread or event loop for it, or a node takes no session.
pub fn beat_during<T>(
    running: &Running,
    options: &SessionOptions,
    work: impl FnOnce() -> T,
) -> Result<(T, Beats)> {
    let failed = |why: std::io::Error| Error::new("watch replicas", why);
    // What looking on costs is no work of clients.
    let mut builder = Builder::new_current_thread();
    builder.enable_all().on_thread_park(leave_out_thread);
    let runtime = builder.build().map_err(failed)?;
    // Where a call blocks its thread, nobody would look while a beat waits for its turn.
    let blocks = running.primary.capabilities().own_threads == u32::MAX;
    let beating = blocks.then(|| builder.build()).transpose().map_err(failed)?;
    let over = AtomicBool::new(false);
    let shown = vec![Vec::new(); running.replicas.len()];
    let beats = Mutex::new(Beats { shown, ..Beats::default() });
    let watch = Watch { cluster: &*running.cluster, options, over: &over, beats };
    let done = thread::scope(|scope| {
        let watching = thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn_scoped(scope, || watch.run(&runtime, beating.as_ref(), running))
            .map_err(failed)?;
        let ends = Ending(&over);
        let done = work();
        drop(ends);
        watching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok::<_, Error>(done)
    })?;
    let beats = watch.beats.into_inner().unwrap_or_else(PoisonError::into_inner);
    match beats.broke {
        Some(why) if beats.sent.is_empty() => {
            Err(Error::new(format!("watch the replicas of {}", running.topology.name), why))
        }
        _ => Ok((done, beats)),
    }
}

impl Watch<'_> {
    /// Watches on an event loop; the row beats on another one where one is given.
    fn run(&self, runtime: &Runtime, beating: Option<&Runtime>, running: &Running) {
        let (acknowledged, received) = watch::channel(0);
        let replicas = running.replicas.iter().enumerate();
        let looks = replicas.map(|(place, replica)| {
            let received = received.clone();
            async move { self.note(self.look(place, &**replica, received).await) }
        });
        let beat = async move || self.note(self.beat(&*running.primary, acknowledged).await);
        let looking = async { tokio::join!(join_all(looks.collect()), self.report()) };
        match beating {
            None => {
                runtime.block_on(async { tokio::join!(beat(), looking) });
            }
            Some(beating) => thread::scope(|scope| {
                scope.spawn(|| beating.block_on(beat()));
                runtime.block_on(looking);
            }),
        }
    }

    fn note(&self, ended: Result<(), DbError>) {
        if let Err(why) = ended {
            self.with(|beats| beats.broke.get_or_insert(why).class);
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Beats) -> T) -> T {
        change(&mut self.beats.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Has the row beat until the work is done, and then once more, so that it has been seen that all is
    /// well.
    async fn beat(
        &self,
        primary: &dyn Driver,
        acknowledged: watch::Sender<u64>,
    ) -> Result<(), DbError> {
        let mut session = primary.connect(self.options).await?;
        let first = self.last_beat(&mut *session).await?;
        self.with(|beats| beats.first = first);
        let sql = "UPDATE dbdyno_heartbeat SET beat = ? WHERE id = 1";
        session.prepare(&[Statement::new("beat", sql)]).await?;
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0;
        while !self.is_over() {
            ticks.tick().await;
            number += 1;
            let sent = Instant::now();
            let beat = i64::try_from(first + number).unwrap_or(i64::MAX);
            session.execute(0, &[Value::Int(beat)]).await?;
            self.with(|beats| beats.sent.push((sent, Instant::now())));
            acknowledged.send_replace(first + number);
        }
        Ok(())
    }

    async fn last_beat(&self, session: &mut dyn Session) -> Result<u64, DbError> {
        let sql = "SELECT beat FROM dbdyno_heartbeat WHERE id = 1";
        let beat = dbdyno_core::query::scalar_sql(session, sql).await?;
        Ok(u64::try_from(beat).unwrap_or(0))
    }

    /// Looks for each beat on a replica, until the last one is there.
    async fn look(
        &self,
        place: usize,
        replica: &dyn Driver,
        mut acknowledged: watch::Receiver<u64>,
    ) -> Result<(), DbError> {
        let mut session = replica.connect(self.options).await?;
        let sql = "SELECT beat FROM dbdyno_heartbeat WHERE id = 1";
        session.prepare(&[Statement::new("beat", sql)]).await?;
        let (mut seen, mut alone_since) = (0, None);
        loop {
            if *acknowledged.borrow() <= seen && acknowledged.changed().await.is_err() {
                return Ok(());
            }
            let wanted = *acknowledged.borrow();
            while seen < wanted {
                let mut beat = 0;
                session
                    .query(0, &[], &mut |row| {
                        beat = row.int(0)?;
                        Ok(())
                    })
                    .await?;
                let shows = u64::try_from(beat).unwrap_or(0);
                if shows > seen {
                    seen = shows;
                    self.with(|beats| beats.shown[place].push((Instant::now(), seen)));
                    continue;
                }
                if self.is_over() && alone_since.get_or_insert_with(Instant::now).elapsed() > GRACE
                {
                    return Ok(());
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }

    /// Asks the servers what they say themselves.
    async fn report(&self) {
        let mut ticks = tokio::time::interval(REPORT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_over() {
            ticks.tick().await;
            // A server that is busy or away says nothing, which is no fault of the measurement.
            if let Ok(Ok(reports)) = tokio::time::timeout(GRACE, self.cluster.reports()).await {
                self.with(|beats| beats.reports.push((Instant::now(), reports)));
            }
        }
    }
}

/// Waits for all of some futures.
async fn join_all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut futures: Vec<_> = futures.into_iter().map(|future| Some(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        for place in &mut futures {
            if place.as_mut().is_some_and(|future| future.as_mut().poll(context).is_ready()) {
                *place = None;
            }
        }
        match futures.iter().all(Option::is_none) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}

/// Ends watching when it goes, also in a panic.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
