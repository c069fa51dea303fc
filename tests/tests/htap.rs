//! CH-benCHmark on real engines: every query is answered, the same everywhere, and a case of transactions
//! and queries leaves tables that account for what was committed.

use std::sync::Arc;
use std::time::Instant;

use dbdyno_core::load::Length;
use dbdyno_core::{Driver, Measurement, Row, Session, SessionOptions, Statement, Status, Stop};
use dbdyno_datasets::{Silent, Wanted, prepare};
use dbdyno_suites::Benchmark;
use dbdyno_suites::olap::answer::{Answer, Cell, Kind, difference, read_row};
use dbdyno_suites::olap::htap::{Htap, QUERIES};
use dbdyno_suites::runner::{RunOptions, RunSummary};
use dbdyno_tests::{Kept, left_out, run_one, run_options, runtime, target};
use tokio::runtime::Runtime;

struct Bench {
    runtime: Runtime,
    driver: Arc<dyn Driver>,
}

impl Bench {
    fn open(text: &str) -> Self {
        let runtime = runtime();
        let driver = target(&runtime, text);
        Self { runtime, driver }
    }

    /// Loads the data, and opens a session that has prepared the queries.
    fn session(&self) -> Box<dyn Session> {
        let RunOptions { scale, seed, .. } = run_options();
        let (driver, dataset) = (self.driver.as_ref(), Htap.dataset());
        let namespace = Some(dataset.namespace());
        let options = SessionOptions { namespace, ..SessionOptions::default() };
        self.runtime.block_on(async {
            let stop = Stop::default();
            prepare(driver, dataset, Wanted::new(scale, seed), false, &Silent, &stop)
                .await
                .unwrap();
            let mut session = driver.connect(&options).await.unwrap();
            let queries: Vec<Statement> =
                QUERIES.iter().map(|query| Statement::new(query.name, query.sql)).collect();
            session.prepare(&queries).await.unwrap();
            session
        })
    }

    fn answers(&self, session: &mut dyn Session) -> Vec<Answer> {
        let answers = QUERIES.iter().enumerate().map(|(place, query)| {
            let (mut rows, began) = (Answer::new(), Instant::now());
            let mut read = |row: &dyn Row| {
                rows.push(read_row(row, query.columns)?);
                Ok(())
            };
            self.runtime.block_on(session.query(place, &[], &mut read)).unwrap();
            let engine = self.driver.engine();
            eprintln!("{engine}: {}: {} rows in {:?}", query.name, rows.len(), began.elapsed());
            rows.sort_by(|one, other| order_of(one).partial_cmp(&order_of(other)).unwrap());
            rows
        });
        answers.collect()
    }

    fn sql(&self, session: &mut dyn Session, sql: &str) {
        let changed = self.runtime.block_on(session.run_sql(sql)).unwrap();
        assert!(changed > 0, "changed nothing: {sql}");
    }

    fn run(&self, options: RunOptions) -> (RunSummary, Vec<Measurement>) {
        let kept = Kept::default();
        let summary = run_one(&self.runtime, &self.driver, ("olap", &Htap), &options, &kept);
        (summary, kept.rows().into_iter().map(|(_, row)| row).collect())
    }
}

/// What must be the same comes first: numbers that are only near do not decide where a row stands.
fn order_of(row: &[Cell]) -> (Vec<&str>, Vec<f64>) {
    let exact = row.iter().filter_map(|cell| match cell {
        Cell::Exact(text) => Some(text.as_str()),
        Cell::Null | Cell::Number(_) => None,
    });
    let numbers = row.iter().filter_map(|cell| match cell {
        Cell::Number(number) => Some(*number),
        Cell::Null | Cell::Exact(_) => None,
    });
    (exact.collect(), numbers.collect())
}

/// What transactions would change, with the same outcome everywhere.
const USE: [&str; 4] = [
    "UPDATE order_line SET ol_quantity = 1 + ol_i_id % 10, ol_amount = 0.25 + ol_i_id % 997 \
     WHERE ol_o_id % 3 = 0",
    "UPDATE stock SET s_order_cnt = CASE WHEN s_i_id % 50 = 0 THEN 40 ELSE 0 END, \
     s_quantity = 10 + s_i_id % 90",
    "UPDATE customer SET c_balance = c_id - 1500.50",
    "UPDATE orders SET o_carrier_id = 1 WHERE o_id % 5 = 0 AND o_carrier_id IS NOT NULL",
];

