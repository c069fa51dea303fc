//! A row that beats: committed on the primary at a fixed rate, and looked for on every replica.
//!
//! Each replica is asked as soon as the primary has acknowledged a beat, and again after a while until it shows
//! it, so that a replica that keeps up costs a query for each beat. All times are of one clock, for all nodes
//! are on one machine; the idea is that of pt-heartbeat (Percona Toolkit), which has to have the clocks of two
//! machines agree.
//!
//! A beat has a moment at which it is due. One that is due while the one before has not been acknowledged is
//! carried by the next that is sent, and counts from when it was due: a primary that stands still is not asked
//! less often for it (coordinated omission: G. Tene, How NOT to Measure Latency, 2013).

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::load::leave_out_thread;
use dbdyno_core::query::{scalar_sql, within};
use dbdyno_core::{
    Cluster, DbError, Driver, Error, LagReport, Result, Session, SessionOptions, Statement, Value,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::bench::Running;

/// How often the row beats.
const EVERY: Duration = Duration::from_millis(25);
/// How long between two looks at a replica that does not show a beat yet: at least and at most, and between
/// these a share of the time that it has been waited for, so that a replica that is far behind is not kept from
/// its work by being asked.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(25));
const LOOK_SHARE: u32 = 20;
/// How often the servers are asked what they say themselves.
const REPORT_EVERY: Duration = Duration::from_millis(250);
/// How long the last beats may take to be seen.
const GRACE: Duration = Duration::from_secs(15);
/// How long one answer may take where no node is made to stand still.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Makes the row, which beats from 0, also where it was made before.
///
/// # Errors
/// The engine refuses.
pub async fn create(session: &mut dyn Session) -> Result<(), DbError> {
    session.run_sql("DROP TABLE IF EXISTS dbdyno_heartbeat").await?;
    let sql =
        "CREATE TABLE dbdyno_heartbeat (id INTEGER NOT NULL PRIMARY KEY, beat BIGINT NOT NULL)";
    session.run_sql(sql).await?;
    session.run_sql("INSERT INTO dbdyno_heartbeat (id, beat) VALUES (1, 0)").await.map(drop)
}

/// A beat that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    /// When it was due, or the first of those that it carries.
    pub due: Instant,
    /// It carries what was due until then: until it was sent, or until the end of the time that is looked at.
    pub carries_until: Instant,
    /// When it was sent.
    pub sent: Instant,
    /// When the primary acknowledged it.
    pub acknowledged: Instant,
}

impl Beat {
    /// How long it took from when it was due until it was acknowledged, and likewise each that it carries.
    pub fn responses(self) -> impl Iterator<Item = Duration> {
        let first = std::iter::successors(Some(self.due), |due| Some(*due + EVERY));
        let carried = first.take_while(move |due| *due <= self.carries_until);
        carried.map(move |due| self.acknowledged - due)
    }

    /// Leaves out what was due before or after a time. One that carries nothing from then on stays as it is.
    fn keep_within(&mut self, from: Instant, until: Instant) {
        let mut due = std::iter::successors(Some(self.due), |due| Some(*due + EVERY));
        let carried = due.find(|due| *due >= from || *due > self.carries_until);
        if let Some(first) = carried.filter(|due| *due <= self.carries_until) {
            self.due = first;
        }
        // The row was due again at `until` no more.
        self.carries_until = self.carries_until.min(until - Duration::from_nanos(1)).max(self.due);
    }
}

/// Why a watch ended before its time.
#[derive(Clone, Debug)]
pub struct Broke {
    /// The replica that was looked at; `None` where it is the primary, on which the row beats.
    pub replica: Option<usize>,
    pub why: String,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Beats {
    /// The beat that the row had before.
    pub first: u64,
    /// The beats in their order.
    pub sent: Vec<Beat>,
    /// What each replica showed, when it first showed it.
    pub shown: Vec<Vec<(Instant, u64)>>,
    /// Until when each replica was looked at.
    pub looked_until: Vec<Option<Instant>>,
    /// What the servers said of each replica.
    pub reports: Vec<(Instant, Vec<LagReport>)>,
    /// What broke.
    pub broke: Vec<Broke>,
}

impl Beats {
    /// Leaves what was due or said within a time alone. Of a beat that carries others those remain that were due in it.
    pub fn keep_within(&mut self, from: Instant, until: Instant) {
        for beat in &mut self.sent {
            beat.keep_within(from, until);
        }
        let before = self.sent.partition_point(|beat| beat.due < from);
        self.sent.drain(..before);
        self.first += before as u64;
        self.sent.truncate(self.sent.partition_point(|beat| beat.due < until));
        self.reports.retain(|(at, _)| (from..until).contains(at));
    }

    /// Why the row beats no more, where it should have: what it tells is not of the whole time.
    pub fn stopped(&self) -> Option<&str> {
        let broke = self.broke.iter().find(|broke| broke.replica.is_none());
        broke.map(|broke| broke.why.as_str())
    }

