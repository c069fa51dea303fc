//! What the tests share: servers, sessions and a table.

use std::sync::{Arc, Weak};

use dbdyno_adapters::{ServerSettings, Target, open};
use dbdyno_core::{
    DbError, Driver, Isolation, Result, Row, Session, SessionOptions, Statement, Value,
};
use tokio::sync::Mutex;

pub const READ: usize = 0;
pub const ADD: usize = 1;
pub const INSERT: usize = 2;

pub async fn start(target: &str) -> Result<Arc<dyn Driver>> {
    let settings = ServerSettings { sessions: 40, ..ServerSettings::default() };
    open(&Target::parse(target)?, &settings).await
}

/// The server that tests share for as long as one of them runs.
pub async fn shared() -> Arc<dyn Driver> {
    static SERVER: Mutex<Option<Weak<dyn Driver>>> = Mutex::const_new(None);
    let mut server = SERVER.lock().await;
    if let Some(driver) = server.as_ref().and_then(Weak::upgrade) {
        return driver;
    }
    let driver = start("mariadb").await.unwrap();
    *server = Some(Arc::downgrade(&driver));
    driver
}

pub fn options(namespace: &str, isolation: Option<Isolation>) -> SessionOptions {
    SessionOptions { namespace: Some(namespace.to_owned()), isolation, ..SessionOptions::default() }
}

/// A new database with rows `(1, 10)` and `(2, 20)` in table `t`.
pub async fn database(driver: &dyn Driver, name: &str) {
    let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
    for sql in driver.dialect().ensure_namespace(name) {
        session.run_sql(&sql).await.unwrap();
    }
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    session.run_sql("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)").await.unwrap();
    assert_eq!(session.run_sql("INSERT INTO t VALUES (1, 10), (2, 20)").await.unwrap(), 2);
}

/// A session on `t` with statements prepared.
pub async fn session(
    driver: &dyn Driver,
    name: &str,
    level: Option<Isolation>,
) -> Box<dyn Session> {
    let mut session = driver.connect(&options(name, level)).await.unwrap();
    let statements = [
        Statement::new("read", "SELECT n FROM t WHERE id = ?"),
        Statement::new("add", "UPDATE t SET n = n + ? WHERE id = ?"),
        Statement::new("insert", "INSERT INTO t (id, n) VALUES (?, ?)"),
    ];
    session.prepare(&statements).await.unwrap();
    session
}

pub async fn read(session: &mut dyn Session, id: i64) -> i64 {
    let mut found = None;
    let mut visit = |row: &dyn Row| {
        found = Some(row.int(0)?);
        Ok(())
    };
    session.query(READ, &[Value::Int(id)], &mut visit).await.unwrap();
    found.unwrap()
}

pub async fn add(session: &mut dyn Session, id: i64) -> Result<u64, DbError> {
    session.execute(ADD, &[Value::Int(1), Value::Int(id)]).await
}

pub async fn text(session: &mut dyn Session, sql: &str) -> String {
    let mut found = String::new();
    let mut visit = |row: &dyn Row| {
        found = match row.value(0)? {
            Value::Int(int) => int.to_string(),
            _ => row.text(0)?.to_owned(),
        };
        Ok(())
    };
    session.query_sql(sql, &mut visit).await.unwrap();
    found
}
