//! SQLite's change sets on real files: what gets to the second database, in which order, and what is refused
//! rather than left out.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::{
    Access, Cluster, ClusterLimits, ClusterPlan, DbError, Driver, Durability, Session,
    SessionOptions, Statement, Status, Value,
};

use super::{LIMIT, Place, lag, lag_of, value};

fn start(place: &Place, tables: &[&str]) -> Arc<dyn Cluster> {
    let cluster = loaded(place, tables);
    place.runtime.block_on(cluster.engage()).unwrap();
    cluster
}

fn loaded(place: &Place, tables: &[&str]) -> Arc<dyn Cluster> {
    // To sync would be for a machine that loses power.
    let plan = ClusterPlan::of(Durability::None);
    let starting = place.driver.replication().unwrap().start("change-sets", plan);
    let cluster = place.runtime.block_on(starting).unwrap();
    tables.iter().for_each(|sql| place.run(&*cluster.primary(), sql));
    cluster
}

fn connect(place: &Place, node: &dyn Driver) -> Box<dyn Session> {
    place.runtime.block_on(node.connect(&SessionOptions::default())).unwrap()
}

fn refused(place: &Place, session: &mut dyn Session, sql: &str) -> DbError {
    place
        .runtime
        .block_on(session.run_sql(sql))
        .err()
        .unwrap_or_else(|| panic!("{sql} was not refused"))
}

fn settle(place: &Place, cluster: &dyn Cluster) {
    place.runtime.block_on(cluster.settle(LIMIT)).unwrap();
}

/// Every row of a table as text, in the order of the texts.
fn rows(place: &Place, node: &dyn Driver, table: &str, columns: &str) -> Vec<String> {
    let sql = format!("SELECT {columns} FROM {table} ORDER BY 1");
    let mut session = connect(place, node);
    let mut rows = Vec::new();
    let mut visit = |row: &dyn dbdyno_core::Row| {
        rows.push(row.text(0)?.to_owned());
        Ok(())
    };
    place.runtime.block_on(session.query_sql(&sql, &mut visit)).unwrap();
    rows
}

/// The file of a node's main database.
fn file(place: &Place, node: &dyn Driver) -> PathBuf {
    let info = place.runtime.block_on(node.server_info()).unwrap();
    PathBuf::from(&info.settings["data_folder"]).join("main.db")
}

/// Tables without a key, with a key of texts, emptied at once, changed by triggers and by foreign keys; all of
/// it in transactions of their own, and nothing that was rolled back.
fn rows_arrive(place: &Place) {
    let cluster = start(
        place,
        &[
            "CREATE TABLE notes (note TEXT)",
            "CREATE TABLE stock (shop TEXT NOT NULL, item TEXT NOT NULL, left_over INTEGER, PRIMARY KEY (shop, item))",
            "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT)",
            "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents ON DELETE CASCADE)",
            "CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT)",
            "CREATE TRIGGER audited AFTER UPDATE ON stock BEGIN INSERT INTO audit (what) VALUES (new.item); END",
            "INSERT INTO notes VALUES ('before')",
            "INSERT INTO parents VALUES (1, 'a'), (2, 'b')",
            "INSERT INTO children VALUES (1, 1), (2, 1), (3, 2)",
        ],
    );
    let (primary, replica) = (cluster.primary(), cluster.replicas().remove(0));
    for sql in [
        "INSERT INTO notes VALUES ('after'), ('later'), (NULL)",
        "UPDATE notes SET note = 'once' WHERE note = 'later'",
        "INSERT INTO stock VALUES ('x', 'nut', 3), ('x', 'bolt', 4)",
        "UPDATE stock SET left_over = left_over - 1",
        "DELETE FROM parents WHERE id = 1",
    ] {
        place.run(&*primary, sql);
    }
    let mut session = connect(place, &*primary);
    place.runtime.block_on(async {
        session.begin(Access::Write).await.unwrap();
        session.run_sql("INSERT INTO notes VALUES ('never')").await.unwrap();
        session.rollback().await.unwrap();
        session.begin(Access::Write).await.unwrap();
        session.run_sql("INSERT INTO notes VALUES ('last')").await.unwrap();
        session.commit().await.unwrap();
    });
    settle(place, &*cluster);
    for (table, columns, wanted) in [
        // Without a key it is the rowid by which rows are the same.
        (
            "notes",
            "rowid || '/' || coalesce(note, '-')",
            &["1/before", "2/after", "3/once", "4/-", "5/last"][..],
        ),
        ("stock", "item || left_over", &["bolt3", "nut2"]),
        ("parents", "id || '/' || name", &["2/b"]),
        ("children", "id || '/' || parent", &["3/2"]),
        ("audit", "id || '/' || what", &["1/nut", "2/bolt"]),
    ] {
        assert_eq!(rows(place, &*primary, table, columns), wanted, "{table} on the primary");
        assert_eq!(rows(place, &*replica, table, columns), wanted, "{table} on the replica");
    }
    place.run(&*primary, "DELETE FROM notes");
    settle(place, &*cluster);
    assert_eq!(place.number(&*replica, "SELECT COUNT(*) FROM notes"), 0);
}

