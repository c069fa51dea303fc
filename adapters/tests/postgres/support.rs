//! Servers and sessions for tests.

use std::sync::Arc;

use dbdyno_adapters::{ServerSettings, Target, open};
use dbdyno_core::{
    DbError, Driver, Isolation, Result, Session, SessionOptions, Statement, Timestamp, Value,
};

/// Opens a target as dbdyno does.
pub async fn driver_for(target: &str) -> Result<Arc<dyn Driver>> {
    let settings = ServerSettings { sessions: 10, ..ServerSettings::default() };
    open(&Target::parse(target)?, &settings).await
}

/// Starts a throwaway server with some options.
pub async fn server(options: &str) -> Arc<dyn Driver> {
    driver_for(&format!("postgres{options}")).await.unwrap()
}

/// A session in the schema `test`, which is there.
pub async fn session(driver: &dyn Driver, isolation: Option<Isolation>) -> Box<dyn Session> {
    let options =
        SessionOptions { namespace: Some("test".into()), isolation, ..SessionOptions::default() };
    let mut session = driver.connect(&options).await.unwrap();
    for sql in driver.dialect().ensure_namespace("test") {
        session.run_sql(&sql).await.unwrap();
    }
    session
}

/// Prepares statements given as SQL; their places are those of the list.
pub async fn prepare(session: &mut dyn Session, statements: &[&str]) {
    let statements: Vec<Statement> =
        statements.iter().map(|sql| Statement::new("test", *sql)).collect();
    session.prepare(&statements).await.unwrap();
}

/// The first column of a query's only row, as text.
pub async fn text(session: &mut dyn Session, sql: &str) -> String {
    let mut found = None;
    let visit = &mut |row: &dyn dbdyno_core::Row| {
        found = Some(row.text(0)?.to_owned());
        Ok(())
    };
    session.query_sql(sql, visit).await.unwrap();
    found.expect("one row")
}

/// The first column of a query's only row, as an integer.
pub async fn int(session: &mut dyn Session, sql: &str) -> i64 {
    let mut found = None;
    let visit = &mut |row: &dyn dbdyno_core::Row| {
        found = Some(row.int(0)?);
        Ok(())
    };
    session.query_sql(sql, visit).await.unwrap();
    found.expect("one row")
}

/// What `value` looks like after it went through prepared statement 0.
pub async fn through(session: &mut dyn Session, value: Value<'_>) -> Result<String, DbError> {
    let mut seen = String::new();
    let rows = session
        .query(0, &[value], &mut |row| {
            seen = match row.value(0)? {
                Value::Timestamp(Timestamp(micros)) => format!("Timestamp({micros})"),
                other => format!("{other:?}"),
            };
            Ok(())
        })
        .await?;
    assert_eq!(rows, 1);
    Ok(seen)
}
