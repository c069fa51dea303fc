//! A connection of sqlx's, whoever owns it.

use std::ops::DerefMut;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::{DbError, Statement, StatementId, Value};
use futures_util::stream::BoxStream;
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, Connection as _, Either, Error, Executor,
    SqlSafeStr as _, Statement as _,
};

use super::engine::Engine;
use super::errors::error;
use super::rows::{Rows, Timed};
use crate::library::{
    Answer, Asked, Connection, Refused, SetUp, Shelf, check_count, misfit, named, not_prepared,
};
use crate::sqlite::Limit;

/// Who owns a connection of sqlx's.
pub(crate) trait Owner<DB: Engine>: DerefMut<Target = DB::Connection> + Send + Sync {
    /// It may be lent again.
    fn release(&mut self) {}
}

impl<DB: Engine> Owner<DB> for Box<DB::Connection> {}

impl<DB: Engine> Owner<DB> for &mut DB::Connection {}

/// An open connection: sqlx's own in a box, or one of its pool's, that is `C`.
pub(crate) struct SqlxConnection<DB: Engine, C> {
    connection: C,
    set_up: Arc<SetUp>,
    /// How long statements may run, where the engine does not see to that itself.
    limit: Option<Limit>,
    statements: Vec<Prepared<DB>>,
    /// Where the statements go back to.
    shelf: Option<Arc<Shelf<Prepared<DB>>>>,
    bound: Option<DB::Arguments>,
    /// The columns of a query that is not prepared.
    unprepared: DB::Columns,
    /// What must be there as long as it is open.
    _keep: Option<Arc<dyn Send + Sync>>,
}

/// A statement that is prepared. sqlx knows its number by its text, on whatever connection.
pub(super) struct Prepared<DB: Engine> {
    name: &'static str,
    statement: DB::Statement,
    parameters: Vec<DB::Parameter>,
    columns: DB::Columns,
}

impl<DB: Engine> Clone for Prepared<DB> {
    fn clone(&self) -> Self {
        let Self { name, statement, parameters, columns: _ } = self;
        let (statement, parameters) = (statement.clone(), parameters.clone());
        Self { name, statement, parameters, columns: DB::Columns::default() }
    }
}

type Stream<'c, DB> = BoxStream<
    'c,
    Result<Either<<DB as sqlx::Database>::QueryResult, <DB as sqlx::Database>::Row>, Error>,
>;

impl<DB, C> SqlxConnection<DB, C>
where
    DB: Engine,
    C: Owner<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    /// A connection that was opened, told what it is to be told first. `keep` is held as long as it is open.
    ///
    /// # Errors
    /// The engine refuses that, or the connection broke.
    pub async fn new(
        connection: C,
        set_up: Arc<SetUp>,
        keep: Option<Arc<dyn Send + Sync>>,
    ) -> Result<Self, DbError> {
        let mut connection = Self { _keep: keep, ..Self::ready(connection, set_up) };
        for sql in connection.set_up.statements.clone() {
            connection.run(sql).await?;
        }
        Ok(connection)
    }

    /// A connection that has been told so before, with the statements of a shelf prepared.
    pub(super) fn lent(
        connection: C,
        set_up: Arc<SetUp>,
        shelf: &Arc<Shelf<Prepared<DB>>>,
    ) -> Self {
        let (statements, shelf) = (shelf.take(), Some(Arc::clone(shelf)));
        Self { statements, shelf, ..Self::ready(connection, set_up) }
    }

    fn ready(connection: C, set_up: Arc<SetUp>) -> Self {
        Self {
            connection,
            set_up,
            limit: None,
            statements: Vec::new(),
            shelf: None,
            bound: None,
            unprepared: DB::Columns::default(),
            _keep: None,
        }
    }

    /// Limits how long statements run, where the engine does not see to that itself.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn limited(mut self, limit: Option<Duration>) -> Result<Self, DbError> {
        if let Some(limit) = limit {
            self.limit = DB::limit(&mut self.connection, limit).await?;
        }
        Ok(self)
    }

    /// What is prepared on it.
    pub(super) fn into_statements(self) -> Vec<Prepared<DB>> {
        self.statements
    }

    async fn run(&mut self, sql: String) -> Result<(), DbError> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *self.connection).await;
        done.map(|_| ()).map_err(|why| error::<DB>(&why))
    }

    async fn prepare_each(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        let connection = &mut *self.connection;
        connection.clear_cached_statements().await.map_err(|why| error::<DB>(&why))?;
        for Statement { name, sql } in statements {
            let sql = AssertSqlSafe(DB::dialect().statement(sql)).into_sql_str();
            let statement = (&mut *self.connection).prepare(sql).await;
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
    DB: Engine,
    C: Owner<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        self.statements.clear();
        self.shelf = None;
        let (before, after) = self.set_up.around_prepare.clone().unzip();
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
        let Self { connection, set_up, limit, statements, bound, unprepared, .. } = self;
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

    fn release(&mut self) {
        if let Some(shelf) = &self.shelf {
            shelf.put(std::mem::take(&mut self.statements));
        }
        self.connection.release();
    }
}
