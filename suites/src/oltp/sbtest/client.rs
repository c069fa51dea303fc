//! A client of the family: draws the rows of a transaction, then runs its statements.

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{Client, Draw, Outcome};
use dbdyno_core::random::{Distribution, Rng, Text};
use dbdyno_core::{Access, DbError, ErrorClass, Row, Session, Steps, Value};
use dbdyno_datasets::sbtest::{draw_c, draw_pad};

use super::super::last_writes::{Book, Notes, Writing};
use super::super::ledger::{Ledger, Pending};
use super::super::samples::Sample;
use super::Mix;
use super::statements::{Places, Query, RANGES};

/// Rows of a range, sysbench's `--range_size`.
const RANGE_SIZE: i64 = 100;

pub struct SbtestClient {
    work: Work,
    /// Ids run from 1 to this.
    rows: i64,
    rng: Rng,
    ledger: Arc<Ledger>,
    /// Rows of which the last writes of `c` are kept, numbered by id from 0.
    sample: Sample,
    last_writes: Arc<Book>,
    notes: Notes,
    inputs: Inputs,
}

/// What a transaction does, and how it is said.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub mix: Mix,
    pub places: Places,
    /// Rows are replaced by an upsert, not by a delete and an insert.
    pub upserts: bool,
}

/// Where a client keeps account of what it commits.
pub struct Accounts {
    pub ledger: Arc<Ledger>,
    pub sample: Sample,
    pub last_writes: Arc<Book>,
}

