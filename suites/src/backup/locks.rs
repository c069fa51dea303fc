//! Which locks a backup holds while it is made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{panic, thread};

use dbdyno_core::backup::{Lock, LockWatch, LocksSeen};
use dbdyno_core::{Better, Measurement};

/// How often is looked: often enough to see what keeps a person's transaction waiting, and seldom enough to cost the
/// server little.
const PAUSE: Duration = Duration::from_millis(25);
/// What is said of a backup that was never seen to hold a lock. A row that says nothing is given the reason of a
/// case that failed.
const NONE_SEEN: &str = "none seen";

/// What was seen of the locks of one backup.
#[derive(Clone, Debug, Default)]
pub struct Locks {
    looks: u32,
    most: Option<u32>,
    strongest: Option<Lock>,
    waiting: Option<u32>,
    /// Why nobody looked any more.
    broke: Option<String>,
}

/// Does `work` while a watch looks again and again. Gives what it saw; `None` where there is no watch.
pub fn beside<T>(
    watch: Option<Box<dyn LockWatch>>,
    work: impl FnOnce() -> T,
) -> (T, Option<Locks>) {
    let Some(watch) = watch else { return (work(), None) };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = scope.spawn(|| look_until(watch, &over));
        let ends = Ending(&over);
        let done = work();
        drop(ends);
        let seen = looking.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        (done, Some(seen))
    })
}

struct Ending<'o>(&'o AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn look_until(mut watch: Box<dyn LockWatch>, over: &AtomicBool) -> Locks {
    let mut locks = Locks::default();
    while !over.load(Ordering::Relaxed) {
        match watch.look() {
            Ok(seen) => locks.add(seen),
            Err(why) => {
                locks.broke = Some(why.to_string());
                break;
            }
        }
        thread::sleep(PAUSE);
    }
    locks
}

impl Locks {
    fn add(&mut self, seen: LocksSeen) {
        self.looks += 1;
        self.most = self.most.max(seen.held);
        self.strongest = self.strongest.take().max(seen.strongest);
        self.waiting = self.waiting.max(seen.waiting);
    }

    /// Its rows. A lock between two looks goes unseen: how often was looked is one of them.
    pub fn metrics(&self) -> Vec<Measurement> {
        let row =
            |name: &str, count: u32| Measurement::new(name, f64::from(count), "1", Better::Lower);
        let mode = self.strongest.as_ref().map_or(NONE_SEEN, |lock| lock.mode.as_str());
        // Nothing is known where nobody ever looked, or the engine does not tell.
        let held = self
            .most
            .map(|most| Measurement { detail: mode.to_owned(), ..row("locks_held", most) });
        let broke = self.broke.as_ref().map(|why| format!("looking on broke off: {why}"));
        let looks = Measurement {
            better: Better::Neither,
            detail: broke.unwrap_or_default(),
            ..row("lock_looks", self.looks)
        };
        let waiting = self.waiting.map(|waiting| row("lock_waiters", waiting));
        held.into_iter().chain([looks]).chain(waiting).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvError, Sender, channel};

    use dbdyno_core::DbError;

    use super::*;

    /// Sees locks that come and go, and breaks off.
    struct Scripted {
        looks: Vec<Result<LocksSeen, DbError>>,
        _until_over: Sender<()>,
    }

    impl LockWatch for Scripted {
        fn look(&mut self) -> Result<LocksSeen, DbError> {
            self.looks.pop().unwrap_or_else(|| Err(DbError::unexpected("the server is gone")))
        }
    }

    /// The rows of work that goes on until such a watch has broken off.
    fn rows(looks: Vec<Result<LocksSeen, DbError>>) -> Vec<Measurement> {
        let (_until_over, watch_is_over) = channel();
        let watch = Scripted { looks, _until_over };
        let (over, locks) = beside(Some(Box::new(watch)), || watch_is_over.recv());
        assert_eq!(over, Err(RecvError));
        locks.map(|locks| locks.metrics()).unwrap_or_default()
    }

    fn seen(held: u32, rank: usize, mode: &str, waiting: u32) -> Result<LocksSeen, DbError> {
        let strongest = Some(Lock { rank, mode: mode.to_owned() });
        Ok(LocksSeen { held: Some(held), strongest, waiting: Some(waiting) })
    }

    #[test]
    fn the_strongest_lock_of_all_looks_is_told() {
        let script = vec![seen(1, 1, "weak", 0), seen(2, 7, "strong", 3), seen(9, 1, "weak", 0)];
        let rows = rows(script);
        let found: Vec<(&str, Option<f64>)> =
            rows.iter().map(|row| (row.metric.as_str(), row.value)).collect();
        let expected =
            [("locks_held", Some(9.0)), ("lock_looks", Some(3.0)), ("lock_waiters", Some(3.0))];
        assert_eq!(found, expected);
        assert_eq!(rows[0].detail, "strong");
        assert!(rows[1].detail.contains("the server is gone"), "{}", rows[1].detail);
    }

    #[test]
    fn an_engine_that_does_not_tell_of_locks_has_none_counted() {
        let look = |held| Ok(LocksSeen { held, strongest: None, waiting: Some(2) });
        let told = |held| {
            let rows = rows(vec![look(held)]);
            rows.iter().map(|row| (row.metric.clone(), row.value)).collect::<Vec<_>>()
        };
        let of = |name: &str, value| (name.to_owned(), Some(value));
        assert_eq!(told(None), [of("lock_looks", 1.0), of("lock_waiters", 2.0)]);
        let some = [of("locks_held", 0.0), of("lock_looks", 1.0), of("lock_waiters", 2.0)];
        assert_eq!(told(Some(0)), some);
    }

    #[test]
    fn who_could_not_look_says_nothing_of_locks() {
        let rows = rows(Vec::new());
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].metric.as_str(), rows[0].value), ("lock_looks", Some(0.0)));
        assert!(beside(None, || 1).1.is_none());
    }
}
