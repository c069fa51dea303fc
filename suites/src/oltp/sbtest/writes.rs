//! The client of the benchmarks that write: reads first, as the others do, then writes, and keeps
//! account of what it committed.

use std::sync::Arc;

use dbdyno_core::load::{Client, Draw, Outcome};
use dbdyno_core::random::{Rng, Text};
use dbdyno_core::{Access, DbError, ErrorClass, Step, Steps, Value};
use dbdyno_datasets::sbtest::{draw_c, draw_pad};

use super::super::last_writes::{Book, Notes, Writing};
use super::super::ledger::{Ledger, Pending};
use super::super::samples::Sample;
use super::Work;
use super::reads::Reads;
use super::statements::Query;

pub struct Writer {
    work: Work,
    reads: Reads,
    rng: Rng,
    ledger: Arc<Ledger>,
    /// Rows of which the last writes of `c` are kept, numbered by id from 0.
    sample: Sample,
    last_writes: Arc<Book>,
    notes: Notes,
    inputs: Inputs,
}

/// Where a client keeps account of what it commits.
pub struct Accounts {
    pub ledger: Arc<Ledger>,
    pub sample: Sample,
    pub last_writes: Arc<Book>,
}

/// What a transaction was drawn to write, statement by statement.
#[derive(Debug)]
struct Inputs {
    index_updates: Vec<i64>,
    non_index_updates: Vec<(Text, i64)>,
    rows: Vec<NewRow>,
    deletes: Vec<i64>,
}

/// A row to insert.
#[derive(Debug, Default)]
struct NewRow {
    /// Unused where the engine numbers it.
    id: i64,
    k: i64,
    c: Text,
    pad: Text,
}

impl Writer {
    pub fn new(work: Work, rng: Rng, accounts: Accounts) -> Self {
        let mix = work.mix;
        let Accounts { ledger, sample, last_writes } = accounts;
        let inputs = Inputs {
            index_updates: vec![0; mix.index_updates],
            non_index_updates: vec![(Text::new(), 0); mix.non_index_updates],
            rows: (0..mix.delete_inserts + mix.inserts).map(|_| NewRow::default()).collect(),
            deletes: vec![0; mix.deletes],
        };
        let (reads, notes) = (Reads::new(work), Notes::new());
        Self { work, reads, rng, ledger, sample, last_writes, notes, inputs }
    }

    /// Runs the transaction; gives by how much it changed the number of rows.
    async fn transaction(
        &self,
        steps: &mut Steps<'_>,
        writing: &mut Writing<'_>,
        pending: &mut Pending<'_>,
    ) -> Result<i64, DbError> {
        let mix = &self.work.mix;
        let mut moved = 0;
        while steps.pass()? {
            if mix.transaction {
                steps.begin(Access::Write).await?;
                for number in 0..self.reads.count() {
                    self.reads.step(steps, number).await?;
                }
                self.writes(steps, writing, &mut moved).await?;
                writing.sending_commit();
                pending.sending_commit(mix.moves());
                steps.commit().await?;
            } else {
                writing.sending_commit();
                pending.sending_commit(mix.moves());
                self.writes(steps, writing, &mut moved).await?;
            }
        }
        Ok(moved)
    }

    /// Runs the statements that write, adding up by how much they change the number of rows.
    async fn writes(
        &self,
        steps: &mut Steps<'_>,
        writing: &mut Writing<'_>,
        moved: &mut i64,
    ) -> Result<(), DbError> {
        for id in &self.inputs.index_updates {
            let missed = || writing.missed(self.place(*id));
            self.update(steps, Query::IndexUpdate, &[Value::Int(*id)], missed).await?;
        }
        for (c, id) in &self.inputs.non_index_updates {
            // Noted before it is sent: by itself, it is its own commit.
            if steps.makes_requests() {
                writing.wrote(self.place(*id), c.as_str());
            }
            let params = [Value::Text(c.as_str()), Value::Int(*id)];
            let missed = || writing.missed_write(self.place(*id));
            self.update(steps, Query::NonIndexUpdate, &params, missed).await?;
        }
        for row in &self.inputs.rows {
            match self.work.mix.delete_inserts {
                0 => self.insert(steps, row, moved).await?,
                _ => self.replace(steps, row, writing, moved).await?,
            }
        }
        for id in &self.inputs.deletes {
            self.delete(steps, *id, moved).await?;
        }
        Ok(())
    }

