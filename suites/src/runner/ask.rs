//! What else is done with a target beside loads: looking at its tables, making and dropping what a benchmark needs.

use std::time::{Duration, Instant};

use dbdyno_core::{DbError, Error, ErrorClass, Event, Result, Session};

use super::stand::Stand;

/// How often a server that went away is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long it may take until a server has done what it is asked for, such as building an index, and until it has
/// looked at all tables: so long at any scale, and so much longer for each factor of it.
const WORK_LIMIT: (Duration, Duration) = (Duration::from_secs(1_800), Duration::from_secs(600));
const LOOK_LIMIT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(30));
/// How long a server may take to open a session, and to answer, once a person waits for the end.
const HURRIED_CONNECT: Duration = Duration::from_secs(3);
const HURRIED_ANSWER: Duration = Duration::from_secs(10);

impl Stand<'_> {
    /// Does something else with the target, in a session of its own at the engine's default isolation;
    /// `doing` tells the screen and completes "cannot …". Where the connection breaks it is done
    /// again: a server that is still coming back from a crash is given the time that clients are
    /// given, unless a person waits for the end.
    ///
    /// # Errors
    /// The server cannot be reached, what is done fails, or it goes on for longer than any work may: a server that
    /// stands still never answers.
    pub fn ask<T>(
        &self,
        doing: &str,
        ask: impl AsyncFnMut(&mut dyn Session) -> Result<T, DbError>,
    ) -> Result<T> {
        self.ask_within((self.by_scale(WORK_LIMIT), HURRIED_ANSWER), doing, ask)
    }

    /// The same of what leaves the data as it was found: that a person waits for the end does not hurry it, for who
    /// comes next would find it changed.
    ///
    /// # Errors
    /// As [`ask`](Self::ask) has them.
    pub fn tidy_up<T>(
        &self,
        doing: &str,
        ask: impl AsyncFnMut(&mut dyn Session) -> Result<T, DbError>,
    ) -> Result<T> {
        let limit = self.by_scale(WORK_LIMIT);
        self.ask_within((limit, limit), doing, ask)
    }

    /// The same of what takes no longer than looking at all tables.
    ///
    /// # Errors
    /// As [`ask`](Self::ask) has them.
    pub fn look<T>(
        &self,
        doing: &str,
        ask: impl AsyncFnMut(&mut dyn Session) -> Result<T, DbError>,
    ) -> Result<T> {
        self.ask_within((self.look_limit(), HURRIED_ANSWER), doing, ask)
    }

    /// How long looking at all tables may take.
    pub fn look_limit(&self) -> Duration {
        self.by_scale(LOOK_LIMIT)
    }

    /// So long at any scale, and so much longer for each factor of it.
    pub fn by_scale(&self, (at_any, each): (Duration, Duration)) -> Duration {
        at_any + each.mul_f64(self.case().scale.to_f64())
    }

    /// `limits` are how long an answer may take, and how long once the end was asked for.
    fn ask_within<T>(
        &self,
        limits: (Duration, Duration),
        doing: &str,
        mut ask: impl AsyncFnMut(&mut dyn Session) -> Result<T, DbError>,
    ) -> Result<T> {
        self.working_on(doing);
        let began = Instant::now();
        let mut told = false;
        loop {
            let error = match self.block_on(self.ask_once(limits, &mut ask)) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let patient = error.is_disconnected()
                && began.elapsed() < self.options().reconnect_limit
                && !self.is_stopped();
            if !patient {
                let doing = format!("{doing} on {}", self.driver().target());
                return Err(Error::new(doing, error)
                    .next("look into the server's log; `--reload` loads the data again"));
            }
            if !told {
                let event = Event::now("waiting_for_server", error.message.clone());
                self.tools.observer.event(&event);
                told = true;
            }
            if let Some(control) = self.driver().server_control() {
                control.ensure_running()?;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    async fn ask_once<T>(
        &self,
        (limit, hurried): (Duration, Duration),
        ask: &mut impl AsyncFnMut(&mut dyn Session) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let options = self.session_options();
        let mut session = tokio::select! {
            connected = self.driver().connect(&options) => connected?,
            _ = self.given_up(self.options().reconnect_limit, HURRIED_CONNECT) => {
                let why = "it did not answer";
                return Err(DbError::new(ErrorClass::Disconnected, None, why));
            }
        };
        tokio::select! {
            answer = ask(&mut *session) => answer,
            waited = self.given_up(limit, hurried) => {
                let why = format!("the server did not answer within {} s", waited.as_secs());
                Err(DbError::new(ErrorClass::StatementTimeout, None, why))
            }
        }
    }

    /// Comes once nobody waits any more for a server: after `limit`, or `hurried` after the end was asked for. Gives
    /// how long that was.
    async fn given_up(&self, limit: Duration, hurried: Duration) -> Duration {
        let began = Instant::now();
        tokio::select! {
            () = tokio::time::sleep(limit) => {}
            () = async {
                self.stop().requested().await;
                tokio::time::sleep(hurried).await;
            } => {}
        }
        began.elapsed()
    }
}
