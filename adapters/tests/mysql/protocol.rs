//! What the protocol has in store besides the ordinary: several answers, columns that change,
//! long packets, sessions that were abandoned.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use dbdyno_core::{
    Access, Decimal, ErrorClass, Request, Row, Session, SessionOptions, Statement, Value,
};

use super::support::{ADD, INSERT, add, database, options, read, session, shared, text};

/// Two sessions that lock each other's row, and the one that was rolled back.
async fn victim(name: &str) -> Box<dyn Session> {
    let driver = shared().await;
    let mut first = session(driver.as_ref(), name, None).await;
    let mut second = session(driver.as_ref(), name, None).await;
    first.begin(Access::Write).await.unwrap();
    second.begin(Access::Write).await.unwrap();
    add(first.as_mut(), 1).await.unwrap();
    add(second.as_mut(), 2).await.unwrap();
    let (one, two) = tokio::join!(add(first.as_mut(), 2), add(second.as_mut(), 1));
    assert!(one.is_err() != two.is_err(), "{one:?} {two:?}");
    let (victim, mut other) = if one.is_err() { (first, second) } else { (second, first) };
    other.rollback().await.unwrap();
    victim
}

#[tokio::test]
async fn a_commit_that_would_be_of_nothing_is_an_error() {
    let driver = shared().await;
    let name = "ended";
    database(driver.as_ref(), name).await;
    // Right after the deadlock, and after a statement that committed by itself.
    for more in [false, true] {
        let mut session = victim(name).await;
        if more {
            add(session.as_mut(), 1).await.unwrap();
        }
        let error = session.commit().await.unwrap_err();
        assert!(error.message.contains("nothing was committed"), "{error}");
        assert!(!error.outcome_unknown);
        session.rollback().await.unwrap();
        session.begin(Access::Write).await.unwrap();
        add(session.as_mut(), 2).await.unwrap();
        session.commit().await.unwrap();
    }
    let mut session = session(driver.as_ref(), name, None).await;
    assert_eq!([read(session.as_mut(), 1).await, read(session.as_mut(), 2).await], [11, 22]);
    // An error that ends the statement alone.
    session.begin(Access::Write).await.unwrap();
    add(session.as_mut(), 1).await.unwrap();
    let error = session.execute(INSERT, &[Value::Int(1), Value::Int(1)]).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Constraint);
    session.commit().await.unwrap();
    assert_eq!(read(session.as_mut(), 1).await, 12);
}

#[tokio::test]
async fn a_session_that_was_abandoned_is_lost() {
    let driver = shared().await;
    let name = "abandoned";
    database(driver.as_ref(), name).await;
    // Nothing is answered while somebody else has the row.
    let mut holder = session(driver.as_ref(), name, None).await;
    holder.begin(Access::Write).await.unwrap();
    add(holder.as_mut(), 1).await.unwrap();
    let mut session = session(driver.as_ref(), name, None).await;
    session.request(Request::Run(ADD, &[Value::Int(1), Value::Int(1)]));
    let polled =
        poll_fn(|context| Poll::Ready(session.poll_answer(context, &mut |_| Ok(())))).await;
    assert!(polled.is_pending());
    for _ in 0..2 {
        let error = add(session.as_mut(), 1).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Disconnected);
        assert!(error.message.contains("was not waited for"), "{error}");
    }
    let error = session.run_sql("DO 1").await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Disconnected, "{error}");
}

#[tokio::test]
async fn pipelines_are_refused() {
    let driver = shared().await;
    assert!(driver.capabilities().pipeline.is_err());
    let options = SessionOptions { pipeline: true, ..SessionOptions::default() };
    let error = driver.connect(&options).await.err().unwrap();
    assert!(error.message.contains("cannot pipeline"), "{error}");
}

#[tokio::test]
async fn a_connection_that_the_server_closes_is_lost() {
    let driver = shared().await;
    let mut killer = driver.connect(&SessionOptions::default()).await.unwrap();
    let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
    let id = text(session.as_mut(), "SELECT CONNECTION_ID()").await;
    let kill = format!("KILL CONNECTION {id}");
    let (slept, _) = tokio::join!(session.run_sql("DO SLEEP(20)"), killer.run_sql(&kill));
    let error = slept.unwrap_err();
    assert_eq!(error.class, ErrorClass::Disconnected, "{error}");
    assert!(error.outcome_unknown && error.message.contains("the server closed it"), "{error}");
    let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
    let id = text(session.as_mut(), "SELECT CONNECTION_ID()").await;
    session.run_sql("SET SESSION wait_timeout = 1").await.unwrap();
    let alive = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}");
    let closed = async {
        // Each look waits for the server's answer.
        while text(killer.as_mut(), &alive).await != "0" {}
    };
    tokio::time::timeout(Duration::from_secs(30), closed).await.unwrap();
    let error = session.run_sql("DO 1").await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Disconnected, "{error}");
    assert!(error.message.contains("the server closed it"), "{error}");
}

