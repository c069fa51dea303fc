//! Rows, transactions, levels, distance.

use std::time::{Duration, Instant};

use dbdyno_core::query::{row_sql, scalar_sql};
use dbdyno_core::{
    Access, DbError, Driver, Isolation, Row, Session, SessionOptions, Statement, Value,
};

use super::engines::Facts;
use super::values::{clear, session};

pub const READ: usize = 0;
pub const ADD: usize = 1;
pub const INSERT: usize = 2;

/// The namespace of [`Accounts`].
pub const NAMESPACE: &str = "accounts";

/// A table of two rows, `(1, 10)` and `(2, 20)`, as long as this is in use.
pub async fn accounts(driver: &dyn Driver) -> Box<dyn Session> {
    clear(driver, NAMESPACE).await;
    let mut session = session(driver, NAMESPACE).await;
    session.run_sql("DROP TABLE IF EXISTS acct").await.unwrap();
    let table = "CREATE TABLE acct (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)";
    session.run_sql(&format!("{table}{}", driver.dialect().table_options())).await.unwrap();
    let rows = session.run_sql("INSERT INTO acct VALUES (1, 10), (2, 20)").await.unwrap();
    assert_eq!(rows, 2, "{}", driver.name());
    prepare(session.as_mut()).await;
    session
}

/// Another session on it.
pub async fn another(driver: &dyn Driver, isolation: Option<Isolation>) -> Box<dyn Session> {
    let namespace = Some(NAMESPACE.to_owned());
    let options = SessionOptions { namespace, isolation, ..SessionOptions::default() };
    let mut session = driver.connect(&options).await.unwrap();
    prepare(session.as_mut()).await;
    session
}

async fn prepare(session: &mut dyn Session) {
    let statements = [
        Statement::new("read", "SELECT n FROM acct WHERE id = ? {for_update}"),
        Statement::new("add", "UPDATE acct SET n = n + ? WHERE id = ?"),
        Statement::new("insert", "INSERT INTO acct (id, n) VALUES (?, ?)"),
    ];
    session.prepare(&statements).await.unwrap();
}

pub async fn add(session: &mut dyn Session, id: i64) -> Result<u64, DbError> {
    session.execute(ADD, &[Value::Int(1), Value::Int(id)]).await
}

pub async fn sum(session: &mut dyn Session) -> i64 {
    scalar_sql(session, "SELECT SUM(n) FROM acct").await.unwrap()
}

pub async fn count_rows_and_read_them_all(_: &Facts, driver: &dyn Driver) {
    let mut session = accounts(driver).await;
    let unchanged = session.execute(ADD, &[Value::Int(0), Value::Int(1)]).await.unwrap();
    assert_eq!(unchanged, 1, "rows matched are counted");
    assert_eq!(add(session.as_mut(), 7).await.unwrap(), 0);
    assert_eq!(session.query(READ, &[Value::Int(7)], &mut |_| Ok(())).await.unwrap(), 0);
    let mut seen = Vec::new();
    let mut visit = |row: &dyn Row| {
        seen.push(row.int(0)?);
        Err(DbError::unexpected(format!("row {}", seen.len())))
    };
    let error = session.query_sql("SELECT n FROM acct ORDER BY id", &mut visit).await.unwrap_err();
    assert_eq!((error.message.as_str(), seen), ("row 1", vec![10]));
    // Nothing of that answer is left over for the next.
    assert_eq!(session.query(READ, &[Value::Int(2)], &mut |_| Ok(())).await.unwrap(), 1);

    let error = session.execute(ADD, &[Value::Int(1)]).await.unwrap_err();
    assert!(error.message.contains("`add` takes 2 parameters and was given 1"), "{error}");
    assert!(session.execute(9, &[]).await.unwrap_err().message.contains("prepared"));
    let bad = [Statement::new("pay", "UPDATE nowhere SET a = 1")];
    let error = session.prepare(&bad).await.unwrap_err();
    assert!(error.message.contains("`pay`") && error.message.contains("nowhere"), "{error}");
    prepare(session.as_mut()).await;
    assert_eq!(add(session.as_mut(), 1).await.unwrap(), 1);
    let error = session.run_sql("SELEC 1").await.unwrap_err();
    assert!(!error.message.is_empty() && !error.is_disconnected(), "{error}");
    assert_eq!(sum(session.as_mut()).await, 31);
}

pub async fn commit_and_roll_back(_: &Facts, driver: &dyn Driver) {
    let mut session = accounts(driver).await;
    session.rollback().await.unwrap();
    for (commit, expected) in [(false, 30), (true, 31)] {
        session.begin(Access::Write).await.unwrap();
        assert_eq!(add(session.as_mut(), 1).await.unwrap(), 1);
        if commit {
            session.commit().await.unwrap();
        } else {
            session.rollback().await.unwrap();
        }
        let mut other = another(driver, None).await;
        assert_eq!(sum(other.as_mut()).await, expected, "{}", driver.name());
    }
}

pub async fn have_the_level_that_was_asked_for(facts: &Facts, driver: &dyn Driver) {
    let (sql, levels) = facts.level.unwrap_or_default();
    for (level, shown) in levels {
        let mut session = another(driver, Some(*level)).await;
        session.begin(Access::Read).await.unwrap();
        let found = row_sql(session.as_mut(), sql, |row| Ok(row.text(0)?.to_owned())).await;
        assert_eq!(found.unwrap(), *shown, "{}", driver.name());
        session.commit().await.unwrap();
    }
    for level in Isolation::ALL {
        let options = SessionOptions { isolation: Some(level), ..SessionOptions::default() };
        let lacks = matches!(driver.isolation(level), dbdyno_core::LevelSupport::Lacks { .. });
        assert_eq!(driver.connect(&options).await.is_err(), lacks, "{} {level}", driver.name());
    }
    if driver.capabilities().pipeline.is_err() {
        let options = SessionOptions { pipeline: true, ..SessionOptions::default() };
        let error = driver.connect(&options).await.err().unwrap();
        assert!(error.message.contains("cannot pipeline"), "{error}");
    }
}

pub async fn are_at_a_distance(_: &Facts, driver: &dyn Driver) {
    const FAR: Duration = Duration::from_millis(20);
    let options = SessionOptions { round_trip: Some(FAR), ..SessionOptions::default() };
    let opened = driver.connect(&options).await;
    if driver.capabilities().distance.is_err() {
        assert!(opened.err().unwrap().message.contains("no network"));
        return;
    }
    let mut session = opened.unwrap();
    let asked = Instant::now();
    assert_eq!(scalar_sql(session.as_mut(), "SELECT 7").await.unwrap(), 7);
    assert!(asked.elapsed() >= FAR, "{}", driver.name());
}
