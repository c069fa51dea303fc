//! The MySQL driver on a real MariaDB. Tests share a throwaway server and have a database each;
//! those that kill or configure a server start one of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use dbdyno_adapters::{ServerSettings, Target, open};
use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{
    Access, DbError, Decimal, Driver, Durability, ErrorClass, Isolation, LevelSupport,
    LoadProgress, Result, Row, RowSource, RowWriter, Session, SessionOptions, Statement, Stop,
    Timestamp, Value,
};
use tokio::sync::Mutex;

const READ: usize = 0;
const ADD: usize = 1;
const INSERT: usize = 2;

async fn start(target: &str) -> Result<Arc<dyn Driver>> {
    let settings = ServerSettings { settings: Vec::new(), sessions: 40 };
    open(&Target::parse(target)?, &settings).await
}

/// The server that tests share for as long as one of them runs.
async fn shared() -> Arc<dyn Driver> {
    static SERVER: Mutex<Option<Weak<dyn Driver>>> = Mutex::const_new(None);
    let mut server = SERVER.lock().await;
    if let Some(driver) = server.as_ref().and_then(Weak::upgrade) {
        return driver;
    }
    let driver = start("mariadb").await.unwrap();
    *server = Some(Arc::downgrade(&driver));
    driver
}

fn options(namespace: &str, isolation: Option<Isolation>) -> SessionOptions {
    SessionOptions { namespace: Some(namespace.to_owned()), isolation }
}

/// A new database with rows `(1, 10)` and `(2, 20)` in table `t`.
async fn database(driver: &dyn Driver, name: &str) {
    let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
    for sql in driver.dialect().ensure_namespace(name) {
        session.run_sql(&sql).await.unwrap();
    }
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    session.run_sql("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)").await.unwrap();
    assert_eq!(session.run_sql("INSERT INTO t VALUES (1, 10), (2, 20)").await.unwrap(), 2);
}

/// A session on `t` with statements prepared.
async fn session(driver: &dyn Driver, name: &str, level: Option<Isolation>) -> Box<dyn Session> {
    let mut session = driver.connect(&options(name, level)).await.unwrap();
    let statements = [
        Statement::new("read", "SELECT n FROM t WHERE id = ?"),
        Statement::new("add", "UPDATE t SET n = n + ? WHERE id = ?"),
        Statement::new("insert", "INSERT INTO t (id, n) VALUES (?, ?)"),
    ];
    session.prepare(&statements).await.unwrap();
    session
}

async fn read(session: &mut dyn Session, id: i64) -> i64 {
    let mut found = None;
    let mut visit = |row: &dyn Row| {
        found = Some(row.int(0)?);
        Ok(())
    };
    session.query(READ, &[Value::Int(id)], &mut visit).await.unwrap();
    found.unwrap()
}

async fn add(session: &mut dyn Session, id: i64) -> Result<u64, DbError> {
    session.execute(ADD, &[Value::Int(1), Value::Int(id)]).await
}

