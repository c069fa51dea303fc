//! The SQLite driver on real files.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "shared/literals.rs"]
mod literals;

use std::path::Path;
use std::sync::Arc;

use dbdyno_adapters::{ServerSettings, Target, open};
use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{
    Access, Decimal, Driver, Durability, ErrorClass, Isolation, LevelSupport, LoadProgress,
    RowSource, RowWriter, Session, SessionOptions, Statement, Stop, Timestamp, Value,
};

async fn driver(target: &str) -> Arc<dyn Driver> {
    open(&Target::parse(target).unwrap(), &ServerSettings::default()).await.unwrap()
}

async fn refusal(target: &str) -> String {
    match open(&Target::parse(target).unwrap(), &ServerSettings::default()).await {
        Ok(_) => panic!("{target} was opened"),
        Err(error) => error.to_string(),
    }
}

async fn session(driver: &dyn Driver) -> Box<dyn Session> {
    driver.connect(&SessionOptions::default()).await.unwrap()
}

/// A session with two rows `(1, 10)` and `(2, 20)` in table `t`, and statements on it.
async fn with_table(driver: &dyn Driver) -> Box<dyn Session> {
    let mut session = session(driver).await;
    session.run_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)").await.unwrap();
    assert_eq!(session.run_sql("INSERT INTO t VALUES (1, 10), (2, 20)").await.unwrap(), 2);
    prepare(session.as_mut()).await;
    session
}

const READ: usize = 0;
const ADD: usize = 1;
const INSERT: usize = 2;

async fn prepare(session: &mut dyn Session) {
    let statements = [
        Statement::new("read", "SELECT n FROM t WHERE id = ? {for_update}"),
        Statement::new("add", "UPDATE t SET n = n + ? WHERE id = ?"),
        Statement::new("insert", "INSERT INTO t (id, n) VALUES (?, ?)"),
    ];
    session.prepare(&statements).await.unwrap();
}

async fn number(session: &mut dyn Session, sql: &str) -> i64 {
    let mut found = None;
    let mut visit = |row: &dyn dbdyno_core::Row| {
        found = Some(row.int(0)?);
        Ok(())
    };
    session.query_sql(sql, &mut visit).await.unwrap();
    found.unwrap()
}

#[tokio::test]
async fn values_round_trip() {
    let driver = driver("sqlite").await;
    assert_eq!((driver.engine(), driver.name(), driver.target()), ("sqlite", "rusqlite", "sqlite"));
    let mut session = session(driver.as_ref()).await;
    session
        .run_sql(
            "CREATE TABLE v (i BIGINT, f REAL, d DECIMAL(12,2), t VARCHAR(9), b BLOB, at TEXT)",
        )
        .await
        .unwrap();
    let statements = [
        Statement::new("put", "INSERT INTO v VALUES (?, ?, ?, ?, ?, ?)"),
        Statement::new("get", "SELECT i, f, d, t, b, at FROM v ORDER BY rowid"),
    ];
    session.prepare(&statements).await.unwrap();
    let at = Timestamp::from_parts((2024, 2, 29), (23, 59, 58), 123_456).unwrap();
    let values = [
        Value::Int(i64::MIN),
        Value::Float(0.5),
        Value::Decimal(Decimal::cents(-1_234_567)),
        Value::Text("a\0ü'\""),
        Value::Bytes(&[0, 255]),
        Value::Timestamp(at),
    ];
    assert_eq!(session.execute(0, &values).await.unwrap(), 1);
    assert_eq!(session.execute(0, &[Value::Null; 6]).await.unwrap(), 1);
    let mut rows = 0;
    let mut visit = |row: &dyn dbdyno_core::Row| {
        if rows == 0 {
            assert_eq!(row.int(0)?, i64::MIN);
            assert_eq!(row.float(1)?, 0.5);
            assert_eq!(row.decimal(2, 2)?, -1_234_567);
            assert_eq!(row.text(3)?, "a\0ü'\"");
            assert_eq!(row.value(4)?, Value::Bytes(&[0, 255]));
            assert_eq!(row.text(5)?, "2024-02-29 23:59:58.123456");
            assert!(row.value(6).is_err());
            assert!(row.int(3).is_err());
        } else {
            assert!((0..6).all(|column| row.is_null(column).unwrap()));
        }
        rows += 1;
        Ok(())
    };
    assert_eq!(session.query(1, &[], &mut visit).await.unwrap(), 2);
    assert_eq!(rows, 2);
    let error = session.execute(0, &[Value::Null]).await.unwrap_err();
    assert!(error.message.contains("`put` takes 6 parameters"), "{error}");
}

