//! The hot loop: one client running transactions one after another.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{DbError, Error, ErrorClass};
use crate::random::Rng;
use crate::session::Session;
use crate::steps::Steps;

use super::clock::{Clock, Sleeper};
use super::message::Message;
use super::plan::{Arrival, OpenLoop};
use super::recording::{Ended, Phase, Recording};
use super::shared::{Shared, nanos};
use super::workload::{Client, Outcome};

/// Waits are cut into pieces of this length, so that a request to end is noticed.
const LONGEST_NAP: Duration = Duration::from_millis(50);
/// A client lets its thread do other work this often, though it never waits or blocks the thread
/// while it does.
const TURN_NS: u64 = 50_000_000;
/// A client whose transactions do nothing but fail for this long, with errors that retrying cannot
/// help, ends the case: the workload does not fit the target.
const LONGEST_ROW_OF_FAILURES: Duration = Duration::from_secs(5);
/// Pauses after such failures grow from the first of these to the second.
const FAILURE_PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));
/// Pauses between attempts to connect again grow from the first of these to the second.
const RECONNECT_PAUSE: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_millis(500));

/// What the clients of one worker share, all on one thread.
pub struct Desk {
    pub recording: RefCell<Recording>,
    /// The transaction each client has under way, for counting those that never end.
    pub under_way: Vec<Cell<Option<usize>>>,
    /// How many transactions of each client ended well in the window.
    pub ended_well: Vec<Cell<u64>>,
    /// When the thread's other work is due, whoever comes first then.
    pub turn_ns: Cell<u64>,
}

/// What a client needs to run transactions: its session, and its place at the desk.
pub struct Seat {
    pub shared: Arc<Shared>,
    pub desk: Rc<Desk>,
    /// Its number among all clients.
    pub number: u32,
    /// Its place at the desk.
    pub place: usize,
    pub session: Box<dyn Session>,
    /// Whether it pipelines.
    pub pipelines: bool,
    pub clock: Clock,
    pub sleeper: Sleeper,
    pub pauses: Rng,
    /// When its last transaction ended, where nothing has come between it and the next one.
    pub ready_ns: Option<u64>,
    /// When the present row of failures began, and how many there are.
    pub failing: Option<(u64, u32)>,
}

/// Runs a client's transactions until the load ends.
///
/// This is what a transaction costs besides itself. It is compiled for each type of client, so
/// that a transaction needs neither a box for its future nor a call through a pointer; whatever
/// does not happen in every transaction is boxed, which keeps what does happen small.
pub async fn work<C: Client>(mut client: C, mut seat: Seat) {
    let arrival = seat.shared.plan.arrival;
    let mut quota = seat.shared.quota(seat.number);
    while quota != Some(0) {
        let due_ns = match arrival {
            Arrival::Closed => None,
            Arrival::Open(open) => match seat.next_arrival(open).await {
                Some(due_ns) => Some(due_ns),
                None => break,
            },
        };
        let draw = client.draw();
        if !draw.keying_time.is_zero() && !Box::pin(seat.wait(draw.keying_time)).await {
            due_ns.inspect(|due_ns| seat.shared.give_back(*due_ns));
            break;
        }
        let started_ns = seat.starts(due_ns);
        // An arrival that came in time is served, though drawing its inputs took a moment.
        if due_ns.is_none() && seat.shared.is_over(started_ns) {
            break;
        }
        let mut begun = Begun::new(draw.transaction, due_ns.unwrap_or(started_ns), started_ns);
        seat.begins(&begun);
        let settled = loop {
            match client.run(&mut seat.steps()).await {
                Ok(outcome) => break Ok(outcome),
                Err(error) => match Box::pin(seat.retry_after(error, &mut begun)).await {
                    None => {}
                    Some(error) => break Err(error),
                },
            }
        };
        seat.has_ended();
        let ended = seat.ended(&begun);
        if ended.phase == Phase::Measure {
            quota = quota.map(|left| left - 1);
        }
        match settled {
            Ok(outcome) => {
                seat.succeeded(outcome, ended);
                seat.ready_ns = Some(ended.ended_ns);
            }
            Err(error) => {
                if !Box::pin(seat.failed(&ended, &error)).await {
                    break;
                }
            }
        }
        if ended.ended_ns >= seat.desk.turn_ns.get() {
            seat.take_turn(ended.ended_ns).await;
        }
        let think = client.think_time();
        if !think.is_zero() && !Box::pin(seat.wait(think)).await {
            break;
        }
    }
}

/// A transaction under way.
struct Begun {
    transaction: usize,
    intended_ns: u64,
    started_ns: u64,
    retries: u32,
}

impl Begun {
    const fn new(transaction: usize, intended_ns: u64, started_ns: u64) -> Self {
        Self { transaction, intended_ns, started_ns, retries: 0 }
    }
}

