//! Clients that read and write a few keys that all of them want at the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, Statement, Steps, Value};

use super::kind::{Kind, READ, WRITE};
use super::recorder::{Log, Recorder};

/// Keys that are in use at a time: few, so that transactions meet.
const KEYS: u64 = 8;
/// After so many writes the lowest of them is given up for a fresh one, so that each is written some
/// `KEYS` times as often and lists stay short.
const WRITES: u64 = 4;
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
    /// Keys that there are.
    keys: u64,
    /// Writes so far, which say which keys are in use.
    writes: AtomicU64,
}

impl Shared {
    /// The first key in use. Where the keys come to their end, the last ones stay in use.
    fn first_key(&self) -> u64 {
        let passed = self.writes.load(Ordering::Relaxed) / WRITES;
        passed.min(self.keys.saturating_sub(KEYS))
    }
}

impl HistoryWorkload {
    /// On so many keys.
    pub fn new(kind: Kind, keys: u64, recorder: &Arc<Recorder>) -> Self {
        let shared = Arc::new(Shared { keys, writes: AtomicU64::new(0) });
        Self { kind, shared, statements: kind.statements(), recorder: Arc::clone(recorder) }
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
            let key = (first + self.rng.below(KEYS.min(self.shared.keys))) as i64;
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
        let first = self.prepare(&mut log);
        log.invoke();
        let ran = self.transact(steps, &mut log, first).await;
        match &ran {
            Ok(()) => log.commit(),
            Err(error) => log.fail(error.outcome_unknown),
        }
        self.log = Some(log);
        ran.map(|()| Outcome::Committed)
    }
}

impl HistoryClient {
    fn writes(&self) -> bool {
        self.operations.iter().any(|operation| operation.writes)
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
        self.shared.writes.fetch_add(count as u64, Ordering::Relaxed);
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
                steps.execute_one(WRITE, &[parameter, Value::Int(*key)]).await?;
            } else {
                let attempt = &mut log.attempt;
                let answer = |row: &dyn dbdyno_core::Row| kind.note_answer(attempt, place, row, 0);
                steps.query_one(READ, &[Value::Int(*key)], answer).await?;
            }
        }
        steps.commit().await
    }
}
