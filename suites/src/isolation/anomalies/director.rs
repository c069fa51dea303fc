//! Has sessions play a schedule: step by step, going on with the others' steps where one waits.
//!
//! A step waits when it is not answered and the engine itself says that its session waits for a lock. Its
//! transaction's later steps are put off until it is answered. Whenever a step was answered, all that wait
//! are looked at again, so that what a commit lets go on has gone on before the next step.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dbdyno_core::{DbError, Driver, LockWaits, Session, SessionOptions};
use dbdyno_datasets::isolation::SCHEDULE_ROWS;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::log::{Transcript, in_words};
use super::outcome::Played;
use super::player::{Answer, Answered, Player, rows};
use super::schedule::{Do, Schedule, Step};
use super::schedules::ALL;

/// How long a step may take whose session does not wait for another, and how long all may wait for each
/// other, where the user does not say. Longer than any engine takes to break a deadlock, or SQLite to give
/// up (5 s).
pub const STEP_LIMIT: Duration = Duration::from_secs(10);
/// How long an answer is waited for before the engine is asked whether the session waits.
const LOOK: Duration = Duration::from_millis(2);
/// How long a session has to end what it does once it was cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(2);

/// What a transcript says of a step of a transaction that the engine ended.
const LEFT_OUT: &str = "left out: the transaction is over";

/// Plays one schedule.
pub struct Director<'d> {
    schedule: &'static Schedule,
    waits: &'d dyn LockWaits,
    /// A session of its own.
    observer: &'d mut dyn Session,
    step_limit: Duration,
    played: Played,
    transcript: Transcript,
}

/// A transaction of the schedule and where it stands.
struct Seat {
    player: Player,
    /// What the engine knows the session by.
    id: i64,
    /// What is not answered yet.
    pending: Option<Pending>,
    /// Whether the engine said that the step waits.
    waits: bool,
    /// Steps that come after the pending one.
    put_off: VecDeque<usize>,
    /// Whether the engine ended the transaction.
    is_over: bool,
}

/// What a player was told to do.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// The place of the step that it is, or that it follows from.
    place: usize,
    what: Do,
    since: Instant,
}

impl Seat {
    fn order(&mut self, place: usize, what: Do) {
        self.player.order(what);
        self.pending = Some(Pending { place, what, since: Instant::now() });
        self.waits = false;
    }
}

/// How it goes on after a step was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Answered,
    Waits,
    Hung,
}

impl<'d> Director<'d> {
    /// For one schedule.
    pub fn new(
        schedule: &'static Schedule,
        waits: &'d dyn LockWaits,
        observer: &'d mut dyn Session,
        step_limit: Duration,
    ) -> Self {
        let (played, transcript) = (Played::default(), Transcript::default());
        Self { schedule, waits, observer, step_limit, played, transcript }
    }

    /// Puts the rows right, opens the sessions, and plays. What else goes wrong says nothing of the anomaly.
    ///
    /// # Errors
    /// The observer's connection broke: the server may be gone.
    pub async fn play(
        mut self,
        driver: &Arc<dyn Driver>,
        options: &SessionOptions,
    ) -> Result<(Played, Transcript), DbError> {
        match self.play_all(driver, options).await {
            Err(error) if error.is_disconnected() => return Err(error),
            Err(error) => {
                self.transcript.note(&error);
                self.played.refused = Some(error.to_string());
            }
            Ok(()) => {}
        }
        Ok((self.played, self.transcript))
    }

    async fn play_all(
        &mut self,
        driver: &Arc<dyn Driver>,
        options: &SessionOptions,
    ) -> Result<(), DbError> {
        let limit = self.step_limit;
        within(limit, "put the rows right", self.put_rows_right()).await?;
        let mut cast = Cast::enter(self.schedule.sessions(), driver, options).await?;
        for place in 0..self.schedule.steps.len() {
            if self.is_stuck() {
                break;
            }
            self.take(place, &mut cast).await?;
        }
        self.finish(&mut cast).await?;
        cast.leave();
        self.played.seen.finally = within(limit, "read the rows", rows(self.observer, ALL)).await?;
        self.transcript.note(format!("in the end: {}", in_words(&self.played.seen.finally)));
        Ok(())
    }

