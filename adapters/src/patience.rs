//! Waiting for what a server does by itself.

use std::time::{Duration, Instant};

use dbdyno_core::{DbError, Stop};

/// How often is looked whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A time within which something must happen.
pub(crate) struct Patience {
    deadline: Instant,
}

impl Patience {
    /// From now on.
    pub(crate) fn of(limit: Duration) -> Self {
        Self { deadline: Instant::now() + limit }
    }

    /// Whether the time is over; waits a moment where it is not.
    pub(crate) async fn is_over(&self) -> bool {
        if Instant::now() >= self.deadline {
            return true;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        false
    }
}

/// Tells whoever works for somebody that waits on an event loop when nobody waits any more.
#[derive(Default)]
pub(crate) struct Waiting {
    given_up: Stop,
    has_ended: bool,
}

impl Waiting {
    /// Requested once this goes before what was waited for is there.
    pub(crate) fn given_up(&self) -> Stop {
        self.given_up.clone()
    }

    /// It is there.
    pub(crate) fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.has_ended {
            self.given_up.request();
        }
    }
}

/// How long a position must not change, where whoever receives is not known to have ended.
const UNCHANGED: Duration = Duration::from_secs(1);

/// What a replica says of what it receives from a primary that is gone.
pub(crate) struct Word<T> {
    /// How far it has come.
    pub(crate) number: u64,
    /// Whether it still reads what had been sent.
    pub(crate) receives: bool,
    /// What else it says of that.
    pub(crate) more: T,
}

/// A replica that is asked how far it has come.
pub(crate) trait Receiving: Send {
    /// What else it says.
    type More: Send;

    /// Asks it.
    ///
    /// # Errors
    /// It does not answer.
    fn ask(&mut self) -> impl Future<Output = Result<Word<Self::More>, DbError>> + Send;
}

/// The replica that has received most from a primary that is gone, once none receives any more: its place, the first of
/// those that are as far, and what else it said last.
///
/// # Errors
/// One cannot be asked, or there is none.
pub(crate) async fn furthest<R: Receiving>(replicas: Vec<R>) -> Result<(usize, R::More), DbError> {
    let mut furthest = None;
    for (place, mut replica) in replicas.into_iter().enumerate() {
        let mut last = Received::default();
        let more = loop {
            let word = replica.ask().await?;
            last.note(word.number, word.receives).await;
            if last.is_all() {
                break word.more;
            }
        };
        if furthest.as_ref().is_none_or(|(_, most, _)| last.number > *most) {
            furthest = Some((place, last.number, more));
        }
    }
    let furthest = furthest.map(|(place, _, more)| (place, more));
    furthest.ok_or_else(|| DbError::unexpected("there is no replica"))
}

/// What a replica has received from a primary that is gone, while it still reads what had been sent.
#[derive(Default)]
struct Received {
    number: u64,
    /// Since when it is that.
    since: Option<Instant>,
    has_ended: bool,
}

impl Received {
    /// Whether no more comes: the receiver has met the end of its connection, or for a second nothing came.
    fn is_all(&self) -> bool {
        self.has_ended || self.since.is_some_and(|since| since.elapsed() >= UNCHANGED)
    }

    /// Takes down what it has received by now, and whether it `receives` still; waits a moment where that is so.
    async fn note(&mut self, number: u64, receives: bool) {
        if self.since.is_none() || number != self.number {
            *self = Self { number, since: Some(Instant::now()), has_ended: false };
        }
        self.has_ended = !receives;
        if receives {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::VecDeque;
    use std::time::{Duration, Instant};

    use super::{DbError, Received, Receiving, UNCHANGED, Word, furthest};

    #[test]
    fn what_is_still_received_is_waited_for() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut received = Received::default();
            assert!(!received.is_all(), "nothing is known yet");
            received.note(5, true).await;
            // A machine that stands still for a second meanwhile takes it for all, until something comes.
            let mut number = 6;
            received.note(number, true).await;
            while received.is_all() {
                assert!(number < 100);
                number += 1;
                received.note(number, true).await;
            }
            // Its last words may come after the connection has ended.
            received.note(number + 1, false).await;
            assert!(received.is_all());
            assert_eq!(received.number, number + 1);

            let mut stuck = Received::default();
            while !stuck.is_all() {
                stuck.note(3, true).await;
            }
            assert_eq!(stuck.number, 3);
        });
    }

    /// A replica that says one word after another; the last says that it receives no more.
    impl Receiving for VecDeque<u64> {
        type More = u64;

        async fn ask(&mut self) -> Result<Word<u64>, DbError> {
            let number = self.pop_front().unwrap();
            Ok(Word { number, receives: !self.is_empty(), more: number })
        }
    }

    fn furthest_of(said: &[&[u64]]) -> Option<(usize, u64)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let replicas = || said.iter().map(|words| words.iter().copied().collect::<VecDeque<_>>());
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let began = Instant::now();
            let found = runtime.block_on(furthest(replicas().collect())).ok();
            // A replica that was not asked for so long is not asked for its last words.
            if began.elapsed() < UNCHANGED {
                return found;
            }
            assert!(Instant::now() < deadline);
        }
    }

    #[test]
    fn the_first_that_has_all_is_the_furthest() {
        assert_eq!(furthest_of(&[&[9, 10], &[3, 12], &[12]]), Some((1, 12)));
        assert_eq!(furthest_of(&[&[0], &[0]]), Some((0, 0)));
        assert_eq!(furthest_of(&[]), None);
    }
}
