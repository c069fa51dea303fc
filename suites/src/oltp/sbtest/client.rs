//! A client of the family: draws the rows of a transaction, then runs its statements.

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{Client, Draw, Outcome};
use dbdyno_core::query::query_optional;
use dbdyno_core::random::{Distribution, Rng, Text};
use dbdyno_core::{Access, DbError, ErrorClass, Row, Session, Value};
use dbdyno_datasets::sbtest::{draw_c, draw_pad};

use super::super::last_writes::{Book, Notes, Writing};
use super::super::ledger::Ledger;
use super::super::samples::Sample;
use super::Mix;
use super::statements::{Places, Query, RANGES};

/// Rows of a range, sysbench's `--range_size`.
const RANGE_SIZE: i64 = 100;

pub struct SbtestClient {
    mix: Mix,
    places: Places,
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

impl SbtestClient {
    pub fn new(mix: Mix, places: Places, rows: i64, rng: Rng, accounts: Accounts) -> Self {
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
        Self { mix, places, rows, rng, ledger, sample, last_writes, notes, inputs }
    }

    /// Runs all statements; gives by how much they changed the number of rows.
    async fn statements(
        &self,
        session: &mut dyn Session,
        writing: &mut Writing<'_>,
    ) -> Result<i64, DbError> {
        for id in &self.inputs.point_selects {
            self.point_select(session, *id).await?;
        }
        if self.mix.ranges {
            for (query, first) in RANGES.into_iter().zip(self.inputs.ranges) {
                self.range(session, query, first).await?;
            }
        }
        for id in &self.inputs.index_updates {
            let params = [Value::Int(*id)];
            if !self.update(session, Query::IndexUpdate, &params).await? {
                writing.missed(self.place(*id));
            }
        }
        for (c, id) in &self.inputs.non_index_updates {
            // Noted before it is sent: by itself, it is its own commit.
            writing.wrote(self.place(*id), c.as_str());
            let params = [Value::Text(c.as_str()), Value::Int(*id)];
            if !self.update(session, Query::NonIndexUpdate, &params).await? {
                writing.missed_last(self.place(*id));
            }
        }
        let mut moved = 0;
        for row in &self.inputs.rows {
            moved += match self.mix.delete_inserts {
                0 => self.insert(session, row).await?,
                _ => {
                    writing.replaced(self.place(row.id), row.c.as_str());
                    self.delete_and_insert(session, row).await?
                }
            };
        }
        for id in &self.inputs.deletes {
            moved -= self.delete(session, *id).await?;
        }
        Ok(moved)
    }

    async fn point_select(&self, session: &mut dyn Session, id: i64) -> Result<(), DbError> {
        let place = self.places.of(Query::PointSelect);
        let found = query_optional(session, place, &[Value::Int(id)], read_c).await?;
        self.must_find(found.is_some(), || format!("the row of sbtest1 with id {id}"))
    }

    async fn range(
        &self,
        session: &mut dyn Session,
        query: Query,
        first: i64,
    ) -> Result<(), DbError> {
        let params = [Value::Int(first), Value::Int(first + RANGE_SIZE - 1)];
        let mut found = false;
        let mut visit = |row: &dyn Row| {
            if query == Query::SumRange {
                found = !row.is_null(0)? && row.int(0).map(|_| true)?;
            } else {
                read_c(row)?;
                found = true;
            }
            Ok(())
        };
        session.query(self.places.of(query), &params, &mut visit).await?;
        self.must_find(found, || format!("rows of sbtest1 from id {first} on"))
    }

    /// Whether it found its row.
    async fn update(
        &self,
        session: &mut dyn Session,
        query: Query,
        params: &[Value<'_>],
    ) -> Result<bool, DbError> {
        let rows = session.execute(self.places.of(query), params).await?;
        self.must_find(rows == 1, || format!("one row of sbtest1 to update with {params:?}"))?;
        Ok(rows == 1)
    }

    async fn delete(&self, session: &mut dyn Session, id: i64) -> Result<i64, DbError> {
        let rows = session.execute(self.places.of(Query::Delete), &[Value::Int(id)]).await?;
        Ok(i64::try_from(rows).unwrap_or(i64::MAX))
    }

    async fn insert(&self, session: &mut dyn Session, row: &NewRow) -> Result<i64, DbError> {
        let params =
            [Value::Int(row.k), Value::Text(row.c.as_str()), Value::Text(row.pad.as_str())];
        session.execute(self.places.of(Query::Insert), &params).await?;
        Ok(1)
    }

    /// Where a concurrent transaction did the same to the same row, the delete can miss the new
    /// row and the insert then meets it. Running the transaction again is the remedy, so the error
    /// counts as a serialization failure; sysbench retries it too (`src/drivers/pgsql/drv_pgsql.c`
    /// restarts the event on SQLSTATE 23505).
    async fn delete_and_insert(
        &self,
        session: &mut dyn Session,
        row: &NewRow,
    ) -> Result<i64, DbError> {
        let deleted = self.delete(session, row.id).await?;
        let params = [
            Value::Int(row.id),
            Value::Int(row.k),
            Value::Text(row.c.as_str()),
            Value::Text(row.pad.as_str()),
        ];
        match session.execute(self.places.of(Query::Reinsert), &params).await {
            Ok(_) => Ok(1 - deleted),
            Err(error) if error.class == ErrorClass::Constraint => {
                Err(DbError { class: ErrorClass::Serialization, ..error })
            }
            Err(error) => Err(error),
        }
    }

    /// The place of a row in the sample.
    fn place(&self, id: i64) -> Option<u32> {
        self.sample.place(super::number(id))
    }

    fn must_find(&self, found: bool, what: impl FnOnce() -> String) -> Result<(), DbError> {
        if found || !self.mix.finds_all() {
            return Ok(());
        }
        Err(DbError::unexpected(format!("{} must be there and was not found", what())))
    }
}

#[async_trait]
impl Client for SbtestClient {
    fn draw(&mut self) -> Draw {
        let Self { rng, inputs, rows, mix, .. } = self;
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
        let result = if self.mix.transaction {
            let access = if self.mix.writes() { Access::Write } else { Access::Read };
            session.begin(access).await?;
            let moved = self.statements(session, &mut writing).await?;
            writing.sending_commit();
            self.ledger.commit(session, moved).await
        } else {
            let most = |number| i64::try_from(number).unwrap_or(i64::MAX);
            let pending = self.ledger.pending(-most(self.mix.deletes)..=most(self.mix.inserts));
            writing.sending_commit();
            pending.settle(self.statements(session, &mut writing).await).map(|_| ())
        };
        let notes = writing.settle(&result);
        self.notes = notes;
        result.map(|()| Outcome::Committed)
    }
}

fn read_c(row: &dyn Row) -> Result<(), DbError> {
    row.text(0).map(|_| ())
}