#[tokio::test]
async fn columns_that_change_are_read_anew() {
    let driver = shared().await;
    let name = "changing";
    database(driver.as_ref(), name).await;
    let mut session = session(driver.as_ref(), name, None).await;
    let all = [Statement::new("all", "SELECT * FROM t ORDER BY id LIMIT 1")];
    session.prepare(&all).await.unwrap();
    let changes = [
        ("DO 1", vec![Value::Int(1), Value::Int(10)]),
        ("ALTER TABLE t MODIFY n VARCHAR(9)", vec![Value::Int(1), Value::Text("10")]),
        (
            "ALTER TABLE t ADD m DECIMAL(9,2) DEFAULT 0.5",
            vec![Value::Int(1), Value::Text("10"), Value::Decimal(Decimal::cents(50))],
        ),
        ("ALTER TABLE t DROP n, DROP m", vec![Value::Int(1)]),
    ];
    for (change, expected) in changes {
        session.run_sql(change).await.unwrap();
        for _ in 0..3 {
            let mut visit = |row: &dyn Row| {
                for (index, value) in expected.iter().enumerate() {
                    assert_eq!(row.value(index)?, *value, "{change}");
                }
                assert!(row.value(expected.len()).is_err(), "{change}");
                Ok(())
            };
            assert_eq!(session.query(0, &[], &mut visit).await.unwrap(), 1);
        }
    }
}

#[tokio::test]
async fn several_answers_are_read_to_the_last() {
    let driver = shared().await;
    let name = "several";
    database(driver.as_ref(), name).await;
    let mut session = session(driver.as_ref(), name, None).await;
    let both = "CREATE PROCEDURE both_sets() BEGIN SELECT id FROM t ORDER BY id; SELECT 'x'; END";
    session.run_sql(both).await.unwrap();
    session.prepare(&[Statement::new("call", "CALL both_sets()")]).await.unwrap();
    for _ in 0..3 {
        let mut seen = Vec::new();
        let mut visit = |row: &dyn Row| {
            seen.push(row.int(0)?);
            Ok(())
        };
        assert_eq!(session.query(0, &[], &mut visit).await.unwrap(), 2);
        assert_eq!(session.query_sql("CALL both_sets()", &mut visit).await.unwrap(), 2);
        assert_eq!(seen, [1, 2, 1, 2]);
    }
    let several = "SELECT 1; UPDATE t SET n = n; UPDATE t SET n = 5 WHERE id = 1";
    assert_eq!(session.run_sql(several).await.unwrap(), 1);
    let error = session.run_sql("UPDATE t SET n = 6; UPDATE nowhere SET n = 1").await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("1146"), "{error}");
    assert_eq!(text(session.as_mut(), "SELECT CAST(SUM(n) AS CHAR) FROM t").await, "12");
}

#[tokio::test]
async fn values_longer_than_a_packet_come_and_go() {
    let driver = shared().await;
    let name = "long";
    database(driver.as_ref(), name).await;
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    session.run_sql("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024").await.unwrap();
    session.run_sql("CREATE TABLE v (id INT PRIMARY KEY, t LONGTEXT)").await.unwrap();
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    let statements = [
        Statement::new("put", "INSERT INTO v VALUES (?, ?)"),
        Statement::new("get", "SELECT t, id FROM v WHERE id = ?"),
    ];
    session.prepare(&statements).await.unwrap();
    // The last but one makes a row of exactly the length at which packets go on.
    for (id, length) in [(1, 16), (2, 17 << 20), (3, 33 << 20), (4, 0xFF_FFFF - 10), (5, 300)] {
        let long: String = (0..length).map(|place| char::from(b'a' + (place % 23) as u8)).collect();
        session.execute(0, &[Value::Int(id), Value::Text(&long)]).await.unwrap();
        let mut visit = |row: &dyn Row| {
            assert!(row.text(0)? == long && row.int(1)? == id, "{length}");
            Ok(())
        };
        assert_eq!(session.query(1, &[Value::Int(id)], &mut visit).await.unwrap(), 1);
        let sql = format!("SELECT t, id FROM v WHERE id = {id}");
        assert_eq!(session.query_sql(&sql, &mut visit).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn parameters_change_their_types_and_decimals_are_exact() {
    let driver = shared().await;
    let name = "typed";
    database(driver.as_ref(), name).await;
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    let statement = Statement::new("sum", "SELECT ? + 0, ? IS NULL");
    session.prepare(&[statement]).await.unwrap();
    let large = Decimal::new(123_456_789_012_345_678, 2);
    for (value, expected) in [
        (Value::Null, Value::Null),
        (Value::Int(-3), Value::Int(-3)),
        (Value::Null, Value::Null),
        (Value::Int(4), Value::Int(4)),
        (Value::Decimal(large), Value::Decimal(large)),
        (Value::Float(0.25), Value::Float(0.25)),
        (Value::Text("1.5"), Value::Float(1.5)),
    ] {
        let mut visit = |row: &dyn Row| {
            assert_eq!(row.value(0)?, expected);
            assert_eq!(row.int(1)?, i64::from(value == Value::Null));
            Ok(())
        };
        session.query(0, &[value, value], &mut visit).await.unwrap();
    }
    let error = session.query(0, &[Value::Int(1)], &mut |_| Ok(())).await.unwrap_err();
    assert!(error.message.contains("`sum` takes 2 parameters and was given 1"), "{error}");
    // The session is none the worse for it.
    session.query(0, &[Value::Int(1), Value::Int(1)], &mut |_| Ok(())).await.unwrap();
}

#[tokio::test]
async fn no_file_is_sent_that_was_not_offered() {
    let driver = shared().await;
    let name = "no_file";
    database(driver.as_ref(), name).await;
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    let error =
        session.run_sql("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t").await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Disconnected);
    assert!(error.message.contains("a file"), "{error}");
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    assert_eq!(text(session.as_mut(), "SELECT COUNT(*) FROM t").await, "2");
}
