//! Values, transactions, isolation, errors, durability.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use dbdyno_core::{
    Access, DbError, Decimal, Durability, ErrorClass, Isolation, LevelSupport, SessionOptions,
    Statement, Timestamp, Value,
};

use super::support::{driver_for, int, prepare, server, session, text, through};

#[tokio::test]
async fn values_go_in_and_come_out() {
    let driver = server("").await;
    let mut session = session(driver.as_ref(), None).await;
    let moment = Timestamp(1_234_567_890_123_456);
    for (ty, value, seen) in [
        ("smallint", Value::Int(-5), "Int(-5)"),
        ("integer", Value::Int(70_000), "Int(70000)"),
        ("bigint", Value::Int(i64::MIN), "Int(-9223372036854775808)"),
        ("numeric", Value::Int(12), "Decimal(Decimal { unscaled: 12, scale: 0 })"),
        (
            "numeric(12,2)",
            Value::Decimal(Decimal::new(-1250, 2)),
            "Decimal(Decimal { unscaled: -1250, scale: 2 })",
        ),
        (
            "numeric(8,4)",
            Value::Decimal(Decimal::new(5, 2)),
            "Decimal(Decimal { unscaled: 500, scale: 4 })",
        ),
        (
            "numeric",
            Value::Decimal(Decimal::new(i64::MAX, 18)),
            "Decimal(Decimal { unscaled: 9223372036854775807, scale: 18 })",
        ),
        ("float8", Value::Float(0.1), "Float(0.1)"),
        ("real", Value::Float(0.5), "Float(0.5)"),
        ("boolean", Value::Int(1), "Int(1)"),
        ("text", Value::Text("žluťoučký"), "Text(\"žluťoučký\")"),
        ("varchar(5)", Value::Text(""), "Text(\"\")"),
        ("char(3)", Value::Text("a"), "Text(\"a  \")"),
        ("bytea", Value::Bytes(&[0, 255]), "Bytes([0, 255])"),
        ("timestamp", Value::Timestamp(moment), "Timestamp(1234567890123456)"),
        ("timestamptz", Value::Timestamp(moment), "Timestamp(1234567890123456)"),
        ("integer", Value::Null, "Null"),
        ("text", Value::Null, "Null"),
    ] {
        prepare(session.as_mut(), &[&format!("SELECT CAST(? AS {ty})")]).await;
        assert_eq!(through(session.as_mut(), value).await.unwrap(), seen, "{ty}");
    }
    assert_eq!(
        text(session.as_mut(), "SELECT TIMESTAMP '2009-02-13 23:31:30.123456'::text").await,
        moment.to_string()
    );
    assert_eq!(
        int(session.as_mut(), "SELECT sum(n) FROM (VALUES (1::bigint), (41)) AS t (n)").await,
        42
    );
    assert_eq!(int(session.as_mut(), "SELECT (DATE '2000-01-02' - DATE '2000-01-01')").await, 1);

    session
        .run_sql(
            "CREATE DOMAIN small AS smallint; CREATE DOMAIN smaller AS small; \
                  CREATE TYPE colour AS ENUM ('red', 'blue')",
        )
        .await
        .unwrap();
    for (ty, value, seen) in
        [("smaller", Value::Int(7), "Int(7)"), ("colour", Value::Text("blue"), "Text(\"blue\")")]
    {
        prepare(session.as_mut(), &[&format!("SELECT CAST(? AS {ty})")]).await;
        assert_eq!(through(session.as_mut(), value).await.unwrap(), seen, "{ty}");
    }

    // A value that does not fit its place is the statement's error, and the session goes on.
    prepare(session.as_mut(), &["SELECT CAST(? AS integer)"]).await;
    let error = through(session.as_mut(), Value::Int(1 << 40)).await.unwrap_err();
    assert!(error.class == ErrorClass::Other && error.message.contains("1099511627776"), "{error}");
    assert_eq!(through(session.as_mut(), Value::Int(1)).await.unwrap(), "Int(1)");
}

