//! PostgreSQL through sqlx.

use ::sqlx::encode::IsNull;
use ::sqlx::error::{BoxDynError, DatabaseError};
use ::sqlx::postgres::types::Oid;
use ::sqlx::postgres::{
    PgArgumentBuffer, PgArguments, PgConnectOptions, PgConnection, PgDatabaseError, PgQueryResult,
    PgRow, PgSeverity, PgSslMode, PgStatement, PgTypeInfo, PgTypeKind,
};
use ::sqlx::{
    Arguments as _, Column as _, ConnectOptions as _, Encode, Postgres, Row as _, Statement as _,
    Type, ValueRef as _,
};
use dbdyno_core::{DbError, Dialect, SessionOptions, Value};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use super::dialect::PostgresDialect;
use super::driver::PostgresDriver;
use super::endpoint::Endpoint;
use super::errors::said;
use super::set_up;
use super::values::{Encoding, WireType, decode, encode};
use crate::sqlx::{Engine, STATEMENT_CACHE, Way, error};
use crate::tls::Check;

/// How sqlx connects as `config` says. What it takes from libpq's variables besides is said anew here.
fn connect_options(
    endpoint: &Endpoint,
    config: &Config,
    options: &SessionOptions,
) -> Result<PgConnectOptions, DbError> {
    let mode = match (config.get_ssl_mode(), endpoint.trust().check) {
        (SslMode::Disable, _) => PgSslMode::Disable,
        (SslMode::Require, Check::Nothing) => PgSslMode::Require,
        (SslMode::Require, Check::Authority) => PgSslMode::VerifyCa,
        (SslMode::Require, Check::AuthorityAndName) => PgSslMode::VerifyFull,
        _ => PgSslMode::Prefer,
    };
    let password = config.get_password().map(String::from_utf8_lossy).unwrap_or_default();
    let mut connect = PgConnectOptions::new_without_pgpass()
        .host(endpoint.host())
        .port(endpoint.port())
        .username(config.get_user().unwrap_or_default())
        .password(&password)
        .database(config.get_dbname().unwrap_or_default())
        .application_name("dbdyno")
        .extra_float_digits(None)
        .ssl_mode(mode)
        .statement_cache_capacity(STATEMENT_CACHE)
        .disable_statement_logging();
    if let Some(roots) = &endpoint.trust().roots {
        connect = connect.ssl_root_cert(roots);
    }
    if let Some(folder) = endpoint.proxy_folder(options.round_trip)? {
        connect = connect.socket(folder);
    }
    Ok(connect)
}

impl Engine for Postgres {
    type Own = PostgresDriver;
    type Parameter = WireType;
    type Columns = Vec<WireType>;

    const TEXT_QUERIES: bool = false;

    fn dialect() -> &'static dyn Dialect {
        &PostgresDialect
    }

    async fn open(
        own: &PostgresDriver,
        options: &SessionOptions,
    ) -> Result<(PgConnection, Way<Self>), DbError> {
        let endpoint = own.endpoint();
        let opening = endpoint.open(|config| async move {
            let connect = connect_options(endpoint, config, options)?;
            let connection = connect.connect().await.map_err(|why| error::<Self>(&why))?;
            Ok((connection, connect))
        });
        let (connection, connect) = opening.await?;
        Ok((connection, Way { connect, set_up: set_up::of_library(options), keep: None }))
    }

    fn parameters(statement: &PgStatement) -> Vec<WireType> {
        match statement.parameters() {
            Some(::sqlx::Either::Left(types)) => types.iter().map(wire_type).collect(),
            _ => Vec::new(),
        }
    }

    fn bind(arguments: &mut PgArguments, value: Value<'_>, place: &WireType) -> Result<(), String> {
        if place.encoding == Encoding::Other && value != Value::Null {
            return Err(
                "sqlx sends no values of a type that dbdyno knows only as text; write a cast of \
                        a text in the SQL"
                    .to_owned(),
            );
        }
        arguments.add(Parameter { value, ty: *place }).map_err(|why| why.to_string())
    }

    #[inline]
    fn learn(columns: &mut Vec<WireType>, row: &PgRow, _text: bool) {
        // A prepared statement's columns stay what they are.
        if columns.len() != row.columns().len() {
            *columns = row.columns().iter().map(|column| wire_type(column.type_info())).collect();
        }
    }

    #[inline]
    fn value<'r>(
        row: &'r PgRow,
        columns: &Vec<WireType>,
        index: usize,
    ) -> Result<Value<'r>, String> {
        let Some(ty) = columns.get(index) else { return Err("is not there".to_owned()) };
        let raw = row.try_get_raw(index).map_err(|why| why.to_string())?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        decode(*ty, raw.as_bytes().map_err(|why| why.to_string())?)
    }

    fn matched(result: &PgQueryResult) -> u64 {
        result.rows_affected()
    }

    fn said(error: &dyn DatabaseError) -> Option<DbError> {
        let answer = error.try_downcast_ref::<PgDatabaseError>()?;
        let ended = matches!(answer.severity(), PgSeverity::Fatal | PgSeverity::Panic);
        Some(said(ended, answer.code(), answer.message(), answer.detail(), answer.hint()))
    }

    /// "Current transaction is aborted, commands ignored until end of transaction block" (SQLSTATE 25P02).
    fn ends_transaction(_: &DbError) -> bool {
        true
    }
}

/// How the values of a type look on the wire: those of a domain as those of the type below it, those of an
/// enum as their labels.
fn wire_type(ty: &PgTypeInfo) -> WireType {
    let oid = ty.oid().map_or(0, |oid| oid.0);
    match ty.kind() {
        PgTypeKind::Domain(below) => WireType { oid, ..wire_type(below) },
        PgTypeKind::Enum(_) => WireType { oid, encoding: Encoding::Text },
        _ => WireType::of(oid),
    }
}

/// A parameter of the type that the server gave its place.
struct Parameter<'a> {
    value: Value<'a>,
    ty: WireType,
}

impl Type<Postgres> for Parameter<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Parameter<'_> {
    #[inline]
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        if self.value == Value::Null {
            return Ok(IsNull::Yes);
        }
        // sqlx puts the length of its own accord.
        const LENGTH: usize = 4;
        let start = buffer.len();
        let bytes: &mut Vec<u8> = buffer;
        encode(self.value, self.ty, bytes)?;
        bytes.copy_within(start + LENGTH.., start);
        bytes.truncate(bytes.len() - LENGTH);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.ty.oid)))
    }
}
