//! Requests that are sent together.

use dbdyno_core::{
    Access, DbError, Driver, ErrorClass, Request, Session, SessionOptions, Statement, Value,
};

use super::support::{int, server, session};

const ADD: usize = 0;
const DIVIDE: usize = 1;
const READ: usize = 2;

/// A session that pipelines, with its statements, on a table with rows `(1, 0)` and `(2, 0)`.
async fn pipelining(driver: &dyn Driver) -> Box<dyn Session> {
    let mut plain = session(driver, None).await;
    plain
        .run_sql(
            "CREATE TABLE IF NOT EXISTS acct (id integer PRIMARY KEY, n integer); \
             INSERT INTO acct VALUES (1, 0), (2, 0) ON CONFLICT DO NOTHING",
        )
        .await
        .unwrap();
    assert!(!plain.pipelines());
    let options = SessionOptions {
        namespace: Some("test".into()),
        pipeline: true,
        ..SessionOptions::default()
    };
    let mut session = driver.connect(&options).await.unwrap();
    assert!(session.pipelines());
    let statements = [
        Statement::new("add", "UPDATE acct SET n = n + ? WHERE id <= ?"),
        Statement::new("divide", "SELECT 1 / CAST(? AS integer)"),
        Statement::new("read", "SELECT n FROM acct ORDER BY id"),
    ];
    session.prepare(&statements).await.unwrap();
    session
}

async fn answer(session: &mut dyn Session) -> Result<u64, DbError> {
    session.answer(&mut |_| Ok(())).await
}

async fn sum(session: &mut dyn Session) -> i64 {
    int(session, "SELECT sum(n) FROM acct").await
}

#[tokio::test]
async fn answers_come_in_the_order_of_requests() {
    let driver = server("").await;
    let mut session = pipelining(driver.as_ref()).await;
    session.request(Request::Begin(Access::Write));
    session.request(Request::Run(ADD, &[Value::Int(5), Value::Int(2)]));
    session.request(Request::Run(READ, &[]));
    session.request(Request::Commit);
    assert_eq!(answer(session.as_mut()).await.unwrap(), 0);
    assert_eq!(answer(session.as_mut()).await.unwrap(), 2);
    let mut seen = Vec::new();
    let rows = session
        .answer(&mut |row| {
            seen.push(row.int(0)?);
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!((rows, seen), (2, vec![5, 5]));
    assert_eq!(answer(session.as_mut()).await.unwrap(), 0);
    assert!(answer(session.as_mut()).await.unwrap_err().message.contains("without a request"));

    // What is asked before the last answer was read goes out after it.
    session.request(Request::Begin(Access::Write));
    session.request(Request::Run(ADD, &[Value::Int(1), Value::Int(1)]));
    answer(session.as_mut()).await.unwrap();
    session.request(Request::Run(ADD, &[Value::Int(1), Value::Int(2)]));
    session.request(Request::Commit);
    for rows in [1, 2, 0] {
        assert_eq!(answer(session.as_mut()).await.unwrap(), rows);
    }
    assert_eq!(sum(session.as_mut()).await, 13);
    // One at a time works, too.
    session.begin(Access::Write).await.unwrap();
    assert_eq!(session.execute(ADD, &[Value::Int(1), Value::Int(1)]).await.unwrap(), 1);
    session.commit().await.unwrap();
    assert_eq!(sum(session.as_mut()).await, 14);
}

#[tokio::test]
async fn an_error_voids_what_was_asked_after_it() {
    let driver = server("").await;
    let mut session = pipelining(driver.as_ref()).await;
    session.request(Request::Begin(Access::Write));
    session.request(Request::Run(ADD, &[Value::Int(1), Value::Int(2)]));
    session.request(Request::Run(DIVIDE, &[Value::Int(0)]));
    session.request(Request::Run(ADD, &[Value::Int(10), Value::Int(2)]));
    session.request(Request::Commit);
    answer(session.as_mut()).await.unwrap();
    assert_eq!(answer(session.as_mut()).await.unwrap(), 2);
    let error = answer(session.as_mut()).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Other, Some("22012")));
    assert!(error.message.contains("`divide`") && !error.outcome_unknown, "{error}");
    assert!(answer(session.as_mut()).await.unwrap_err().message.contains("without a request"));
    // A commit now says that nothing was committed, and why.
    session.request(Request::Commit);
    let error = answer(session.as_mut()).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("22012"), "{error}");
    session.rollback().await.unwrap();
    assert_eq!(sum(session.as_mut()).await, 0);

    // So does a parameter that cannot be sent.
    session.request(Request::Begin(Access::Write));
    session.request(Request::Run(ADD, &[Value::Int(1), Value::Int(2)]));
    session.request(Request::Run(ADD, &[Value::Text("no"), Value::Int(2)]));
    session.request(Request::Commit);
    answer(session.as_mut()).await.unwrap();
    assert_eq!(answer(session.as_mut()).await.unwrap(), 2);
    let error = answer(session.as_mut()).await.unwrap_err();
    assert!(error.message.contains("`add`: parameter 1"), "{error}");
    let error = session.commit().await.unwrap_err();
    assert!(error.message.contains("nothing was committed"), "{error}");
    assert_eq!(sum(session.as_mut()).await, 0);
    session.begin(Access::Write).await.unwrap();
    session.execute(ADD, &[Value::Int(1), Value::Int(2)]).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(sum(session.as_mut()).await, 2);
}

