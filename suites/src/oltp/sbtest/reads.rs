//! The statements that read, and the client of the benchmarks that do nothing else. It is a client
//! of its own so that it carries nothing of the accounts that writing takes.

use dbdyno_core::load::{Client, Draw, Outcome};
use dbdyno_core::random::{Distribution, Rng};
use dbdyno_core::{Access, DbError, Row, Step, Steps, Value};

use super::Work;
use super::statements::{Query, RANGES};

/// Rows of a range, sysbench's `--range_size`.
const RANGE_SIZE: i64 = 100;

/// The statements of a transaction that read, with what they were drawn to read.
#[derive(Debug)]
pub struct Reads {
    work: Work,
    point_selects: Vec<i64>,
    /// The first id of each range.
    ranges: [i64; RANGES.len()],
}

impl Reads {
    pub fn new(work: Work) -> Self {
        let point_selects = vec![0; work.mix.point_selects];
        Self { work, point_selects, ranges: Default::default() }
    }

    pub fn draw(&mut self, rng: &mut Rng) {
        self.point_selects.fill_with(|| self.work.draw_id(rng));
        if self.work.mix.ranges {
            self.ranges = std::array::from_fn(|_| self.work.draw_id(rng));
        }
    }

    /// How many there are.
    #[inline]
    pub fn count(&self) -> usize {
        self.point_selects.len() + if self.work.mix.ranges { RANGES.len() } else { 0 }
    }

    /// Runs one of them. They are asked for one by one, and not run by a function of their own,
    /// because a future within a future is one more call and return around each statement: on an
    /// embedded engine, whose system calls leave the processor nothing predicted, that shows.
    #[inline]
    pub fn step(&self, steps: &mut Steps<'_>, number: usize) -> impl Step {
        let (query, first) = match self.point_selects.get(number) {
            Some(id) => (Query::PointSelect, *id),
            None => {
                let range = number - self.point_selects.len();
                (RANGES[range], self.ranges[range])
            }
        };
        let params = [Value::Int(first), Value::Int(first + RANGE_SIZE - 1)];
        let params = if query == Query::PointSelect { &params[..1] } else { &params[..] };
        let visit = move |row: &dyn Row| match query {
            Query::SumRange if row.is_null(0)? => self.found(query, first, 0),
            Query::SumRange => row.int(0).map(|_| ()),
            _ => row.text(0).map(|_| ()),
        };
        let answered = move |rows| self.found(query, first, rows);
        steps.query(self.work.places.of(query as usize), params, visit, answered)
    }

    #[inline]
    fn found(&self, query: Query, first: i64, rows: u64) -> Result<(), DbError> {
        match (query, rows) {
            (_, 0) => self.work.must_find(false, || match query {
                Query::PointSelect => format!("the row of sbtest1 with id {first}"),
                _ => format!("rows of sbtest1 from id {first} on"),
            }),
            (Query::PointSelect, 2..) => Err(twice(rows, first)),
            _ => Ok(()),
        }
    }
}

#[cold]
fn twice(rows: u64, id: i64) -> DbError {
    DbError::unexpected(format!("{rows} rows of sbtest1 have the id {id}"))
}

/// A client that only reads.
pub struct Reader {
    reads: Reads,
    transaction: bool,
    rng: Rng,
}

impl Reader {
    pub fn new(work: Work, rng: Rng) -> Self {
        Self { transaction: work.mix.transaction, reads: Reads::new(work), rng }
    }
}

impl Client for Reader {
    #[inline]
    fn draw(&mut self) -> Draw {
        self.reads.draw(&mut self.rng);
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        while steps.pass()? {
            if self.transaction {
                steps.begin(Access::Read).await?;
            }
            for number in 0..self.reads.count() {
                self.reads.step(steps, number).await?;
            }
            if self.transaction {
                steps.commit().await?;
            }
        }
        Ok(Outcome::Committed)
    }
}

impl Work {
    /// Draws the id of a row.
    #[inline]
    pub fn draw_id(&self, rng: &mut Rng) -> i64 {
        Distribution::Special.draw(rng, 1, self.rows)
    }

    /// An error where a row was not found that must be there.
    #[inline]
    pub fn must_find(&self, found: bool, what: impl FnOnce() -> String) -> Result<(), DbError> {
        if found || !self.finds_all() {
            return Ok(());
        }
        Err(DbError::unexpected(format!("{} must be there and was not found", what())))
    }

    /// Whether every row asked for must be found: [`Mix::finds_all`](super::Mix::finds_all), and
    /// where rows that stay are replaced without being deleted.
    const fn finds_all(&self) -> bool {
        self.mix.finds_all() || (self.upserts && self.mix.deletes == 0)
    }
}