#[tokio::test]
async fn a_bad_statement_is_named() {
    let driver = driver("sqlite").await;
    let mut session = session(driver.as_ref()).await;
    let statements = [Statement::new("pay", "UPDATE nowhere SET a = 1")];
    let error = session.prepare(&statements).await.unwrap_err();
    assert!(error.message.contains("`pay`") && error.message.contains("nowhere"), "{error}");
    let error = session.run_sql("SELEC 1").await.unwrap_err();
    assert!(error.message.contains("syntax error"), "{error}");
}

#[tokio::test]
async fn rows_matched_are_counted_and_every_row_is_read() {
    let driver = driver("sqlite").await;
    let mut session = with_table(driver.as_ref()).await;
    let unchanged = session.execute(ADD, &[Value::Int(0), Value::Int(1)]).await.unwrap();
    assert_eq!(unchanged, 1);
    let mut seen = 0;
    let mut visit = |_: &dyn dbdyno_core::Row| {
        seen += 1;
        Err(dbdyno_core::DbError::unexpected(format!("row {seen}")))
    };
    let error = session.query_sql("SELECT n FROM t", &mut visit).await.unwrap_err();
    assert_eq!(error.message, "row 1");
    assert_eq!(session.execute(ADD, &[Value::Int(5), Value::Int(2)]).await.unwrap(), 1);
}

#[tokio::test]
async fn transactions_commit_and_roll_back() {
    let driver = driver("sqlite").await;
    let mut session = with_table(driver.as_ref()).await;
    session.rollback().await.unwrap();
    for (commit, expected) in [(false, 10), (true, 11)] {
        session.begin(Access::Write).await.unwrap();
        session.execute(ADD, &[Value::Int(1), Value::Int(1)]).await.unwrap();
        if commit {
            session.commit().await.unwrap();
        } else {
            session.rollback().await.unwrap();
        }
        let mut other = self::session(driver.as_ref()).await;
        assert_eq!(number(other.as_mut(), "SELECT n FROM t WHERE id = 1").await, expected);
    }
}

#[tokio::test]
async fn only_serializable_is_offered() {
    let driver = driver("sqlite").await;
    for level in Isolation::ALL {
        let support = driver.isolation(level);
        assert_eq!(support.is_native(), level == Isolation::Serializable, "{level}");
        let options = SessionOptions { isolation: Some(level), ..SessionOptions::default() };
        let opened = driver.connect(&options).await;
        assert_eq!(opened.is_ok(), support.is_native(), "{level}");
        if let LevelSupport::Lacks { why } = support {
            assert!(why.contains("sqlite.org/isolation.html"), "{why}");
        }
    }
    assert_eq!(driver.default_isolation(), Isolation::Serializable);
}

