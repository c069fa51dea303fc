//! Clients that read and write a few keys that all of them want at the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, ErrorClass, Statement, Steps, Value};

use super::kind::{ADD, ADDED, Kind, READ, WRITE};
use super::recorder::{Log, Recorder};

/// Keys that are in use at a time: few, so that transactions meet.
const KEYS: u64 = 8;
/// After so many writes the lowest of them is given up for a fresh one, so that each is written some
/// `KEYS` times as often and lists stay short.
const WRITES: u64 = 4;
/// How many keys are there before they come into use, where no more were loaded.
const AHEAD: u64 = 1_000;
/// The most operations of a transaction.
const MOST: u64 = 4;
/// How many of a hundred operations write.
const WRITES_PERCENT: f64 = 50.0;

const TRANSACTIONS: [&str; 2] = ["read_write", "read_only"];

/// The workload of a case.
pub struct HistoryWorkload {
    kind: Kind,
    shared: Arc<Shared>,
    statements: Vec<Statement>,
    recorder: Arc<Recorder>,
}

/// What all clients need.
struct Shared {
    /// Keys that were loaded.
    loaded: u64,
    /// Writes so far, which say which keys are in use.
    writes: AtomicU64,
}

impl Shared {
    /// The first key in use.
    fn first_key(&self) -> u64 {
        self.writes.load(Ordering::Relaxed) / WRITES
    }

    /// Counts writes. Whoever makes the one with which another [`ADDED`] keys come into use is to add as many
    /// behind those that there are; gives the first of them.
    fn count(&self, writes: u64) -> Option<u64> {
        let before = self.writes.fetch_add(writes, Ordering::Relaxed);
        let blocks = |writes: u64| writes / (WRITES * ADDED);
        let next = blocks(before + writes);
        let behind = self.loaded.saturating_sub(KEYS + AHEAD) / ADDED;
        (next > blocks(before) && next > behind).then(|| self.loaded + (next - behind - 1) * ADDED)
    }
}

impl HistoryWorkload {
    /// On so many keys.
    pub fn new(kind: Kind, keys: u64, recorder: &Arc<Recorder>) -> Self {
        let shared = Arc::new(Shared { loaded: keys, writes: AtomicU64::new(0) });
        Self { kind, shared, statements: kind.statements(), recorder: Arc::clone(recorder) }
    }

    /// The keys that may have been written so far: those below this one.
    pub fn used_keys(&self) -> u64 {
        self.shared.first_key() + KEYS
    }
}

impl Workload for HistoryWorkload {
    fn transactions(&self) -> &[&'static str] {
        &TRANSACTIONS
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let log = self.recorder.open(index);
        let log = log.map_err(|why| self.recorder.give_up(why)).ok();
        let step = i64::from(self.recorder.logs());
        Box::new(HistoryClient {
            kind: self.kind,
            shared: Arc::clone(&self.shared),
            rng,
            log,
            operations: Vec::new(),
            to_add: None,
            value: i64::from(index),
            step,
            text: String::new(),
        })
    }
}

/// An operation of a transaction.
#[derive(Clone, Copy, Debug)]
struct Operation {
    key: i64,
    writes: bool,
}

struct HistoryClient {
    kind: Kind,
    shared: Arc<Shared>,
    rng: Rng,
    /// Where it could not be opened, nothing is recorded, and the case fails for it.
    log: Option<Log>,
    operations: Vec<Operation>,
    /// The first of the keys that it is to add before its next transaction.
    to_add: Option<u64>,
    /// The last value that it wrote: each attempt writes values of its own, which no other client has.
    value: i64,
    step: i64,
    text: String,
}

