//! What a pool promises of the connections that it lends.

use std::time::Duration;

use dbdyno_core::query::scalar_sql;
use dbdyno_core::{
    Access, DbError, ErrorClass, Isolation, Pool, PoolWait, Session, Statement, Value,
};
use dbdyno_tests::wait_for;
use futures_util::FutureExt as _;

use super::{PATIENCE, Place};

/// The first answer of a transaction on a connection of a pool, which may be a long time in coming.
async fn begin(pool: &dyn Pool) -> Result<Box<dyn Session>, DbError> {
    let mut session = pool.acquire().await?;
    session.begin(Access::Read).await?;
    Ok(session)
}

/// Two may work at once, as the server sees it, and a third is told that it may not.
pub fn a_pool_lends_no_more_than_it_may(place: &Place) {
    let query = [Statement::new("count", "SELECT COUNT(*) FROM pgbench_branches WHERE bid = ?")];
    for kind in place.driver.pools().unwrap().kinds() {
        let before = place.sessions();
        let pool = place.pool_at(kind.name, (2, Duration::from_secs(3)), &query, None);
        place.runtime.block_on(async {
            let mut one = begin(&*pool).await.unwrap();
            let two = begin(&*pool).await.unwrap();
            let error = begin(&*pool).await.err().unwrap();
            assert_eq!(error.class, ErrorClass::PoolTimeout, "{}: {error}", kind.name);
            let state = pool.state().await.unwrap();
            assert_eq!((state.open, state.idle), (2, 0), "{}", kind.name);
            let mut rows = 0;
            let mut visit = |row: &dyn dbdyno_core::Row| row.int(0).map(|count| rows = count);
            one.query(0, &[Value::Int(1)], &mut visit).await.unwrap();
            assert_eq!(rows, 1, "{}", kind.name);
            // What is amidst a transaction is not lent again; what has ended one is.
            drop(two);
            one.commit().await.unwrap();
            drop(one);
            let mut again = begin(&*pool).await.unwrap();
            again.commit().await.unwrap();
            let _both = (again, begin(&*pool).await.unwrap());
            assert!(pool.state().await.unwrap().open <= 2, "{}", kind.name);
        });
        // One that was given up may be there for a moment yet.
        let no_more = || place.sessions() <= before.map(|before| before + 2);
        wait_for("no more sessions than two", || no_more().then_some(()));
        // In transaction mode a client that cannot be served finds out when it asks.
        let waits = kind.name == "pgbouncer-transaction";
        assert_eq!(kind.waits == PoolWait::FirstAnswer, waits);
        place.runtime.block_on(pool.close());
        let refused = place.runtime.block_on(pool.acquire()).err();
        assert!(refused.is_some(), "{} lends though it is closed", kind.name);
    }
}

/// Work that was not committed is nobody's once its connection has gone back.
pub fn what_was_not_committed_is_gone(place: &Place) {
    let update = [
        Statement::new("move", "UPDATE pgbench_branches SET bbalance = bbalance + ? WHERE bid = ?"),
        Statement::new("look", "SELECT bbalance FROM pgbench_branches WHERE bid = ?"),
    ];
    for kind in place.kinds {
        let pool = place.pool(kind, 1, &update);
        let balance = async |session: &mut dyn Session| {
            let mut found = None;
            let mut visit = |row: &dyn dbdyno_core::Row| row.int(0).map(|it| found = Some(it));
            session.query(1, &[Value::Int(1)], &mut visit).await.unwrap();
            found.unwrap()
        };
        place.runtime.block_on(async {
            let mut first = pool.acquire().await.unwrap();
            let before = balance(&mut *first).await;
            first.begin(Access::Write).await.unwrap();
            first.execute(0, &[Value::Int(7), Value::Int(1)]).await.unwrap();
            drop(first);
            let mut second = pool.acquire().await.unwrap();
            assert_eq!(balance(&mut *second).await, before, "{kind}");
        });
    }
}

/// How an engine tells the level of a session, how many characters a text has, and how many statements a
/// session has prepared.
fn told_by(engine: &str) -> (Option<&'static str>, &'static str, Option<&'static str>) {
    match engine {
        "postgres" => (
            Some("SELECT CAST(current_setting('transaction_isolation') = 'serializable' AS int)"),
            "SELECT char_length('ž')",
            Some("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'UPDATE%'"),
        ),
        "mariadb" => (
            Some("SELECT @@tx_isolation = 'SERIALIZABLE'"),
            "SELECT CHAR_LENGTH('ž')",
            Some(
                "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.SESSION_STATUS \
                 WHERE VARIABLE_NAME = 'COM_STMT_PREPARE'",
            ),
        ),
        _ => (None, "SELECT length('ž')", None),
    }
}

/// A connection that was lent before has the plan's namespace, level and statements again, whatever the pool
/// does with it in between, and also where somebody has given up in the middle of an answer.
pub fn a_connection_is_set_up_each_time(place: &Place) {
    let update = [Statement::new(
        "move",
        "UPDATE pgbench_branches SET bbalance = bbalance + ? WHERE bid = ?",
    )];
    let (level, characters, prepared) = told_by(place.driver.engine());
    for kind in place.kinds {
        let isolation = Some(Isolation::Serializable);
        let pool = place.pool_at(kind, (1, PATIENCE), &update, isolation);
        place.runtime.block_on(async {
            for turn in 0..4 {
                let mut lease = pool.acquire().await.unwrap();
                for sql in level.iter().chain([&characters]) {
                    assert_eq!(scalar_sql(&mut *lease, sql).await.unwrap(), 1, "{kind}: {sql}");
                }
                for _ in 0..2 {
                    let values = [Value::Int(0), Value::Int(1)];
                    assert_eq!(lease.execute(0, &values).await.unwrap(), 1, "{kind} {turn}");
                }
                if let (Some(sql), true) = (prepared, kind.starts_with(place.driver.name())) {
                    let found = scalar_sql(&mut *lease, sql).await.unwrap();
                    assert_eq!(found, 1, "{kind} has prepared {found} statements in turn {turn}");
                }
                if turn == 2 {
                    let answer =
                        lease.run_sql("SELECT COUNT(*) FROM pgbench_accounts").now_or_never();
                    assert!(answer.is_none_or(|answer| answer.is_ok()), "{kind}");
                }
            }
        });
    }
}
