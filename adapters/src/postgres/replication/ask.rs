//! Asking servers of a cluster, in sessions of their own. One that stands still is not waited for for ever.

use std::time::Duration;

use dbdyno_core::query::within;
use dbdyno_core::{DbError, Driver, Row, Session, SessionOptions};

/// How long a server may take to answer.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The rows of a query whose columns are all texts, and none is NULL.
pub(super) async fn texts(
    session: &mut dyn Session,
    sql: &str,
    columns: usize,
) -> Result<Vec<Vec<String>>, DbError> {
    texts_within(ANSWER_LIMIT, session, sql, columns).await
}

async fn texts_within(
    limit: Duration,
    session: &mut dyn Session,
    sql: &str,
    columns: usize,
) -> Result<Vec<Vec<String>>, DbError> {
    let mut rows = Vec::new();
    let mut keep = |row: &dyn Row| {
        let cells = (0..columns).map(|column| row.text(column).map(str::to_owned));
        rows.push(cells.collect::<Result<Vec<_>, _>>()?);
        Ok(())
    };
    within(limit, session.query_sql(sql, &mut keep)).await?;
    Ok(rows)
}

/// The rows of a query in a session of its own.
pub(super) async fn ask(
    driver: &dyn Driver,
    sql: &str,
    columns: usize,
) -> Result<Vec<Vec<String>>, DbError> {
    texts(&mut *connect(driver).await?, sql, columns).await
}

/// A session of its own.
pub(super) async fn connect(driver: &dyn Driver) -> Result<Box<dyn Session>, DbError> {
    within(ANSWER_LIMIT, driver.connect(&SessionOptions::default())).await
}

/// The only text that a query answers, in a session of its own.
pub(super) async fn ask_one(driver: &dyn Driver, sql: &str) -> Result<String, DbError> {
    ask_one_within(ANSWER_LIMIT, driver, sql).await
}

/// The same of a query that takes so long.
pub(super) async fn ask_one_within(
    limit: Duration,
    driver: &dyn Driver,
    sql: &str,
) -> Result<String, DbError> {
    text_within(limit, &mut *connect(driver).await?, sql).await
}

/// The only text that a query answers.
pub(super) async fn text(session: &mut dyn Session, sql: &str) -> Result<String, DbError> {
    text_within(ANSWER_LIMIT, session, sql).await
}

async fn text_within(
    limit: Duration,
    session: &mut dyn Session,
    sql: &str,
) -> Result<String, DbError> {
    let rows = texts_within(limit, session, sql, 1).await?;
    let first = rows.into_iter().flatten().next();
    first.ok_or_else(|| DbError::unexpected(format!("no answer to: {sql}")))
}

/// Runs statements one after another.
pub(super) async fn tell(driver: &dyn Driver, statements: &[String]) -> Result<(), DbError> {
    let mut session = connect(driver).await?;
    for statement in statements {
        within(ANSWER_LIMIT, session.run_sql(statement)).await?;
    }
    Ok(())
}