#[tokio::test]
async fn rows_are_counted_and_all_read() {
    let driver = server("").await;
    let mut session = session(driver.as_ref(), None).await;
    session.run_sql("CREATE TABLE t (a integer PRIMARY KEY, b text)").await.unwrap();
    prepare(
        session.as_mut(),
        &[
            "INSERT INTO t SELECT n, 'x' FROM generate_series(1, CAST(? AS integer)) AS n",
            "UPDATE t SET b = ? WHERE a <= ?",
            "SELECT a, b FROM t WHERE b = ? ORDER BY a {for_update}",
        ],
    )
    .await;
    assert_eq!(session.execute(0, &[Value::Int(10)]).await.unwrap(), 10);
    assert_eq!(session.execute(1, &[Value::Text("y?"), Value::Int(4)]).await.unwrap(), 4);
    let mut seen = Vec::new();
    let visit = &mut |row: &dyn dbdyno_core::Row| {
        seen.push(row.int(0)?);
        if seen.len() == 2 { Err(DbError::unexpected("enough")) } else { Ok(()) }
    };
    let error = session.query(2, &[Value::Text("y?")], visit).await.unwrap_err();
    assert_eq!((error.message.as_str(), seen), ("enough", vec![1, 2]));
    // Nothing of the answer is left over for the next statement.
    let rows = session.query(2, &[Value::Text("x")], &mut |_| Ok(())).await.unwrap();
    assert_eq!(rows, 6);
    assert!(session.execute(3, &[]).await.is_err());
    assert!(session.execute(1, &[]).await.unwrap_err().message.contains("parameters"));
    let bad = [Statement::new("broken", "SELECT * FROM nowhere")];
    let error = session.prepare(&bad).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("42P01"));
    assert!(error.message.contains("broken") && error.message.contains("nowhere"), "{error}");
}

#[tokio::test]
async fn isolation_levels_are_really_set() {
    let driver = server("").await;
    for (level, shown) in [
        (Some(Isolation::ReadUncommitted), "read uncommitted"),
        (Some(Isolation::ReadCommitted), "read committed"),
        (Some(Isolation::RepeatableRead), "repeatable read"),
        (Some(Isolation::Snapshot), "repeatable read"),
        (Some(Isolation::Serializable), "serializable"),
        (None, "read committed"),
    ] {
        let mut session = session(driver.as_ref(), level).await;
        session.begin(Access::Read).await.unwrap();
        assert_eq!(text(session.as_mut(), "SHOW transaction_isolation").await, shown);
        session.commit().await.unwrap();
    }
    assert_eq!(driver.default_isolation(), Isolation::ReadCommitted);
    let native = Isolation::ALL.into_iter().filter(|level| driver.isolation(*level).is_native());
    assert_eq!(native.count(), 3);
    assert!(matches!(
        driver.isolation(Isolation::Snapshot),
        LevelSupport::SameAs { level: Isolation::RepeatableRead, .. }
    ));
}

const TWO_ROWS: &str = "CREATE TABLE IF NOT EXISTS acct (id integer PRIMARY KEY, n integer); \
                        INSERT INTO acct VALUES (1, 0), (2, 0) ON CONFLICT DO NOTHING";
const ADD: &str = "UPDATE acct SET n = n + 1 WHERE id = ?";