impl Client for HistoryClient {
    fn draw(&mut self) -> Draw {
        let first = self.shared.first_key();
        self.operations.clear();
        for _ in 0..=self.rng.below(MOST) {
            let key = (first + self.rng.below(KEYS)) as i64;
            let writes = self.rng.percent(WRITES_PERCENT);
            self.operations.push(Operation { key, writes });
        }
        // In the order of keys, so that transactions do not wait for each other in a circle: engines take
        // up to a second to notice.
        self.operations.sort_by_key(|operation| operation.key);
        Draw::now(usize::from(!self.writes()))
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let Some(mut log) = self.log.take() else {
            return Err(DbError::unexpected("the history cannot be recorded"));
        };
        let ran = match self.add_keys(steps).await {
            Err(error) => Err(error),
            Ok(()) => {
                let before = self.prepare(&mut log);
                log.invoke();
                let ran = self.transact(steps, &mut log, before).await;
                match &ran {
                    Ok(()) => log.commit(),
                    Err(error) => log.fail(error.outcome_unknown),
                }
                ran
            }
        };
        self.log = Some(log);
        ran.map(|()| Outcome::Committed)
    }
}

impl HistoryClient {
    fn writes(&self) -> bool {
        self.operations.iter().any(|operation| operation.writes)
    }

    /// Adds the keys that it is to add. Some may be there, where an earlier attempt was cut off after it.
    async fn add_keys(&mut self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let Some(first) = self.to_add else { return Ok(()) };
        let keys: Vec<Value<'_>> =
            (first..first + ADDED).map(|key| Value::Int(key as i64)).collect();
        match steps.execute_rows(ADD, &keys, keys.len()).await {
            Err(error) if error.class != ErrorClass::Constraint => Err(error),
            _ => {
                self.to_add = None;
                Ok(())
            }
        }
    }

    /// Notes what is about to be done, with fresh values; gives the value before the first.
    fn prepare(&mut self, log: &mut Log) -> i64 {
        let before = self.value;
        log.attempt.clear();
        for Operation { key, writes } in &self.operations {
            if *writes {
                self.value += self.step;
                self.kind.note_write(&mut log.attempt, *key, self.value);
            } else {
                log.attempt.read(*key);
            }
        }
        let count = self.operations.iter().filter(|operation| operation.writes).count();
        self.to_add = self.to_add.or(self.shared.count(count as u64));
        before
    }

    async fn transact(
        &mut self,
        steps: &mut Steps<'_>,
        log: &mut Log,
        before: i64,
    ) -> Result<(), DbError> {
        let access = if self.writes() { Access::Write } else { Access::Read };
        let Self { kind, operations, text, step, .. } = self;
        let mut value = before;
        steps.begin(access).await?;
        for (place, Operation { key, writes }) in operations.iter().enumerate() {
            if *writes {
                value += *step;
                let parameter = kind.parameter(value, text);
                let is_there = |rows| if rows == 1 { Ok(()) } else { Err(not_there(*key)) };
                steps.execute(WRITE, &[parameter, Value::Int(*key)], is_there).await?;
            } else {
                let attempt = &mut log.attempt;
                let answer = |row: &dyn dbdyno_core::Row| kind.note_answer(attempt, place, row, 0);
                let is_there = |rows| if rows == 1 { Ok(()) } else { Err(not_there(*key)) };
                steps.query(READ, &[Value::Int(*key)], answer, is_there).await?;
            }
        }
        steps.commit().await
    }
}

/// The client that is to add a key has not come to it: as good a reason to try again as a lock.
#[cold]
fn not_there(key: i64) -> DbError {
    DbError::new(ErrorClass::Serialization, None, format!("key {key} is not there yet"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_added_once_each_long_before_they_come_into_use() {
        let shared = Shared { loaded: 2_000, writes: AtomicU64::new(0) };
        let mut there = shared.loaded;
        for _ in 0..100_000 {
            if let Some(first) = shared.count(3) {
                assert_eq!(first, there);
                there += ADDED;
            }
            assert!(shared.first_key() + KEYS + AHEAD / 2 < there);
        }
        assert!(there < shared.first_key() + 2 * AHEAD, "{there}");
    }
}