/// Clients that overwrite the same rows at once: the replica ends as the primary does, and no change set finds a
/// row that is not as it was, as it would in any other order.
fn commits_keep_their_order(place: &Place) {
    const CLIENTS: i64 = 4;
    const EACH: i64 = 100;
    let cluster = start(
        place,
        &[
            "CREATE TABLE counters (id INTEGER NOT NULL PRIMARY KEY, number INTEGER, last INTEGER)",
            "INSERT INTO counters VALUES (1, 0, 0), (2, 0, 0)",
            "CREATE TABLE history (client INTEGER, number INTEGER)",
        ],
    );
    let primary = cluster.primary();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let primary = Arc::clone(&primary);
            scope.spawn(move || {
                let runtime = dbdyno_tests::runtime();
                runtime.block_on(async {
                    let options = SessionOptions::default();
                    let mut session = primary.connect(&options).await.unwrap();
                    let add = "UPDATE counters SET number = number + 1, last = ? WHERE id = ?";
                    let tell = "INSERT INTO history SELECT ?, number FROM counters WHERE id = 1";
                    let statements = [Statement::new("add", add), Statement::new("tell", tell)];
                    session.prepare(&statements).await.unwrap();
                    for number in 0..EACH {
                        let row = Value::Int(1 + number % 2);
                        // One alone commits by itself.
                        if number % 5 == 0 {
                            session.execute(0, &[Value::Int(client), row]).await.unwrap();
                            continue;
                        }
                        session.begin(Access::Write).await.unwrap();
                        session.execute(0, &[Value::Int(client), row]).await.unwrap();
                        session.execute(1, &[Value::Int(client)]).await.unwrap();
                        session.commit().await.unwrap();
                    }
                });
            });
        }
    });
    settle(place, &*cluster);
    let replica = cluster.replicas().remove(0);
    for (table, columns) in [
        ("counters", "id || '/' || number || '/' || last"),
        ("history", "rowid || '/' || client || '/' || number"),
    ] {
        let wanted = rows(place, &*primary, table, columns);
        assert_eq!(rows(place, &*replica, table, columns), wanted, "{table}");
    }
    let sql = "SELECT SUM(number) FROM counters";
    assert_eq!(place.number(&*replica, sql), CLIENTS * EACH);
    let reports = place.runtime.block_on(cluster.reports()).unwrap();
    assert_eq!((reports[0].transactions, reports[0].bytes), (Some(0), Some(0)));
}

