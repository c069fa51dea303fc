//! MySQL and MariaDB through sqlx.

use ::sqlx::encode::IsNull;
use ::sqlx::error::{BoxDynError, DatabaseError};
use ::sqlx::mysql::{
    MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlQueryResult,
    MySqlRow, MySqlSslMode, MySqlStatement, MySqlTypeInfo,
};
use ::sqlx::types::BigDecimal;
use ::sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime};
use ::sqlx::{
    Arguments as _, Column as _, ConnectOptions as _, Decode, Either, Encode, MySql, Row as _,
    Statement as _, Type, TypeInfo as _, ValueRef as _,
};
use dbdyno_core::{Date, DbError, Dialect, SessionOptions, Timestamp, Value};
use mysql_common::constants::ColumnType;

use super::columns::Column;
use super::connect::{Place, Tls};
use super::dialect::MYSQL;
use super::driver::MysqlDriver;
use super::errors;
use super::values::{from_binary, from_text};
use crate::library::SetUp;
use crate::sqlx::{Engine, STATEMENT_CACHE, Way, error};
use crate::tls::Check;

/// How sqlx connects. What it would change of the session is left as the server has it, so that a
/// statement means the same as by other drivers.
fn connect_options(place: &Place<'_>) -> MySqlConnectOptions {
    let mut connect = MySqlConnectOptions::new()
        .host(place.host)
        .port(place.port)
        .username(place.user)
        .ssl_mode(place.tls.map_or(MySqlSslMode::Disabled, ssl_mode))
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .statement_cache_capacity(STATEMENT_CACHE)
        .disable_statement_logging();
    if !place.password.expose().is_empty() {
        connect = connect.password(place.password.expose());
    }
    if let Some(database) = place.database {
        connect = connect.database(database);
    }
    if let Some(socket) = &place.socket {
        connect = connect.socket(socket);
    }
    if let Some(roots) = place.tls.and_then(|tls| tls.roots.as_ref()) {
        connect = connect.ssl_ca(roots);
    }
    connect
}

fn ssl_mode(tls: &Tls) -> MySqlSslMode {
    match tls.check {
        Check::Nothing if tls.required => MySqlSslMode::Required,
        Check::Nothing => MySqlSslMode::Preferred,
        Check::Authority => MySqlSslMode::VerifyCa,
        Check::AuthorityAndName => MySqlSslMode::VerifyIdentity,
    }
}

/// The columns of an answer.
#[derive(Default)]
pub(crate) struct Columns {
    columns: Vec<(MySqlTypeInfo, Column)>,
    text: bool,
}

impl Engine for MySql {
    type Own = MysqlDriver;
    /// The server does not say what it takes.
    type Parameter = ();
    type Columns = Columns;

    /// Not every query can be prepared.
    const TEXT_QUERIES: bool = true;

