//! Reading sqlx's answers.

use std::task::{Context, Poll, ready};

use dbdyno_core::{DbError, Row, RowVisitor, Value};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::{Either, Error};

use super::engine::Engine;
use super::errors::error;
use crate::library::{Answer, Tally, named};
use crate::sqlite::Limit;

/// What a statement answers next: a row, or how many rows it changed.
type Part<DB> =
    Result<Either<<DB as sqlx::Database>::QueryResult, <DB as sqlx::Database>::Row>, Error>;

/// The answer to a statement, as sqlx streams it.
pub(crate) struct Rows<'c, DB: Engine> {
    pub stream: BoxStream<'c, Part<DB>>,
    /// Those of the statement's last answer, until the first row.
    pub columns: &'c mut DB::Columns,
    pub text: bool,
    pub learned: bool,
    /// The statement answers rows, so that what the engine counts beside them is of no interest.
    pub answers_rows: bool,
    /// The statement's name, for errors.
    pub name: Option<&'static str>,
    /// It ends a transaction that the engine may have ended.
    pub rolls_back: bool,
    pub _timed: Timed<'c>,
}

impl<DB: Engine> Rows<'_, DB> {
    #[cold]
    fn failed(&self, why: &Error) -> Result<(), DbError> {
        let why = error::<DB>(why);
        if self.rolls_back && DB::is_without_transaction(&why) {
            return Ok(());
        }
        Err(match self.name {
            Some(name) => named(why, name),
            None => why,
        })
    }
}

impl<DB: Engine> Answer for Rows<'_, DB> {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        tally: &mut Tally,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<(), DbError>> {
        loop {
            match ready!(self.stream.poll_next_unpin(context)) {
                Some(Ok(Either::Right(row))) => {
                    if !self.learned {
                        DB::learn(self.columns, &row, self.text);
                        self.learned = true;
                    }
                    tally.row(&SqlxRow::<DB> { row: &row, columns: self.columns }, visit);
                }
                Some(Ok(Either::Left(result))) => {
                    tally.end(if self.answers_rows { 0 } else { DB::matched(&result) });
                }
                Some(Err(why)) => return Poll::Ready(self.failed(&why)),
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// The time that a statement has; what follows it has no limit.
pub struct Timed<'c>(Option<&'c Limit>);

impl<'c> Timed<'c> {
    /// Gives a statement its time, where there is a limit.
    pub fn begin(limit: Option<&'c Limit>) -> Self {
        if let Some(limit) = limit {
            limit.begin();
        }
        Self(limit)
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        if let Some(limit) = self.0 {
            limit.end();
        }
    }
}

/// A row of sqlx's.
struct SqlxRow<'r, DB: Engine> {
    row: &'r DB::Row,
    columns: &'r DB::Columns,
}

impl<DB: Engine> Row for SqlxRow<'_, DB> {
    #[inline]
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        DB::value(self.row, self.columns, index)
            .map_err(|why| DbError::unexpected(format!("column {index} of the answer {why}")))
    }
}