/// A row that somebody changed on the replica: what does not fit is not left out, and nobody goes on as if it were
/// there.
fn conflicts_are_told(place: &Place) {
    let cluster = start(place, &["CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, n INTEGER)"]);
    let (primary, replica) = (cluster.primary(), cluster.replicas().remove(0));
    place.run(&*primary, "INSERT INTO t VALUES (1, 0), (2, 0)");
    settle(place, &*cluster);
    let why = refused(place, &mut *connect(place, &*replica), "UPDATE t SET n = 7");
    assert!(why.message.contains("readonly"), "a replica takes no writes: {why}");
    let behind = rusqlite::Connection::open(file(place, &*replica)).unwrap();
    behind.execute("UPDATE t SET n = 7 WHERE id = 2", []).unwrap();
    place.run(&*primary, "UPDATE t SET n = n + 1");
    let told = place.runtime.block_on(cluster.settle(LIMIT)).unwrap_err().to_string();
    let words = "conflict in an update of `t` on the replica: the row is not what it was";
    assert!(told.contains(words), "{told}");
    assert_eq!(place.number(&*replica, "SELECT n FROM t WHERE id = 1"), 0, "it is there half");
    // Whoever writes is told once the sender knows.
    let mut session = connect(place, &*primary);
    let why = dbdyno_tests::wait_for("a commit to be refused", || {
        place.runtime.block_on(session.run_sql("UPDATE t SET n = n + 1")).err()
    });
    assert!(why.message.contains(words), "{why}");
    assert!(place.runtime.block_on(cluster.promote()).is_err());
}

/// What change sets do not tell is refused: nothing is on the primary alone without a word.
fn the_rest_is_refused(place: &Place) {
    let cluster = loaded(place, &["CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY)"]);
    let primary = cluster.primary();
    let early = connect(place, &*primary);
    let told = place.runtime.block_on(cluster.engage()).unwrap_err().to_string();
    assert!(told.contains("1 sessions are open whose changes are not recorded"), "{told}");
    drop(early);
    place.runtime.block_on(cluster.engage()).unwrap();
    let mut session = connect(place, &*primary);
    for sql in [
        "CREATE TABLE u (id INTEGER)",
        "DROP TABLE t",
        "ALTER TABLE t ADD COLUMN n INTEGER",
        "CREATE INDEX i ON t (id)",
        "ATTACH ':memory:' AS other",
        "PRAGMA User_Version = 7",
        "PRAGMA main.application_id = 7",
        "PRAGMA writable_schema = ON",
    ] {
        let why = refused(place, &mut *session, sql);
        assert!(why.message.contains("made before it is"), "{sql}: {why}");
    }
    // A commit that goes past the session has no place among the others.
    place.runtime.block_on(async {
        session.begin(Access::Write).await.unwrap();
        session.run_sql("INSERT INTO t VALUES (1)").await.unwrap();
    });
    refused(place, &mut *session, "COMMIT");
    place.runtime.block_on(session.rollback()).unwrap();
    assert_eq!(place.number(&*primary, "SELECT COUNT(*) FROM t"), 0);
    place.run(&*primary, "INSERT INTO t VALUES (2)");
    settle(place, &*cluster);
    let replica = cluster.replicas().remove(0);
    assert_eq!(rows(place, &*replica, "t", "id || ''"), ["2"]);
    let nullable = "CREATE TABLE t (code TEXT PRIMARY KEY)";
    let text = "CREATE VIRTUAL TABLE t USING fts5 (words)";
    for (table, words) in [(nullable, "NULL in their key"), (text, "is a virtual table")] {
        let cluster = loaded(place, &[table]);
        let told = place.runtime.block_on(cluster.engage()).unwrap_err();
        assert!(told.is_unsupported() && told.to_string().contains(words), "{told}");
    }
}