#[tokio::test]
async fn answers_left_over_are_drained_by_a_rollback() {
    let driver = server("").await;
    let mut session = pipelining(driver.as_ref()).await;
    session.request(Request::Begin(Access::Write));
    session.request(Request::Run(READ, &[]));
    session.request(Request::Run(ADD, &[Value::Int(1), Value::Int(2)]));
    session.request(Request::Run(READ, &[]));
    answer(session.as_mut()).await.unwrap();
    let error = session.answer(&mut |_| Err(DbError::unexpected("enough"))).await.unwrap_err();
    assert_eq!(error.message, "enough");
    // The visitor's failure leaves the next answer readable.
    assert_eq!(answer(session.as_mut()).await.unwrap(), 2);
    session.request(Request::Run(ADD, &[Value::Int(100), Value::Int(2)]));
    session.rollback().await.unwrap();
    assert_eq!(sum(session.as_mut()).await, 0);
}

#[tokio::test]
async fn a_batch_larger_than_the_sockets_hold_goes_through() {
    let driver = server("").await;
    let mut session = pipelining(driver.as_ref()).await;
    let echo = [Statement::new("echo", "SELECT CAST(? AS text), CAST(? AS text)")];
    session.prepare(&echo).await.unwrap();
    let long = "x".repeat(300_000);
    for _ in 0..20 {
        session.request(Request::Run(0, &[Value::Text(&long), Value::Text(&long)]));
    }
    for _ in 0..20 {
        let rows = session
            .answer(&mut |row| {
                assert_eq!((row.text(0)?.len(), row.text(1)?.len()), (300_000, 300_000));
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(rows, 1);
    }
}

#[tokio::test]
async fn a_commit_that_the_connection_took_along_is_unknown() {
    let driver = server("").await;
    let mut session = pipelining(driver.as_ref()).await;
    for (commit, unknown) in [(false, false), (true, true)] {
        let pid = int(session.as_mut(), "SELECT pg_backend_pid()").await;
        let end = [Statement::new("end", "SELECT pg_terminate_backend(CAST(? AS integer))")];
        session.prepare(&end).await.unwrap();
        session.request(Request::Begin(Access::Write));
        session.request(Request::Run(0, &[Value::Int(pid)]));
        session.request(Request::Run(0, &[Value::Int(pid)]));
        if commit {
            session.request(Request::Commit);
        }
        let error = loop {
            match answer(session.as_mut()).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(error.message.contains("administrator command"), "{error}");
        assert_eq!((error.class, error.outcome_unknown), (ErrorClass::Disconnected, unknown));
        session = pipelining(driver.as_ref()).await;
    }
}
