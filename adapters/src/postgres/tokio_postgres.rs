//! PostgreSQL through tokio-postgres: a task of its own speaks to the server, and the client's statements
//! and rows go to it and come from it over channels.

mod answers;
mod binding;

use std::sync::Arc;

use ::tokio_postgres::tls::NoTls;
use ::tokio_postgres::{Client, Connection as Task, types};
use async_trait::async_trait;
use dbdyno_core::{DbError, Dialect as _, SessionOptions, Statement, StatementId, Value};
use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres_rustls::MakeRustlsConnect;
use types::Kind;

use self::answers::{Columns, Done, Rows};
use self::binding::Bound;
use super::dialect::PostgresDialect;
use super::driver::PostgresDriver;
use super::endpoint::{LogIn, With};
use super::errors::db_error;
use super::set_up;
use super::values::{Encoding, WireType};
use crate::library::{
    Answer, Asked, Connection, Library, LibraryDriver, Refused, SetUp, check_count, misfit, named,
    not_prepared,
};

/// The driver's name.
pub(super) const NAME: &str = "tokio-postgres";

/// The driver on a target that was opened.
pub(super) fn driver(engine: Arc<PostgresDriver>) -> LibraryDriver {
    LibraryDriver::new(Arc::<PostgresDriver>::clone(&engine), TokioPostgres(engine))
}

struct TokioPostgres(Arc<PostgresDriver>);

#[async_trait]
impl Library for TokioPostgres {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lacks_pipeline(&self) -> &'static str {
        "dbdyno asks tokio-postgres for one statement at a time, though it could take more"
    }

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Connection>, DbError> {
        let endpoint = self.0.endpoint();
        let log_in = |config| endpoint.log_in(&Spawned, config, options.round_trip);
        let client = endpoint.open(log_in).await?;
        let set_up = set_up::of_library(options);
        for sql in &set_up.statements {
            client.batch_execute(sql).await.map_err(|why| db_error(&why))?;
        }
        let (statements, bound) = (Vec::new(), Bound::default());
        let unprepared = Columns::default();
        Ok(Box::new(TokioConnection { client, set_up, statements, bound, unprepared }))
    }
}

/// A client whose connection is a task of the thread that opens it.
struct Spawned;

#[async_trait]
impl LogIn for Spawned {
    type Session = Client;

    async fn over_socket(&self, stream: UnixStream, with: With<'_>) -> Result<Client, DbError> {
        let opened = with.config.connect_raw(stream, NoTls).await;
        let (client, task) = opened.map_err(|why| db_error(&why))?;
        spawn(task);
        Ok(client)
    }

    async fn over_tcp(&self, stream: TcpStream, with: With<'_>) -> Result<Client, DbError> {
        use ::tokio_postgres::tls::MakeTlsConnect;
        let mut tls: MakeRustlsConnect = with.tls.clone();
        let Ok(connector) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, with.host);
        let opened = with.config.connect_raw(stream, connector).await;
        let (client, task) = opened.map_err(|why| db_error(&why))?;
        spawn(task);
        Ok(client)
    }
}

/// Lets the task run. It ends with the client, or with the connection: then the client says why, too.
fn spawn<S, T>(task: Task<S, T>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(task.map(|_| ()));
}

/// A client of tokio-postgres, with its prepared statements.
struct TokioConnection {
    client: Client,
    set_up: SetUp,
    statements: Vec<Prepared>,
    bound: Bound,
    /// The columns of a query that is not prepared.
    unprepared: Columns,
}

struct Prepared {
    name: &'static str,
    statement: ::tokio_postgres::Statement,
    parameters: Vec<WireType>,
    columns: Columns,
}

impl TokioConnection {
    async fn run(&self, sql: &str) -> Result<(), DbError> {
        self.client.batch_execute(sql).await.map_err(|why| db_error(&why))
    }

    async fn prepare_each(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        for Statement { name, sql } in statements {
            let statement = self.client.prepare(&PostgresDialect.statement(sql)).await;
            let statement = statement.map_err(|why| named(db_error(&why), name))?;
            let parameters = statement.params().iter().map(wire_type).collect();
            let columns = statement.columns().iter().map(|column| wire_type(column.type_()));
            let columns = Columns::known(columns.collect());
            self.statements.push(Prepared { name, statement, parameters, columns });
        }
        Ok(())
    }
}

#[async_trait]
impl Connection for TokioConnection {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        // The server forgets them as they are dropped.
        self.statements.clear();
        let (before, after) = self.set_up.around_prepare.clone().unzip();
        if let Some(sql) = before {
            self.run(&sql).await?;
        }
        self.prepare_each(statements).await?;
        match after {
            Some(sql) => self.run(&sql).await,
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
        self.bound.clear();
        for (index, (value, place)) in parameters.iter().zip(places).enumerate() {
            self.bound.add(*value, *place).map_err(|why| misfit(name, index, &why))?;
        }
        Ok(())
    }

    fn ask<'c>(&'c mut self, asked: Asked<'_>) -> Box<dyn Answer + 'c> {
        let Self { client, set_up, statements, bound, unprepared } = self;
        let client: &Client = client;
        match asked {
            Asked::Begin(access) => Box::new(Done::control(client, set_up.begin(access))),
            Asked::Commit => Box::new(Done::control(client, "COMMIT")),
            Asked::Rollback => Box::new(Done::control(client, "ROLLBACK")),
            Asked::Script(sql) => Box::new(Done::script(client, sql.to_owned())),
            Asked::Query(sql) => {
                *unprepared = Columns::default();
                Box::new(Rows::of_query(client, sql.to_owned(), unprepared))
            }
            Asked::Run(id) => {
                let Some(Prepared { name, statement, columns, .. }) = statements.get_mut(id) else {
                    return Box::new(Refused::new(not_prepared(id)));
                };
                Box::new(Rows::of_statement(client, name, statement, bound, columns))
            }
        }
    }

    /// "Current transaction is aborted, commands ignored until end of transaction block" (SQLSTATE 25P02).
    fn ends_transaction(&self, _: &DbError) -> bool {
        true
    }
}

/// How the values of a type look on the wire: those of a domain as those of the type below it, those of an
/// enum as their labels.
fn wire_type(ty: &types::Type) -> WireType {
    let oid = ty.oid();
    match ty.kind() {
        Kind::Domain(below) => WireType { oid, ..wire_type(below) },
        Kind::Enum(_) => WireType { oid, encoding: Encoding::Text },
        _ => WireType::of(oid),
    }
}