#[tokio::test]
async fn a_deadlock_is_told_apart() {
    let driver = server("?set.deadlock_timeout=50ms").await;
    let mut one = session(driver.as_ref(), None).await;
    let mut two = session(driver.as_ref(), None).await;
    one.run_sql(TWO_ROWS).await.unwrap();
    for (session, row) in [(&mut one, 1), (&mut two, 2)] {
        prepare(session.as_mut(), &[ADD]).await;
        session.begin(Access::Write).await.unwrap();
        session.execute(0, &[Value::Int(row)]).await.unwrap();
    }
    let (first, second) = ([Value::Int(2)], [Value::Int(1)]);
    let (a, b) = tokio::join!(one.execute(0, &first), two.execute(0, &second));
    let (error, mut victim, mut winner) = match (a, b) {
        (Err(error), Ok(1)) => (error, one, two),
        (Ok(1), Err(error)) => (error, two, one),
        other => panic!("not one victim: {other:?}"),
    };
    assert_eq!(error.class, ErrorClass::Deadlock);
    assert_eq!(error.code.as_deref(), Some("40P01"));
    winner.commit().await.unwrap();
    // The server would answer COMMIT with ROLLBACK.
    let error = victim.commit().await.unwrap_err();
    assert_eq!((error.class, error.outcome_unknown), (ErrorClass::Deadlock, false));
    victim.rollback().await.unwrap();
    assert_eq!(int(victim.as_mut(), "SELECT sum(n) FROM acct").await, 2);
}

#[tokio::test]
async fn serialization_failures_are_told_apart() {
    let driver = server("").await;
    let mut one = session(driver.as_ref(), Some(Isolation::RepeatableRead)).await;
    let mut two = session(driver.as_ref(), Some(Isolation::RepeatableRead)).await;
    one.run_sql(TWO_ROWS).await.unwrap();
    for session in [&mut one, &mut two] {
        prepare(session.as_mut(), &[ADD]).await;
        session.begin(Access::Write).await.unwrap();
        assert_eq!(int(session.as_mut(), "SELECT n FROM acct WHERE id = 1").await, 0);
    }
    one.execute(0, &[Value::Int(1)]).await.unwrap();
    one.commit().await.unwrap();
    let error = two.execute(0, &[Value::Int(1)]).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Serialization, Some("40001")));
    two.rollback().await.unwrap();
    two.rollback().await.unwrap();
    two.begin(Access::Write).await.unwrap();
    assert_eq!(two.execute(0, &[Value::Int(1)]).await.unwrap(), 1);
    two.commit().await.unwrap();

    // Write skew: only serializable sees it, and only the second commit fails.
    let mut sessions = Vec::new();
    for row in [1, 2] {
        let mut session = session(driver.as_ref(), Some(Isolation::Serializable)).await;
        prepare(session.as_mut(), &[ADD]).await;
        session.begin(Access::Write).await.unwrap();
        int(session.as_mut(), "SELECT sum(n) FROM acct").await;
        sessions.push((session, row));
    }
    for (session, row) in &mut sessions {
        session.execute(0, &[Value::Int(*row)]).await.unwrap();
    }
    sessions[0].0.commit().await.unwrap();
    let error = sessions[1].0.commit().await.unwrap_err();
    assert_eq!((error.class, error.outcome_unknown), (ErrorClass::Serialization, false));
    assert_eq!(int(one.as_mut(), "SELECT sum(n) FROM acct").await, 3);
}

#[tokio::test]
async fn constraints_and_lock_time_outs_are_told_apart() {
    let driver = server("").await;
    let mut one = session(driver.as_ref(), None).await;
    let mut two = session(driver.as_ref(), None).await;
    one.run_sql(TWO_ROWS).await.unwrap();
    let error = one.run_sql("INSERT INTO acct VALUES (1, 0)").await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Constraint, Some("23505")));
    assert!(!error.outcome_unknown);

    prepare(one.as_mut(), &[ADD]).await;
    prepare(two.as_mut(), &[ADD]).await;
    two.run_sql("SET lock_timeout = '50ms'").await.unwrap();
    one.begin(Access::Write).await.unwrap();
    one.execute(0, &[Value::Int(1)]).await.unwrap();
    two.begin(Access::Write).await.unwrap();
    let error = two.execute(0, &[Value::Int(1)]).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::LockTimeout, Some("55P03")));
    let later = two.execute(0, &[Value::Int(2)]).await.unwrap_err();
    assert_eq!(later.code.as_deref(), Some("25P02"));
    // The first failure is the cause that a retry goes by.
    assert_eq!(two.commit().await.unwrap_err().class, ErrorClass::LockTimeout);
    one.rollback().await.unwrap();
    assert_eq!(int(one.as_mut(), "SELECT sum(n) FROM acct").await, 0);
}