impl Seat {
    #[inline]
    fn steps(&mut self) -> Steps<'_> {
        Steps::known(&mut *self.session, self.pipelines)
    }

    /// When a transaction starts that is due then. In closed loop it is meant to start when it can: at
    /// once after the last one, or after the thread's other work or the time that a user needs.
    #[inline]
    fn starts(&mut self, due_ns: Option<u64>) -> u64 {
        match self.ready_ns.take() {
            Some(ready_ns) if due_ns.is_none() => ready_ns,
            _ => self.clock.now_ns(),
        }
    }

    #[inline]
    fn begins(&self, begun: &Begun) {
        self.desk.under_way[self.place].set(Some(begun.transaction));
        self.shared.places.set(self.number, Some(begun.intended_ns));
    }

    #[inline]
    fn has_ended(&self) {
        self.desk.under_way[self.place].set(None);
        self.shared.places.set(self.number, None);
    }

    /// How the transaction that has just ended is to be counted.
    #[inline]
    fn ended(&self, begun: &Begun) -> Ended {
        let ended_ns = self.clock.now_ns();
        let &Begun { transaction, intended_ns, started_ns, .. } = begun;
        let late = match self.shared.plan.arrival {
            Arrival::Open(OpenLoop { latency_limit: Some(limit), .. }) => {
                ended_ns > intended_ns + nanos(limit)
            }
            _ => false,
        };
        let phase = self.shared.phase(intended_ns);
        let in_window = self.shared.in_window(ended_ns);
        Ended { transaction, phase, intended_ns, started_ns, ended_ns, in_window, late }
    }

    #[inline]
    fn succeeded(&mut self, outcome: Outcome, ended: Ended) {
        let own = &self.desk.ended_well[self.place];
        own.set(own.get() + u64::from(ended.in_window));
        self.desk.recording.borrow_mut().succeeded(outcome, ended);
        self.failing = None;
    }

    /// Lets the thread do its other work: other clients, and the collector where there is no
    /// thread for it. Without it a client whose engine answers at once would never let go.
    #[cold]
    fn take_turn(&mut self, now_ns: u64) -> impl Future<Output = ()> + use<> {
        let marks = [self.shared.measure_ns(), self.shared.end_ns()];
        let ahead = marks.into_iter().filter(|mark| *mark > now_ns);
        self.desk.turn_ns.set(ahead.fold(now_ns + TURN_NS, u64::min));
        self.tell(Message::Turn);
        self.ready_ns = None;
        tokio::task::yield_now()
    }

    /// When the next transaction is meant to start, once that moment has come; `None` at the end
    /// of the load.
    async fn next_arrival(&mut self, open: OpenLoop) -> Option<u64> {
        loop {
            // An arrival is taken only while there is time to serve it: one that is left counts as
            // never started.
            if self.shared.is_over(self.clock.now_ns()) {
                return None;
            }
            let intended_ns = self.shared.next_arrival()?;
            // The thread may wake after the end though the arrival came before it.
            if intended_ns >= self.shared.end_ns() || !self.wait_until(intended_ns).await {
                self.shared.give_back(intended_ns);
                return None;
            }
            let Some(limit) = open.latency_limit else { return Some(intended_ns) };
            let now_ns = self.clock.now_ns();
            if now_ns <= intended_ns + nanos(limit) {
                return Some(intended_ns);
            }
            let phase = self.shared.phase(intended_ns);
            self.desk.recording.borrow_mut().skipped(phase, now_ns);
            // A blocking wait never yields, and skipping may go on for long.
            tokio::task::yield_now().await;
        }
    }

    /// Mends what a failed try left and waits as long as the retry policy says; the error where
    /// there is to be no other try.
    async fn retry_after(&mut self, error: DbError, begun: &mut Begun) -> Option<DbError> {
        let error = self.roll_back_after(error).await;
        // Each try may have blocked the thread for as long as the engine waits for a lock.
        let now_ns = self.clock.now_ns();
        if now_ns >= self.desk.turn_ns.get() {
            self.take_turn(now_ns).await;
        }
        let policy = self.shared.plan.retry;
        if !error.class.is_retryable()
            || begun.retries == policy.max_retries
            || self.shared.is_ended()
        {
            return Some(error);
        }
        begun.retries += 1;
        let phase = self.shared.phase(begun.intended_ns);
        let now_ns = self.clock.now_ns();
        self.desk.recording.borrow_mut().retried(begun.transaction, phase, now_ns, &error);
        self.pause_before_retry(begun.retries, policy.max_pause).await;
        None
    }

    /// Counts a transaction that failed for good and mends the client's state; false where it
    /// cannot go on.
    async fn failed(&mut self, ended: &Ended, error: &DbError) -> bool {
        self.desk.recording.borrow_mut().failed(ended, error);
        match error.class {
            ErrorClass::Disconnected => self.reconnect(error).await,
            ErrorClass::Other => self.go_on_after(error).await,
            _ => true,
        }
    }

    /// Undoes what is left of a failed try. Where even that fails, the connection is what broke.
    async fn roll_back_after(&mut self, error: DbError) -> DbError {
        if error.is_disconnected() {
            return error;
        }
        match self.session.rollback().await {
            Err(broken) if broken.is_disconnected() => broken,
            _ => error,
        }
    }

    async fn pause_before_retry(&mut self, retry: u32, max_pause: Duration) {
        if retry < 2 {
            return;
        }
        let bound = Duration::from_micros(100).saturating_mul(1 << retry.min(16)).min(max_pause);
        let pause = bound.mul_f64(self.pauses.unit());
        self.sleeper.sleep(pause).await;
    }

    async fn go_on_after(&mut self, error: &DbError) -> bool {
        let now_ns = self.clock.now_ns();
        let (began_ns, failures) = self.failing.unwrap_or((now_ns, 0));
        let failures = failures + 1;
        self.failing = Some((began_ns, failures));
        if now_ns - began_ns < nanos(LONGEST_ROW_OF_FAILURES) {
            let pause = (FAILURE_PAUSE.0 * (1 << failures.min(10))).min(FAILURE_PAUSE.1);
            return self.wait_until(now_ns + nanos(pause)).await;
        }
        let seconds = LONGEST_ROW_OF_FAILURES.as_secs();
        let fatal = Error::new(
            format!("go on with client {}", self.number),
            format!("its transactions failed for {seconds} s in a row, the last with: {error}"),
        )
        .next("see events.csv for every error; `dbdyno list --sql` shows the statements");
        self.tell(Message::Fatal(fatal));
        false
    }

    /// Gets a new session in place of the broken one; false where the load ended meanwhile or the
    /// server stayed away for too long.
    async fn reconnect(&mut self, error: &DbError) -> bool {
        let lost_ns = self.clock.now_ns();
        self.tell(Message::Lost { at_ns: lost_ns, error: error.clone() });
        let mut pause = RECONNECT_PAUSE.0;
        loop {
            let waited = pause.mul_f64(0.5 + self.pauses.unit() / 2.0);
            if !self.wait_until(self.clock.now_ns() + nanos(waited)).await {
                return false;
            }
            let failure = match self.connect().await {
                Ok(session) => {
                    self.session = session;
                    self.tell(Message::Back { at_ns: self.clock.now_ns() });
                    return true;
                }
                Err(failure) => failure,
            };
            if self.clock.now_ns() - lost_ns > nanos(self.shared.plan.reconnect_limit) {
                let limit = self.shared.plan.reconnect_limit.as_secs();
                self.tell(Message::Fatal(
                    Error::new(
                        format!("reconnect client {}", self.number),
                        format!("the server was away for {limit} s, last with: {failure}"),
                    )
                    .next("start the server again, or look into its log for why it went"),
                ));
                return false;
            }
            pause = (pause * 2).min(RECONNECT_PAUSE.1);
        }
    }

    /// A new session; given up at the end of the load, for a dead server may take its time.
    async fn connect(&self) -> Result<Box<dyn Session>, DbError> {
        let left_ns = self.shared.end_ns().saturating_sub(self.clock.now_ns());
        match tokio::time::timeout(Duration::from_nanos(left_ns), open_session(&self.shared)).await
        {
            Ok(result) => result,
            Err(_elapsed) => Err(DbError::new(
                ErrorClass::Disconnected,
                None,
                "the load ended before the server answered",
            )),
        }
    }

    /// Waits for so long; false where the load ends before that.
    async fn wait(&mut self, duration: Duration) -> bool {
        self.ready_ns = None;
        self.wait_until(self.clock.now_ns() + nanos(duration)).await
    }

    /// Waits for a moment; false where the load ends before it.
    async fn wait_until(&mut self, moment_ns: u64) -> bool {
        loop {
            let now_ns = self.clock.now_ns();
            if self.shared.is_over(now_ns) {
                return false;
            }
            if now_ns >= moment_ns {
                return true;
            }
            // The nap may block the thread.
            if now_ns >= self.desk.turn_ns.get() {
                self.take_turn(now_ns).await;
                continue;
            }
            let next_ns = moment_ns.min(self.shared.end_ns());
            let nap = Duration::from_nanos(next_ns - now_ns).min(LONGEST_NAP);
            self.sleeper.sleep(nap).await;
        }
    }

    fn tell(&self, message: Message) {
        // The collector listens until every worker is done.
        let _ = self.shared.sender.send(message);
    }
}

/// Opens a session and prepares the workload's statements on it.
pub async fn open_session(shared: &Shared) -> Result<Box<dyn Session>, DbError> {
    let mut session = shared.driver.connect(&shared.session).await?;
    session.prepare(shared.workload.statements()).await?;
    Ok(session)
}