/// What a transaction was drawn to do, statement by statement.
#[derive(Debug, Default)]
struct Inputs {
    point_selects: Vec<i64>,
    /// The first id of each range.
    ranges: [i64; RANGES.len()],
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

impl Work {
    /// Whether every row asked for must be found: [`Mix::finds_all`], and where rows that stay are
    /// replaced without being deleted.
    const fn finds_all(&self) -> bool {
        self.mix.finds_all() || (self.upserts && self.mix.deletes == 0)
    }
}

impl SbtestClient {
    pub fn new(work: Work, rows: i64, rng: Rng, accounts: Accounts) -> Self {
        let mix = work.mix;
        let Accounts { ledger, sample, last_writes } = accounts;
        let inputs = Inputs {
            point_selects: vec![0; mix.point_selects],
            index_updates: vec![0; mix.index_updates],
            non_index_updates: vec![(Text::new(), 0); mix.non_index_updates],
            rows: (0..mix.delete_inserts + mix.inserts).map(|_| NewRow::default()).collect(),
            deletes: vec![0; mix.deletes],
            ..Inputs::default()
        };
        let notes = Notes::new();
        Self { work, rows, rng, ledger, sample, last_writes, notes, inputs }
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
                let access = if mix.writes() { Access::Write } else { Access::Read };
                steps.begin(access).await?;
                self.statements(steps, writing, &mut moved).await?;
                writing.sending_commit();
                pending.sending_commit(mix.moves());
                steps.commit().await?;
            } else {
                writing.sending_commit();
                pending.sending_commit(mix.moves());
                self.statements(steps, writing, &mut moved).await?;
            }
        }
        Ok(moved)
    }

    /// Runs all statements, adding up by how much they change the number of rows.
    async fn statements(
        &self,
        steps: &mut Steps<'_>,
        writing: &mut Writing<'_>,
        moved: &mut i64,
    ) -> Result<(), DbError> {
        for id in &self.inputs.point_selects {
            self.point_select(steps, *id).await?;
        }
        if self.work.mix.ranges {
            for (query, first) in RANGES.into_iter().zip(self.inputs.ranges) {
                self.range(steps, query, first).await?;
            }
        }
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

    async fn point_select(&self, steps: &mut Steps<'_>, id: i64) -> Result<(), DbError> {
        let answered = |rows| match rows {
            0 => self.must_find(false, || format!("the row of sbtest1 with id {id}")),
            1 => Ok(()),
            _ => Err(DbError::unexpected(format!("{rows} rows of sbtest1 have the id {id}"))),
        };
        let place = self.work.places.of(Query::PointSelect as usize);
        steps.query(place, &[Value::Int(id)], read_c, answered).await
    }

    async fn range(&self, steps: &mut Steps<'_>, query: Query, first: i64) -> Result<(), DbError> {
        let params = [Value::Int(first), Value::Int(first + RANGE_SIZE - 1)];
        let must_find =
            |found| self.must_find(found, || format!("rows of sbtest1 from id {first} on"));
        let visit = |row: &dyn Row| match query {
            Query::SumRange => must_find(!row.is_null(0)? && row.int(0).map(|_| true)?),
            _ => read_c(row),
        };
        steps
            .query(self.work.places.of(query as usize), &params, visit, |rows| must_find(rows > 0))
            .await
    }

    /// Updates a row, and tells where it found none.
    async fn update(
        &self,
        steps: &mut Steps<'_>,
        query: Query,
        params: &[Value<'_>],
        missed: impl FnOnce() + Send,
    ) -> Result<(), DbError> {
        let matched = |rows| {
            self.must_find(rows == 1, || format!("one row of sbtest1 to update with {params:?}"))?;
            if rows != 1 {
                missed();
            }
            Ok(())
        };
        steps.execute(self.work.places.of(query as usize), params, matched).await
    }

    async fn delete(&self, steps: &mut Steps<'_>, id: i64, moved: &mut i64) -> Result<(), DbError> {
        let matched = |rows| {
            *moved -= i64::try_from(rows).unwrap_or(i64::MAX);
            Ok(())
        };
        steps.execute(self.work.places.of(Query::Delete as usize), &[Value::Int(id)], matched).await
    }

    async fn insert(
        &self,
        steps: &mut Steps<'_>,
        row: &NewRow,
        moved: &mut i64,
    ) -> Result<(), DbError> {
        let params =
            [Value::Int(row.k), Value::Text(row.c.as_str()), Value::Text(row.pad.as_str())];
        let inserted = |_| {
            *moved += 1;
            Ok(())
        };
        steps.execute(self.work.places.of(Query::Insert as usize), &params, inserted).await
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

    fn must_find(&self, found: bool, what: impl FnOnce() -> String) -> Result<(), DbError> {
        if found || !self.work.finds_all() {
            return Ok(());
        }
        Err(DbError::unexpected(format!("{} must be there and was not found", what())))
    }
}

#[async_trait]
impl Client for SbtestClient {
    fn draw(&mut self) -> Draw {
        let Self { rng, inputs, rows, work: Work { mix, .. }, .. } = self;
        let id = |rng: &mut Rng| Distribution::Special.draw(rng, 1, *rows);
        inputs.point_selects.fill_with(|| id(rng));
        if mix.ranges {
            inputs.ranges = std::array::from_fn(|_| id(rng));
        }
        inputs.index_updates.fill_with(|| id(rng));
        for (c, updated) in &mut inputs.non_index_updates {
            draw_c(c, rng);
            *updated = id(rng);
        }
        for row in &mut inputs.rows {
            if mix.delete_inserts > 0 {
                row.id = id(rng);
            }
            row.k = id(rng);
            draw_c(&mut row.c, rng);
            draw_pad(&mut row.pad, rng);
        }
        inputs.deletes.fill_with(|| id(rng));
        Draw::now(0)
    }

    async fn run(&mut self, session: &mut dyn Session) -> Result<Outcome, DbError> {
        let notes = std::mem::take(&mut self.notes);
        let mut writing = self.last_writes.transaction(notes);
        let mut pending = self.ledger.pending(0..=0);
        let steps = &mut Steps::new(session);
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
fn run_again(error: DbError) -> DbError {
    match error.class {
        ErrorClass::Constraint => DbError { class: ErrorClass::Serialization, ..error },
        _ => error,
    }
}

fn read_c(row: &dyn Row) -> Result<(), DbError> {
    row.text(0).map(|_| ())
}