    /// Updates a row, and tells where it found none.
    fn update(
        &self,
        steps: &mut Steps<'_>,
        query: Query,
        params: &[Value<'_>],
        missed: impl FnOnce(),
    ) -> impl Step {
        let matched = move |rows| {
            self.work
                .must_find(rows == 1, || format!("one row of sbtest1 to update with {params:?}"))?;
            if rows != 1 {
                missed();
            }
            Ok(())
        };
        steps.execute(self.work.places.of(query as usize), params, matched)
    }

    fn delete(&self, steps: &mut Steps<'_>, id: i64, moved: &mut i64) -> impl Step {
        let matched = |rows| {
            *moved -= i64::try_from(rows).unwrap_or(i64::MAX);
            Ok(())
        };
        steps.execute(self.work.places.of(Query::Delete as usize), &[Value::Int(id)], matched)
    }

    fn insert(&self, steps: &mut Steps<'_>, row: &NewRow, moved: &mut i64) -> impl Step {
        let params =
            [Value::Int(row.k), Value::Text(row.c.as_str()), Value::Text(row.pad.as_str())];
        let inserted = |_| {
            *moved += 1;
            Ok(())
        };
        steps.execute(self.work.places.of(Query::Insert as usize), &params, inserted)
    }

    async fn replace(
        &self,
        steps: &mut Steps<'_>,
        row: &NewRow,
        writing: &mut Writing<'_>,
        moved: &mut i64,
    ) -> Result<(), DbError> {
        let params = [
            Value::Int(row.id),
            Value::Int(row.k),
            Value::Text(row.c.as_str()),
            Value::Text(row.pad.as_str()),
        ];
        let (place, c) = (self.place(row.id), row.c.as_str());
        if self.work.upserts {
            if steps.makes_requests() {
                writing.wrote(place, c);
            }
            // Engines count an update as one row or two, and all rows are there.
            return steps
                .execute(self.work.places.of(Query::Upsert as usize), &params, |_| Ok(()))
                .await;
        }
        if steps.makes_requests() {
            writing.replaced(place, c);
        }
        self.delete(steps, row.id, moved).await?;
        let inserted = |_| {
            *moved += 1;
            Ok(())
        };
        let inserting =
            steps.execute(self.work.places.of(Query::Reinsert as usize), &params, inserted);
        inserting.await.map_err(run_again)
    }

    /// The place of a row in the sample.
    fn place(&self, id: i64) -> Option<u32> {
        self.sample.place(super::number(id))
    }
}

impl Client for Writer {
    fn draw(&mut self) -> Draw {
        let Self { work, reads, rng, inputs, .. } = self;
        let work = *work;
        let id = |rng: &mut Rng| work.draw_id(rng);
        reads.draw(rng);
        inputs.index_updates.fill_with(|| id(rng));
        for (c, updated) in &mut inputs.non_index_updates {
            draw_c(c, rng);
            *updated = id(rng);
        }
        for row in &mut inputs.rows {
            if work.mix.delete_inserts > 0 {
                row.id = id(rng);
            }
            row.k = id(rng);
            draw_c(&mut row.c, rng);
            draw_pad(&mut row.pad, rng);
        }
        inputs.deletes.fill_with(|| id(rng));
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let notes = std::mem::take(&mut self.notes);
        let mut writing = self.last_writes.transaction(notes);
        let mut pending = self.ledger.pending(0..=0);
        let moved = self.transaction(steps, &mut writing, &mut pending).await;
        let result = pending.settle(moved);
        let notes = writing.settle(&result);
        self.notes = notes;
        result.map(|_| Outcome::Committed)
    }
}

/// Where a concurrent transaction replaced the same row, the delete can miss the new row and the
/// insert then meets it. Running the transaction again is the remedy, so the error counts as a
/// serialization failure; sysbench retries it too (`src/drivers/pgsql/drv_pgsql.c` restarts the
/// event on SQLSTATE 23505).
fn run_again(mut error: DbError) -> DbError {
    if error.class == ErrorClass::Constraint {
        error.class = ErrorClass::Serialization;
    }
    error
}