#[tokio::test]
async fn error_classes_are_those_of_real_failures() {
    let driver = driver("sqlite?busy_timeout=50&begin=deferred").await;
    let mut first = with_table(driver.as_ref()).await;
    let mut second = session(driver.as_ref()).await;
    prepare(second.as_mut()).await;
    let mut ignore = |_: &dyn dbdyno_core::Row| Ok(());

    let error = first.execute(INSERT, &[Value::Int(1), Value::Null]).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Constraint, Some("1555")));

    // A writer that waits in vain for another.
    first.begin(Access::Write).await.unwrap();
    first.execute(ADD, &[Value::Int(1), Value::Int(1)]).await.unwrap();
    let error = second.execute(ADD, &[Value::Int(1), Value::Int(1)]).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::LockTimeout, Some("5")));
    first.rollback().await.unwrap();

    // A reader that wants to write after another has written.
    second.begin(Access::Write).await.unwrap();
    second.query(READ, &[Value::Int(1)], &mut ignore).await.unwrap();
    first.execute(ADD, &[Value::Int(1), Value::Int(1)]).await.unwrap();
    let error = second.execute(ADD, &[Value::Int(1), Value::Int(1)]).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Serialization, Some("517")));
    second.rollback().await.unwrap();
    assert_eq!(second.execute(ADD, &[Value::Int(1), Value::Int(1)]).await.unwrap(), 1);
}

#[tokio::test]
async fn an_immediate_transaction_waits_at_its_begin() {
    let driver = driver("sqlite?busy_timeout=50").await;
    let mut first = with_table(driver.as_ref()).await;
    let mut second = session(driver.as_ref()).await;
    first.begin(Access::Write).await.unwrap();
    let error = second.begin(Access::Write).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::LockTimeout);
    second.begin(Access::Read).await.unwrap();
    second.rollback().await.unwrap();
    first.commit().await.unwrap();
    second.begin(Access::Write).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_named() {
    let driver = driver("sqlite?max_page_count=20").await;
    let mut session = with_table(driver.as_ref()).await;
    session.begin(Access::Write).await.unwrap();
    session.run_sql("CREATE TABLE big (b BLOB)").await.unwrap();
    let error = loop {
        match session.run_sql("INSERT INTO big VALUES (randomblob(10000))").await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Other, Some("13")));
    assert!(error.message.contains("full") && error.message.contains("free some space"), "{error}");
    // SQLite has rolled back by itself or not; either way the session goes on.
    session.rollback().await.unwrap();
    assert_eq!(number(session.as_mut(), "SELECT count(*) FROM t").await, 2);
}

#[tokio::test]
async fn durability_is_set_and_read_back() {
    let driver = driver("sqlite").await;
    for (level, synchronous) in
        [(Durability::Process, 1), (Durability::None, 0), (Durability::Full, 2)]
    {
        driver.set_durability(level).await.unwrap();
        let held = driver.durability().await.unwrap();
        assert_eq!(held.level, level);
        assert!(held.evidence.contains("journal_mode=wal"), "{}", held.evidence);
        let mut session = session(driver.as_ref()).await;
        assert_eq!(number(session.as_mut(), "PRAGMA synchronous").await, synchronous);
    }
}

#[tokio::test]
async fn a_rollback_journal_is_fully_durable_only_with_extra() {
    let driver = driver("sqlite?journal_mode=delete").await;
    driver.set_durability(Durability::Full).await.unwrap();
    let held = driver.durability().await.unwrap();
    assert_eq!(held.level, Durability::Full);
    assert!(held.evidence.contains("synchronous=3"), "{}", held.evidence);
}

#[tokio::test]
async fn what_cannot_be_durable_is_not_called_so() {
    let off = driver("sqlite?journal_mode=off").await;
    let error = off.set_durability(Durability::Process).await.unwrap_err();
    assert!(error.is_unsupported(), "{error}");
    off.set_durability(Durability::None).await.unwrap();
    assert_eq!(off.durability().await.unwrap().level, Durability::None);
    let shm = Path::new("/dev/shm");
    if shm.is_dir() {
        let folder = tempfile::tempdir_in(shm).unwrap();
        let driver = driver(&format!("sqlite:{}/x.db", folder.path().display())).await;
        let error = driver.set_durability(Durability::Full).await.unwrap_err();
        assert!(error.is_unsupported() && error.why().contains("tmpfs"), "{error}");
        // What a session is opened with is not what the machine can hold.
        assert_eq!(driver.durability().await.unwrap().level, Durability::Process);
    }
}