#[tokio::test]
async fn a_statement_nobody_waited_for_is_not_committed() {
    let driver = server("").await;
    let mut session = session(driver.as_ref(), None).await;
    session.run_sql(TWO_ROWS).await.unwrap();
    let mut holder = self::session(driver.as_ref(), None).await;
    holder.run_sql("SELECT pg_advisory_lock(7)").await.unwrap();
    prepare(session.as_mut(), &[ADD, "SELECT 1 / length(CAST(pg_advisory_lock(7) AS text))"]).await;
    session.begin(Access::Write).await.unwrap();
    session.execute(0, &[Value::Int(1)]).await.unwrap();
    let divide = session.execute(1, &[]);
    // It waits for the lock, and nobody for it.
    let waiting = "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    tokio::select! {
        biased;
        answered = divide => panic!("the lock is held: {answered:?}"),
        () = async { while int(holder.as_mut(), waiting).await == 0 {} } => {}
    }
    holder.run_sql("SELECT pg_advisory_unlock(7)").await.unwrap();
    let error = session.commit().await.unwrap_err();
    assert!(error.is_disconnected() && error.message.contains("not waited for"), "{error}");
    // The session is good for nothing else.
    assert!(session.rollback().await.unwrap_err().is_disconnected());
    assert!(session.run_sql("SELECT 1").await.unwrap_err().is_disconnected());
    drop(session);
    let mut other = self::session(driver.as_ref(), None).await;
    assert_eq!(int(other.as_mut(), "SELECT sum(n) FROM acct").await, 0);
}