    async fn put_rows_right(&mut self) -> Result<(), DbError> {
        self.observer.run_sql("DELETE FROM schedule_rows").await?;
        for (id, value) in SCHEDULE_ROWS {
            let sql = format!("INSERT INTO schedule_rows (id, value) VALUES ({id}, {value})");
            self.observer.run_sql(&sql).await?;
        }
        Ok(())
    }

    /// Whether going on says nothing any more.
    fn is_stuck(&self) -> bool {
        self.played.hung.is_some() || self.played.refused.is_some()
    }

    /// A step's turn has come.
    async fn take(&mut self, place: usize, cast: &mut Cast) -> Result<(), DbError> {
        let by = self.schedule.steps[place].by;
        let seat = cast.seat(by);
        if seat.pending.is_some() {
            seat.put_off.push_back(place);
            return Ok(());
        }
        self.give(place, cast);
        self.look_after(by, cast).await?;
        self.settle(cast).await
    }

    /// Gives a step to its player; one whose transaction is over takes no more.
    fn give(&mut self, place: usize, cast: &mut Cast) {
        let step = self.schedule.steps[place];
        let seat = cast.seat(step.by);
        if seat.is_over {
            self.transcript.step(place + 1, step, LEFT_OUT);
            return;
        }
        seat.order(place, step.what);
    }

    /// Waits until a player's step is answered, or the engine says that it waits.
    async fn look_after(&mut self, by: usize, cast: &mut Cast) -> Result<Next, DbError> {
        loop {
            let Some(Pending { place, since, .. }) = cast.seat(by).pending else {
                return Ok(Next::Answered);
            };
            if let Ok(Some(answer)) = timeout(LOOK, cast.answers.recv()).await {
                self.hear(answer, cast);
                continue;
            }
            let id = cast.seat(by).id;
            if self.ask_whether_waiting(id).await? {
                self.note_wait(place, cast);
                return Ok(Next::Waits);
            }
            if since.elapsed() > self.step_limit && cast.seat(by).pending.is_some() {
                self.hang(place);
                return Ok(Next::Hung);
            }
        }
    }

    async fn ask_whether_waiting(&mut self, id: i64) -> Result<bool, DbError> {
        let asked = timeout(self.step_limit, self.waits.is_waiting(self.observer, id)).await;
        // A server that does not answer at all hangs as its step does.
        asked.unwrap_or(Ok(false))
    }

    fn note_wait(&mut self, place: usize, cast: &mut Cast) {
        let step = self.schedule.steps[place];
        let seat = cast.seat(step.by);
        if !seat.waits {
            seat.waits = true;
            self.played.waited.push(step.by);
            self.transcript.step(place + 1, step, "waits");
        }
    }

    fn hang(&mut self, place: usize) {
        self.played.hung = Some(place + 1);
        self.transcript.step(place + 1, self.schedule.steps[place], "hangs");
    }

    /// Lets all that can go on go on: a player that waits no more takes the steps that were put off.
    async fn settle(&mut self, cast: &mut Cast) -> Result<(), DbError> {
        loop {
            let mut went_on = false;
            for by in 1..=cast.seats.len() {
                if self.is_stuck() || self.look_after(by, cast).await? != Next::Answered {
                    continue;
                }
                if let Some(place) = cast.seat(by).put_off.pop_front() {
                    self.give(place, cast);
                    went_on = true;
                }
            }
            if !went_on {
                return Ok(());
            }
        }
    }

    /// Waits for what is left: an engine may yet end one of two that wait for each other. What hangs is
    /// cancelled.
    async fn finish(&mut self, cast: &mut Cast) -> Result<(), DbError> {
        let deadline = Instant::now() + self.step_limit;
        while let Some(place) = cast.first_pending() {
            if self.is_stuck() || Instant::now() > deadline {
                if !self.is_stuck() {
                    self.hang(place);
                }
                return self.cancel(cast).await;
            }
            if let Ok(Some(answer)) = timeout(LOOK, cast.answers.recv()).await {
                self.hear(answer, cast);
                self.settle(cast).await?;
            }
        }
        Ok(())
    }

