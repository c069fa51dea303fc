//! TPC-B on real engines: the balances are held against history row by row, and whatever breaks them
//! is noticed.

use dbdyno_core::{Access, Scale, Session, SessionOptions, Stop};
use dbdyno_datasets::{Silent, Wanted, prepare};
use dbdyno_suites::{Benchmark, oltp};
use dbdyno_tests::{left_out, runtime, target};

/// What leaves every balance equal to its part of history: a move, and one that is taken back.
const MOVES: [&str; 7] = [
    "UPDATE pgbench_accounts SET abalance = abalance + 70 WHERE aid = 7",
    "UPDATE pgbench_tellers SET tbalance = tbalance + 70 WHERE tid = 1",
    "UPDATE pgbench_branches SET bbalance = bbalance + 70 WHERE bid = 1",
    "INSERT INTO pgbench_history (tid, bid, aid, delta) VALUES (1, 1, 7, 70)",
    "INSERT INTO pgbench_history (tid, bid, aid, delta) VALUES (2, 1, 8, 50)",
    "INSERT INTO pgbench_history (tid, bid, aid, delta) VALUES (2, 1, 8, -50)",
    "INSERT INTO pgbench_history (tid, bid, aid, delta) VALUES (3, 1, 9, 0)",
];

/// What breaks the checks of these tables.
const BREAKS: [(&[&str], &[&str]); 7] = [
    // A balance that moved by itself, where there is history and where there is none.
    (&["UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = 7"], &["accounts"]),
    (&["UPDATE pgbench_tellers SET tbalance = tbalance - 1 WHERE tid = 10"], &["tellers"]),
    (&["UPDATE pgbench_branches SET bbalance = 0"], &["branches"]),
    // The sums are right and the rows are not.
    (
        &[
            "UPDATE pgbench_accounts SET abalance = abalance + 5 WHERE aid = 7",
            "UPDATE pgbench_accounts SET abalance = abalance - 5 WHERE aid = 100000",
        ],
        &["accounts"],
    ),
    // History that was forgotten, or made up.
    (&["DELETE FROM pgbench_history WHERE delta = 70"], &["branches", "tellers", "accounts"]),
    (
        &["INSERT INTO pgbench_history (tid, bid, aid, delta) VALUES (4, 1, 7, 5)"],
        &["branches", "tellers", "accounts"],
    ),
    // History of an account that is not there, which moved nothing.
    (
        &["INSERT INTO pgbench_history (tid, bid, aid, delta) VALUES (1, 1, 100001, 0)"],
        &["accounts"],
    ),
];

#[test]
fn breaks_are_noticed_on_sqlite() {
    breaks_are_noticed("sqlite");
}

#[test]
fn breaks_are_noticed_on_postgres() {
    breaks_are_noticed("postgres");
}

#[test]
fn breaks_are_noticed_on_mariadb() {
    breaks_are_noticed("mariadb");
}

fn breaks_are_noticed(engine: &str) {
    if left_out(engine) {
        return;
    }
    let runtime = runtime();
    let driver = target(&runtime, engine);
    let tpcb = oltp::benchmarks().into_iter().find(|found| found.name() == "tpcb").unwrap();
    let stop = Stop::default();
    runtime.block_on(async {
        let dataset = tpcb.dataset();
        prepare(driver.as_ref(), dataset, Wanted::new(Scale::ONE, 1), false, &Silent, &stop)
            .await
            .unwrap();
        let namespace = Some(dataset.namespace());
        let options = SessionOptions { namespace, ..SessionOptions::default() };
        let mut session = driver.connect(&options).await.unwrap();
        run(&mut *session, &MOVES).await;
        assert_eq!(broken(&*tpcb, &mut *session).await, Vec::<String>::new());
        for (statements, tables) in BREAKS {
            session.begin(Access::Write).await.unwrap();
            run(&mut *session, statements).await;
            let broken = broken(&*tpcb, &mut *session).await;
            session.rollback().await.unwrap();
            let expected: Vec<_> =
                tables.iter().map(|table| format!("{table}_equal_history")).collect();
            assert_eq!(broken, expected, "{engine}: {statements:?}");
        }
        assert_eq!(broken(&*tpcb, &mut *session).await, Vec::<String>::new());
    });
}

async fn run(session: &mut dyn Session, statements: &[&str]) {
    for sql in statements {
        assert!(session.run_sql(sql).await.unwrap() > 0, "changed nothing: {sql}");
    }
}

/// The checks that do not hold.
async fn broken(tpcb: &dyn Benchmark, session: &mut dyn Session) -> Vec<String> {
    let tpcb = tpcb.procedure().load().unwrap();
    let state = tpcb.state(session, Scale::ONE).await.unwrap();
    let broken = state.checks.into_iter().filter(|check| !check.held);
    broken.map(|check| check.name).collect()
}
