//! Reading tokio-postgres's answers.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio_postgres::types::{FromSql, Type};
use ::tokio_postgres::{self as library, Client, RowStream, SimpleQueryMessage};
use dbdyno_core::{DbError, Row, RowVisitor, Value};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, Stream as _};

use super::binding::Bound;
use super::wire_type;
use crate::library::{Answer, Tally, named};
use crate::postgres::errors::db_error;
use crate::postgres::values::{WireType, decode};

/// The columns of an answer, known once the first row of one was seen.
#[derive(Debug, Default)]
pub(super) struct Columns(Vec<WireType>);

impl Columns {
    /// The columns of a prepared statement, which stay what they are.
    pub(super) fn known(types: Vec<WireType>) -> Self {
        Self(types)
    }

    #[inline]
    fn learn(&mut self, row: &library::Row) {
        if self.0.len() != row.len() {
            self.0 = row.columns().iter().map(|column| wire_type(column.type_())).collect();
        }
    }
}

/// The answer to statements whose rows are of no interest.
pub(super) struct Done<'c>(BoxFuture<'c, Result<u64, library::Error>>);

impl<'c> Done<'c> {
    /// To one that begins or ends a transaction.
    pub(super) fn control(client: &'c Client, sql: &'static str) -> Self {
        Self(Box::pin(client.batch_execute(sql).map(|done| done.map(|()| 0))))
    }

    /// To any.
    pub(super) fn script(client: &'c Client, sql: String) -> Self {
        Self(Box::pin(async move {
            let messages = client.simple_query(&sql).await?;
            let matched = messages.iter().rev().find_map(|message| match message {
                SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
                _ => None,
            });
            Ok(matched.unwrap_or(0))
        }))
    }
}

impl Answer for Done<'_> {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        tally: &mut Tally,
        _: &mut RowVisitor<'_>,
    ) -> Poll<Result<(), DbError>> {
        Poll::Ready(match ready!(self.0.poll_unpin(context)) {
            Ok(matched) => {
                tally.end(matched);
                Ok(())
            }
            Err(why) => Err(db_error(&why)),
        })
    }
}

/// The answer to a statement, as tokio-postgres streams it.
pub(super) struct Rows<'c> {
    stage: Stage<'c>,
    columns: &'c mut Columns,
    /// The statement's name, for errors.
    name: Option<&'static str>,
}

enum Stage<'c> {
    /// The statement is on its way.
    Asking(BoxFuture<'c, Result<RowStream, library::Error>>),
    Reading(Pin<Box<RowStream>>),
}

impl<'c> Rows<'c> {
    /// Of a prepared statement.
    pub(super) fn of_statement(
        client: &'c Client,
        name: &'static str,
        statement: &'c library::Statement,
        bound: &'c Bound,
        columns: &'c mut Columns,
    ) -> Self {
        let asking = client.query_raw(statement, bound.parameters());
        Self { stage: Stage::Asking(Box::pin(asking)), columns, name: Some(name) }
    }

    /// Of a query that is prepared for the occasion.
    pub(super) fn of_query(client: &'c Client, sql: String, columns: &'c mut Columns) -> Self {
        let asking = async move {
            let statement = client.prepare(&sql).await?;
            let none: [&(dyn library::types::ToSql + Sync); 0] = [];
            client.query_raw(&statement, none).await
        };
        Self { stage: Stage::Asking(Box::pin(asking)), columns, name: None }
    }

    #[cold]
    fn failed(&self, why: &library::Error) -> DbError {
        let why = db_error(why);
        match self.name {
            Some(name) => named(why, name),
            None => why,
        }
    }
}

impl Answer for Rows<'_> {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        tally: &mut Tally,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<(), DbError>> {
        if let Stage::Asking(asking) = &mut self.stage {
            match ready!(asking.poll_unpin(context)) {
                Ok(rows) => self.stage = Stage::Reading(Box::pin(rows)),
                Err(why) => return Poll::Ready(Err(self.failed(&why))),
            }
        }
        let Stage::Reading(rows) = &mut self.stage else { return Poll::Pending };
        loop {
            match ready!(rows.as_mut().poll_next(context)) {
                Some(Ok(row)) => {
                    self.columns.learn(&row);
                    tally.row(&TokioRow { row: &row, columns: &self.columns.0 }, visit);
                }
                Some(Err(why)) => return Poll::Ready(Err(self.failed(&why))),
                None => {
                    tally.end(rows.rows_affected().unwrap_or(0));
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

/// A row of tokio-postgres's.
struct TokioRow<'r> {
    row: &'r library::Row,
    columns: &'r [WireType],
}

impl Row for TokioRow<'_> {
    #[inline]
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        let found = match self.columns.get(index) {
            Some(ty) => match self.row.try_get::<_, Option<Raw<'_>>>(index) {
                Ok(Some(raw)) => decode(*ty, raw.0),
                Ok(None) => Ok(Value::Null),
                Err(why) => Err(why.to_string()),
            },
            None => Err("it is not there".to_owned()),
        };
        found.map_err(|why| DbError::unexpected(format!("column {index} of the answer: {why}")))
    }
}

/// A column as it was received.
struct Raw<'r>(&'r [u8]);

impl<'r> FromSql<'r> for Raw<'r> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
