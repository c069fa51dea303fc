//! MySQL and MariaDB through mysql_async.

mod answers;
mod pool;
mod values;

use std::sync::Arc;

use ::mysql_async::prelude::Queryable as _;
use ::mysql_async::{Conn, Error, IoError, Opts, OptsBuilder, SslOpts};
use async_trait::async_trait;
use dbdyno_core::{DbError, Dialect as _, SessionOptions, Statement, StatementId, Value};

use self::answers::{Columns, Rows};
use self::values::parameter;
use super::connect::{Place, Tls};
use super::dialect::MYSQL;
use super::driver::MysqlDriver;
use super::errors;
use crate::library::{
    Answer, Asked, Connection, Library, LibraryDriver, LibraryPool, Refused, SetUp, Shelf,
    check_count, misfit, named, not_prepared,
};
use crate::tls::{Check, system_certificates};

/// The driver's name.
pub(super) const NAME: &str = "mysql_async";

/// How many prepared statements a connection keeps: more than any benchmark has, so that none is prepared
/// again while it is measured.
const STATEMENT_CACHE: usize = 1_000;

/// The most bytes of a packet, so that the server is not asked for it.
const MAX_PACKET: usize = 64 << 20;

/// The driver on a target that was opened.
pub(super) fn driver(engine: Arc<MysqlDriver>) -> LibraryDriver {
    LibraryDriver::new(Arc::<MysqlDriver>::clone(&engine), MysqlAsync(engine))
}

struct MysqlAsync(Arc<MysqlDriver>);

#[async_trait]
impl Library for MysqlAsync {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lacks_pipeline(&self) -> &'static str {
        "mysql_async sends a statement once the one before it was answered"
    }

    async fn connect(&self, options: &SessionOptions) -> Result<Box<dyn Connection>, DbError> {
        let connector = self.0.connector();
        let statements = self.0.session_settings(options)?;
        let place = connector.place(options.namespace.as_deref(), options.round_trip)?;
        let opened = connector.in_time(open(&place)).await.map_err(|why| self.0.refused(why))?;
        Ok(Box::new(MysqlAsyncConnection::new(opened.0, &statements).await?))
    }

    fn pool(&self) -> Option<&dyn LibraryPool> {
        Some(self)
    }
}

/// Opens a connection, with TLS as far as the target asks for it, and tells how another one is opened.
async fn open(place: &Place<'_>) -> Result<(Conn, Opts), DbError> {
    let Some(tls) = place.tls else { return connect(options(place, None)).await };
    if place.socket.is_some() {
        // It asks for TLS there, and then goes on without.
        return match tls.required {
            true => Err(DbError::unexpected(
                "mysql_async has no TLS behind the proxy of a round trip; leave out round_trip, or use \
                 driver=sqlx",
            )),
            false => connect(options(place, None)).await,
        };
    }
    let ssl = ssl_options(tls).map_err(|why| DbError::unexpected(why.to_string()))?;
    match connect(options(place, Some(ssl))).await {
        Err(why) if !tls.required && why.message.contains(NO_TLS) => {
            connect(options(place, None)).await
        }
        opened => opened,
    }
}

/// What mysql_async says of a server without TLS.
const NO_TLS: &str = "server does not have this capability";

async fn connect(options: Opts) -> Result<(Conn, Opts), DbError> {
    let conn = Conn::new(options.clone()).await.map_err(|why| error(&why))?;
    Ok((conn, options))
}

fn options(place: &Place<'_>, ssl: Option<SslOpts>) -> Opts {
    let socket = place.socket.as_ref().map(|socket| socket.to_string_lossy().into_owned());
    let password = Some(place.password.expose()).filter(|password| !password.is_empty());
    OptsBuilder::default()
        .ip_or_hostname(place.host)
        .tcp_port(place.port)
        .socket(socket)
        .prefer_socket(false)
        .user(Some(place.user))
        .pass(password)
        .db_name(place.database)
        .ssl_opts(ssl)
        // Rows matched are counted, not rows changed, as on every engine.
        .client_found_rows(true)
        .stmt_cache_size(STATEMENT_CACHE)
        .max_allowed_packet(Some(MAX_PACKET))
        .wait_timeout(Some(usize::from(u16::MAX)))
        .into()
}

fn ssl_options(tls: &Tls) -> dbdyno_core::Result<SslOpts> {
    let options = SslOpts::default();
    Ok(match tls.check {
        // It wants trusted certificates even where it looks at none.
        Check::Nothing => {
            options.with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true)
        }
        check => {
            let roots = match &tls.roots {
                Some(file) => vec![file.clone().into()],
                None => {
                    let certificates = system_certificates()?;
                    certificates.iter().map(|certificate| certificate.to_vec().into()).collect()
                }
            };
            options
                .with_disable_built_in_roots(true)
                .with_root_certs(roots)
                .with_danger_skip_domain_validation(check == Check::Authority)
        }
    })
}