async fn text(session: &mut dyn Session, sql: &str) -> String {
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

#[tokio::test]
async fn values_round_trip_in_both_protocols() {
    let driver = shared().await;
    assert_eq!((driver.engine(), driver.name()), ("mariadb", "mysql_async"));
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

/// Rows `(1..=rows, text, cents, at)`; every third text is NULL.
struct Rows {
    next: i64,
    last: i64,
}

const ODD: &str = "tab\t newline\n back\\slash 'quote' \"double\" \\N ü \r\0;";

impl RowSource for Rows {
    fn next_row(&mut self, row: &mut dyn RowWriter) -> bool {
        if self.next > self.last {
            return false;
        }
        row.int(self.next);
        if self.next % 3 == 0 {
            row.null();
        } else {
            row.text(ODD);
        }
        row.decimal(Decimal::cents(-self.next));
        row.timestamp(Timestamp(self.next * 1_000_001));
        self.next += 1;
        true
    }
}

fn rows(first: i64, last: i64) -> Box<dyn RowSource> {
    Box::new(Rows { next: first, last })
}

fn loaded_table(numbered: bool) -> Table {
    let id = Column::new("id", ColumnType::BigInt);
    Table::new(
        "loaded",
        vec![
            if numbered { id.auto_increment() } else { id },
            Column::new("name", ColumnType::Varchar(60)).nullable(),
            Column::new("amount", ColumnType::Decimal(12, 2)),
            Column::new("at", ColumnType::Timestamp),
        ],
    )
    .primary_key(&["id"])
    .index("loaded_name", &["name"])
}

async fn load(
    driver: &dyn Driver,
    name: &str,
    table: &Table,
    sources: Vec<Box<dyn RowSource>>,
) -> Result<u64, DbError> {
    let (progress, stop) = (LoadProgress::default(), Stop::default());
    let loaded = driver.bulk_load().unwrap().load(name, table, sources, &progress, &stop).await?;
    assert_eq!(progress.rows(), loaded);
    Ok(loaded)
}

async fn loads_every_row(driver: &dyn Driver, name: &str, numbered: bool) {
    database(driver, name).await;
    let table = loaded_table(numbered);
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    session.run_sql(&driver.dialect().create_table(&table)).await.unwrap();
    let sources = vec![rows(1, 10_000), rows(10_001, 12_345), rows(1, 0)];
    assert_eq!(load(driver, name, &table, sources).await.unwrap(), 12_345);
    let dialect = driver.dialect();
    for sql in dialect.create_indexes(&table).into_iter().chain(dialect.after_load(&table)) {
        session.run_sql(&sql).await.unwrap();
    }
    assert_eq!(text(session.as_mut(), "SELECT COUNT(*) FROM loaded").await, "12345");
    let nulls = "SELECT COUNT(*) FROM loaded WHERE name IS NULL";
    assert_eq!(text(session.as_mut(), nulls).await, "4115");
    let mut seen = Vec::new();
    let mut visit = |row: &dyn Row| {
        assert_eq!(row.text(1)?, ODD);
        assert_eq!(row.decimal(2, 2)?, -row.int(0)?);
        assert_eq!(row.value(3)?, Value::Timestamp(Timestamp(row.int(0)? * 1_000_001)));
        seen.push(row.int(0)?);
        Ok(())
    };
    let some = "SELECT * FROM loaded WHERE id IN (1, 4000, 12344) ORDER BY id";
    session.query_sql(some, &mut visit).await.unwrap();
    assert_eq!(seen, [1, 4000, 12344]);
    let mut tables = Vec::new();
    let mut visit = |row: &dyn Row| {
        tables.push(row.text(0)?.to_owned());
        Ok(())
    };
    session.query_sql(dialect.list_tables(), &mut visit).await.unwrap();
    assert_eq!(tables, ["loaded", "t"]);
}

#[tokio::test]
async fn rows_are_loaded_from_memory_as_a_file() {
    let driver = shared().await;
    loads_every_row(driver.as_ref(), "file", false).await;
    loads_every_row(driver.as_ref(), "file_numbered", true).await;
}

#[tokio::test]
async fn a_file_that_does_not_fit_is_an_error() {
    let driver = shared().await;
    let name = "misfit";
    database(driver.as_ref(), name).await;
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    let table = loaded_table(false);
    // There is no table yet, and the rows would fill more than what waits for the server.
    let error = load(driver.as_ref(), name, &table, vec![rows(1, 100_000)]).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("1146"), "{error}");
    session.run_sql(&driver.dialect().create_table(&table)).await.unwrap();
    // LOCAL would skip the row whose key is there.
    session.run_sql("INSERT INTO loaded VALUES (7, NULL, 0, '2024-01-01')").await.unwrap();
    let error = load(driver.as_ref(), name, &table, vec![rows(1, 100)]).await.unwrap_err();
    assert!(error.message.contains("took 99 of 100 rows"), "{error}");
    assert_eq!(text(session.as_mut(), "SELECT COUNT(*) FROM loaded").await, "1");
}

#[tokio::test]
async fn a_stopped_load_ends_early_and_leaves_nothing() {
    let driver = shared().await;
    let name = "stopped";
    database(driver.as_ref(), name).await;
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    let table = loaded_table(false);
    session.run_sql(&driver.dialect().create_table(&table)).await.unwrap();
    let (progress, stop) = (LoadProgress::default(), Stop::default());
    let bulk = driver.bulk_load().unwrap();
    let loading = bulk.load(name, &table, vec![rows(1, 9_000_000_000)], &progress, &stop);
    let stopping = async {
        while progress.rows() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.request();
    };
    let (loaded, ()) = tokio::join!(loading, stopping);
    let error = loaded.unwrap_err();
    assert!(error.message.contains("stopped"), "{error}");
    assert_eq!(text(session.as_mut(), "SELECT COUNT(*) FROM loaded").await, "0");
}

#[tokio::test]
async fn limits_of_the_server_are_met_with_clear_errors() {
    let driver =
        start("mariadb?set.local_infile=0&set.max_connections=10&set.max_prepared_stmt_count=8")
            .await
            .unwrap();
    // Inserts of many rows, where files are not allowed.
    database(driver.as_ref(), "limits").await;
    loads_every_row(driver.as_ref(), "inserts", false).await;

    let mut sessions = Vec::new();
    sessions.push(session(driver.as_ref(), "limits", None).await);
    sessions.push(session(driver.as_ref(), "limits", None).await);
    let mut third = driver.connect(&options("limits", None)).await.unwrap();
    let statement = |name| Statement::new(name, "SELECT n FROM t WHERE id = ?");
    let three = [statement("a"), statement("b"), statement("c")];
    let error = third.prepare(&three).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Other, Some("1461")));
    for part in ["`c`", "current value: 8", "--clients"] {
        assert!(error.message.contains(part), "{error}");
    }
    sessions.push(third);
    let error = loop {
        match driver.connect(&SessionOptions::default()).await {
            Ok(session) => sessions.push(session),
            Err(error) => break error,
        }
        assert!(sessions.len() < 20);
    };
    assert_eq!(error.code.as_deref(), Some("1040"), "{error}");
    assert!(error.message.contains("max_connections is 10"), "{error}");
}