#[tokio::test]
async fn options_are_recorded_as_the_server_says_them() {
    let driver = driver("sqlite?cache_size=-4000&mmap_size=1048576&temp_store=memory").await;
    let info = driver.server_info().await.unwrap();
    assert!(info.version.starts_with("3."), "{}", info.version);
    for (name, value) in [
        ("begin", "BEGIN IMMEDIATE"),
        ("busy_timeout", "5000"),
        ("cache_size", "-4000"),
        ("journal_mode", "wal"),
        ("mmap_size", "1048576"),
        ("temp_store", "2"),
    ] {
        assert_eq!(info.settings.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(info.settings.contains_key("data_filesystem"));
}

#[tokio::test]
async fn files_that_cannot_be_used_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(folder.path().join("text.db"), "not a database, and long enough ".repeat(99))
        .unwrap();
    nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (target, expected) in [
        (format!("sqlite:{}", folder.path().display()), "it is a folder"),
        (format!("sqlite:{}", path("text.db")), "not a database"),
        (format!("sqlite:{}", path("missing/x.db")), "there is no folder"),
        (format!("sqlite:{}", path("pipe")), "not a regular file"),
        ("sqlite::memory:".to_owned(), "every session would have a database of its own"),
    ] {
        let error = refusal(&target).await;
        assert!(error.contains(expected), "{target}: {error}");
    }
    let text = std::fs::read_to_string(folder.path().join("text.db")).unwrap();
    assert!(text.starts_with("not a database"));
}

#[tokio::test]
async fn opening_a_target_changes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.db");
    let driver = driver(&format!("sqlite:{}", file.display())).await;
    assert!(!file.exists());
    with_table(driver.as_ref()).await;
    assert!(file.exists());
    let mut other = driver
        .connect(&SessionOptions {
            namespace: Some("dbdyno_x".into()),
            ..SessionOptions::default()
        })
        .await
        .unwrap();
    assert_eq!(number(other.as_mut(), "SELECT count(*) FROM t").await, 2);
}

#[tokio::test]
async fn a_temporary_file_is_one_per_namespace_and_removed() {
    let driver = driver("sqlite").await;
    let open = |namespace: &str| SessionOptions {
        namespace: Some(namespace.into()),
        ..SessionOptions::default()
    };
    let mut first = driver.connect(&open("dbdyno_a")).await.unwrap();
    let mut second = driver.connect(&open("dbdyno_b")).await.unwrap();
    first.run_sql("CREATE TABLE t (a INTEGER)").await.unwrap();
    assert_eq!(number(second.as_mut(), "SELECT count(*) FROM sqlite_schema").await, 0);
    assert!(driver.connect(&open("../escape")).await.is_err());

    let mut file = String::new();
    let mut visit = |row: &dyn dbdyno_core::Row| {
        file = row.text(2)?.to_owned();
        Ok(())
    };
    first.query_sql("PRAGMA database_list", &mut visit).await.unwrap();
    let folder = Path::new(&file).parent().unwrap().to_owned();
    assert!(folder.is_dir());
    drop(driver);
    // A session keeps its file.
    first.run_sql("INSERT INTO t VALUES (1)").await.unwrap();
    drop((first, second));
    assert!(!folder.exists());
}

/// Rows `(1..=rows, text, cents, at)`; every third text is NULL.
struct Rows {
    next: i64,
    last: i64,
}

const ODD: &str = "tab\t newline\n back\\slash 'quote' \"double\" \\N ü \r;";

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

fn loaded_table() -> Table {
    Table::new(
        "loaded",
        vec![
            Column::new("id", ColumnType::BigInt),
            Column::new("name", ColumnType::Varchar(60)).nullable(),
            Column::new("amount", ColumnType::Decimal(12, 2)),
            Column::new("at", ColumnType::Timestamp),
        ],
    )
    .primary_key(&["id"])
    .index("loaded_name", &["name"])
}