/// A replica that stands still has all of it once it goes on; promoted, it takes writes and the old primary
/// none.
fn stopped_and_promoted(place: &Place) {
    let cluster = start(place, &["CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY)"]);
    let (primary, replica) = (cluster.primary(), cluster.replicas().remove(0));
    let control = replica.server_control().unwrap();
    control.pause().unwrap();
    place.run(&*primary, "INSERT INTO t VALUES (1)");
    place.run(&*primary, "INSERT INTO t VALUES (2)");
    let settled = place.runtime.block_on(cluster.settle(Duration::from_millis(100)));
    assert!(settled.unwrap_err().to_string().contains("do not show it"));
    assert_eq!(place.number(&*replica, "SELECT COUNT(*) FROM t"), 0);
    let reports = place.runtime.block_on(cluster.reports()).unwrap();
    assert_eq!(reports[0].transactions, Some(2));
    assert!(reports[0].bytes.is_some_and(|bytes| bytes > 0));
    control.resume().unwrap();
    assert_eq!(place.runtime.block_on(cluster.promote()).unwrap(), 0);
    place.run(&*replica, "INSERT INTO t VALUES (3)");
    assert_eq!(rows(place, &*replica, "t", "id || ''"), ["1", "2", "3"]);
    let why = refused(place, &mut *connect(place, &*primary), "INSERT INTO t VALUES (4)");
    assert!(why.message.contains("the replica was promoted"), "{why}");
}

/// A promotion that waits for what cannot be applied is told after its time, and goes with whoever waits for it;
/// so does all that the databases have.
fn a_promotion_hangs(place: &Place) {
    let limits = ClusterLimits { promote: Duration::from_millis(300), ..ClusterLimits::default() };
    let plan = ClusterPlan { limits, ..ClusterPlan::of(Durability::None) };
    let starting = place.driver.replication().unwrap().start("change-sets", plan);
    let cluster = place.runtime.block_on(starting).unwrap();
    let (primary, replica) = (cluster.primary(), cluster.replicas().remove(0));
    place.run(&*primary, "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY)");
    place.runtime.block_on(cluster.engage()).unwrap();
    replica.server_control().unwrap().pause().unwrap();
    place.run(&*primary, "INSERT INTO t VALUES (1)");
    // Who presses Ctrl-C waits no more.
    let given_up = async { tokio::time::timeout(Duration::ZERO, cluster.promote()).await };
    assert!(place.runtime.block_on(given_up).is_err());
    let told = place.runtime.block_on(cluster.promote()).unwrap_err().to_string();
    assert!(told.contains("what it received is not applied"), "{told}");
    let file = file(place, &*replica);
    assert!(file.exists());
    drop((cluster, primary, replica));
    assert!(!file.exists());
}

#[test]
fn sqlite_sends_change_sets() {
    let place = Place::open("sqlite");
    rows_arrive(&place);
    commits_keep_their_order(&place);
    conflicts_are_told(&place);
    the_rest_is_refused(&place);
    stopped_and_promoted(&place);
    a_promotion_hangs(&place);
}

#[test]
fn sqlite_is_measured() {
    let place = Place::open("sqlite");
    lag(&place, &[("change-sets", 1)]);
    lag_of(&place, "tpcc", &[("change-sets", 1)]);
    let rows = place.measure("reads", &["change-sets"]);
    assert!(value(&rows, "read_your_writes_reads", "change-sets") > 0.0);
    let rows = place.measure("catch-up", &["change-sets"]);
    // SQLite may let the row's writer wait for as long as there are others, and then its commits tell that.
    let of = |metric| value(&rows, metric, "change-sets");
    let stalled = of("commit_longest_ms") >= of("away_ms") / 2.0 - 50.0;
    assert!(of("beats_while_away") > 1.0 || stalled, "{rows:#?}");
    assert!(value(&rows, "behind_transactions", "change-sets") > 0.0, "{rows:#?}");
    assert!(value(&rows, "drained_ms", "change-sets") >= 0.0);
    // There is no network between files, and nobody to kill in this process.
    for (benchmark, words) in
        [("network", "no network between them"), ("failover", "hosts them in")]
    {
        let rows = place.measure(benchmark, &["change-sets"]);
        assert!(rows.iter().all(|row| row.status == Status::Unsupported), "{rows:#?}");
        assert!(rows.iter().any(|row| row.detail.contains(words)), "{rows:#?}");
    }
}
