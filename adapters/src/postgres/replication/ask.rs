//! Asking servers of a cluster, in sessions of their own.

use dbdyno_core::{DbError, Driver, Session, SessionOptions};

/// The rows of a query whose columns are all texts, and none is NULL.
pub(super) async fn texts(
    session: &mut dyn Session,
    sql: &str,
    columns: usize,
) -> Result<Vec<Vec<String>>, DbError> {
    let mut rows = Vec::new();
    session
        .query_sql(sql, &mut |row| {
            let cells = (0..columns).map(|column| row.text(column).map(str::to_owned));
            rows.push(cells.collect::<Result<Vec<_>, _>>()?);
            Ok(())
        })
        .await?;
    Ok(rows)
}

/// The rows of a query in a session of its own.
pub(super) async fn ask(
    driver: &dyn Driver,
    sql: &str,
    columns: usize,
) -> Result<Vec<Vec<String>>, DbError> {
    let mut session = driver.connect(&SessionOptions::default()).await?;
    texts(&mut *session, sql, columns).await
}

/// The only text that a query answers.
pub(super) async fn ask_one(driver: &dyn Driver, sql: &str) -> Result<String, DbError> {
    let rows = ask(driver, sql, 1).await?;
    let first = rows.into_iter().flatten().next();
    first.ok_or_else(|| DbError::unexpected(format!("no answer to: {sql}")))
}

/// Runs statements one after another.
pub(super) async fn tell(driver: &dyn Driver, statements: &[String]) -> Result<(), DbError> {
    let mut session = driver.connect(&SessionOptions::default()).await?;
    for statement in statements {
        session.run_sql(statement).await?;
    }
    Ok(())
}