#[test]
fn every_query_is_answered_the_same_on_every_engine() {
    let engines = ["sqlite", "postgres", "mariadb"].into_iter().filter(|engine| !left_out(engine));
    let answers = engines.map(|engine| {
        let bench = Bench::open(engine);
        let mut session = bench.session();
        let loaded = bench.answers(session.as_mut());
        for sql in USE {
            bench.sql(session.as_mut(), sql);
        }
        (engine, [loaded, bench.answers(session.as_mut())])
    });
    let answers: Vec<(&str, [Vec<Answer>; 2])> = answers.collect();
    let [loaded, used] = &answers[0].1;
    for (place, query) in QUERIES.iter().enumerate() {
        let rows = &loaded[place];
        let empty = rows.is_empty() || (rows.len() == 1 && rows[0].contains(&Cell::Null));
        assert!(!empty, "{} selects nothing of what was loaded", query.name);
        for (engine, [other_loaded, other_used]) in &answers[1..] {
            for (one, other) in [(rows, &other_loaded[place]), (&used[place], &other_used[place])] {
                let found = difference(other, one, query.columns);
                assert_eq!(found, None, "{} on {engine} beside {}", query.name, answers[0].0);
            }
        }
        let summed = query.columns.contains(&Kind::Sum);
        assert!(!summed || loaded[place] != used[place], "{} tells nothing of it", query.name);
    }
}

fn transactions_and_queries_run_alone_and_at_once(engine: &str) {
    if left_out(engine) {
        return;
    }
    let bench = Bench::open(engine);
    // A round of the queries beside as many transactions, and two alone.
    let length = Length::Transactions(44);
    let options = || RunOptions { clients: Some(vec![1]), length, ..run_options() };
    let (summary, rows) = bench.run(options());
    let failures: Vec<_> = rows.iter().filter(|row| row.status != Status::Ok).collect();
    assert!(failures.is_empty(), "{engine}: {failures:#?}");
    assert_eq!(summary.measured, 1);

    let value = |transaction: &str, metric: &str| {
        let of = |row: &&Measurement| row.transaction == transaction && row.metric == metric;
        rows.iter().find(of).and_then(|row| row.value)
    };
    for (load, count) in [("transactions", 44.0), ("queries", 44.0), ("both", 44.0)] {
        let rolled_back = value(load, "rollbacks").unwrap();
        assert_eq!(value(load, "transactions").unwrap() + rolled_back, count, "{load}");
        assert_eq!(value(load, "errors"), Some(0.0), "{load}");
    }
    for query in &QUERIES {
        assert_eq!(value(&format!("queries/{}", query.name), "transactions"), Some(2.0));
        assert_eq!(value(&format!("both/{}", query.name), "transactions"), Some(1.0));
    }
    for metric in [
        "transactions_alone_per_s",
        "transactions_beside_queries_per_s",
        "tpmc_alone",
        "tpmc_beside_queries",
        "queries_alone_per_h",
        "queries_beside_transactions_per_h",
        "transactions_slowdown",
        "queries_slowdown",
    ] {
        assert!(value("", metric).unwrap() > 0.0, "{engine}: {metric}");
    }
    for load in ["transactions", "both"] {
        for check in ["tpcc_3_3_2_12", "tpcc_new_orders_accounted", "tpcc_deliveries_accounted"] {
            assert_eq!(value("", &format!("check_{check}_{load}")), Some(1.0), "{engine}: {check}");
        }
    }
    for check in ["answers_repeat_queries", "orders_seen_whole_queries", "orders_seen_whole_both"] {
        assert_eq!(value("", &format!("check_{check}")), Some(1.0), "{engine}: {check}");
    }
    what_was_broken_by_hand_is_noticed(&bench, &options());
}

fn what_was_broken_by_hand_is_noticed(bench: &Bench, options: &RunOptions) {
    let mut session = bench.session();
    for (sql, check) in [
        ("DELETE FROM history WHERE h_c_id = 2998 AND h_c_d_id = 4", "check_tpcc_3_3_2_8"),
        ("DELETE FROM ch_nation WHERE n_name = 'Germany'", "check_data_set_whole"),
    ] {
        bench.sql(session.as_mut(), sql);
        let (summary, rows) = bench.run(options.clone());
        assert_eq!((summary.measured, summary.failed), (0, 1), "{sql}");
        let broken: Vec<_> = rows.iter().filter(|row| row.value == Some(0.0)).collect();
        assert!(broken.iter().any(|row| row.metric == check), "{sql}: {broken:#?}");
    }
}

#[test]
fn transactions_and_queries_run_alone_and_at_once_on_sqlite() {
    transactions_and_queries_run_alone_and_at_once("sqlite");
}

#[test]
fn transactions_and_queries_run_alone_and_at_once_on_postgres() {
    transactions_and_queries_run_alone_and_at_once("postgres");
}

#[test]
fn transactions_and_queries_run_alone_and_at_once_on_mariadb() {
    transactions_and_queries_run_alone_and_at_once("mariadb");
}
