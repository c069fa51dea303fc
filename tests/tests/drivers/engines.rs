//! The engines, what is known of them, and a server of each with all of its drivers.

use std::sync::Arc;

use dbdyno_adapters::engines;
use dbdyno_core::query::row_sql;
use dbdyno_core::{Driver, Isolation, Row, Session, SessionOptions, Value};
use dbdyno_tests::{runtime, target};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What is known of an engine.
pub struct Facts {
    pub engine: &'static str,
    /// Options of the throwaway server, or of every driver where there is none.
    options: &'static str,
    /// Its type of bytes.
    pub bytes: &'static str,
    /// Types of columns, a value of each, and what else a table of them needs.
    pub kinds: &'static [(&'static str, Value<'static>)],
    pub set_up: &'static str,
    /// The code of a row whose key is there.
    pub duplicate: &'static str,
    /// What makes a session wait for a lock for a short time alone, and the code of the error then.
    pub impatient: &'static str,
    pub lock_timeout: &'static str,
    /// The level at which a write on a stale snapshot fails, and how.
    pub stale: (Option<Isolation>, &'static str),
    /// The code of a deadlock, where there can be one.
    pub deadlock: Option<&'static str>,
    /// A query that takes longer than anybody waits, and its parameter.
    pub slow: (&'static str, Value<'static>),
    /// How a session is known, killed, and seen to be gone, where there is a server.
    pub kill: Option<Kill>,
    /// The level of a session's transactions as the server says it.
    pub level: Option<(&'static str, &'static [(Isolation, &'static str)])>,
}

pub struct Kill {
    pub identify: &'static str,
    pub kill: fn(i64) -> String,
    pub alive: fn(i64) -> String,
}

const MOMENT: Value<'_> = Value::Timestamp(dbdyno_core::Timestamp(1_234_567_890_123_456));
const DAY: Value<'_> = Value::Date(dbdyno_core::Date(19_782));

const fn decimal(unscaled: i64, scale: u8) -> Value<'static> {
    Value::Decimal(dbdyno_core::Decimal::new(unscaled, scale))
}

pub static POSTGRES: Facts = Facts {
    engine: "postgres",
    options: "?set.deadlock_timeout=50ms",
    bytes: "bytea",
    kinds: &[
        ("smallint", Value::Int(-5)),
        ("integer", Value::Int(70_000)),
        ("bigint", Value::Int(i64::MIN)),
        ("numeric", Value::Int(12)),
        ("numeric(12,2)", decimal(-1_250, 2)),
        ("numeric", decimal(i64::MAX, 18)),
        ("float8", Value::Float(0.1)),
        ("float8", decimal(5, 1)),
        ("real", Value::Float(0.5)),
        ("boolean", Value::Int(1)),
        ("text", Value::Text("žluťoučký")),
        ("text", Value::Int(-7)),
        ("varchar(5)", Value::Text("")),
        ("char(3)", Value::Text("a")),
        ("bytea", Value::Bytes(&[0, 255])),
        ("json", Value::Text("{\"a\": 1}")),
        ("jsonb", Value::Text("{\"a\": 1}")),
        ("timestamp", MOMENT),
        ("timestamptz", MOMENT),
        ("date", DAY),
        ("integer", Value::Text("12")),
        ("smaller", Value::Int(7)),
        ("colour", Value::Text("blue")),
    ],
    set_up: "CREATE DOMAIN small AS smallint; CREATE DOMAIN smaller AS small; \
             CREATE TYPE colour AS ENUM ('red', 'blue')",
    duplicate: "23505",
    impatient: "SET lock_timeout = '50ms'",
    lock_timeout: "55P03",
    stale: (Some(Isolation::RepeatableRead), "40001"),
    deadlock: Some("40P01"),
    slow: (
        "WITH RECURSIVE c (n) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT n + 1 FROM c WHERE n < ?) \
         SELECT COUNT(*) FROM c",
        Value::Int(i64::MAX),
    ),
    kill: Some(Kill {
        identify: "SELECT pg_backend_pid()",
        kill: |id| format!("SELECT pg_terminate_backend({id})"),
        alive: |id| format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {id}"),
    }),
    level: Some((
        "SHOW transaction_isolation",
        &[
            (Isolation::ReadCommitted, "read committed"),
            (Isolation::RepeatableRead, "repeatable read"),
            (Isolation::Serializable, "serializable"),
        ],
    )),
};

pub static MARIADB: Facts = Facts {
    engine: "mariadb",
    options: "",
    bytes: "varbinary(99)",
    kinds: &[
        ("TINYINT", Value::Int(-7)),
        ("TINYINT(1)", Value::Int(1)),
        ("SMALLINT", Value::Int(-300)),
        ("MEDIUMINT", Value::Int(70_000)),
        ("INT UNSIGNED", Value::Int(4_000_000_000)),
        ("BIGINT", Value::Int(i64::MIN)),
        ("BIGINT UNSIGNED", Value::Int(7)),
        ("YEAR", Value::Int(2024)),
        ("DOUBLE", Value::Float(0.1)),
        ("FLOAT", Value::Float(0.5)),
        ("DECIMAL(12,2)", decimal(-1_234_567, 2)),
        ("DECIMAL(18,0)", Value::Int(999_999_999_999)),
        ("CHAR(3)", Value::Text("a")),
        ("VARCHAR(9) COLLATE utf8mb4_bin", Value::Text("a\0ü'\"\\")),
        ("TEXT", Value::Text("")),
        ("JSON", Value::Text("{\"a\": 1}")),
        ("VARBINARY(9)", Value::Bytes(&[0, 255])),
        ("BLOB", Value::Bytes(&[])),
        ("DATETIME(6)", MOMENT),
        ("DATE", DAY),
    ],
    set_up: "DO 1",
    duplicate: "1062",
    impatient: "SET SESSION innodb_lock_wait_timeout = 1",
    lock_timeout: "1205",
    stale: (Some(Isolation::Snapshot), "1020"),
    deadlock: Some("1213"),
    slow: (
        "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 999) \
         SELECT COUNT(*) FROM c, c d, c e, c f, c g WHERE c.n < ?",
        Value::Int(i64::MAX),
    ),
    kill: Some(Kill {
        identify: "SELECT CONNECTION_ID()",
        kill: |id| format!("KILL CONNECTION {id}"),
        alive: |id| format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}"),
    }),
    level: Some((
        "SELECT @@tx_isolation",
        &[
            (Isolation::ReadUncommitted, "READ-UNCOMMITTED"),
            (Isolation::ReadCommitted, "READ-COMMITTED"),
            (Isolation::RepeatableRead, "REPEATABLE-READ"),
            (Isolation::Serializable, "SERIALIZABLE"),
        ],
    )),
};

pub static SQLITE: Facts = Facts {
    engine: "sqlite",
    options: "busy_timeout=50&begin=deferred",
    bytes: "BLOB",
    kinds: &[
        ("BIGINT", Value::Int(i64::MIN)),
        ("REAL", Value::Float(0.1)),
        ("DECIMAL(12,2)", decimal(-1_234_567, 2)),
        ("VARCHAR(9)", Value::Text("a\0ü'\"")),
        ("TEXT", Value::Text("")),
        ("BLOB", Value::Bytes(&[0, 255])),
        ("BLOB", Value::Bytes(&[])),
        ("TEXT", MOMENT),
        ("DATE", DAY),
    ],
    set_up: "SELECT 1",
    duplicate: "1555",
    impatient: "SELECT 1",
    lock_timeout: "5",
    stale: (None, "517"),
    deadlock: None,
    slow: (
        "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) \
         SELECT COUNT(*) FROM c",
        Value::Int(i64::MAX),
    ),
    kill: None,
    level: None,
};

/// A server, or a file, with all of its engine's drivers.
pub struct Server {
    facts: &'static Facts,
    pub runtime: Runtime,
    own: Arc<dyn Driver>,
    folder: TempDir,
}

impl Server {
    pub fn start(facts: &'static Facts) -> Self {
        let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
        let own = match facts.engine {
            "sqlite" => {
                let file = folder.path().join("own.db");
                target(&runtime, &format!("sqlite:{}?{}", file.display(), facts.options))
            }
            engine => target(&runtime, &format!("{engine}{}", facts.options)),
        };
        Self { facts, runtime, own, folder }
    }

    /// Each driver by name, the engine's own first; on the same server, but for SQLite on a file of its own.
    pub async fn drivers(&self) -> Vec<(&'static str, Arc<dyn Driver>)> {
        let engine = engines().iter().find(|engine| engine.name == self.facts.engine).unwrap();
        let place = self.place().await;
        let mut drivers = vec![(engine.drivers[0], Arc::clone(&self.own))];
        for name in &engine.drivers[1..] {
            let text = match self.facts.engine {
                "sqlite" => {
                    let file = self.folder.path().join(format!("{name}.db"));
                    format!("sqlite:{}?{}&driver={name}", file.display(), self.facts.options)
                }
                _ => format!("{place}&driver={name}"),
            };
            let parsed = dbdyno_adapters::Target::parse(&text).unwrap();
            let opened = dbdyno_adapters::open(&parsed, &Default::default()).await;
            drivers.push((*name, opened.unwrap_or_else(|error| panic!("{text}: {error}"))));
        }
        drivers
    }

    /// The URL of the server, through its socket.
    async fn place(&self) -> String {
        let mut session = self.own.connect(&SessionOptions::default()).await.unwrap();
        match self.facts.engine {
            "postgres" => {
                let sql = "SELECT current_user::text, current_setting('unix_socket_directories'), \
                           current_setting('port')";
                let [user, folder, port] = texts(session.as_mut(), sql).await;
                format!("postgres://{user}@{}:{port}/postgres?", folder.replace('/', "%2F"))
            }
            "mariadb" => {
                session.run_sql("CREATE USER ann@localhost IDENTIFIED BY 'pw'").await.unwrap();
                session.run_sql("GRANT ALL ON *.* TO ann@localhost").await.unwrap();
                let sql = "SELECT @@socket, database(), version()";
                let [socket, database, _] = texts(session.as_mut(), sql).await;
                format!("mariadb://ann:pw@localhost/{database}?socket={socket}")
            }
            _ => String::new(),
        }
    }
}

async fn texts(session: &mut dyn Session, sql: &str) -> [String; 3] {
    let read = |row: &dyn Row| {
        Ok([row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?.to_owned()])
    };
    row_sql(session, sql, read).await.unwrap()
}
