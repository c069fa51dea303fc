//! Sessions: values, transactions, isolation, errors.

use dbdyno_core::{
    Access, DbError, Decimal, ErrorClass, Isolation, LevelSupport, Row, SessionOptions, Statement,
    Timestamp, Value,
};

use super::support::{ADD, INSERT, add, database, options, read, session, shared, text};

#[tokio::test]
async fn values_round_trip_in_both_protocols() {
    let driver = shared().await;
    assert_eq!((driver.engine(), driver.name()), ("mariadb", "mysql_common"));
    database(driver.as_ref(), "round_trip").await;
    let mut session = driver.connect(&options("round_trip", None)).await.unwrap();
    session
        .run_sql(
            "CREATE TABLE v (s SMALLINT, i BIGINT, u INT UNSIGNED, f DOUBLE, d DECIMAL(12,2), \
             t VARCHAR(9) COLLATE utf8mb4_bin, b VARBINARY(9), at DATETIME(6))",
        )
        .await
        .unwrap();
    let statements = [
        Statement::new("put", "INSERT INTO v VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
        Statement::new("get", "SELECT * FROM v"),
        Statement::new("sum", "SELECT SUM(d), SUM(s), COUNT(*), AVG(f), NOW() FROM v"),
    ];
    session.prepare(&statements).await.unwrap();
    let at = Timestamp::from_parts((2024, 2, 29), (23, 59, 58), 123_456).unwrap();
    let values = [
        Value::Int(-7),
        Value::Int(i64::MIN),
        Value::Int(4_000_000_000),
        Value::Float(0.5),
        Value::Decimal(Decimal::cents(-1_234_567)),
        Value::Text("a\0ü'\"\\"),
        Value::Bytes(&[0, 255]),
        Value::Timestamp(at),
    ];
    assert_eq!(session.execute(0, &values).await.unwrap(), 1);
    let mut rows = 0;
    let mut visit = |row: &dyn Row| {
        rows += 1;
        for (column, value) in values.iter().enumerate() {
            assert_eq!(row.value(column)?, *value, "column {column}");
        }
        assert!(row.value(8).is_err());
        Ok(())
    };
    assert_eq!(session.query(1, &[], &mut visit).await.unwrap(), 1);
    assert_eq!(session.query_sql("SELECT * FROM v", &mut visit).await.unwrap(), 1);
    assert_eq!(rows, 2);
    let mut visit = |row: &dyn Row| {
        assert_eq!(row.decimal(0, 2)?, -1_234_567);
        assert_eq!(row.int(1)?, -7);
        assert_eq!(row.int(2)?, 1);
        assert!(matches!(row.value(4)?, Value::Timestamp(now) if now > at));
        Ok(())
    };
    session.query(2, &[], &mut visit).await.unwrap();
    assert_eq!(session.execute(0, &[Value::Null; 8]).await.unwrap(), 1);
    let error = session.execute(0, &[Value::Null]).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Other, "{error}");
}

#[tokio::test]
async fn rows_matched_are_counted_and_every_row_is_read() {
    let driver = shared().await;
    database(driver.as_ref(), "matched").await;
    let mut session = session(driver.as_ref(), "matched", None).await;
    let unchanged = session.execute(ADD, &[Value::Int(0), Value::Int(1)]).await.unwrap();
    assert_eq!(unchanged, 1);
    let mut seen = 0;
    let mut visit = |_: &dyn Row| {
        seen += 1;
        Err(DbError::unexpected(format!("row {seen}")))
    };
    let error = session.query_sql("SELECT n FROM t", &mut visit).await.unwrap_err();
    assert_eq!(error.message, "row 1");
    assert_eq!(read(session.as_mut(), 2).await, 20);
    let error =
        session.prepare(&[Statement::new("pay", "UPDATE nowhere SET a = 1")]).await.unwrap_err();
    assert!(error.message.contains("`pay`") && error.message.contains("nowhere"), "{error}");
}

#[tokio::test]
async fn transactions_commit_and_roll_back() {
    let driver = shared().await;
    database(driver.as_ref(), "transactions").await;
    let mut session = session(driver.as_ref(), "transactions", None).await;
    session.rollback().await.unwrap();
    for (commit, expected) in [(false, "10"), (true, "11")] {
        session.begin(Access::Write).await.unwrap();
        add(session.as_mut(), 1).await.unwrap();
        if commit {
            session.commit().await.unwrap();
        } else {
            session.rollback().await.unwrap();
        }
        let mut other = driver.connect(&options("transactions", None)).await.unwrap();
        assert_eq!(text(other.as_mut(), "SELECT n FROM t WHERE id = 1").await, expected);
    }
}