#[tokio::test]
async fn rows_are_loaded_in_bulk() {
    let driver = driver("sqlite").await;
    let (table, progress, stop) = (loaded_table(), LoadProgress::default(), Stop::default());
    let options = SessionOptions { namespace: Some("n".into()), ..SessionOptions::default() };
    let mut session = driver.connect(&options).await.unwrap();
    session.run_sql(&driver.dialect().create_table(&table)).await.unwrap();
    let sources: Vec<Box<dyn RowSource>> =
        vec![Box::new(Rows { next: 1, last: 1200 }), Box::new(Rows { next: 1201, last: 1234 })];
    let bulk = driver.bulk_load().unwrap();
    let rows = bulk.load("n", &table, sources, &progress, &stop).await.unwrap();
    assert_eq!((rows, progress.rows()), (1234, 1234));
    let dialect = driver.dialect();
    for sql in dialect.finish_load(&table) {
        session.run_sql(&sql).await.unwrap();
    }
    assert_eq!(number(session.as_mut(), "SELECT count(*) FROM loaded").await, 1234);
    assert_eq!(
        number(session.as_mut(), "SELECT count(*) FROM loaded WHERE name IS NULL").await,
        411
    );
    let mut seen = 0;
    let mut visit = |row: &dyn dbdyno_core::Row| {
        seen += 1;
        assert_eq!(row.text(0)?, ODD);
        assert_eq!(row.decimal(1, 2)?, -1);
        assert_eq!(row.text(2)?, Timestamp(1_000_001).to_string());
        Ok(())
    };
    session
        .query_sql("SELECT name, amount, at FROM loaded WHERE id = 1", &mut visit)
        .await
        .unwrap();
    assert_eq!(seen, 1);
    let mut names = Vec::new();
    let mut visit = |row: &dyn dbdyno_core::Row| {
        names.push(row.text(0)?.to_owned());
        Ok(())
    };
    session.query_sql(dialect.list_tables(), &mut visit).await.unwrap();
    // ANALYZE has made a table of its own, which is not listed.
    assert_eq!(names, ["loaded"]);
}

#[tokio::test]
async fn a_load_that_fails_or_is_stopped_leaves_nothing() {
    let driver = driver("sqlite").await;
    let (table, progress, stop) = (loaded_table(), LoadProgress::default(), Stop::default());
    let mut session = session(driver.as_ref()).await;
    session.run_sql(&driver.dialect().create_table(&table)).await.unwrap();
    let load =
        |sources| driver.bulk_load().unwrap().load("main", &table, sources, &progress, &stop);
    let twice: Vec<Box<dyn RowSource>> =
        vec![Box::new(Rows { next: 1, last: 900 }), Box::new(Rows { next: 900, last: 901 })];
    let error = load(twice).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Constraint);
    stop.request();
    let error =
        load(vec![Box::new(Rows { next: 1, last: i64::MAX / 2_000_000 })]).await.unwrap_err();
    assert!(error.message.contains("stopped"), "{error}");
    assert_eq!(number(session.as_mut(), "SELECT count(*) FROM loaded").await, 0);
}

/// `.cargo/config.toml` says why.
#[tokio::test]
async fn connections_share_no_lock_of_the_library() {
    let driver = driver("sqlite").await;
    let mut session = session(driver.as_ref()).await;
    let mut options = Vec::new();
    let mut visit = |row: &dyn dbdyno_core::Row| {
        options.push(row.text(0)?.to_owned());
        Ok(())
    };
    session.query_sql("PRAGMA compile_options", &mut visit).await.unwrap();
    assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "{options:?}");
    assert!(!options.iter().any(|option| option == "ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
}

#[tokio::test]
async fn literals_are_what_parameters_are() {
    let driver = driver("sqlite").await;
    let settings = ["PRAGMA case_sensitive_like = on"];
    literals::are_what_parameters_are(driver.as_ref(), "blob", &settings, &["a\0'b"]).await;
}