    fn dialect() -> &'static dyn Dialect {
        &MYSQL
    }

    async fn open(
        own: &MysqlDriver,
        options: &SessionOptions,
    ) -> Result<(MySqlConnection, Way<Self>), DbError> {
        let connector = own.connector();
        let statements = own.session_settings(options)?;
        let place = connector.place(options.namespace.as_deref(), options.round_trip)?;
        let connect = connect_options(&place);
        let opening = async { connect.connect().await.map_err(|why| error::<Self>(&why)) };
        let connection = connector.in_time(opening).await.map_err(|why| own.refused(why))?;
        let set_up = SetUp { statements, ..SetUp::default() };
        Ok((connection, Way { connect, set_up, keep: None }))
    }

    fn refused(own: &MysqlDriver, why: DbError) -> DbError {
        own.refused(why)
    }

    fn parameters(statement: &MySqlStatement) -> Vec<()> {
        match statement.parameters() {
            Some(Either::Right(count)) => vec![(); count],
            _ => Vec::new(),
        }
    }

    #[inline]
    fn bind(arguments: &mut MySqlArguments, value: Value<'_>, _: &()) -> Result<(), String> {
        let added = match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Int(int) => arguments.add(int),
            Value::Float(float) => arguments.add(float),
            Value::Text(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Decimal(decimal) => arguments.add(Number(decimal.to_string())),
            Value::Timestamp(moment) => arguments.add(date_time(moment)?),
            Value::Date(date) => arguments.add(day(date)?),
            Value::Ints(_) => return Err("it is an array, and MySQL has none".to_owned()),
        };
        added.map_err(|why| why.to_string())
    }

    /// The server describes the columns of every answer anew, by the types of its parameters.
    #[inline]
    fn learn(known: &mut Columns, row: &MySqlRow, text: bool) {
        let described = row.columns();
        let same = known.columns.len() == described.len()
            && known.columns.iter().zip(described).all(|((ty, _), new)| ty == new.type_info());
        if !same {
            let told = described.iter().map(|column| {
                let ty = column.type_info();
                (ty.clone(), column_of(ty))
            });
            *known = Columns { columns: told.collect(), text };
        }
    }

    #[inline]
    fn value<'r>(row: &'r MySqlRow, known: &Columns, index: usize) -> Result<Value<'r>, String> {
        let Some((_, column)) = known.columns.get(index) else {
            return Err("is not there".to_owned());
        };
        let raw = row.try_get_raw(index).map_err(|why| why.to_string())?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let bytes = <&[u8] as Decode<'_, MySql>>::decode(raw).map_err(|why| why.to_string())?;
        match (known.text, column.kind) {
            (true, _) => from_text(bytes, column),
            // sqlx leaves their length before them.
            (
                false,
                ColumnType::MYSQL_TYPE_DATE
                | ColumnType::MYSQL_TYPE_DATETIME
                | ColumnType::MYSQL_TYPE_TIMESTAMP,
            ) => from_binary(bytes.get(1..).unwrap_or_default(), column),
            (false, _) => from_binary(bytes, column),
        }
    }

    fn matched(result: &MySqlQueryResult) -> u64 {
        result.rows_affected()
    }

    fn said(error: &dyn DatabaseError) -> Option<DbError> {
        let answer = error.try_downcast_ref::<MySqlDatabaseError>()?;
        let (number, state) = (answer.number(), answer.code().unwrap_or_default());
        Some(errors::server(number, state, answer.message().to_owned()))
    }

    fn ends_transaction(error: &DbError) -> bool {
        errors::may_end_transaction(error)
    }
}

/// What a column is, by the name that sqlx gives its type.
fn column_of(ty: &MySqlTypeInfo) -> Column {
    use ColumnType as T;
    let name = ty.name();
    let (base, unsigned) = match name.strip_suffix(" UNSIGNED") {
        Some(base) => (base, true),
        None => (name, false),
    };
    let kind = match base {
        "BOOLEAN" | "TINYINT" => T::MYSQL_TYPE_TINY,
        "SMALLINT" => T::MYSQL_TYPE_SHORT,
        "MEDIUMINT" => T::MYSQL_TYPE_INT24,
        "INT" => T::MYSQL_TYPE_LONG,
        "BIGINT" => T::MYSQL_TYPE_LONGLONG,
        "FLOAT" => T::MYSQL_TYPE_FLOAT,
        "DOUBLE" => T::MYSQL_TYPE_DOUBLE,
        "NULL" => T::MYSQL_TYPE_NULL,
        "TIMESTAMP" => T::MYSQL_TYPE_TIMESTAMP,
        "DATE" => T::MYSQL_TYPE_DATE,
        "TIME" => T::MYSQL_TYPE_TIME,
        "DATETIME" => T::MYSQL_TYPE_DATETIME,
        "YEAR" => T::MYSQL_TYPE_YEAR,
        "DECIMAL" => T::MYSQL_TYPE_NEWDECIMAL,
        _ => T::MYSQL_TYPE_VAR_STRING,
    };
    Column::told(kind, unsigned, !<str as Type<MySql>>::compatible(ty))
}

fn date_time(moment: Timestamp) -> Result<NaiveDateTime, String> {
    let moment_of = |micros| DateTime::from_timestamp_micros(micros);
    let date_time = moment_of(moment.0).ok_or_else(|| format!("{} is no moment", moment.0))?;
    Ok(date_time.naive_utc())
}

fn day(date: Date) -> Result<NaiveDate, String> {
    let (year, month, day) = date.parts();
    NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())
        .ok_or_else(|| format!("{date} is no day"))
}

/// A fixed-point number, sent as one so that arithmetic with it is exact.
struct Number(String);

impl Type<MySql> for Number {
    fn type_info() -> MySqlTypeInfo {
        <BigDecimal as Type<MySql>>::type_info()
    }
}

impl Encode<'_, MySql> for Number {
    fn encode_by_ref(&self, buffer: &mut Vec<u8>) -> Result<IsNull, BoxDynError> {
        <&str as Encode<'_, MySql>>::encode(&self.0, buffer)
    }
}