/// An error of mysql_async's.
#[cold]
fn error(error: &Error) -> DbError {
    match error {
        Error::Server(said) => errors::server(said.code, &said.state, said.message.clone()),
        Error::Io(IoError::Io(why)) => errors::broken(why),
        Error::Driver(::mysql_async::DriverError::ConnectionClosed) => {
            errors::disconnected("the server closed it")
        }
        other => DbError::unexpected(other.to_string()),
    }
}

/// A connection of mysql_async's, its own or its pool's, with its prepared statements.
struct MysqlAsyncConnection {
    conn: Conn,
    set_up: SetUp,
    statements: Vec<Prepared>,
    /// Where the statements go back to. They may not be prepared on this connection, and then are when they
    /// are first run.
    shelf: Option<Arc<Shelf<Prepared>>>,
    bound: Vec<::mysql_async::Value>,
    /// The columns of a query that is not prepared.
    unprepared: Columns,
}

#[derive(Clone)]
struct Prepared {
    name: &'static str,
    sql: Arc<str>,
    statement: ::mysql_async::Statement,
    columns: Columns,
}

impl MysqlAsyncConnection {
    /// A connection that was opened, told what it is to be told first.
    async fn new(mut conn: Conn, first: &[String]) -> Result<Self, DbError> {
        for sql in first {
            conn.query_drop(sql).await.map_err(|why| error(&why))?;
        }
        Ok(Self::ready(conn))
    }

    /// A connection that has been told so before, with the statements of a shelf.
    fn lent(conn: Conn, shelf: &Arc<Shelf<Prepared>>) -> Self {
        let (statements, shelf) = (shelf.take(), Some(Arc::clone(shelf)));
        Self { statements, shelf, ..Self::ready(conn) }
    }

    fn ready(conn: Conn) -> Self {
        Self {
            conn,
            set_up: SetUp::default(),
            statements: Vec::new(),
            shelf: None,
            bound: Vec::new(),
            unprepared: Columns::default(),
        }
    }
}

#[async_trait]
impl Connection for MysqlAsyncConnection {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        let before = std::mem::take(&mut self.statements);
        if self.shelf.take().is_none() {
            for Prepared { statement, .. } in before {
                self.conn.close(statement).await.map_err(|why| error(&why))?;
            }
        }
        for Statement { name, sql } in statements {
            let sql: Arc<str> = MYSQL.statement(sql).into();
            let statement = self.conn.prep(&*sql).await;
            let statement = statement.map_err(|why| named(error(&why), name))?;
            self.statements.push(Prepared { name, sql, statement, columns: Columns::default() });
        }
        Ok(())
    }

    fn columns(&self, id: StatementId) -> Result<Vec<String>, DbError> {
        let prepared = self.statements.get(id).ok_or_else(|| not_prepared(id))?;
        let columns = prepared.statement.columns();
        Ok(columns.iter().map(|column| column.name_str().into_owned()).collect())
    }

    fn bind(&mut self, id: StatementId, parameters: &[Value<'_>]) -> Result<(), DbError> {
        let Some(Prepared { name, statement, .. }) = self.statements.get(id) else {
            return Err(not_prepared(id));
        };
        check_count(name, usize::from(statement.num_params()), parameters.len())?;
        self.bound.clear();
        self.bound.reserve(parameters.len());
        for (index, value) in parameters.iter().enumerate() {
            let value = parameter(*value).map_err(|why| misfit(name, index, &why))?;
            self.bound.push(value);
        }
        Ok(())
    }

    fn ask<'c>(&'c mut self, asked: Asked<'_>) -> Box<dyn Answer + 'c> {
        let Self { conn, set_up, statements, shelf, bound, unprepared } = self;
        match asked {
            Asked::Begin(access) => Box::new(Rows::text(conn, set_up.begin(access), unprepared)),
            Asked::Commit => Box::new(Rows::text(conn, "COMMIT", unprepared)),
            Asked::Rollback => Box::new(Rows::text(conn, "ROLLBACK", unprepared)),
            Asked::Script(sql) | Asked::Query(sql) => {
                *unprepared = Columns::default();
                Box::new(Rows::text(conn, sql.to_owned(), unprepared))
            }
            Asked::Run(id) => {
                let Some(Prepared { name, sql, statement, columns }) = statements.get_mut(id)
                else {
                    return Box::new(Refused::new(not_prepared(id)));
                };
                let parameters = std::mem::take(bound);
                Box::new(match shelf {
                    None => Rows::binary(conn, name, &*statement, parameters, columns),
                    Some(_) => Rows::binary(conn, name, &**sql, parameters, columns),
                })
            }
        }
    }

    fn ends_transaction(&self, error: &DbError) -> bool {
        errors::may_end_transaction(error)
    }

    fn release(&mut self) {
        if let Some(shelf) = &self.shelf {
            shelf.put(std::mem::take(&mut self.statements));
        }
    }
}