    /// The longest time that a beat took to be acknowledged, from when it was due.
    pub fn longest(&self) -> Option<Duration> {
        self.sent.iter().map(|beat| beat.acknowledged - beat.due).max()
    }

    /// How many were acknowledged within a time.
    pub fn acknowledged_within(&self, from: Instant, until: Instant) -> u64 {
        self.sent.iter().filter(|beat| (from..until).contains(&beat.acknowledged)).count() as u64
    }
}

/// What the tasks that look on share.
struct Watch<'w> {
    cluster: &'w dyn Cluster,
    options: &'w SessionOptions,
    /// How long one answer may take.
    limit: Duration,
    over: &'w Over,
    beats: Mutex<Beats>,
}

/// Does `work` while the row beats; it stops beating once `work` lets go of what it is given. Nodes may stand still for
/// `stall`, and answer no sooner.
///
/// # Errors
/// There is no thread or event loop for it, or there was no beat at all.
pub fn beat_during<T>(
    running: &Running,
    options: &SessionOptions,
    stall: Duration,
    work: impl FnOnce(Ending<'_>) -> T,
) -> Result<(T, Beats)> {
    let failed = |why: std::io::Error| Error::new("watch replicas", why);
    // What looking on costs is no work of clients.
    let mut builder = Builder::new_current_thread();
    builder.enable_all().on_thread_park(leave_out_thread);
    let runtime = builder.build().map_err(failed)?;
    // Where a call blocks its thread, nobody would look while a beat waits for its turn.
    let blocks = running.primary.capabilities().own_threads == u32::MAX;
    let beating = blocks.then(|| builder.build()).transpose().map_err(failed)?;
    let over = Over::default();
    let shown = vec![Vec::new(); running.replicas.len()];
    let looked_until = vec![None; running.replicas.len()];
    let beats = Mutex::new(Beats { shown, looked_until, ..Beats::default() });
    let limit = ANSWER_LIMIT + stall;
    let watch = Watch { cluster: &*running.cluster, options, limit, over: &over, beats };
    let done = thread::scope(|scope| {
        let watching = thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn_scoped(scope, || watch.run(&runtime, beating.as_ref(), running))
            .map_err(failed)?;
        let done = work(over.at_the_end());
        watching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok::<_, Error>(done)
    })?;
    let beats = watch.beats.into_inner().unwrap_or_else(PoisonError::into_inner);
    match beats.broke.first() {
        Some(broke) if beats.sent.is_empty() => {
            let doing = format!("watch the replicas of {}", running.topology.name);
            Err(Error::new(doing, broke.why.clone()))
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
            async move {
                let ended = self.look(place, &**replica, received).await;
                self.note(Some(place), ended);
                self.with(|beats| beats.looked_until[place] = Some(Instant::now()));
            }
        });
        let beat = async move || self.note(None, self.beat(&*running.primary, acknowledged).await);
        let reports = async {
            tokio::select! {
                never = self.report() => never,
                () = self.over.said() => (),
            }
        };
        let looking = async { tokio::join!(futures_util::future::join_all(looks), reports) };
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

    fn note(&self, replica: Option<usize>, ended: Result<(), DbError>) {
        if let Err(why) = ended {
            self.with(|beats| beats.broke.push(Broke { replica, why: why.to_string() }));
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Beats) -> T) -> T {
        change(&mut self.beats.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_over(&self) -> bool {
        self.over.is_said()
    }

    /// Has the row beat until the work is done, and then once more where beats were due while the last one
    /// waited.
    async fn beat(
        &self,
        primary: &dyn Driver,
        acknowledged: watch::Sender<u64>,
    ) -> Result<(), DbError> {
        let mut session = within(ANSWER_LIMIT, primary.connect(self.options)).await?;
        let sql = "SELECT beat FROM dbdyno_heartbeat WHERE id = 1";
        let first = within(ANSWER_LIMIT, scalar_sql(&mut *session, sql)).await?;
        let first = u64::try_from(first).unwrap_or(0);
        self.with(|beats| beats.first = first);
        let sql = "UPDATE dbdyno_heartbeat SET beat = ? WHERE id = 1";
        within(ANSWER_LIMIT, session.prepare(&[Statement::new("beat", sql)])).await?;
        let (mut due, mut number) = (Instant::now(), first);
        loop {
            // Once: where each beat takes longer than until the next is due, one is always due.
            let is_last = self.is_over();
            if is_last && due > Instant::now() {
                return Ok(());
            }
            tokio::time::sleep_until(due.into()).await;
            number += 1;
            let sent = Instant::now();
            let beat = [Value::Int(i64::try_from(number).unwrap_or(i64::MAX))];
            try_again(async || within(self.limit, session.execute(0, &beat)).await).await?;
            let beat = Beat { due, carries_until: sent, sent, acknowledged: Instant::now() };
            self.with(|beats| beats.sent.push(beat));
            acknowledged.send_replace(number);
            due += EVERY * u32::try_from(beat.responses().count().max(1)).unwrap_or(u32::MAX);
            if is_last {
                return Ok(());
            }
        }
    }

    /// Looks for each beat on a replica, until the last one is there.
    async fn look(
        &self,
        place: usize,
        replica: &dyn Driver,
        mut acknowledged: watch::Receiver<u64>,
    ) -> Result<(), DbError> {
        let mut session = within(ANSWER_LIMIT, replica.connect(self.options)).await?;
        let sql = "SELECT beat FROM dbdyno_heartbeat WHERE id = 1";
        within(ANSWER_LIMIT, session.prepare(&[Statement::new("beat", sql)])).await?;
        let (mut seen, mut over_since) = (0, None);
        loop {
            if *acknowledged.borrow() <= seen && acknowledged.changed().await.is_err() {
                return Ok(());
            }
            let (wanted, since) = (*acknowledged.borrow(), Instant::now());
            while seen < wanted {
                let shows =
                    try_again(async || within(self.limit, ask(&mut *session)).await).await?;
                if shows > seen {
                    seen = shows;
                    self.with(|beats| beats.shown[place].push((Instant::now(), seen)));
                    continue;
                }
                if self.is_over() && over_since.get_or_insert_with(Instant::now).elapsed() > GRACE {
                    return Ok(());
                }
                let pause = since.elapsed() / LOOK_SHARE;
                tokio::time::sleep(pause.clamp(LOOK_AGAIN.0, LOOK_AGAIN.1)).await;
            }
        }
    }

    /// Asks the servers what they say themselves, again and again.
    async fn report(&self) {
        let mut ticks = tokio::time::interval(REPORT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asking = None;
        loop {
            ticks.tick().await;
            if asking.is_none() {
                asking = within(GRACE, self.cluster.lag_watch()).await.ok();
            }
            let Some(watch) = &mut asking else { continue };
            let asked = Instant::now();
            match within(GRACE, watch.reports()).await {
                // What was said is of some moment between the question and the answer.
                Ok(reports) => {
                    self.with(|beats| beats.reports.push((asked + asked.elapsed() / 2, reports)));
                }
                // A server that is busy or away says nothing, which is no fault of the measurement.
                Err(_) => asking = None,
            }
        }
    }
}

/// Does something again for as long as the engine refuses it with an error that its manual says to retry, and as one
/// answer may take: a lock that was not given in time, a node that was overtaken, a reader that stood in the way of what
/// a replica applies.
///
/// # Errors
/// It fails otherwise, or still.
pub async fn try_again<T>(mut once: impl AsyncFnMut() -> Result<T, DbError>) -> Result<T, DbError> {
    let began = Instant::now();
    loop {
        match once().await {
            Err(error) if error.class.is_retryable() && began.elapsed() < ANSWER_LIMIT => {
                tokio::time::sleep(LOOK_AGAIN.0).await;
            }
            done => return done,
        }
    }
}

/// The beat that a replica shows.
async fn ask(session: &mut dyn Session) -> Result<u64, DbError> {
    let mut beat = 0;
    session
        .query(0, &[], &mut |row| {
            beat = row.int(0)?;
            Ok(())
        })
        .await?;
    Ok(u64::try_from(beat).unwrap_or(0))
}

/// Tells those who look on beside a load that it is over, and wakes them.
#[derive(Default)]
pub struct Over(watch::Sender<bool>);

impl Over {
    /// Says so when it goes.
    pub fn at_the_end(&self) -> Ending<'_> {
        Ending(self)
    }

    /// Whether it was said.
    pub fn is_said(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it was said.
    async fn said(&self) {
        // Its sender is here.
        let _ = self.0.subscribe().wait_for(|said| *said).await;
    }
}

/// Ends watching when it goes, also in a panic.
pub struct Ending<'a>(&'a Over);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.0.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use dbdyno_core::ErrorClass;

    use super::*;

    #[test]
    fn what_the_manual_says_to_retry_is_tried_again_and_nothing_else_is() {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let after = |refusals: &[ErrorClass]| {
            let mut answers = refusals.iter();
            let once = async || match answers.next() {
                Some(class) => Err(DbError::new(*class, None, "no")),
                None => Ok(()),
            };
            let done = runtime.block_on(try_again(once));
            (done.map_err(|error| error.class), answers.len())
        };
        let retried = [ErrorClass::LockTimeout, ErrorClass::Deadlock, ErrorClass::Certification];
        assert_eq!(after(&retried), (Ok(()), 0));
        let lost = [ErrorClass::Serialization, ErrorClass::Disconnected, ErrorClass::Deadlock];
        assert_eq!(after(&lost), (Err(ErrorClass::Disconnected), 1));
    }
}
