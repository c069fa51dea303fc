//! A connection of sqlx's, whoever owns it.

use std::ops::DerefMut;

use async_trait::async_trait;
use dbdyno_core::{DbError, Statement, StatementId, Value};
use futures_util::stream::BoxStream;
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, Connection as _, Either, Error, Executor,
    IntoArguments, SqlSafeStr as _, Statement as _,
};

use super::engine::{Engine, Opened};
use super::errors::error;
use super::rows::{Rows, Timed};
use crate::library::{
    Answer, Asked, Connection, Refused, check_count, misfit, named, not_prepared,
};

/// An open connection: sqlx's own in a box, or one of its pool's, that is `C`.
pub(crate) struct SqlxConnection<DB: Engine, C> {
    opened: Opened<C>,
    statements: Vec<Prepared<DB>>,
    bound: Option<DB::Arguments>,
    /// The columns of a query that is not prepared.
    unprepared: DB::Columns,
}

/// A statement that is prepared. sqlx knows its number by its text.
struct Prepared<DB: Engine> {
    name: &'static str,
    statement: DB::Statement,
    parameters: Vec<DB::Parameter>,
    columns: DB::Columns,
}

type Stream<'c, DB> = BoxStream<
    'c,
    Result<Either<<DB as sqlx::Database>::QueryResult, <DB as sqlx::Database>::Row>, Error>,
>;

impl<DB, C> SqlxConnection<DB, C>
where
    DB: Engine,
    C: DerefMut<Target = DB::Connection> + Send + Sync,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    /// A connection that was opened, told what it is to be told first.
    ///
    /// # Errors
    /// The engine refuses that, or the connection broke.
    pub async fn new(opened: Opened<C>) -> Result<Self, DbError> {
        let (statements, unprepared) = (Vec::new(), DB::Columns::default());
        let mut connection = Self { opened, statements, bound: None, unprepared };
        for sql in connection.opened.set_up.statements.clone() {
            connection.run(sql).await?;
        }
        Ok(connection)
    }

    async fn run(&mut self, sql: String) -> Result<(), DbError> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *self.opened.connection).await;
        done.map(|_| ()).map_err(|why| error::<DB>(&why))
    }

    async fn prepare_each(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        let connection = &mut *self.opened.connection;
        connection.clear_cached_statements().await.map_err(|why| error::<DB>(&why))?;
        for Statement { name, sql } in statements {
            let sql = AssertSqlSafe(DB::dialect().statement(sql)).into_sql_str();
            let statement = (&mut *self.opened.connection).prepare(sql).await;
            let statement = statement.map_err(|why| named(error::<DB>(&why), name))?;
            let (parameters, columns) = (DB::parameters(&statement), DB::Columns::default());
            self.statements.push(Prepared { name, statement, parameters, columns });
        }
        Ok(())
    }

    /// The answer to a statement that is not prepared.
    fn plain<'c>(stream: Stream<'c, DB>, columns: &'c mut DB::Columns, text: bool) -> Rows<'c, DB> {
        let (learned, answers_rows, rolls_back) = (false, false, false);
        let _timed = Timed::begin(None);
        Rows { stream, columns, text, learned, answers_rows, name: None, rolls_back, _timed }
    }
}

#[async_trait]
impl<DB, C> Connection for SqlxConnection<DB, C>
where
    DB: Engine + Sync,
    C: DerefMut<Target = DB::Connection> + Send + Sync,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
    DB::Statement: Send + Sync,
{
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        self.statements.clear();
        let around = self.opened.set_up.around_prepare.clone();
        let (before, after) = around.unzip();
        if let Some(sql) = before {
            self.run(sql).await?;
        }
        self.prepare_each(statements).await?;
        match after {
            Some(sql) => self.run(sql).await,
            None => Ok(()),
        }
    }

    fn columns(&self, id: StatementId) -> Result<Vec<String>, DbError> {
        let prepared = self.statements.get(id).ok_or_else(|| not_prepared(id))?;
        let columns = prepared.statement.columns().iter();
        Ok(columns.map(|column| column.name().to_owned()).collect())
    }

    fn bind(&mut self, id: StatementId, parameters: &[Value<'_>]) -> Result<(), DbError> {
        let Some(Prepared { name, parameters: places, .. }) = self.statements.get(id) else {
            return Err(not_prepared(id));
        };
        check_count(name, places.len(), parameters.len())?;
        let mut arguments = DB::Arguments::default();
        // So many bytes are the most that numbers take; texts make it grow.
        arguments.reserve(parameters.len(), parameters.len() * 12);
        for (index, (value, place)) in parameters.iter().zip(places).enumerate() {
            DB::bind(&mut arguments, *value, place).map_err(|why| misfit(name, index, &why))?;
        }
        self.bound = Some(arguments);
        Ok(())
    }

    fn ask<'c>(&'c mut self, asked: Asked<'_>) -> Box<dyn Answer + 'c> {
        let Self { opened, statements, bound, unprepared } = self;
        let Opened { connection, set_up, limit, .. } = opened;
        let connection = &mut **connection;
        Box::new(match asked {
            Asked::Begin(access) => {
                let stream = connection.fetch_many(sqlx::raw_sql(set_up.begin(access)));
                Self::plain(stream, unprepared, true)
            }
            Asked::Commit => {
                Self::plain(connection.fetch_many(sqlx::raw_sql("COMMIT")), unprepared, true)
            }
            Asked::Rollback => {
                let stream = connection.fetch_many(sqlx::raw_sql("ROLLBACK"));
                Rows { rolls_back: true, ..Self::plain(stream, unprepared, true) }
            }
            Asked::Script(sql) => {
                let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                Self::plain(connection.fetch_many(sql), unprepared, true)
            }
            Asked::Query(sql) => {
                *unprepared = DB::Columns::default();
                let sql = AssertSqlSafe(sql.to_owned());
                let stream = match DB::TEXT_QUERIES {
                    true => connection.fetch_many(sqlx::raw_sql(sql)),
                    false => connection.fetch_many(sqlx::query(sql).persistent(false)),
                };
                Rows { answers_rows: true, ..Self::plain(stream, unprepared, DB::TEXT_QUERIES) }
            }
            Asked::Run(id) => {
                let Some(prepared) = statements.get_mut(id) else {
                    return Box::new(Refused::new(not_prepared(id)));
                };
                let Prepared { name, statement, columns, .. } = prepared;
                let answers_rows = !statement.columns().is_empty();
                let query = statement.query_with(bound.take().unwrap_or_default());
                Rows {
                    answers_rows,
                    name: Some(*name),
                    _timed: Timed::begin(limit.as_ref()),
                    ..Self::plain(connection.fetch_many(query), columns, false)
                }
            }
        })
    }

    fn ends_transaction(&self, why: &DbError) -> bool {
        DB::ends_transaction(why)
    }
}