#[tokio::test]
async fn isolation_levels_show_their_own_anomalies() {
    use Isolation::{ReadCommitted, ReadUncommitted, RepeatableRead, Snapshot};
    let driver = shared().await;
    database(driver.as_ref(), "isolation").await;
    let mut writer = session(driver.as_ref(), "isolation", None).await;
    // What a reader that has read 10 sees of a write: uncommitted, then committed.
    for (level, dirty, committed) in
        [(ReadUncommitted, 11, 11), (ReadCommitted, 10, 11), (RepeatableRead, 10, 10)]
    {
        writer.run_sql("UPDATE t SET n = 10 WHERE id = 1").await.unwrap();
        let mut reader = session(driver.as_ref(), "isolation", Some(level)).await;
        reader.begin(Access::Read).await.unwrap();
        assert_eq!(read(reader.as_mut(), 1).await, 10);
        writer.begin(Access::Write).await.unwrap();
        add(writer.as_mut(), 1).await.unwrap();
        assert_eq!(read(reader.as_mut(), 1).await, dirty, "{level}");
        writer.commit().await.unwrap();
        assert_eq!(read(reader.as_mut(), 1).await, committed, "{level}");
        reader.rollback().await.unwrap();
    }
    // Who writes on a stale snapshot goes on, or is refused.
    for level in [RepeatableRead, Snapshot] {
        if !driver.isolation(level).is_native() {
            continue;
        }
        let mut late = session(driver.as_ref(), "isolation", Some(level)).await;
        late.begin(Access::Write).await.unwrap();
        read(late.as_mut(), 1).await;
        add(writer.as_mut(), 1).await.unwrap();
        let result = add(late.as_mut(), 1).await;
        if level == Snapshot {
            let error = result.unwrap_err();
            assert_eq!(error.class, ErrorClass::Serialization);
            assert_eq!(error.code.as_deref(), Some("1020"));
        } else {
            assert_eq!(result.unwrap(), 1);
        }
        late.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn every_level_is_native_or_says_why_not() {
    let driver = shared().await;
    for level in Isolation::ALL {
        let opened = driver.connect(&options("dbdyno", Some(level))).await;
        match driver.isolation(level) {
            LevelSupport::Native { maps_to } => {
                let mut session = opened.unwrap();
                let set = text(session.as_mut(), "SELECT @@tx_isolation").await.replace('-', " ");
                assert!(maps_to.starts_with(&set), "{maps_to}: {set}");
            }
            LevelSupport::Lacks { why } => {
                assert_eq!(level, Isolation::Snapshot);
                assert!(opened.is_err() && why.contains("innodb_snapshot_isolation"), "{why}");
            }
            LevelSupport::SameAs { .. } => panic!("{level} is not the same as another"),
        }
    }
    let info = driver.server_info().await.unwrap();
    assert!(info.version.ends_with("-MariaDB"), "{}", info.version);
    let has_snapshot = info.settings.contains_key("innodb_snapshot_isolation");
    assert_eq!(driver.isolation(Isolation::Snapshot).is_native(), has_snapshot);
    for (name, value) in [("innodb_flush_log_at_trx_commit", "1"), ("innodb_doublewrite", "ON")] {
        assert_eq!(info.settings.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(info.settings.contains_key("data_filesystem"));
}

#[tokio::test]
async fn constraints_and_lock_timeouts_have_their_class() {
    let driver = shared().await;
    database(driver.as_ref(), "classes").await;
    let mut first = session(driver.as_ref(), "classes", None).await;
    let mut second = session(driver.as_ref(), "classes", None).await;
    for (id, n, code) in
        [(Value::Int(1), Value::Int(1), "1062"), (Value::Int(9), Value::Null, "1048")]
    {
        let error = first.execute(INSERT, &[id, n]).await.unwrap_err();
        assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Constraint, Some(code)));
    }
    first.run_sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0)").await.unwrap();
    let error = first.execute(INSERT, &[Value::Int(9), Value::Int(-1)]).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Constraint, Some("4025")));

    second.run_sql("SET SESSION innodb_lock_wait_timeout = 1").await.unwrap();
    first.begin(Access::Write).await.unwrap();
    add(first.as_mut(), 1).await.unwrap();
    second.begin(Access::Write).await.unwrap();
    let error = add(second.as_mut(), 1).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::LockTimeout, Some("1205")));
    second.rollback().await.unwrap();
    first.rollback().await.unwrap();
    assert_eq!(read(second.as_mut(), 1).await, 10);
}

#[tokio::test]
async fn a_deadlock_ends_one_of_two() {
    let driver = shared().await;
    database(driver.as_ref(), "deadlock").await;
    let mut first = session(driver.as_ref(), "deadlock", None).await;
    let mut second = session(driver.as_ref(), "deadlock", None).await;
    first.begin(Access::Write).await.unwrap();
    second.begin(Access::Write).await.unwrap();
    add(first.as_mut(), 1).await.unwrap();
    add(second.as_mut(), 2).await.unwrap();
    let (one, two) = tokio::join!(add(first.as_mut(), 2), add(second.as_mut(), 1));
    let errors: Vec<DbError> = [one, two].into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!((errors[0].class, errors[0].code.as_deref()), (ErrorClass::Deadlock, Some("1213")));
    first.rollback().await.unwrap();
    second.rollback().await.unwrap();
}

#[tokio::test]
async fn a_killed_connection_is_lost_and_leaves_a_commit_open() {
    let driver = shared().await;
    database(driver.as_ref(), "killed").await;
    let mut killer = driver.connect(&SessionOptions::default()).await.unwrap();
    for kind in ["statement alone", "in a transaction", "commit"] {
        let mut session = session(driver.as_ref(), "killed", None).await;
        if kind != "statement alone" {
            session.begin(Access::Write).await.unwrap();
            add(session.as_mut(), 1).await.unwrap();
        }
        let id = text(session.as_mut(), "SELECT CONNECTION_ID()").await;
        killer.run_sql(&format!("KILL CONNECTION {id}")).await.unwrap();
        let error = match kind {
            "commit" => session.commit().await.unwrap_err(),
            _ => add(session.as_mut(), 1).await.unwrap_err(),
        };
        assert_eq!(error.class, ErrorClass::Disconnected, "{kind}: {error}");
        assert_eq!(error.outcome_unknown, kind != "in a transaction", "{kind}");
    }
}

#[tokio::test]
async fn literals_are_what_parameters_are() {
    let driver = shared().await;
    let settings = [
        "SET sql_mode = ''",
        "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,STRICT_ALL_TABLES'",
    ];
    crate::literals::are_what_parameters_are(
        driver.as_ref(),
        "varbinary(99)",
        &settings,
        &["\0", "\0\\'"],
    )
    .await;
}