#[tokio::test]
async fn a_session_that_the_server_ends_is_disconnected() {
    let driver = server("").await;
    let mut one = session(driver.as_ref(), None).await;
    let mut two = session(driver.as_ref(), None).await;
    prepare(two.as_mut(), &["SELECT 1"]).await;
    let pid = int(two.as_mut(), "SELECT pg_backend_pid()").await;
    two.begin(Access::Write).await.unwrap();
    one.run_sql(&format!("SELECT pg_terminate_backend({pid})")).await.unwrap();
    let error = loop {
        // The signal may come after the next answer.
        match two.execute(0, &[]).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(error.class, ErrorClass::Disconnected, "{error}");
    assert!(error.message.contains("administrator command"), "{error}");
    // Within a transaction nothing was committed; a commit, now, nobody can tell.
    assert!(!error.outcome_unknown);
    assert!(two.commit().await.is_err());
    let error = two.execute(0, &[]).await.unwrap_err();
    assert!(error.is_disconnected() && error.outcome_unknown, "{error}");
}

#[tokio::test]
async fn durability_is_set_and_read_back() {
    let driver = server("").await;
    let held = driver.durability().await.unwrap();
    assert_eq!(held.level, Durability::Full, "{}", held.evidence);
    for level in [Durability::None, Durability::Process, Durability::Full] {
        driver.set_durability(level).await.unwrap();
        let held = driver.durability().await.unwrap();
        assert_eq!(held.level, level, "{}", held.evidence);
        assert!(held.evidence.contains("fsync=") && held.evidence.contains("data_filesystem="));
    }

    let stubborn = server("?set.fsync=off").await;
    assert_eq!(stubborn.durability().await.unwrap().level, Durability::Process);
    stubborn.set_durability(Durability::Process).await.unwrap();
    let error = stubborn.set_durability(Durability::Full).await.unwrap_err().to_string();
    assert!(error.contains("fsync=off") && error.contains("set."), "{error}");
}

#[tokio::test]
async fn a_server_of_somebody_else_is_reached_and_only_read() {
    let throwaway = server("?set.log_connections=on").await;
    let mut admin = session(throwaway.as_ref(), None).await;
    admin.run_sql("CREATE ROLE ann LOGIN PASSWORD 'right?@:/'").await.unwrap();
    admin.run_sql("CREATE DATABASE shop OWNER ann").await.unwrap();
    let port = text(admin.as_mut(), "SHOW port").await;
    let socket = text(admin.as_mut(), "SHOW unix_socket_directories").await;

    let target = format!("postgres://ann:right%3F%40%3A%2F@127.0.0.1:{port}/shop");
    let driver = driver_for(&target).await.unwrap();
    assert_eq!(driver.target(), format!("postgres://ann@127.0.0.1:{port}/shop"));
    assert!(driver.server_control().is_none());
    let error = driver.set_durability(Durability::None).await.unwrap_err();
    assert!(error.is_unsupported());
    assert_eq!(driver.durability().await.unwrap().level, Durability::Full);
    let info = driver.server_info().await.unwrap();
    assert!(info.version.starts_with(|c: char| c.is_ascii_digit()), "{}", info.version);
    assert!(!info.version.contains(' '));
    assert!(info.settings.len() > 20 && info.settings["max_connections"] == "50");

    let error = driver_for(&target.replace("right", "wrong")).await.err().unwrap().to_string();
    assert!(error.contains("password") && error.contains("28P01"), "{error}");
    assert!(!error.contains("wrong") && !error.contains("right"), "{error}");
    let error = driver_for(&target.replace("/shop", "/nowhere")).await.err().unwrap().to_string();
    assert!(error.contains("\"nowhere\" does not exist"), "{error}");

    // Through the socket, by either way to write it.
    for place in [
        format!("postgres:///shop?host={socket}&port={port}"),
        format!("postgres://{}:{port}/shop", socket.replace('/', "%2F")),
    ] {
        let target = place.replace("postgres://", "postgres://ann@");
        let driver = driver_for(&target).await.unwrap();
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        let user = "SELECT current_user || ' ' || coalesce(inet_client_addr()::text, 'socket')";
        assert_eq!(text(session.as_mut(), user).await, "ann socket", "{place}");
    }
}

#[tokio::test]
async fn a_password_file_is_used() {
    use std::os::unix::fs::PermissionsExt;
    let throwaway = server("").await;
    let mut admin = session(throwaway.as_ref(), None).await;
    admin.run_sql("CREATE ROLE ann LOGIN PASSWORD 'from:file'").await.unwrap();
    let port = text(admin.as_mut(), "SHOW port").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pass");
    std::fs::write(&file, format!("localhost:{port}:*:ann:from\\:file\n")).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let file = file.display();
    let at = |host: &str| format!("postgres://ann@{host}:{port}/postgres?passfile={file}");
    driver_for(&at("localhost")).await.unwrap();
    let error = driver_for(&at("127.0.0.1")).await.err().unwrap().to_string();
    assert!(error.contains("password"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_within_seconds() {
    let start = Instant::now();
    let error = driver_for("postgres://ann@127.0.0.1:1/x").await.err().unwrap().to_string();
    assert!(error.contains("refused") && error.contains("127.0.0.1:1"), "{error}");
    // One that takes the connection and never says a word.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    let target = format!("postgres://ann@127.0.0.1:{port}/x?connect_timeout=1");
    let error = driver_for(&target).await.err().unwrap().to_string();
    assert!(error.contains("no answer within 1 s"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn literals_are_what_parameters_are() {
    let driver = server("").await;
    let settings =
        ["SET standard_conforming_strings = on", "SET standard_conforming_strings = off"];
    crate::literals::are_what_parameters_are(driver.as_ref(), "bytea", &settings, &[]).await;
}