    async fn cancel(&mut self, cast: &mut Cast) -> Result<(), DbError> {
        for seat in cast.seats.iter().filter(|seat| seat.pending.is_some()) {
            let cancelled = self.waits.cancel(self.observer, seat.id);
            if timeout(CANCEL_LIMIT, cancelled).await.is_err() {
                self.transcript.note("the server does not answer");
            }
        }
        let deadline = Instant::now() + CANCEL_LIMIT;
        while cast.first_pending().is_some() && Instant::now() < deadline {
            if let Ok(Some(Answer { by, .. })) = timeout(LOOK, cast.answers.recv()).await {
                cast.seat(by).pending = None;
            }
        }
        Ok(())
    }

    /// A player was answered.
    fn hear(&mut self, Answer { by, answer }: Answer, cast: &mut Cast) {
        let seat = cast.seat(by);
        let Some(Pending { place, what, .. }) = seat.pending.take() else { return };
        let step = Step { by, what };
        let after = if seat.waits { ", after waiting" } else { "" };
        match (answer, what) {
            (Ok(Answered::Rows(rows)), Do::Read(name, _)) => {
                self.transcript.step(place + 1, step, format!("{}{after}", in_words(&rows)));
                self.played.seen.reads.insert(name, rows);
            }
            (Ok(Answered::Done(count)), Do::Write(_)) => {
                let rows = if count == 1 { "row" } else { "rows" };
                self.transcript.step(place + 1, step, format!("{count} {rows}{after}"));
            }
            (Ok(_), what) => {
                self.transcript.step(place + 1, step, format!("done{after}"));
                if matches!(what, Do::Commit) {
                    self.played.seen.committed.push(by);
                }
            }
            (Err(error), _) => {
                self.transcript.step(place + 1, step, format!("{error}{after}"));
                self.end_transaction(place, &error, cast);
            }
        }
    }

    /// The engine ended a transaction, or refused a step of it.
    fn end_transaction(&mut self, place: usize, error: &DbError, cast: &mut Cast) {
        let seat = cast.seat(self.schedule.steps[place].by);
        seat.is_over = true;
        for put_off in seat.put_off.drain(..) {
            self.transcript.step(put_off + 1, self.schedule.steps[put_off], LEFT_OUT);
        }
        if error.class.is_retryable() {
            let code = error.code.as_deref().map(|code| format!("{code} "));
            self.played.aborts.push(format!("{}{}", code.unwrap_or_default(), error.class));
            // What the engine did not undo by itself holds others up.
            seat.order(place, Do::RollBack);
        } else {
            self.played.refused = Some(format!("step {}: {error}", place + 1));
        }
    }
}

/// The players of a schedule.
struct Cast {
    seats: Vec<Seat>,
    answers: UnboundedReceiver<Answer>,
}

impl Cast {
    /// Opens a session for each transaction.
    async fn enter(
        count: usize,
        driver: &Arc<dyn Driver>,
        options: &SessionOptions,
    ) -> Result<Self, DbError> {
        let (sender, answers) = unbounded_channel();
        let mut cast = Self { seats: Vec::new(), answers };
        for by in 1..=count {
            let player = Player::enter(by, Arc::clone(driver), options.clone(), sender.clone())?;
            let opened = timeout(STEP_LIMIT, cast.answers.recv()).await;
            let id = match opened {
                Ok(Some(Answer { answer: Ok(Answered::Open(id)), .. })) => id,
                Ok(Some(Answer { answer: Err(error), .. })) => return Err(error),
                _ => return Err(DbError::unexpected(format!("session {by} does not open"))),
            };
            cast.seats.push(Seat {
                player,
                id,
                pending: None,
                waits: false,
                put_off: VecDeque::new(),
                is_over: false,
            });
        }
        Ok(cast)
    }

    /// The seat of a transaction, counted from 1.
    fn seat(&mut self, by: usize) -> &mut Seat {
        &mut self.seats[by - 1]
    }

    /// The place of the first step that is not answered.
    fn first_pending(&self) -> Option<usize> {
        self.seats.iter().filter_map(|seat| seat.pending).map(|pending| pending.place).min()
    }

    /// Closes the sessions. Threads of sessions that hang in a call are left to themselves.
    fn leave(self) {
        for seat in self.seats {
            if seat.pending.is_none() {
                seat.player.join();
            }
        }
    }
}

/// What the observer does must not take longer than a step: a server may hang.
async fn within<T>(
    limit: Duration,
    doing: &str,
    done: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    let hangs = || DbError::unexpected(format!("the server does not let anybody {doing}"));
    timeout(limit, done).await.unwrap_or_else(|_| Err(hangs()))
}