#[tokio::test]
async fn durability_is_set_read_back_and_kept_over_a_restart() {
    let driver = start("mariadb").await.unwrap();
    assert_eq!(driver.durability().await.unwrap().level, Durability::Full);
    for (level, value) in [(Durability::None, 0), (Durability::Process, 2), (Durability::Full, 1)] {
        driver.set_durability(level).await.unwrap();
        let held = driver.durability().await.unwrap();
        assert_eq!(held.level, level);
        let evidence = format!("innodb_flush_log_at_trx_commit={value}");
        assert!(held.evidence.contains(&evidence), "{}", held.evidence);
    }
    driver.set_durability(Durability::Process).await.unwrap();
    let control = driver.server_control().unwrap();
    control.kill().unwrap();
    assert!(control.ensure_running().unwrap());
    assert_eq!(driver.durability().await.unwrap().level, Durability::Process);
}

#[tokio::test]
async fn a_killed_server_keeps_what_was_committed() {
    let driver = start("mariadb").await.unwrap();
    database(driver.as_ref(), "kept").await;
    let mut lost = session(driver.as_ref(), "kept", None).await;
    add(lost.as_mut(), 1).await.unwrap();
    lost.begin(Access::Write).await.unwrap();
    add(lost.as_mut(), 2).await.unwrap();
    let control = driver.server_control().unwrap();
    assert!(!control.ensure_running().unwrap());
    control.kill().unwrap();
    let error = lost.commit().await.unwrap_err();
    assert!(error.is_disconnected() && error.outcome_unknown, "{error}");
    let asked = Instant::now();
    let error = driver.connect(&SessionOptions::default()).await.err().unwrap();
    assert_eq!(error.class, ErrorClass::Disconnected, "{error}");
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert!(control.ensure_running().unwrap());
    let mut session = session(driver.as_ref(), "kept", None).await;
    assert_eq!(read(session.as_mut(), 1).await, 11);
    assert_eq!(read(session.as_mut(), 2).await, 20);
}

