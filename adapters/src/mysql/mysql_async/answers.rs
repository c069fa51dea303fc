//! Reading mysql_async's answers.

use std::task::{Context, Poll, ready};

use ::mysql_async::prelude::{AsQuery, Protocol, Queryable as _, StatementLike};
use ::mysql_async::{BinaryProtocol, Conn, Error, Params, QueryResult, TextProtocol};
use dbdyno_core::{DbError, Row, RowVisitor, Value};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, try_unfold};
use mysql_common::constants::ColumnFlags;

use super::error;
use super::values::value;
use crate::library::{Answer, Tally, named};
use crate::mysql::columns::{BINARY, Column};

/// The columns of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns(Vec<Column>);

impl Columns {
    /// Takes over the columns of an answer's first row.
    fn learn(&mut self, row: &::mysql_async::Row) {
        let described = row.columns_ref().iter().map(|column| {
            let unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
            Column::told(column.column_type(), unsigned, column.character_set() == BINARY)
        });
        self.0.clear();
        self.0.extend(described);
    }
}

/// What comes of an answer.
enum Came {
    Row(::mysql_async::Row),
    /// The end of a set of rows, or of a statement that matched so many.
    End(u64),
}

/// An answer under way.
enum Under<'c, P: Protocol> {
    /// The statement is not sent yet.
    Asking(BoxFuture<'c, Result<QueryResult<'c, 'static, P>, Error>>),
    Reading(QueryResult<'c, 'static, P>),
    Over,
}

/// What comes of an answer, one after another.
fn stream<'c, P: Protocol>(
    asking: BoxFuture<'c, Result<QueryResult<'c, 'static, P>, Error>>,
) -> BoxStream<'c, Result<Came, Error>> {
    let next = async |under: Under<'c, P>| {
        let mut result = match under {
            Under::Asking(asking) => asking.await?,
            Under::Reading(result) => result,
            Under::Over => return Ok(None),
        };
        if let Some(row) = result.next().await? {
            return Ok(Some((Came::Row(row), Under::Reading(result))));
        }
        let end = Came::End(result.affected_rows());
        let under = if result.is_empty() { Under::Over } else { Under::Reading(result) };
        Ok(Some((end, under)))
    };
    try_unfold(Under::Asking(asking), next).boxed()
}

/// The answer to a statement.
pub(super) struct Rows<'c> {
    stream: BoxStream<'c, Result<Came, Error>>,
    columns: &'c mut Columns,
    learned: bool,
    text: bool,
    /// The statement's name, for errors.
    name: Option<&'static str>,
}

impl<'c> Rows<'c> {
    /// Of statements that are not prepared.
    pub(super) fn text(
        conn: &'c mut Conn,
        sql: impl AsQuery + 'c,
        columns: &'c mut Columns,
    ) -> Self {
        let stream = stream::<TextProtocol>(conn.query_iter(sql));
        Self { stream, columns, learned: false, text: true, name: None }
    }

    /// Of a prepared statement, or of one that is prepared now unless it has been.
    pub(super) fn binary(
        conn: &'c mut Conn,
        name: &'static str,
        statement: impl StatementLike + 'c,
        parameters: Vec<::mysql_async::Value>,
        columns: &'c mut Columns,
    ) -> Self {
        let parameters = match parameters.is_empty() {
            true => Params::Empty,
            false => Params::Positional(parameters),
        };
        let stream = stream::<BinaryProtocol>(conn.exec_iter(statement, parameters));
        Self { stream, columns, learned: false, text: false, name: Some(name) }
    }
}

impl Answer for Rows<'_> {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        tally: &mut Tally,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<(), DbError>> {
        loop {
            match ready!(self.stream.poll_next_unpin(context)) {
                Some(Ok(Came::Row(row))) => {
                    if !self.learned {
                        self.columns.learn(&row);
                        self.learned = true;
                    }
                    let row = AsyncRow { row: &row, columns: &self.columns.0, text: self.text };
                    tally.row(&row, visit);
                }
                Some(Ok(Came::End(matched))) => tally.end(matched),
                Some(Err(why)) => {
                    let why = error(&why);
                    return Poll::Ready(Err(match self.name {
                        Some(name) => named(why, name),
                        None => why,
                    }));
                }
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// A row of mysql_async's, which has read all of its columns.
struct AsyncRow<'r> {
    row: &'r ::mysql_async::Row,
    columns: &'r [Column],
    text: bool,
}

impl Row for AsyncRow<'_> {
    #[inline]
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        let read = match (self.row.as_ref(index), self.columns.get(index)) {
            (Some(found), Some(column)) => value(found, column, self.text),
            _ => Err("is not there".to_owned()),
        };
        read.map_err(|why| DbError::unexpected(format!("column {index} of the answer {why}")))
    }
}