#[tokio::test]
async fn a_paused_server_goes_on() {
    let driver = start("mariadb").await.unwrap();
    let control = driver.server_control().unwrap();
    let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
    control.pause().unwrap();
    let asked = tokio::time::timeout(Duration::from_millis(200), session.run_sql("DO 1")).await;
    assert!(asked.is_err(), "a paused server answered");
    control.resume().unwrap();
    // The question that was cut off leaves its session unusable; another one works.
    let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
    assert_eq!(text(session.as_mut(), "SELECT 1").await, "1");
}

#[tokio::test]
async fn an_unknown_setting_is_reported_in_the_servers_words() {
    let began = Instant::now();
    let error = start("mariadb?set.inodb_buffer_pool_size=1G").await.err().unwrap().to_string();
    assert!(error.contains("unknown variable 'inodb_buffer_pool_size=1G'"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(60));
}

/// A server as somebody else runs it: reached by a URL, through its socket or by TCP.
async fn as_a_url(server: &dyn Driver, sql: &[&str]) -> (String, String) {
    let mut session = server.connect(&SessionOptions::default()).await.unwrap();
    for sql in sql {
        session.run_sql(sql).await.unwrap();
    }
    let socket = text(session.as_mut(), "SELECT @@socket").await.replace('/', "%2F");
    (socket, text(session.as_mut(), "SELECT @@port").await)
}

#[tokio::test]
async fn a_url_reaches_a_server_that_is_not_ours() {
    let server = shared().await;
    database(server.as_ref(), "by_url").await;
    let (socket, port) = as_a_url(
        server.as_ref(),
        &[
            "CREATE OR REPLACE USER ann@'127.0.0.1' IDENTIFIED BY 's3cr@t/:'",
            "CREATE OR REPLACE USER ann@localhost IDENTIFIED BY 's3cr@t/:'",
            "GRANT ALL ON by_url.* TO ann@'127.0.0.1'",
            "GRANT ALL ON by_url.* TO ann@localhost",
        ],
    )
    .await;
    for target in [
        format!("mariadb://ann:s3cr%40t%2F%3A@127.0.0.1:{port}/by_url"),
        // Asked for by the other name, it says what it found.
        format!("mysql://ann:s3cr%40t%2F%3A@localhost/by_url?socket={socket}"),
    ] {
        let driver = start(&target).await.unwrap();
        assert_eq!(driver.engine(), "mariadb");
        assert!(!driver.target().contains("s3cr"), "{}", driver.target());
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        assert_eq!(text(session.as_mut(), "SELECT n FROM t WHERE id = 2").await, "20");
        let refused = driver.set_durability(Durability::Full).await.unwrap_err();
        assert!(refused.is_unsupported(), "{refused}");
        assert_eq!(driver.durability().await.unwrap().level, Durability::Full);
        assert!(driver.server_control().is_none());
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_refused_within_seconds() {
    let server = shared().await;
    let (_, port) = as_a_url(
        server.as_ref(),
        &["CREATE OR REPLACE USER bob@'127.0.0.1' IDENTIFIED BY 'right'"],
    )
    .await;
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    // A port where somebody listens and says nothing, and one where nobody does.
    let silent = free.local_addr().unwrap().port();
    for (target, expected) in [
        (format!("mariadb://bob:wr0ng@127.0.0.1:{port}/"), "Access denied"),
        (format!("mariadb://bob:right@127.0.0.1:{port}/nowhere"), "(other, code 1044)"),
        ("mariadb://bob@127.0.0.1:1/".to_owned(), "refused"),
        (format!("mariadb://bob@127.0.0.1:{silent}/?connect_timeout=1"), "within 1 s"),
        ("mariadb://bob@localhost/?socket=%2Fno%2Fsuch.sock".to_owned(), "No such file"),
        (format!("mariadb://bob:right@127.0.0.1:{port}/?ssl-mode=required"), "has no TLS"),
    ] {
        let began = Instant::now();
        let error = start(&target).await.err().unwrap().to_string();
        assert!(began.elapsed() < Duration::from_secs(5), "{target}");
        assert!(error.contains(expected) && error.contains("next:"), "{target}: {error}");
        assert!(!error.contains("wr0ng") && !error.contains("right@"), "{error}");
    }
}
